"""Example questions, offered while the knowledge base is the sample that ships with ragbot."""

from __future__ import annotations

from pathlib import Path

from ragbot.bot import RagBot

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "corpus"
_CHINESE = ("宪法式 AI 的强化学习阶段为什么叫 RLAIF？", "GPT-2 的词表 50257 是怎么凑出来的？")
_ENGLISH = ("How does RMSNorm differ from ordinary layer normalisation?", "What is the NF4 data type?")


def examples(bot: RagBot, language: str) -> tuple[str, ...]:
    """Questions that the sample answers, the reader's language first; none for other documents."""
    if not any(SAMPLE in Path(document.source).parents for document in bot.documents()):
        return ()
    return (*_CHINESE, *_ENGLISH) if language == "zh" else (*_ENGLISH, *_CHINESE)
