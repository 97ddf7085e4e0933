"""What a sentence denies, and the words that turn it into its opposite."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from ragbot.generation.verification.words import DEGREES, Word

_DENIES = frozenset(
    "not no never none nobody nothing neither nor without cannot hardly scarcely unable lack lacks lacked lacking fail "
    "fails failed nowhere refuses refuse".split()
)
#: Chinese denials as the characters that they begin with, and the words in which these deny nothing.
_HAN_DENIES = re.compile(
    r"(?<![可若舍恨怪巴])不(?!得[不了已而]|[过仅但断少久管论光只止妨愧惜满错已禁妙])|没(?![收落食])|未(?![来必婚])|无(?![论线穷数非锡限])|"
    r"(?<![除莫是南并])非(?![常洲得])|勿|毋|(?<![特区分个级类性派识鉴差])别(?![的人处名称墅致])|否认|缺乏|缺少|并非|拒绝|禁止|严禁"
)
_NO_DENIAL = re.compile(r"是否|能否|可否|与否|差不多|不一会|了不起|对不起|只不过|不亦乐乎|要不|不同|不等|不一")
_COMPLEMENTS = frozenset("了到出上下起动完清住开得")
_REACH = 4
_CLAUSE = frozenset(",;:!?()[]，。；：！？\n.、")

_PAIRS = """
more less|more fewer|most least|larger smaller|bigger smaller|greater smaller|greater less|greater lower|higher lower|high low
large small|big small|long short|longer shorter|fast slow|faster slower|quick slow|early late|earlier later|older younger
old new|older newer|before after|previous subsequent|precede follow|increase decrease|increase reduce|increases decreases
increase shrink|grow shrink|rise fall|raise lower|gain lose|gain loss|growth decline|improve worsen|improve degrade|better worse
best worst|strong weak|stronger weaker|hard easy|harder easier|difficult easy|simple complex|simple complicated|cheap expensive
cheaper dearer|light heavy|lighter heavier|many few|always never|always sometimes|often seldom|often rarely|usually rarely
everyone nobody|everything nothing|all none|all some|every no|both neither|either neither|accept reject|allow forbid|allow prevent
permit forbid|enable disable|include exclude|inside outside|above below|over under|up down|upper lower|maximum minimum
maximal minimal|at-most at-least|first last|start end|start stop|begin end|open close|opened closed|win lose|won lost
positive negative|true false|right wrong|correct incorrect|same different|similar different|possible impossible|necessary unnecessary
success failure|succeed fail|support oppose|support contradict|agree disagree|public private|internal external|static dynamic
sparse dense|deep shallow|wide narrow|full empty|north south|east west|northern southern|eastern western|left right
male female|man woman|men women|father mother|son daughter|king queen|buy sell|import export|push pull|add remove
add subtract|freeze unfreeze|encode decode|encoder decoder|input output|forward backward|ascending descending|top bottom
online offline|active passive|alive dead|birth death|born died|attack defend|ally enemy|profit loss|debit credit
""".strip()
_HAN_PAIRS = (
    "增加减少 增加降低 增加缩小 增大减小 增大缩小 增长下降 增长减少 提高降低 提高下降 提升降低 提升下降 上升下降 上涨下跌 扩大缩小 加快减慢 加快放慢 加速减速 "
    "加强削弱 增强减弱 升高降低 多于少于 高于低于 大于小于 早于晚于 优于劣于 长于短于 快于慢于 超过不足 之前之后 以前以后 以上以下 之上之下 以内以外 "
    "之内之外 前后 上下 左右 内外 先后 最大最小 最高最低 最多最少 最好最差 最早最晚 最长最短 最快最慢 较大较小 较高较低 较多较少 较长较短 "
    "更大更小 更高更低 更多更少 更好更差 更快更慢 更长更短 更强更弱 大小 高低 多少 长短 快慢 强弱 好坏 早晚 新旧 难易 贵便宜 昂贵便宜 "
    "容易困难 容易难以 简单复杂 允许禁止 允许不准 可以不得 接受拒绝 支持反对 同意反对 赞成反对 相同不同 一致矛盾 肯定否定 正确错误 有利不利 "
    "成功失败 胜利失败 战胜败给 打败败给 获胜落败 开始结束 开放关闭 打开关闭 启用停用 包括排除 内部外部 公开私有 输入输出 编码解码 正面负面 "
    "积极消极 主动被动 全部部分 所有部分 多数少数 大多数少数 总是从不 经常很少 往往很少 必须不必 需要无需 需要不需 有没有 有效无效 有关无关 东西 南北 东部西部 南部北部 "
    "男性女性 男女 父亲母亲 儿子女儿 出生去世 出生逝世 生于卒于 买入卖出 进口出口 进攻防守 盈利亏损 稀疏稠密 静态动态 上限下限 升序降序 在线离线 "
    "相不 好差 优劣 深浅 宽窄 远近 轻重 存在缺失 保留删除 冻结解冻 擅长不擅长 适合不适合 值得不值得"
)
#: Prefixes that turn an English word into its opposite.
_PREFIXES = ("un", "in", "im", "ir", "il", "non", "dis", "mis")


def _pairs() -> dict[str, frozenset[str]]:
    from ragbot.generation.verification.words import words

    table: dict[str, set[str]] = {}
    english = [pair.split() for pair in _PAIRS.replace("\n", "|").split("|")]
    keyed = [(words(one)[0].key, words(other)[0].key) for one, other in english]
    for one, other in [*keyed, *_han_pairs()]:
        table.setdefault(one, set()).add(other)
        table.setdefault(other, set()).add(one)
    return {word: frozenset(others) for word, others in table.items()}


def _han_pairs() -> list[tuple[str, str]]:
    found = []
    for pair in _HAN_PAIRS.split():
        middle = {"贵便宜": 1, "有没有": 1, "擅长不擅长": 2, "适合不适合": 2, "值得不值得": 2}.get(pair, len(pair) // 2)
        one, other = pair[:middle], pair[middle:]
        found.append((one, other))
        if one[0] == other[0] and one[0] in DEGREES and len(one) > 1:
            found.append((one[1:], other[1:]))
    return found


_TABLE: dict[str, frozenset[str]] = {}


def opposites(key: str) -> frozenset[str]:
    """Keys of the words that say the opposite of the word with this key."""
    if not _TABLE:
        _TABLE.update(_pairs())
    return _TABLE.get(key, frozenset())


def _positive(key: str) -> str:
    """The adjective that a comparative or superlative is made of (longest: long), where the table has it."""
    for ending in ("er", "est"):
        if key.endswith(ending):
            stem = key[: -len(ending)]
            return next((form for form in (stem, stem[:-1], f"{stem}e") if opposites(form)), key)
    return key


def opposed(one: str, other: str) -> bool:
    """Whether two keys are opposites, by the table or by a prefix: supported and unsupported; long and shorter, too."""
    if other in opposites(one) or (one.isascii() and _positive(other) in opposites(_positive(one))):
        return True
    if not one.isascii():
        return _opposed_inside(one, other)
    short, long = sorted((one, other), key=len)
    return short.isascii() and len(short) >= 4 and any(long == prefix + short for prefix in _PREFIXES)


def _opposed_inside(one: str, other: str) -> bool:
    """成功率 and 失败率: Chinese words that differ in a part, which is the opposite."""
    shared = min(len(one), len(other))
    front = next((i for i in range(shared) if one[i] != other[i]), shared)
    back = next((i for i in range(shared - front) if one[-1 - i] != other[-1 - i]), shared - front)
    # 编码器 and 解码器 share a character of the part that is the opposite.
    for more in range(min(back, 2) + 1):
        if other[front : len(other) - back + more] in opposites(one[front : len(one) - back + more]):
            return True
    return False


def denies(word: Word) -> bool:
    """Whether the word is a denial: not, never, 不, 没有."""
    return _denies(word.written, word.tag)


@lru_cache(1 << 13)
def _denies(written: str, tag: str) -> bool:
    if tag == "latin":
        lowered = written.casefold()
        return lowered in _DENIES or lowered.endswith("n't") or lowered.startswith("non-")
    return tag in {"han", "name"} and bool(_HAN_DENIES.search(written)) and not _NO_DENIAL.search(written)


def denials(words: Sequence[Word]) -> list[int]:
    """Indices of the words that deny something."""
    return [number for number, word in enumerate(words) if denies(word)]


def denied(words: Sequence[Word], cue: int) -> list[Word]:
    """What the denial at this index is about, nearest first: the next content words of its clause, or those before."""
    behind = words[cue + 1 : cue + 2]
    if words[cue].key == "不" and behind and behind[0].key in _COMPLEMENTS:  # 救不了 cannot save
        return _near(words[:cue][::-1])
    return _near(words[cue + 1 :]) or _near(words[:cue][::-1])


def by_denial(words: Sequence[Word]) -> tuple[Counter[str], Counter[str]]:
    """How often each content word stands where no denial is about it, and how often where one is."""
    about = {id(word) for cue in denials(words) for word in denied(words, cue)}
    content = [word for word in words if word.content and not denies(word)]
    return Counter(w.key for w in content if id(w) not in about), Counter(w.key for w in content if id(w) in about)


def _near(words: Sequence[Word]) -> list[Word]:
    found: list[Word] = []
    for word in words:
        if word.written in _CLAUSE or len(found) == _REACH:
            break
        if word.content and not denies(word):
            found.append(word)
    return found
