"""Questions that one Chinese sentence answers: the fact is exchanged for its question word, where it stands.

A Chinese question keeps the order of the statement, so that the exchange is grammatical by construction; what has to
be checked is that the sentence says of itself what it speaks about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from eval.synth.base import Fact
from eval.synth.wording import flat, phrase, words

#: A question longer than this, in characters, is a riddle.
LONGEST = 64

_LEANING = re.compile(
    r"却|它|他们|她|其(?!他|余|中|实)|该|此(?!外)|这|那(?!么)|上述|前者|后者|作者|论文|本文|本章|本节|另一|同样|文中|两者|二者|原文|下面|上面|"
    r"前面|后面|如下|以下|以上|同一篇|自己|我们|你|同期|随后|当时|后来"
)
_EXAMPLE = re.compile(r"例如|比如|譬如|假设|假如|倘若|设有|为例|举例|若|如果|算例|想象")
_LINK = re.compile(
    r"^(?:不过|此外|另外|同时|因此|所以|然而|其实|总之|当然|于是|而且|可见|相比之下|具体说|一般来说|通常)[，,]?\s*"
)
_LOST = re.compile(
    r"^(?:但|而|则|也|又|还|就|却|并|再|且|即|及|和|与|或|的|把|被|以|从而|由此|对此|为此|否则|只有|只要|之后|此时|接着|然后|最后|第[一二三四五]|至于|多少|几|为了避免|减去|加上|得到|按)"
)
#: A clause that is not complete without the next one.
_FINDING = re.compile(r"(?:发现|指出|认为|显示|表明|说明|报告|主张|证明|强调|建议)$")
_OPEN = re.compile(rf"{_FINDING.pattern}|(?:时|后|上|里|下|中|内|之间|之前|起|来说|而言|游戏)$")
_END = re.compile(r"[。；！？]")
#: What a number follows where the clause has a verb or a preposition, and is no bare list of figures.
_VERBAL = re.compile(
    r"[有为是占达到至成含共需要用从由把将了过得取盖只仅对集让在按给比于长宽高距每的括出加少多升降满布供持耗费花行过]$"
)
_CUT = re.compile(r"[，。；：！？!?;]")
_NUMBER = r"\d[\d,]*(?:\.\d+)?(?:\s*[到至~–—-]\s*\d[\d,]*(?:\.\d+)?)?"
_BEFORE = (
    r"(?<![\d.,A-Za-z第~–(（=×*/+^−-])(?<![A-Za-z=×*/+^−-]\s)(?<!第\s)"
    r"(?<![\d%％][到至])(?<![\d%％]\s[到至])(?<![\d%％]\s[到至]\s)"
)
_ABOUT = r"(?:大约|约为|约|近|将近|大概)?\s*"
_PERCENT = re.compile(
    rf"{_BEFORE}{_ABOUT}(?P<n>(?:\d+(?:\.\d+)?\s?[%％]\s?[到至]\s?)?{_NUMBER}\s?[%％]|百分之[一二三四五六七八九十百]+)"
)
_YEAR = re.compile(
    r"(?<![\d—–-])(?P<y>(?:1[0-9]|20)\d\d\s?年(?:\s?\d{1,2}\s?月(?:\s?\d{1,2}\s?日)?)?)(?!代|度|版|级|来|前|后|间|以)"
)
_PERSON = re.compile(
    r"(?P<a>[A-Z][A-Za-z-]+(?:\s?[和与、]\s?[A-Z][A-Za-z-]+)*\s?等人?|[A-Z][A-Za-z-]+\s?[和与]\s?[A-Z][A-Za-z-]+)\s?(?:（(?P<y>\d{4})）)?"
)
_WORK = re.compile(
    r"(?<![A-Za-z0-9])(?P<x>[A-Z][A-Za-z0-9.+-]*(?:\s[A-Z0-9][A-Za-z0-9.+-]*){0,2})\s?（(?P<a>[A-Z][A-Za-z-]+(?:\s?[和与、]\s?[A-Z][A-Za-z-]+)*(?:\s?等人?)?)，\s?(?P<y>\d{4})(?:\s?年)?）"
)
_DATED = re.compile(
    r"(?P<a>[A-Z][A-Za-z-]+(?:\s?[和与、]\s?[A-Z][A-Za-z-]+)*\s?等人|[A-Z][A-Za-z-]+\s?[和与]\s?[A-Z][A-Za-z-]+)\s?(?:（(?P<y>\d{4})）|在?\s?(?P<z>\d{4})\s?年)的\s?(?P<x>[A-Z][A-Za-z0-9.+-]*)(?!\s?(?:[A-Za-z]|论文|会议|期刊))"
)
_KIND = re.compile(
    r"(?P<x>[A-Z][A-Za-z0-9.+-]*(?:\s[A-Z0-9][A-Za-z0-9.+-]*){0,2})\s?(?P<k>数据集|系统|模型|算法|方法|基准|协议|框架|公司|大学|语言|软件|平台|论文|格式|指标)"
)
_SAID = re.compile(
    r"^(?P<x>[^，。；：、“”（）的是]{2,16}?)(?:（[^（）]{1,40}）)?\s?(?:，\s?)?(?:指的是|是指(?![令标数纹针])|是(?=一[种个类组套门项份座条]|由|把|让|用|将|对)|(?:的)?(?:意思|含义)是)\s?(?P<d>[^。；]{6,110})"
)
_NO_TERM = re.compile(
    r"[在有用时中会能可不则便就]|[上下里]$|^[一二三四五六七八九十第]|步$|(?:方法|问题|原因|关键|目的|优点|缺点|做法|办法|一步|阶段|又叫|也叫|又称|也称|简称)"
)
_NO_ITEM = re.compile(
    r"[是要够以又叫般会能不了着就也还都来则多先有并采列分两三四五]|例|如下|包括|做法|示例|方向|说明|步骤|注意|原因|阶段|出发点|接着"
)
_ITEM = re.compile(r"^(?P<x>[\u3400-\u9fffA-Za-z0-9@ -]{2,9})[：:]\s?(?P<d>[^。]{8,110})。?")
_BECAUSE = re.compile(r"^(?P<r>[^。；：]{6,50}?)[，,]?(?:是)?因为(?P<c>[^。；]{6,90})[。；]")
_SINCE = re.compile(r"^(?:由于|因为)(?P<c>[^，。；]{4,60})，(?:所以|因此)?(?P<r>[^。；]{6,50})[。；]")


def facts(sentence: str, variant: int) -> Iterator[Fact]:
    """The questions that ``sentence`` answers, best first; ``variant`` chooses among wordings."""
    if "`" in sentence or "=" in sentence or sentence.rstrip("。").endswith(("：", ":")) or _EXAMPLE.search(sentence):
        return
    for rule in _RULES:
        for fact in rule(sentence, variant):
            answer = sentence[fact.start : fact.end]
            if fact.category == "number" and len(fact.question) < 12 and not re.search(r"[A-Z]{2}", fact.question):
                continue  # "how many inputs?": of what?
            if "*" not in answer and _stands_alone(fact.question) and answer not in fact.question:
                yield fact


def _exchange(sentence: str, start: int, end: int, question_word: str, after: int) -> str:
    """The sentence up to the end of the clause of ``[start, end)``, which becomes ``question_word``.

    Text between ``end`` and ``after`` is left out. Empty where what remains is no question.
    """
    stop = _CUT.search(sentence, after)
    while stop and stop.group() in "，：" and _OPEN.search(sentence[after : stop.start()]):
        # "when" goes on for another clause, "found that" to the end of the sentence.
        whole = _FINDING.search(sentence[after : stop.start()])
        stop = (_END if whole else _CUT).search(sentence, stop.end())
    head, tail = sentence[:start], sentence[after : stop.start() if stop else len(sentence)]
    if head.count("（") > head.count("）") or head.count("“") > head.count("”"):
        return ""
    if tail.count("）") != tail.count("（"):  # a bracket opened behind the fact is no part of the question
        tail = tail.split("（")[0]
    if re.match(r"\s?[、和与或~到至]\s?\d", tail):
        return ""
    if (stop and stop.group() in "？！") or _OPEN.search(tail):
        return ""
    text = flat(f"{_LINK.sub('', head)} {question_word} {tail}")
    text = _close(text)
    return text.replace(" ，", "，").rstrip() + "？"


def _close(text: str) -> str:
    """No space stands between Chinese characters."""
    return re.sub(r"(?<=[\u3400-\u9fff，、）”]) (?=[\u3400-\u9fff（“，、])", "", text)


def _person(sentence: str, variant: int) -> Iterator[Fact]:
    for found in _PERSON.finditer(sentence):
        if "（" in sentence[: found.start()].rpartition("）")[2]:
            continue
        after = found.end()
        if year := re.compile(r"\s?(?:在\s?)?\d{4}\s?年(?:的研究|的论文)?").match(sentence, after):
            after = year.end()  # the year would tell who it was
        question = _exchange(sentence, found.start(), found.end("a"), "谁", after)
        if found.start() == 0 and question:
            yield Fact("person", question, found.start("a"), found.end("a"), "masked")
        if found["y"] and found.start() == 0 and sentence[found.end() : found.end() + 1] != "的":
            asked = _exchange(sentence, found.end("a"), found.end(), "哪一年", found.end())
            if asked and not re.search(r"\d{4}\s?年", asked):
                yield Fact("date", asked, found.start("y"), found.end("y"), "masked")


def _year(sentence: str, variant: int) -> Iterator[Fact]:
    for found in _YEAR.finditer(sentence):
        if sentence[found.end() :].lstrip().startswith("的"):
            continue  # "whose work of which year": nobody asks like that
        word = "什么时候" if "月" in found["y"] else "哪一年"
        yield Fact("date", _exchange(sentence, *found.span("y"), word, found.end()), *found.span("y"), "masked")


def _work(sentence: str, variant: int) -> Iterator[Fact]:
    for found in (*_WORK.finditer(sentence), *_DATED.finditer(sentence)):
        yield Fact("person", phrase("zh", "work_author", variant, x=found["x"]), *found.span("a"))
        author = found["a"] + {"等": "人", "人": ""}.get(found["a"][-1], " ")
        yield Fact(
            "date",
            _close(phrase("zh", "work_year", variant, x=found["x"], author=author)),
            *found.span("y" if found["y"] else "z"),
        )


def _count(sentence: str, variant: int) -> Iterator[Fact]:
    for found in _PERCENT.finditer(sentence):
        if _VERBAL.search(sentence[: found.start()].rstrip()) and not re.match(
            r"\s?(?:时|的?(?:置信|区间|分位))", sentence[found.end() :]
        ):
            asked = _exchange(sentence, found.start(), found.end(), "百分之多少", found.end())
            yield Fact("number", asked, *found.span("n"), "masked")
    for found in _quantity().finditer(sentence):
        if not _VERBAL.search(sentence[: found.start()].rstrip()) or sentence[found.end() :].lstrip().startswith("的"):
            continue
        gap = " " if found["q"].isascii() else ""
        yield Fact(
            "number",
            _exchange(sentence, found.start(), found.end("q"), f"多少{gap}{found['q']}", found.end("q")),
            found.start("n"),
            found.end("q"),
            "masked",
        )
    for found in _few().finditer(sentence):
        if not _NAMES_A_COUNT.search(sentence[: found.start()]):
            continue
        yield Fact(
            "number", _exchange(sentence, *found.span(), "几" + found["q"], found.end()), *found.span(), "masked"
        )


def _quantity() -> re.Pattern[str]:
    units = "|".join(sorted(map(re.escape, words("zh")["quantifiers"]), key=len, reverse=True))
    return re.compile(rf"{_BEFORE}{_ABOUT}(?P<n>{_NUMBER})\s?[万亿千百]{{0,2}}多?\s?(?P<q>{units})(?![A-Za-z])")


def _few() -> re.Pattern[str]:
    units = "|".join(sorted(map(re.escape, words("zh")["small_quantifiers"]), key=len, reverse=True))
    return re.compile(
        rf"(?<![第一二三四五六七八九十百千几数两的这])(?P<n>[两三四五六七八九]|十[一二三四五]?)(?P<q>{units})(?![一二三四五六七八九十])"
    )


#: Small numbers are often no fact at all ("the two of them"); behind these verbs they are one.
_NAMES_A_COUNT = re.compile(
    r"[^，。；：]{3}(?:有|分为|分成|可分|包含|包括|使用了|采用了|提出了?|存在|定义了|概括为|经过|由)$"
)


def _kind(sentence: str, variant: int) -> Iterator[Fact]:
    for found in _KIND.finditer(sentence):
        if (
            sentence[found.end() : found.end() + 1] in {"的", "、", "和"}
            or "（" in sentence[: found.start()].rpartition("）")[2]
        ):
            continue
        asked = _exchange(sentence, *found.span("x"), "哪个", found.end("x"))
        if found["x"] not in asked and len(asked) > 14:
            yield Fact("name", asked, *found.span("x"), "masked")


def _why(sentence: str, variant: int) -> Iterator[Fact]:
    for pattern in (_BECAUSE, _SINCE):
        if (found := pattern.match(sentence)) and not re.search(
            r"之所以|为什么|[是就正也只]$|则|是否|所以|却|往往$", found["r"]
        ):
            yield Fact("reason", f"为什么{flat(_LINK.sub('', found['r']))}？", *found.span("c"))


def _definition(sentence: str, variant: int) -> Iterator[Fact]:
    if (found := _SAID.match(sentence)) and not _NO_TERM.search(found["x"]):
        term = found["x"].strip()
        gap = " " if term[0].isascii() else ""
        tail = " " if term[-1].isascii() else ""
        asked = phrase("zh", "definition", variant, x=f"{gap}{term}{tail}").strip().replace(" ？", "？")
        yield Fact("definition", asked, *found.span("d"))
    if (found := _ITEM.match(sentence)) and not _NO_ITEM.search(found["x"]):
        yield Fact("item", phrase("zh", "item", variant, x=found["x"]), *found.span("d"))


_RULES: tuple[Callable[[str, int], Iterator[Fact]], ...] = (_year, _person, _work, _definition, _why, _count, _kind)


def _stands_alone(question: str) -> bool:
    if (
        not 6 <= len(question) <= LONGEST
        or "：" in question
        or re.search(r"谁(?:则|题目|关于|进一步|测量后)|年则|？.", question)
    ):
        return False
    if len(re.findall(r"\d+(?:[.,]\d+)*", question)) > 3:
        return False  # an example worked out, of which one step is missing
    return not _LEANING.search(question) and not _LOST.match(question)
