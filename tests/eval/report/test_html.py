"""The page as text: whole in itself, and harmless whatever a document says."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jinja2", reason='reports need the extra "eval": pip install "ragbot[eval]"')
pytest.importorskip("matplotlib", reason='reports need the extra "eval": pip install "ragbot[eval]"')

from eval.baselines import read_baseline, write_baseline
from eval.contrast import contrast
from eval.records import Run
from eval.report import write_report
from eval.report.html import script_json
from eval.summary import summarize
from ragbot.errors import MissingExtraError

Maker = Callable[..., Run]


class Page(HTMLParser):
    """Every element with its attributes, and the text of the scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text: list[str] = []
        self.in_script = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")
            self.in_script = True

    def handle_endtag(self, tag: str) -> None:
        self.in_script = False

    def handle_data(self, data: str) -> None:
        if self.in_script:
            self.scripts[-1] += data
        self.text.append(data)


def written(run: Run, path: Path, **options: Any) -> str:
    write_report(run, summarize(run.rows, 50), path / "report.html", **options)
    return (path / "report.html").read_text(encoding="utf-8")


def test_hostile_text_stays_text(make_run: Maker, hostile: str, tmp_path: Path) -> None:
    run = make_run(10, hostile=True, name=hostile)
    text = written(run, tmp_path, against=contrast(make_run(10, shift=1, name=hostile), run, rounds=50))
    page = Page(text)
    assert [tag for tag, _ in page.elements if tag in {"img", "iframe", "object", "embed", "form", "base"}] == []
    assert len(page.scripts) == 2
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    data = json.loads(page.scripts[0])
    assert data["rows"][10]["question"] == hostile
    assert hostile in data["texts"]
    assert not set("<>&\u2028\u2029") & set(page.scripts[0])
    assert "Boom" in text


def test_nothing_is_asked_for(make_run: Maker, tmp_path: Path) -> None:
    page = Page(written(make_run(), tmp_path))
    for tag, attributes in page.elements:
        for name in ("src", "href", "data", "action", "poster", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:")), (tag, name, value)
    (policy,) = [a["content"] for tag, a in page.elements if tag == "meta" and "http-equiv" in a]
    digest = base64.b64encode(hashlib.sha256(page.scripts[1].encode()).digest()).decode()
    assert policy == (
        "default-src 'none'; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    styles = re.findall(r"<style>(.*?)</style>", written(make_run(), tmp_path), re.DOTALL)
    assert len(styles) == 1
    assert "url(" not in styles[0]
    assert "@import" not in styles[0]


def test_the_same_run_gives_the_same_page(make_run: Maker, tmp_path: Path) -> None:
    assert written(make_run(), tmp_path) == written(make_run(), tmp_path)


def test_ids_are_unique_and_labels_point_to_them(make_run: Maker, tmp_path: Path) -> None:
    run = make_run(30)
    page = Page(written(run, tmp_path, against=contrast(make_run(30, shift=1), run, rounds=50)))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in page.elements:
        if attributes.get("aria-labelledby"):
            assert attributes["aria-labelledby"] in ids
        target = attributes.get("href") or ""
        if tag == "a" and "data-question" not in attributes:
            assert target.removeprefix("#") in ids, target


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_was_run(make_run: Maker, tmp_path: Path, language: Any) -> None:
    text = written(make_run(), tmp_path, language=language)
    assert "teas (test)" in text
    assert "tiny, int8" in text
    assert "retrieval.top_k = 7" in text
    assert "retrieval.dense_weight" not in text  # as ever
    assert "2 min 5 s" in text
    assert "abacus" in text
    assert ('lang="zh-CN"' in text) is (language == "zh")
    assert ("全部指标" in text) is (language == "zh")


def test_verdicts_and_flips(make_run: Maker, tmp_path: Path) -> None:
    before, after = make_run(shift=1, name="old"), make_run(name="new")
    found = contrast(before, after, rounds=50)
    text = written(after, tmp_path, against=found)
    assert "Against old" in text
    assert text.count("data-question=") == len(found.flips)
    lost = sum(flip.change == "lost" for flip in found.flips)
    assert f"{lost} lost" in text
    assert "undecided" in text


def test_runs_that_lack_things(make_run: Maker, tmp_path: Path) -> None:
    whole = make_run()
    unanswerable = Run(whole.manifest, tuple(row for row in whole.rows if not row.question.answerable))
    write_baseline(tmp_path / "base.json", Run({"format": "ragbot-eval", "version": 1, **whole.manifest}, whole.rows))
    bare = Run({"name": "foreign"}, whole.rows[:3])
    cases = {
        "search": make_run(mode="search"),
        "unanswerable": unanswerable,
        "none": make_run(0),
        "baseline": read_baseline(tmp_path / "base.json"),
        "bare": bare,
        "failed": Run(whole.manifest, tuple(row for row in make_run(0, hostile=True).rows if row.error)),
    }
    texts = {name: written(run, tmp_path) for name, run in cases.items()}
    assert "search only" in texts["search"]
    assert "No question was asked." in texts["none"]
    assert "There are no figures" in texts["none"]
    assert len(json.loads(Page(texts["baseline"]).scripts[0])["rows"]) == 24
    assert "not finished" in texts["bare"]
    assert all("Unknown" not in text and "nan" not in Page(text).text for text in texts.values())


def test_script_json() -> None:
    value = {"a": "</script><!--&\u2028\u2029", "茶": [1, None]}
    text = script_json(value)
    assert json.loads(text) == value
    assert not set("<>&\u2028\u2029") & set(text)
    assert "茶" in text
    with pytest.raises(ValueError, match="JSON"):
        script_json(float("nan"))


def test_without_jinja(make_run: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match=r"ragbot\[eval\]"):
        write_report(make_run(1), [], tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()
