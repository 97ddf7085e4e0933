"""The guides to conversations cannot rot: their commands and links exist, their example runs, both say the same."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from ragbot.cli import app
from ragbot.console.conversation_commands import conversations_app
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings, walk

ROOT = Path(__file__).parents[2]
GUIDES = [ROOT / "docs" / "conversations.md", ROOT / "docs" / "conversations.zh-CN.md"]


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page, without comments."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [re.sub(r" +# .*", "", block) for block in found]


@pytest.mark.parametrize("page", GUIDES, ids=lambda path: path.name)
def test_its_commands_exist(page: Path) -> None:
    lines = [shlex.split(line)[1:] for block in blocks(page, "sh") for line in block.splitlines() if line]
    shown = {words[1] for words in lines if words[0] == "conversations"}
    assert shown == {command.name for command in conversations_app.registered_commands}
    root = typer.main.get_command(app)
    for words in lines:
        command = root
        while getattr(command, "commands", None):
            command = command.commands[words.pop(0)]  # type: ignore[attr-defined]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= known, words


def test_both_languages_show_the_same() -> None:
    for language in ("sh", "python"):
        assert blocks(GUIDES[0], language) == blocks(GUIDES[1], language)


@pytest.mark.parametrize("page", GUIDES, ids=lambda path: path.name)
def test_its_settings_and_links_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"`(conversation\.\w+)", text)) - {f"conversation.{name}" for name in METHODS}
    assert named == {key for key, _ in walk(Settings) if key.startswith("conversation.")}
    for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]+))?\)", text):
        linked = (page.parent / target).read_text(encoding="utf-8")
        headings = re.findall(r"^#+ (.+)$", linked, re.MULTILINE)
        assert not anchor or anchor in {heading.strip().lower().replace(" ", "-") for heading in headings}


METHODS = ("ask", "stream", "choose", "alternatives", "regenerate", "rate")


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("ragbot.bot.load_embedder", lambda *_, **__: HashEmbedder())
    monkeypatch.setenv("RAGBOT_GENERATION__MIN_CONFIDENCE", "0")
    monkeypatch.chdir(tmp_path)
    from ragbot.bot import RagBot
    from ragbot.documents import ParsedDocument

    with RagBot.open("./my-knowledge") as bot:
        bot.ingest_documents({"lora.md": ParsedDocument("LoRA freezes the weights. QLoRA also quantises them.")})
    (example,) = blocks(GUIDES[0], "python")
    script = tmp_path / "example.py"
    script.write_text(example, encoding="utf-8")
    import runpy

    runpy.run_path(str(script))
    assert "And QLoRA? complete 1" in capsys.readouterr().out
