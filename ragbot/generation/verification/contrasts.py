"""Words of both languages that say the opposite of each other: what a claim must not turn round, whatever its language."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Contrast:
    """One thing that can be said in two ways, each as words of both languages."""

    one: re.Pattern[str]
    other: re.Pattern[str]


# English words with their endings, then Chinese ones; the two ways are parted by a slash.
_TABLE = """
increas*,grow*,rise*,rising,rose,raise*,expand* 增,提高,提升,上升,扩大 / reduc*,decreas*,fell,drop*,shrink*,shrank,shrunk,diminish* 减,降,缩
higher 更高,越高,较高 / lower 更低,越低,较低
longer 更长,越长,变长,较长,加长 / shorter 更短,越短,变短,较短,缩短
more 更多,越多,变多,较多 / fewer,less 更少,越少,变少,较少
larger,bigger,greater 更大,越大,变大,较大 / smaller 更小,越小,变小,较小
doubl*,twice 翻倍,翻一倍,加倍,两倍 / half,halv* 一半,减半
fast*,quick*,speedup*,speed-up*,accelerat*,soon* 快,加速,提速,迅速 / slow* 慢,放缓
expensive,costl*,dear* 贵 / cheap*,inexpensive 便宜,廉价,划算
better,best,improv*,superior,beat*,outperform* 更好,最好,改善,优于,胜过,更强 / worse*,worst,degrad*,inferior 更差,最差,变差,恶化,不如,不及,更糟
eas* 容易,轻松,简单 / hard*,difficult* 困难,难以,很难,更难,不易
maxim*,largest,highest,longest,most 最大,最高,最长,最多 / minim*,smallest,lowest,shortest,least 最小,最低,最短,最少
earl*,before,previous*,prior,preced* 之前,以前,先前,早于,前面 / late,later,after,subsequent*,follow* 之后,以后,后来,晚于,后面
encoder* 编码器 / decoder* 解码器
input* 输入 / output* 输出
useful,use 有用,有效 / useless 没用,无用,毫无用处,无效
always,every* 总是,始终,一直,永远,每次 / never,seldom,rarely,hardly 从不,从未,绝不,很少,难得
succe* 成功 / fail* 失败
accept* 接受 / reject*,refus* 拒绝
allow*,permit* 允许,准许 / forbid*,forbad*,prohibit*,ban*,prevent* 禁止,不准,阻止,避免
support* 支持 / oppos* 反对
win,won,wins,defeat* 获胜,战胜,击败 / lose,loses,lost 落败,输给,战败
north* 北 / south* 南
east* 东 / west* 西
left 左 / right 右
buy*,bought 买 / sell*,sold 卖
import* 进口 / export* 出口
public* 公开,公共 / private* 私有,私人
internal*,inner 内部 / external*,outer 外部
male,man,men 男 / female,woman,women 女
born,birth 出生 / died,death,dies 去世,逝世,死亡
static* 静态 / dynamic* 动态
dense* 稠密 / sparse* 稀疏
strong* 强 / weak* 弱
positive* 正面,积极,阳性 / negative* 负面,消极,阴性
gain*,benefit*,advantage* 好处,优点,收益,有利,一利 / price,cost*,drawback*,disadvantage* 代价,缺点,坏处,一弊
linear* 线性 / quadratic* 平方
"""


def _side(written: str) -> re.Pattern[str]:
    words = [word for part in written.split() for word in part.split(",")]
    latin = [re.escape(word).replace(r"\*", r"[a-z]*") for word in words if word[0].isascii()]
    han = [re.escape(word) for word in words if not word[0].isascii()]
    return re.compile(rf"(?<![a-z])(?:{'|'.join(latin)})(?![a-z])|{'|'.join(han)}", re.I)


def _read(line: str) -> Contrast:
    one, _, other = line.partition(" / ")
    return Contrast(_side(one), _side(other))


CONTRASTS = tuple(_read(line) for line in _TABLE.strip().splitlines())


def turned_round(claim: str, source: str) -> list[tuple[str, str]]:
    """What the levelled claim says in the one way alone and the levelled source in the other alone, as written there."""
    found = []
    for contrast in CONTRASTS:
        mine = contrast.one.search(claim), contrast.other.search(claim)
        theirs = contrast.one.search(source), contrast.other.search(source)
        for side in (0, 1):
            said, against = mine[side], theirs[1 - side]
            if said and against and not mine[1 - side] and not theirs[side]:
                found.append((said.group(), against.group()))
    return found
