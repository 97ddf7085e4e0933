"""What the command line says about sentences that no source supports, in both languages."""

from __future__ import annotations

import pytest

from ragbot.console import render
from ragbot.console.claim_labels import CLAIM_LABELS, reason
from ragbot.console.terminal import Terminal
from ragbot.documents import Answer, Claim, Finding
from tests.ragbot.conftest import Cli

TEXT = {"en": "It has 16 heads. It is fast.", "zh": "它有 16 个头。它很快。"}
CUT = {"en": 16, "zh": 9}


def answer(language: str, removed: bool) -> Answer:
    text, cut = TEXT[language], CUT[language]
    finding = Finding("number", "16", "8")
    wrong = Claim(text[:cut], 0, 0 if removed else cut, "unsupported", (), (finding, finding))
    right = Claim(text[cut:].strip(), cut, len(text), "supported")
    return Answer("q", text, (), False, 0.9, language, claims=(wrong, right))


@pytest.mark.parametrize(
    ("language", "removed", "title", "why"),
    [
        ("en", False, "Not supported by the sources:", "the source says 8, not 16"),
        ("en", True, "Left out, because the sources do not support it:", "the source says 8, not 16"),
        ("zh", False, "以下内容没有得到来源的支持：", "来源中是 8，不是 16"),
        ("zh", True, "以下内容没有得到来源的支持，已删去：", "来源中是 8，不是 16"),
    ],
)
def test_a_mark_and_the_reason(
    capsys: pytest.CaptureFixture[str], language: str, removed: bool, title: str, why: str
) -> None:
    render.after_answer(Terminal(), answer(language, removed), 0.5)
    out = capsys.readouterr().out
    assert title in out and f"✗ {TEXT[language][: CUT[language]]}" in out and out.count(why) == 1
    assert TEXT[language][CUT[language] :].strip() not in out


def test_nothing_is_said_where_all_is_supported(capsys: pytest.CaptureFixture[str]) -> None:
    render.unsupported(Terminal(), answer("en", False).claims[1:], "en")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", ["number", "date", "name", "negation", "opposite", "unfounded"])
def test_every_kind_has_its_words(language: str, kind: str) -> None:
    for found in ("", "B"):
        said = reason(Finding(kind, "A", found), language)  # type: ignore[arg-type]
        assert said and "{" not in said
    assert CLAIM_LABELS["en"].missing.keys() == CLAIM_LABELS["zh"].missing.keys()
    assert CLAIM_LABELS["en"].instead.keys() == CLAIM_LABELS["zh"].instead.keys()


def test_strictness_is_an_option(cli: Cli, folder: object) -> None:
    cli("ingest", str(folder))
    found = cli("ask", "LoRA 训练什么？", "--strictness", "strict", "--json").json
    assert found["claims"] and {claim["status"] for claim in found["claims"]} == {"supported"}
    assert cli("ask", "LoRA 训练什么？", "--strictness", "off", "--json").json["claims"] == []
    assert cli("ask", "LoRA?", "--strictness", "lax").code != 0
