"""Small documents in Chinese and English whose every word is known: by name and generation, the same on each machine."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable
from pathlib import Path

EN = (
    "river lamp model paper green stone token harbour cache tensor gradient window ladder copper violin orchard".split()
)
ZH = "训练 数据 缓存 显存 矩阵 低秩 量化 检索 向量 北京 长江 灯塔 图书馆 实验室 注意力 分词".split()
#: Rare characters (CJK extension A), so many that two of them side by side are no other document's.
RARE = [chr(code) for code in range(0x3400, 0x4DB6)]
QUESTIONS = (
    "green river stone",
    "低秩 矩阵 怎样 训练",
    "generation 2 of the harbour",
    "北京 图书馆 的 向量 检索",
    "Which paper describes the attention cache?",
    "nothing that anybody wrote",
)


def names(count: int) -> list[str]:
    """Names of files: every other one is Chinese, every third Markdown."""
    return [f"{'zh' if number % 2 else 'en'}{number:02}.{'txt' if number % 3 else 'md'}" for number in range(count)]


def secret(name: str, generation: int) -> tuple[str, str]:
    """A made-up English word and three rare characters that stand in this document only."""
    rng = random.Random(f"secret {name} {generation}")
    word = "qz" + "".join(rng.choices("bcdfghjklmnpqrstvwxz", k=10))
    return word, "".join(rng.sample(RARE, 3))


def text(name: str, generation: int) -> str:
    """What a file of this name says in this generation: several chunks, each of which tells both."""
    rng = random.Random(f"{name} {generation}")
    latin, han = secret(name, generation)
    words = ZH if name.startswith("zh") else EN
    title = f"# {name} generation {generation}\n\n" if name.endswith(".md") else ""
    # Some passages are the same in every generation: their embeddings are taken over and not made again.
    same = random.Random(name)
    passages = []
    for part in range(rng.randint(2, 5)):
        pick = same if part == 0 else rng
        mark = f"{name} part {part}" if part == 0 else f"{name} generation {generation} part {part} {latin}{part} {han}"
        joined = ("" if words is ZH else " ").join(pick.choices(words, k=60))
        passages.append(f"{mark}: {joined}{'。' if words is ZH else '.'}")
    return title + "\n\n".join(passages) + "\n"


def write(folder: Path, sources: Iterable[str], generation: int) -> list[str]:
    """Write the files of one generation; returns their sources as the catalog names them."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in sources:
        path = folder / name
        path.write_text(text(name, generation), encoding="utf-8")
        # A time of its own for each generation: what changes within one tick of the clock would pass for unchanged.
        os.utime(path, ns=(generation * 10**9, generation * 10**9))
        written.append(str(path))
    return written
