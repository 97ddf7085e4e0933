"""Text that was wrapped at a width: a new line inside of a sentence changes nothing of what it says."""

from __future__ import annotations

import pytest

from ragbot.documents import Document, Passage
from ragbot.generation.quoting import plain
from ragbot.generation.verification.cuts import cut
from ragbot.generation.verification.verifier import Verdict, Verifier
from ragbot.generation.verification.wraps import place, unwrapped

OTHER = " The office has a kitchen. Visitors sign in at reception. 公司设有食堂。访客需要登记。"


def verify(source: str, claim: str, question: str = "") -> Verdict:
    text = source + OTHER
    item = Passage(Document(1, "/1", "", "md", "", None, "h"), text, 0, len(text), None, (), 1.0)
    return Verifier([item], question).verify(claim, [1])


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("must not\nbe opened", "must not be opened"),
        ("用户不\n得打开", "用户不得打开"),
        ("用户不 \r\n\t得打开", "用户不得打开"),
        ("风机，\n用户", "风机，用户"),
        ("使用\nCPU", "使用 CPU"),
        ("on one line", "on one line"),
    ],
)
def test_a_line_is_joined(written: str, read: str) -> None:
    assert unwrapped(written) == read
    assert plain(written) == read
    assert [reading.text for _, _, reading in cut(written)] == [read]


def test_places_are_those_of_the_text() -> None:
    text = "用户不\n  得打开\n机壳"
    read = unwrapped(text)
    for phrase in ("用户", "打开", "机壳"):
        start = read.index(phrase)
        assert text[place(text, start) : place(text, start + len(phrase), end=True)] == phrase


@pytest.mark.parametrize(
    ("source", "claim"),
    [
        ("The device must not\nbe opened by the user.", "The device must not be opened by the user."),
        ("The device must not be opened by the user.", "The device must not\nbe opened by the user."),
        ("Refunds are never\npaid in cash.", "Refunds are never paid in cash."),
        (
            "Everything runs on your own machine: no\nnetwork after the install, no key, no GPU needed.",
            "Everything runs on your own machine: no network after the install, no key, no GPU needed.",
        ),
        ("退款不\n以现金支付给客户。", "退款不以现金支付给客户。"),
        ("退款不\n以现金支付给客户。", "退款不 以现金支付给客户。"),
        ("本合同不\n得转让给第三方。", "本合同不得转让给第三方。"),
        ("本合同不得转让给第三方。", "本合同不\n得转让给第三方。"),
    ],
)
def test_a_quote_is_supported(source: str, claim: str) -> None:
    assert verify(source, claim).status == "supported"


@pytest.mark.parametrize(
    ("source", "claim"),
    [
        ("The device must not\nbe opened by the user.", "The device must be opened by the user."),
        ("本合同不\n得转让给第三方。", "本合同得转让给第三方。"),
    ],
)
def test_a_denial_reaches_over_the_end_of_a_line(source: str, claim: str) -> None:
    assert verify(source, claim).status == "unsupported"


def test_a_phrase_over_two_lines() -> None:
    text = "压缩机由北辰制\n造公司生产。"
    (tie,) = verify(text, "北辰制造公司").ties
    assert tie.focus and text[slice(*tie.focus)] == "北辰制\n造公司"
