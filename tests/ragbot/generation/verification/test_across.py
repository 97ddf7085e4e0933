"""A claim against a source in the other language: what contradicts, what only looks so, and what cannot be decided."""

from __future__ import annotations

import pytest

from ragbot.generation.verification.across import compared
from ragbot.generation.verification.contrasts import turned_round
from ragbot.generation.verification.reading import Reading

AGREE = [
    ("词表有三百二十项，占 25%。", "The vocabulary has 320 entries, or 25 per cent."),
    ("它于 1998 年 3 月发布。", "It was released in March 1998."),
    ("It was released in March 1998.", "该软件于 1998年3月 发布。"),
    ("读一遍权重约需 7 毫秒。", "Reading the weights takes 7 ms."),
    ("The corpus holds 1.5 billion words.", "语料有 15 亿个词。"),
    ("长度翻一倍，大小减半。", "The length is twice as large, the size is 50%."),
    ("One third of the users left.", "有三分之一的用户离开了。"),
    ("Three tenths of the questions are hard.", "三成的问题很难。"),
    ("两者都要训练。", "Both have to be trained."),
    ("GPT-4 与 BERT 都用注意力。", "GPT-4 and BERT use attention."),
    ("The United Nations met in Geneva.", "联合国在日内瓦开会。"),
    ("没有额外延迟。", "There is no additional latency."),
    ("它不可靠。", "It is unreliable."),
    ("权重保持不变。", "The weights stay frozen."),
    ("小模型比大模型更快。", "Larger models are slower than smaller ones."),
    ("浪费不到 4%。", "It wastes less than 4 percent."),
]


@pytest.mark.parametrize(("claim", "source"), AGREE)
def test_agree(claim: str, source: str) -> None:
    assert compared(Reading(claim), [Reading(source)], []).findings == ()


@pytest.mark.parametrize(
    ("claim", "source", "kind"),
    [
        ("词表有三百二十项。", "The vocabulary has 230 entries.", "number"),
        ("它于 1998 年 5 月发布。", "It was released in March 1998.", "date"),
        ("读一遍权重约需 7 微秒。", "Reading the weights takes 7 ms.", "number"),
        ("占 25%。", "It makes up 35 per cent.", "number"),
        ("共有三种方法。", "There are four methods.", "number"),
        ("The corpus holds 1.5 million words.", "语料有 15 亿个词。", "number"),
        ("GPT-3 使用注意力。", "GPT-4 uses attention.", "name"),
        ("LoRA uses little memory.", "QLoRA 占用的显存很少。", "name"),
        ("会有额外延迟。", "There is no additional latency.", "negation"),
        ("It has no latency.", "它有延迟。", "negation"),
        ("速度变慢了。", "It became faster.", "opposite"),
        ("Training is cheaper.", "训练更昂贵。", "opposite"),
        ("解码器读取句子。", "The encoder reads the sentence.", "opposite"),
    ],
)
def test_contradict(claim: str, source: str, kind: str) -> None:
    found = compared(Reading(claim), [Reading(source)], [])
    assert kind in {finding.kind for finding in found.findings}


def test_a_finding_says_what_stands_there() -> None:
    (finding,) = compared(Reading("共有三种方法。"), [Reading("There are four methods.")], []).findings
    assert (finding.claimed, finding.found) == ("三", "four")


def test_what_may_be_left_out_is_not_decided() -> None:
    source = Reading(
        "Prefix caching shortens the prefill of long prompts, but it does nothing for the speed of decoding."
    )
    found = compared(Reading("前缀缓存缩短预填充。"), [source], [])
    assert found.findings == () and found.unsure


def test_a_name_from_around() -> None:
    source, around = Reading("It rotates the vectors."), Reading("RoPE by Su. It rotates the vectors.")
    assert compared(Reading("RoPE 会旋转向量。"), [source], [around]).findings == ()
    assert compared(Reading("RoPE 会旋转向量。"), [source], []).findings
    other = Reading("ALiBi rotates the vectors.")
    assert compared(Reading("RoPE 会旋转向量。"), [other], [around]).findings


def test_turned_round_needs_one_side_alone() -> None:
    assert turned_round("it is faster", "更慢") == [("faster", "慢")]
    assert turned_round("faster or slower", "更慢") == []
    assert turned_round("it is faster", "时快时慢") == []
    assert turned_round("breakfast", "更慢") == []
