"""Claims against passages: what carries them, what contradicts them, and what nobody says."""

from __future__ import annotations

import pytest

from ragbot.documents import Document, Passage
from ragbot.generation.verification.verifier import Verdict, Verifier

EN = (
    "Byte-pair encoding was published by Philip Gage in 1994. Sennrich adapted it to translation in 2016. "
    "A merged model has no additional latency. The larger model is slower than the small one. "
    "It needs 16 GB of memory and 24 hours of training. Only the two thin matrices are trained."
)
ZH = (
    "《红楼梦》由曹雪芹所作，全书约一百二十回。稠密检索不一定可靠。重叠率达到 50% 时，块的数量大约翻一倍。"
    "参数 k1 常取 1.2 到 2.0；参数 b 常取 0.75。张三丰与李小明在武汉大学讨论了编码器。模型越大，速度越慢。"
)
OTHER = "Bananas are harvested while they are green. They ripen in dark rooms."


def passage(number: int, text: str, language: str, title: str = "") -> Passage:
    document = Document(number, f"/{number}", title, "md", language, None, "h")
    return Passage(document, text, 0, len(text), None, (), 1.0)


PASSAGES = [passage(1, EN, "en"), passage(2, ZH, "zh"), passage(3, OTHER, "en")]


def verify(claim: str, *numbers: int, question: str = "", passages: list[Passage] | None = None) -> Verdict:
    return Verifier(PASSAGES if passages is None else passages, question).verify(claim, numbers)


def quoted(verdict: Verdict) -> list[str]:
    return [PASSAGES[tie.passage].text[tie.start : tie.end] for tie in verdict.ties]


@pytest.mark.parametrize(
    ("claim", "number", "quote"),
    [
        ("BPE was published in 1994 by Philip Gage.", 1, "Byte-pair encoding was published by Philip Gage in 1994."),
        ("Byte-pair encoding was published by P. Gage.", 1, "Byte-pair encoding was published by Philip Gage in 1994."),
        ("A merged model doesn't have any additional latency.", 1, "A merged model has no additional latency."),
        ("The small model is faster than the larger one.", 1, "The larger model is slower than the small one."),
        ("《紅樓夢》的作者是曹雪芹。", 2, "《红楼梦》由曹雪芹所作，全书约一百二十回。"),
        ("稠密检索未必可靠，不一定可靠。", 2, "稠密检索不一定可靠。"),
        ("重叠率为百分之五十时，块的数量翻一倍。", 2, "重叠率达到 50% 时，块的数量大约翻一倍。"),
    ],
)
def test_supported(claim: str, number: int, quote: str) -> None:
    verdict = verify(claim, number)
    assert (verdict.status, quoted(verdict)) == ("supported", [quote])


@pytest.mark.parametrize(
    ("claim", "number", "kind"),
    [
        ("Byte-pair encoding was published by Philip Gage in 1995.", 1, "number"),
        ("It needs 16 MB of memory and 24 hours of training.", 1, "number"),
        ("It needs 24 GB of memory and 16 hours of training.", 1, "number"),
        ("Byte-pair encoding was published by John Smith in 1994.", 1, "name"),
        ("A merged model has additional latency.", 1, "negation"),
        ("Only the two thin matrices are not trained.", 1, "negation"),
        ("The larger model is faster than the small one.", 1, "opposite"),
        ("Elephants remember their friends for decades.", 1, "unfounded"),
        ("《西游记》由曹雪芹所作，全书约一百二十回。", 2, "name"),
        ("《红楼梦》由曹雪芹所作，全书约一百回。", 2, "number"),
        ("稠密检索一定可靠。", 2, "negation"),
        ("块的数量不会翻一倍，重叠率达到 50% 时。", 2, "negation"),
        ("王五与李小明在武汉大学讨论了编码器。", 2, "name"),
        ("张三丰与李小明在武汉大学讨论了解码器。", 2, "opposite"),
        ("模型越小，速度越慢。", 2, "opposite"),
        ("大象能记住朋友几十年。", 2, "unfounded"),
    ],
)
def test_unsupported(claim: str, number: int, kind: str) -> None:
    verdict = verify(claim, number)
    assert verdict.status == "unsupported"
    assert kind in {finding.kind for finding in verdict.findings}


def test_a_finding_says_what_stands_there_instead() -> None:
    (finding,) = verify("Byte-pair encoding was published by Philip Gage in 1995.", 1).findings
    assert (finding.claimed, finding.found) == ("1995", "1994")
    (finding,) = verify("參數 b 常取 0.85。", 2).findings
    assert (finding.claimed, finding.found) == ("0.85", "0.75")


def test_a_wrong_marker_is_corrected() -> None:
    assert quoted(verify("Bananas ripen in dark rooms.", 1)) == ["They ripen in dark rooms."]
    assert quoted(verify("稠密检索不一定可靠。", 3)) == ["稠密检索不一定可靠。"]


def test_without_a_marker() -> None:
    assert quoted(verify("Sennrich adapted it to translation.")) == ["Sennrich adapted it to translation in 2016."]


def test_two_sentences_carry_one_claim() -> None:
    assert quoted(verify("参数 k1 常取 1.2 到 2.0，参数 b 常取 0.75。", 2)) == [
        "参数 k1 常取 1.2 到 2.0；",
        "参数 b 常取 0.75。",
    ]
    both = "Byte-pair encoding was published by Philip Gage in 1994, and a merged model has no additional latency."
    assert len(verify(both, 1).ties) == 2
    wrong = "Byte-pair encoding was published by Philip Gage in 2016, and a merged model has no additional latency."
    assert verify(wrong, 1).status == "unsupported"


def test_a_name_from_the_heading() -> None:
    text = "It was published by Philip Gage in 1994."
    about = [passage(1, text, "en", "Byte-pair encoding (BPE)")]
    assert verify("BPE was published by Philip Gage in 1994.", 1, passages=about).status == "supported"
    assert verify("LZW was published by Philip Gage in 1994.", 1, passages=about).status == "unsupported"


@pytest.mark.parametrize(
    ("phrase", "number", "focus"),
    [
        ("1994", 1, "1994"),
        ("philip gage", 1, "Philip Gage"),
        ("Ｐｈｉｌｉｐ  Gage.", 1, "Philip Gage"),
        ("twenty-four hours", 1, "24 hours"),
        ("曹雪芹", 2, "曹雪芹"),
        ("武漢大學", 2, "武汉大学"),
        ("120", 2, "一百二十"),
        ("百分之五十", 2, "50%"),
        ("k1", 2, "k1"),
    ],
)
def test_short_answers(phrase: str, number: int, focus: str) -> None:
    verdict = verify(phrase, number)
    (tie,) = verdict.ties
    assert verdict.status == "supported" and tie.focus
    assert PASSAGES[tie.passage].text[slice(*tie.focus)] == focus
    assert tie.start <= tie.focus[0] < tie.focus[1] <= tie.end


@pytest.mark.parametrize("phrase", ["199", "1995", "Philip", "ilip Gage"])
def test_a_phrase_is_whole_words(phrase: str) -> None:
    expected = "supported" if phrase == "Philip" else "unsupported"
    assert verify(phrase, 1).status == expected


BESIDE = " The office has a kitchen. Visitors sign in at reception. 公司设有食堂。访客需要登记。"


def over(source: str, claim: str) -> str:
    return verify(claim, 1, passages=[passage(1, source + BESIDE, "en")]).status


@pytest.mark.parametrize(
    ("source", "right", "wrong"),
    [
        ("年假为十五天。", "十五天", "五天"),
        ("失业率为百分之五十。", "百分之五十", "百分之五"),
        ("共有一百二十人参加。", "一百二十人", "二十人"),
        ("本产品不支持退货。", "不支持退货", "支持退货。"),
        ("室内不允许吸烟。", "不允许吸烟", "允许吸烟。"),
        ("用户不得打开机壳。", "用户不得打开机壳。", "用户可以打开机壳。"),
        ("合同不得转让。", "合同禁止转让。", "合同可以转让。"),
        ("室内禁止吸烟。", "室内不得吸烟。", "室内可以吸烟。"),
        ("The night temperature was -5 °C.", "-5 °C", "5 °C."),
        ("夜间气温为零下20摄氏度。", "零下20摄氏度", "20摄氏度"),
        ("The fare does not include insurance.", "does not include insurance", "Include insurance."),
        ("It takes 3-5 days.", "5 days", "15 days"),
        ("Alice did not hire Philip Gage.", "Philip Gage", "hire Philip Gage"),
    ],
)
def test_a_phrase_is_not_the_tail_of_another(source: str, right: str, wrong: str) -> None:
    assert (over(source, right), over(source, wrong)) == ("supported", "unsupported")


@pytest.mark.parametrize(
    ("source", "right", "wrong"),
    [
        (
            "The production server listens on 192.168.1.10 for internal traffic.",
            "The production server listens on 192.168.1.10 for internal traffic.",
            "The production server listens on 192.168.1.20 for internal traffic.",
        ),
        (
            "生产服务器的地址是192.168.1.10，仅供内部使用。",
            "生产服务器的地址是192.168.1.10。",
            "生产服务器的地址是192.168.1.20。",
        ),
        (
            "The service requires Python v3.11.2 or newer.",
            "The service requires Python 3.11.2 or newer.",
            "The service requires Python 3.11.9 or newer.",
        ),
        (
            "The service requires Python 3.11.21 or newer.",
            "The service requires Python 3.11.21 or newer.",
            "The service requires Python 3.11.2 or newer.",
        ),
        (
            "The contract ends on 25.12.2023 for both parties.",
            "The contract ends on 25 December 2023 for both parties.",
            "The contract ends on 26.12.2023 for both parties.",
        ),
        (
            "服务器配置为CPU：Intel，内存：32GB，OS：Linux。",
            "服务器的CPU是Intel，OS是Linux。",
            "服务器的CPU是AMD，OS是Linux。",
        ),
        ("部门例会在星期三上午举行。", "部门例会在周三上午举行。", "部门例会在周五上午举行。"),
        (
            "The library is open from 9:00 to 17:00 on weekdays.",
            "The library is open from 9 am to 5 pm on weekdays.",
            "The library is open from 9 am to 6 pm on weekdays.",
        ),
    ],
)
def test_what_is_written_with_marks_and_digits(source: str, right: str, wrong: str) -> None:
    assert (over(source, right), over(source, wrong)) == ("supported", "unsupported")


@pytest.mark.parametrize("years", [3, 12])
def test_a_row_of_numbers_stands_where_it_stands(years: int) -> None:
    cells = [f"{2000 + year} | {1000 + year:,} | 3.{year}" for year in range(years)]
    table = "| Year | Users | Share |\n| --- | --- | --- |\n" + "".join(f"| {row} |\n" for row in cells)
    wide = " | ".join(cells)
    empty = f"| Of | Year |\n| --- | --- |\n|  | {cells[-1]} |\n"
    for text, row in ((table, cells[-1]), (empty, f"| {cells[-1]}"), (f"| Years |\n| --- |\n| {wide} |\n", wide)):
        shown = row.replace("|", "·")
        rows = [passage(1, text, "en")]
        assert verify(shown, 1, passages=rows).status == "supported"
        assert verify(shown.replace("1,0", "1,1"), 1, passages=rows).status == "unsupported"


def test_the_question_decides_where_a_phrase_stands() -> None:
    text = "The Treaty was signed in 1911. The museum opened in 1911. 博物馆于 1920 年开放，学校于 1920 年关闭。学校有 1920 名学生。"
    two = [passage(1, text, "en")]
    (tie,) = verify("1911", 1, question="When did the museum open?", passages=two).ties
    assert text[tie.start : tie.end] == "The museum opened in 1911."
    (tie,) = verify("1920", 1, question="学校有多少名学生？", passages=two).ties
    assert text[tie.start : tie.end] == "学校有 1920 名学生。"


def test_another_language_is_compared_where_it_can_be() -> None:
    english = PASSAGES[:1]
    assert verify("字节对编码由 Philip Gage 于 1994 年发表。", 1, passages=english).status == "unchecked"
    verdict = verify("字节对编码由 Philip Gage 于 1995 年发表。", 1, passages=english)
    assert [finding.kind for finding in verdict.findings] == ["number"] or verdict.findings[0].kind == "date"
    chinese = [PASSAGES[1]]
    assert verify("When 50% overlap, the number of chunks doubles.", 1, passages=chinese).status == "unchecked"
    assert verify("When 60% overlap, the number of chunks doubles.", 1, passages=chinese).status == "unsupported"


@pytest.mark.parametrize("text", ["", "  ", "。", "Sure!", "好的，当然可以。", "Yes."])
def test_what_claims_nothing(text: str) -> None:
    assert verify(text, 1).status == "unchecked"


def test_no_passages() -> None:
    assert verify("Bananas are green.", passages=[]).status == "unsupported"
    assert verify("香蕉是绿的。", 1, passages=[passage(1, "", "zh")]).status == "unsupported"
