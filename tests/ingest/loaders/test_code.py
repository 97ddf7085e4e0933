"""Source code: the text as it stands, classes and functions as headings, in every language that has a grammar."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ingest.loaders.code.loader import SYNTAXES, CodeLoader
from ingest.loaders.code.trees import tree_scopes
from ragbot.documents import ParsedDocument, heading_path
from ragbot.errors import LoaderError


def read(folder: Path, name: str, source: str) -> ParsedDocument:
    path = folder / name
    path.write_text(source, "utf-8")
    return CodeLoader().load(path)


def path_of(document: ParsedDocument, words: str) -> tuple[str, ...]:
    return heading_path(document.headings, document.text.index(words))


PYTHON = '''"""队列模块：先进先出。"""
import os

LIMIT = 3

# 一个队列，先进先出，这里是它的说明文字。
@final
class Queue(Base):
    size = 0

    async def put(self, item):
        """放入一个元素。"""
        def inner():
            return item

    total = 1

    @property
    def empty(self): return not self.size


if LIMIT:
    def helper(): pass

print(Queue)
'''


def test_python(tmp_path: Path) -> None:
    document = read(tmp_path, "queue.py", PYTHON)
    assert document.text == PYTHON
    assert (document.title, document.type, document.language) == ("queue.py", "code", "zh")
    assert document.metadata == {"encoding": "utf-8", "syntax": "python"}
    assert path_of(document, "LIMIT = 3") == ()
    assert path_of(document, "# 一个队列") == ("Queue",) == path_of(document, "size = 0")
    assert path_of(document, "return item") == ("Queue", "put")
    assert path_of(document, "total = 1") == ("Queue",)
    assert path_of(document, "return not self.size") == ("Queue", "empty") == path_of(document, "@property")
    assert path_of(document, "pass") == ("helper",)
    assert path_of(document, "print(Queue)") == ("queue.py",)


def test_python_with_errors_in_it(tmp_path: Path) -> None:
    document = read(
        tmp_path,
        "old.py",
        "class A:\n    def f(self):\n        print 'x'\n\ndef g(:\n    pass\n\ndef h():\n    return 1\n",
    )
    assert path_of(document, "print 'x'") == ("A", "f") and path_of(document, "return 1") == ("h",)


@pytest.mark.parametrize(
    ("name", "source", "paths"),
    [
        (
            "a.js",
            "/** Doc. */\nexport class A {\n  m() { return 1 }\n  h = () => { return 2 }\n}\nconst k = (a) => {\n  return 3\n}\n"
            "module.exports.q = function () {\n  return 4\n}\n",
            {"Doc": "A", "1": "A m", "2": "A h", "3": "k", "4": "module.exports.q"},
        ),
        ("a.jsx", "function App() {\n  return <div>text</div>\n}\n", {"text": "App"}),
        (
            "a.ts",
            "interface I {\n  a: string\n}\nnamespace N {\n  export abstract class C {\n    abstract z(): void\n    v(): number { return 1 }\n  }\n}\n"
            "export const f = async <T>(x: T) => { return 2 }\n",
            {"a:": "I", "abstract z": "N C", "1": "N C v", "2": "f"},
        ),
        ("a.tsx", "export function App(): JSX.Element {\n  return <div>text</div>\n}\n", {"text": "App"}),
        (
            "A.java",
            "package p;\n\n/** 说明。 */\npublic class A<T> {\n  @X int f() { return 1; }\n  interface I { void m(); }\n  enum E { P; int z() { return 2; } }\n}\n",
            {"说明": "A", "1": "A f", "void m": "A I", "2": "A E z"},
        ),
        (
            "a.go",
            "package m\n\n// Doc of F.\nfunc F() int {\n\treturn 1\n}\n\nfunc (s *Server[T]) Close() error {\n\treturn nil\n}\n\ntype S struct {\n\ta int\n}\n",
            {"Doc": "F", "1": "F", "nil": "Server.Close", "a int": "S"},
        ),
        (
            "a.rs",
            "mod m {\n    /// Doc.\n    #[derive(Debug)]\n    pub struct S { a: u8 }\n    impl Show for S {\n        fn show(&self) -> u8 { 1 }\n    }\n}\n",
            {"Doc": "m S", "derive": "m S", "1": "m impl Show for S show"},
        ),
        (
            "a.c",
            "struct s { int a; };\n\nstatic int *f(int x)\n{\n    return 0;\n}\nvoid (*g(int x))(int) { y(); }\n",
            {"a;": "s", "0": "f", "y()": "g"},
        ),
        (
            "a.cpp",
            "namespace a::b {\ntemplate <class T>\nclass C : public D {\n  int f() const { return 1; }\n};\n}\nint a::b::C::g(int x) {\n  return 2;\n}\n",
            {"template": "a::b C", "1": "a::b C f", "2": "a::b::C::g"},
        ),
        ("a.h", "class C {\n  int f() { return 1; }\n};\n", {"1": "C f"}),
        ("a.cs", "namespace A.B {\n  public class C {\n    int M<T>() { return 1; }\n  }\n}\n", {"1": "A.B C M"}),
        ("a.rb", "module M\n  class A < B\n    def self.g\n      1\n    end\n  end\nend\n", {"1": "M A g"}),
        ("a.php", "<?php\nclass C {\n  public function m() { return 1; }\n}\n", {"1": "C m"}),
        ("a.sh", "f() {\n  echo 1\n}\n", {"1": "f"}),
        ("a.swift", "class A {\n  func f() -> Int {\n    return 1\n  }\n}\n", {"1": "A f"}),
        ("a.kt", "class A {\n  fun f(): Int {\n    return 1\n  }\n}\n", {"1": "A f"}),
        ("a.scala", "object O {\n  def g = 1\n}\n", {"1": "O g"}),
        ("a.lua", "function M.f(x)\n  return 1\nend\n", {"1": "M.f"}),
        (
            "a.sql",
            "CREATE TABLE IF NOT EXISTS 订单 (\n  id INT\n);\ncreate or replace view v as\nselect 1;\n",
            {"INT": "TABLE 订单", "1": "view v"},
        ),
        ("a.r", "f <- function(x) {\n  1\n}\n", {"1": "f"}),
        ("a.toml", "a = 1\n\n[tool.x]\nb = 2\n[[y]]\nc = 3\n", {"2": "tool.x", "3": "y"}),
        ("a.ini", "[main]\nkey = 1\n", {"1": "main"}),
        ("a.yml", "on:\n  push: 1\nname: 2\njobs:\n- x: 3\n", {"1": "on", "2": "a.yml", "3": "jobs"}),
    ],
)
def test_headings(tmp_path: Path, name: str, source: str, paths: dict[str, str]) -> None:
    document = read(tmp_path, name, source)
    assert document.text == source
    found = {words: " ".join(path_of(document, words)) for words in paths}
    assert found == paths


@pytest.mark.parametrize("suffix", sorted(SYNTAXES))
def test_every_suffix_is_read(tmp_path: Path, suffix: str) -> None:
    document = read(tmp_path, f"a{suffix}", "x = 1\n")
    assert document.text == "x = 1\n" and document.metadata["syntax"]
    assert document.language == ""


def test_the_language_is_that_of_the_comments(tmp_path: Path) -> None:
    assert read(tmp_path, "a.js", "if (the) { of(and) }\n// 这里是注释的内容\n").language == "zh"
    assert read(tmp_path, "a.go", "x\n/* This is the comment of\n the file. */\n").language == "en"
    assert read(tmp_path, "a.py", "for the in of: is_(and_)\n").language == ""


def test_offsets_are_characters(tmp_path: Path) -> None:
    source = "var s = '中文😀'\nx('测试')\n\nfunction 函数() { return 1 }\n\nclass B { m() {} }\n"
    document = read(tmp_path, "a.js", source)
    assert [source[heading.start :].split("(")[0] for heading in document.headings] == [
        "function 函数",
        "class B { m",
        "m",
    ]


def test_broken_files(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    for data, message in (
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n\x00", "looks like binary"),
        (b"a\x00\x01b\xff" * 9, "binary"),
    ):
        path.write_bytes(data)
        with pytest.raises(LoaderError, match=message):
            CodeLoader().load(path)


LAUGHS = "a0: &a0 [lol, lol]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60))


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("a.min.js", "var a=1;function b(){return[1,2]};" * 300_000),
        ("a.js", "[" * 1_000_000),
        ("b.js", "[\n" * 400_000),
        ("a.py", "(\n" * 400_000),
        ("b.py", "x = " + "-\\\n" * 300_000 + "1"),
        ("c.py", "".join(" " * (i % 4_000) + "if x:\n" for i in range(300))),
        ("a.cpp", "a<\n" * 200_000),
        ("a.java", "class A {\n" * 50_000),
        ("b.java", "class A {\n" * 2_000 + "}\n" * 2_000),
        ("a.yaml", LAUGHS),
        ("a.css", "/*\n" * 300_000),
        ("a.sql", "create \n" * 100_000),
    ],
)
def test_bombs(tmp_path: Path, name: str, source: str) -> None:
    started = time.monotonic()
    assert read(tmp_path, name, source).text == source
    assert time.monotonic() - started < 20


def test_what_takes_too_long_to_parse_or_was_made_by_a_program_has_no_headings(tmp_path: Path) -> None:
    function = "void f() { return; }\n"
    assert [scope.name for scope in tree_scopes(function, "tree_sitter_cpp:language")] == ["f"]
    assert tree_scopes(function + "a<\n" * 100_000, "tree_sitter_cpp:language") == []
    assert read(tmp_path, "a.cpp", function + "// " + "x" * 6_000).headings == ()
    assert read(tmp_path, "b.cpp", function + "// words\n" * 150_000).headings == ()
