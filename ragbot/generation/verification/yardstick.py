"""Sentences by which an embedder is measured: each said twice in Chinese and twice in English.

Cosines of different embedders cannot be compared. How near two sentences are is therefore read on a scale that each
embedder gets for itself: 0 is as near as sentences about different things, 1 as near as two wordings of one.
"""

from __future__ import annotations

#: English, the same in other words, Chinese, the same in other words. No sentence shares its subject with another.
SENTENCES = (
    ("The library closes at six.", "You cannot get in after 6 pm.", "图书馆六点关门。", "晚上六点以后就进不去了。"),
    ("Fresh fish must be kept on ice.", "Put the catch somewhere cold.", "鲜鱼必须放在冰上。", "捕到的鱼要冷藏。"),
    ("The bridge was built of stone.", "Masons erected the crossing.", "这座桥是用石头建造的。", "桥是石匠砌成的。"),
    (
        "Children under five travel free.",
        "No ticket is needed for infants.",
        "五岁以下儿童免费乘车。",
        "幼儿不用买票。",
    ),
    (
        "The engine failed for lack of oil.",
        "It broke down unlubricated.",
        "发动机因缺油而损坏。",
        "没有润滑，机器就坏了。",
    ),
    ("Rents have risen again this year.", "Housing costs more than before.", "今年房租又涨了。", "住房比以前更贵。"),
    ("Save the file before you quit.", "Store your work, then leave.", "退出之前请保存文件。", "先存好内容再关闭。"),
    ("The treaty ended the war.", "Peace came with the agreement.", "条约结束了战争。", "协议签订后恢复了和平。"),
    (
        "Bees carry pollen between flowers.",
        "Insects fertilise the blossoms.",
        "蜜蜂在花朵之间传播花粉。",
        "昆虫为花授粉。",
    ),
    ("The court rejected the appeal.", "The judges upheld the ruling.", "法院驳回了上诉。", "法官维持原判。"),
    (
        "Most patients recovered quickly.",
        "The sick were soon well again.",
        "大多数患者很快康复。",
        "病人不久就痊愈了。",
    ),
    ("The river floods every spring.", "High water comes yearly.", "这条河每年春天泛滥。", "每到春季就发大水。"),
)
