"""The words around stored conversations, in the language of the settings or of what was said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragbot.text import answer_language

if TYPE_CHECKING:
    from ragbot.settings import Settings


@dataclass(frozen=True)
class ConversationLabels:
    """One language's words; ``{}`` is where a value goes."""

    none: str
    none_with: str
    turns: str
    more: str
    not_found: str
    in_title: str
    asked: str
    interrupted: str
    failed: str
    alternatives: str
    good: str
    bad: str
    expected: str
    renamed: str
    deleted: str
    delete_all: str
    exported: str
    questions: str
    nothing_rated: str
    imported: str
    there_already: str
    goes_on: str
    nothing_to_continue: str
    kept: str
    not_kept: str
    thanks: str
    nothing_to_rate: str


LABELS = {
    "en": ConversationLabels(
        none="No conversations yet. Start one: ragbot chat",
        none_with="No conversations with {} yet. Start one: ragbot chat --kb {}",
        turns="{} turns",
        more="{} more: --limit shows more of them, ragbot conversations search finds one.",
        not_found="Nothing found for “{}”.",
        in_title="(in the title)",
        asked="{} · with {}",
        interrupted="(stopped)",
        failed="(failed: {})",
        alternatives="(one of {} alternatives)",
        good="rated good",
        bad="rated bad",
        expected="expected: {}",
        renamed="{} is now “{}”.",
        deleted="Deleted: {}. No trace of them is left.",
        delete_all="Delete all {} conversations for good?",
        exported="{} conversations written to {}",
        questions="{} rated questions written to {}; look through them: ragbot eval review {}",
        nothing_rated="No answer has been rated yet: /good and /bad in ragbot chat do it.",
        imported="{} conversations brought in, {} were there already",
        there_already="(there already)",
        goes_on="Going on with “{}” ({} turns).",
        nothing_to_continue="There is no conversation with this knowledge base yet: a new one begins.",
        kept="To go on with this conversation: ragbot chat --continue {}",
        not_kept="Nothing of this conversation is stored (--no-history), so nothing can be rated.",
        thanks="Noted, thank you.",
        nothing_to_rate="There is no answer yet that could be rated.",
    ),
    "zh": ConversationLabels(
        none="还没有任何对话。开始一个：ragbot chat",
        none_with="还没有与 {} 的对话。开始一个：ragbot chat --kb {}",
        turns="{} 轮",
        more="另有 {} 个：用 --limit 显示更多，或用 ragbot conversations search 查找。",
        not_found="没有找到与“{}”相关的内容。",
        in_title="（标题中）",
        asked="{} · 知识库 {}",
        interrupted="（已停止）",
        failed="（出错：{}）",
        alternatives="（共有 {} 个版本）",
        good="评价：好",
        bad="评价：差",
        expected="正确答案：{}",
        renamed="{} 的标题已改为“{}”。",
        deleted="已删除：{}，没有留下任何痕迹。",
        delete_all="确定要彻底删除全部 {} 个对话吗？",
        exported="已将 {} 个对话写入 {}",
        questions="已将 {} 个评价过的问题写入 {}；请逐一检查：ragbot eval review {}",
        nothing_rated="还没有评价过任何回答：在 ragbot chat 中用 /good 和 /bad 评价。",
        imported="已导入 {} 个对话，{} 个原本就有",
        there_already="（原本就有）",
        goes_on="继续对话“{}”（{} 轮）。",
        nothing_to_continue="与这个知识库还没有对话，现在开始新的对话。",
        kept="要继续这个对话：ragbot chat --continue {}",
        not_kept="本次对话不保存（--no-history），因此无法评价。",
        thanks="已记下，谢谢。",
        nothing_to_rate="还没有可以评价的回答。",
    ),
}


def conversation_labels(settings: Settings, text: str = "") -> ConversationLabels:
    """The labels: the setting ``language``, or with ``auto`` the language of ``text``."""
    return LABELS[answer_language(text) if settings.language == "auto" else settings.language]
