"""Who may import whom (shared design: "The house"), what may be imported at all, and what is never written."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("ragbot", "ingest", "agents", "apps", "eval")

#: Layers from the leaves up. A module may import what stands in a lower row, and its own layer; layers of one row do
#: not know each other. A module belongs to the longest name that it begins with.
ROWS: tuple[tuple[str, ...], ...] = (
    ("ragbot.text", "ragbot.memory"),
    ("ragbot.documents", "ragbot.errors"),
    ("ragbot.sections",),
    ("ragbot.settings",),
    ("ragbot.models", "ragbot.net"),
    ("ragbot.index",),
    ("ragbot.retrieval",),
    ("ragbot.generation",),
    ("ragbot.exploring",),
    ("ingest", "agents", "ragbot.workspace"),
    ("ragbot.composing",),
    ("ragbot.bot",),
    ("eval", "agents.mcp"),
    ("ragbot.training",),  # measures what it trains
    ("ragbot.showing",),  # what web pages show of all of these
    ("apps",),
    ("ragbot.cli", "ragbot.console", "ragbot.__main__"),
)
ROW = {layer: number for number, row in enumerate(ROWS) for layer in row}
#: The command line is one layer in several files.
COMMAND = set(ROWS[-1])
#: Of eval, these see documents and nothing else of ours.
ONLY_DOCUMENTS = ("eval.metrics", "eval.compare")
#: The package itself hands out names of all layers, lazily.
FACADE = "ragbot"

#: Packages of the optional extras, and the only modules that may import them when they are imported themselves. Those
#: are reached through the tables of the registry, or inside a function.
OPTIONAL = {
    "torch": (
        "ragbot.models.llms.transformers",
        "ragbot.models.llms.int8",
        "ragbot.models.llms.bundled",
        "ragbot.training.",
    ),
    "transformers": ("ragbot.models.llms.transformers", "ragbot.models.llms.bundled", "ragbot.training."),
    "sentence_transformers": ("ragbot.models.embedders.sentence_transformers",),
    "chromadb": ("ragbot.index.vectors.chroma",),
    "langchain_chroma": ("ragbot.index.vectors.chroma",),
    "gradio": ("apps.gradio_",),
    "streamlit": ("apps.streamlit_",),
    "llama_index": ("ragbot.retrieval.llama_index",),
    "langchain_openai": ("ragbot.models.llms.openai",),
    "xllamacpp": (),
    "openai": ("ragbot.models.llms.openai", "ragbot.models.llms.deadlines", "ragbot.models.embedders.openai"),
    "langchain_huggingface": (),
    "peft": (),
    "vllm": (),
    "ir_measures": (),
    "pytrec_eval": (),
    "rouge_score": (),
    "nltk": (),
    "optuna": (),
    "matplotlib": (),
    "sklearn": (),
    "jinja2": (),
    "rapidocr": (),
    "cv2": (),
    "llguidance": (),
    "ray": (),
    "ddgs": (),
    "mcp": ("agents.mcp.",),
    "fastapi": ("apps.api.",),
    "starlette": ("apps.", "agents.mcp.server."),
    "uvicorn": ("apps.api.", "agents.mcp.server."),
    "prometheus_client": ("apps.api.",),
    "opentelemetry": ("apps.api.",),
}
LAZY = {module for modules in OPTIONAL.values() for module in modules}


def modules() -> dict[str, Path]:
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found[name] = path
    return found


MODULES = modules()
TREES = {name: ast.parse(path.read_text(encoding="utf-8"), str(path)) for name, path in MODULES.items()}


def imports(name: str, tree: ast.Module | None = None) -> Iterator[tuple[str, int]]:
    """``(module, line)`` of everything that a module imports: at its top, in functions and for type checkers."""
    for node in ast.walk(tree or TREES[name]):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                is_package = MODULES[name].name == "__init__.py"
                parents = name.split(".")
                parents = parents[: len(parents) - node.level + is_package]
                base = ".".join([*parents, base] if base else parents)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield (inner if inner in MODULES else base), node.lineno


def layer_of(module: str) -> str | None:
    """The layer that a module of ours belongs to; None for anybody else's."""
    if module == FACADE:
        return FACADE
    fitting = [layer for layer in ROW if module == layer or module.startswith(f"{layer}.")]
    if not fitting and module.partition(".")[0] in PACKAGES:
        raise AssertionError(f"{module} has no place in the table of layers: give it one")
    return max(fitting, key=len, default=None)


def is_allowed(importer: str, imported: str) -> bool:
    source, target = layer_of(importer), layer_of(imported)
    if target is not None and importer.startswith(ONLY_DOCUMENTS):
        return target == "ragbot.documents" or imported.startswith(ONLY_DOCUMENTS)
    if target is None or source in {target, FACADE}:
        return True
    if target == FACADE:  # the façade pulls in everything: for the top layers only
        return source is not None and ROW[source] > ROW["ragbot.bot"]
    if source in COMMAND and target in COMMAND:
        return True
    assert source is not None
    return ROW[target] < ROW[source]


@pytest.mark.parametrize("name", MODULES)
def test_imports_only_what_stands_left_of_it(name: str) -> None:
    wrong = [
        f"{MODULES[name]}:{line} imports {module}" for module, line in imports(name) if not is_allowed(name, module)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("ragbot.index.catalog", "ragbot.documents", True),
        ("ragbot.index.catalog", "ragbot.retrieval.fuse", False),
        ("ragbot.models.registry", "ragbot.settings", True),
        ("ragbot.models.registry", "ragbot.index.catalog", False),
        ("ragbot.documents", "ragbot.text", True),
        ("ragbot.text", "ragbot.documents", False),
        ("ragbot.documents", "ragbot.errors", False),
        ("ragbot.bot", "ingest.pipeline", True),
        ("ingest.pipeline", "ragbot.bot", False),
        ("ingest.pipeline", "ragbot.index.catalog", True),
        ("ingest.pipeline", "agents.react", False),
        ("agents.react", "ragbot.bot", False),
        ("agents.mcp", "ragbot.bot", True),
        ("agents.mcp", "agents.react", True),
        ("agents.react", "agents.mcp", False),
        ("eval.metrics.ranking", "ragbot.documents", True),
        ("eval.metrics.ranking", "ragbot.text", False),
        ("eval.compare", "eval.datasets", False),
        ("eval.harness", "eval.compare", True),
        ("eval.harness", "ragbot.bot", True),
        ("eval.harness", "apps.api", False),
        ("ragbot.training.lora", "eval.harness", True),
        ("eval.harness", "ragbot.training.lora", False),
        ("apps.api", "eval.harness", True),
        ("apps.api", "ragbot.cli", False),
        ("ragbot.cli", "apps.gradio_ui.app", True),
        ("ragbot.index.lock", "ragbot", False),
        ("apps.api", "ragbot", True),
        ("ragbot.index.lock", "numpy", True),
    ],
)
def test_the_table_itself(importer: str, imported: str, allowed: bool) -> None:
    assert is_allowed(importer, imported) == allowed


def test_walker_sees_functions_type_checking_and_relative_imports() -> None:
    tree = ast.parse(
        "if TYPE_CHECKING:\n    import a.b\ndef f():\n    from c import d\nfrom . import e\nfrom .g import h\n"
    )
    assert [module for module, _ in imports("ragbot.bot", tree)] == ["ragbot", "ragbot.g", "a.b", "c"]


def at_import(tree: ast.Module) -> Iterator[ast.stmt]:
    """Statements that run when the module is imported: not those in functions, nor those for type checkers."""
    pending: list[ast.stmt] = list(tree.body)
    while pending:
        node = pending.pop(0)
        yield node
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            pending += node.orelse
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            pending += [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
            for handler in getattr(node, "handlers", []):
                pending += handler.body


@pytest.mark.parametrize("name", MODULES)
def test_optional_packages_are_imported_where_they_are_used(name: str) -> None:
    tops = ast.Module([node for node in at_import(TREES[name]) if isinstance(node, ast.Import | ast.ImportFrom)], [])
    for module, line in imports(name, tops):
        owners = OPTIONAL.get(module.partition(".")[0])
        if owners is not None:
            assert name.startswith(owners) if owners else False, f"{MODULES[name]}:{line} imports {module} at its top"
        # A module that needs an extra is itself imported lazily, but by its like.
        lazy = tuple(LAZY)
        if module in MODULES and module.startswith(lazy):
            assert name.startswith(lazy), f"{MODULES[name]}:{line} imports {module}, which needs an extra, at its top"


BLOCK = """
import importlib, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"blocked: {name}", name=name)
BLOCKED = set(sys.argv[1].split(","))
sys.meta_path.insert(0, Refuse())
for module in sys.argv[2].split(","):
    importlib.import_module(module)
print("fine")
"""


def test_every_module_imports_without_the_extras() -> None:
    names = [name for name in MODULES if not name.startswith(tuple(LAZY)) and not name.endswith("__main__")]
    done = subprocess.run(
        [sys.executable, "-W", "error::ImportWarning", "-c", BLOCK, ",".join(OPTIONAL), ",".join(names)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.stdout == "fine\n", done.stderr


@pytest.mark.parametrize("module", ["ragbot", "ragbot.bot", "ragbot.settings"])
def test_importing_costs_no_heavy_package(module: str) -> None:
    if not importlib.util.find_spec(module):
        pytest.skip(f"no {module}")
    heavy = "torch,transformers,faiss,onnxruntime,gradio,streamlit,chromadb,llama_index,pandas,scipy"
    code = f"import sys, {module}; print([name for name in '{heavy}'.split(',') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"


# -- what is never written -------------------------------------------------------------------------------------------

NEVER_IMPORTED = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
NEVER_CALLED = {"eval", "exec", "compile", "__import__"}


def bare(alias: ast.alias) -> str:
    """The name that ``import a.b.c`` binds."""
    return alias.asname or alias.name.partition(".")[0]


@pytest.mark.parametrize("name", MODULES)
def test_never_written(name: str) -> None:
    wrong = [
        f"{line}: imports {module}" for module, line in imports(name) if module.partition(".")[0] in NEVER_IMPORTED
    ]
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NEVER_CALLED:
            wrong.append(f"{node.lineno}: calls {node.func.id}()")
        if isinstance(node, ast.keyword) and node.arg in {"allow_dangerous_deserialization", "trust_remote_code"}:
            if not (isinstance(node.value, ast.Constant) and node.value.value is False):
                wrong.append(f"{node.value.lineno}: {node.arg}")
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and getattr(node.value, "value", True):
            wrong.append(f"{node.value.lineno}: allow_pickle")
        bound = {
            ast.Name: lambda n: n.id if isinstance(n.ctx, ast.Store) else "",
            ast.FunctionDef: lambda n: n.name,
            ast.ClassDef: lambda n: n.name,
            ast.arg: lambda n: n.arg,
            ast.Import: lambda n: "eval" if any(bare(alias) == "eval" for alias in n.names) else "",
            ast.ImportFrom: lambda n: (
                "eval" if any((alias.asname or alias.name) == "eval" for alias in n.names) else ""
            ),
        }.get(type(node))
        if bound and bound(node) == "eval":
            wrong.append(f"{getattr(node, 'lineno', 0)}: binds the bare name eval")
    assert wrong == [], MODULES[name]
