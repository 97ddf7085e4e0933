"""The words around an answer, in the answer's language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragbot.text import answer_language

if TYPE_CHECKING:
    from ragbot.settings import Settings


@dataclass(frozen=True)
class Labels:
    """One language's words; ``{}`` is where a value goes."""

    sources: str
    page: str
    before_page: str
    confidence: str
    threshold: str
    nearest: str
    no_citations: str
    nothing_found: str
    no_documents: str
    filtered: str
    score: str
    characters: str
    also_in: str
    stopped: str
    no_answer_yet: str
    no_sources: str
    cleared: str
    unknown_command: str
    chat_greeting: str
    chat_help: str
    chat_leave: str
    you: str


LABELS = {
    "en": Labels(
        sources="Sources",
        page="page {}",
        before_page=", ",
        confidence="confidence {}",
        threshold="; below {} nothing is answered",
        nearest="The nearest passages are in:",
        no_citations="This answer has no citation: check it before you rely on it.",
        nothing_found="Nothing found for “{}”.",
        no_documents="There are no documents yet. Add some first: ragbot ingest FOLDER",
        filtered="Filters are set: fewer of them may find more.",
        score="score {}",
        characters="characters {}–{} of {}",
        also_in="also in: {}",
        stopped="(stopped)",
        no_answer_yet="There is no answer yet.",
        no_sources="The last answer has no sources.",
        cleared="Forgotten: the next question starts a new conversation.",
        unknown_command="There is no command {}.",
        chat_greeting="Chatting with {} ({} documents). /help lists the commands, Ctrl-D leaves.",
        chat_help=(
            "/sources  the quotes behind the last answer\n/good, /bad [WORDS]  say what you think of the last answer\n"
            "/clear    start a new conversation\n/exit     leave (or Ctrl-D)\nCtrl-C    stop the answer"
        ),
        chat_leave="/exit or Ctrl-D leaves.",
        you="you> ",
    ),
    "zh": Labels(
        sources="来源",
        page="第 {} 页",
        before_page="，",
        confidence="可信度 {}",
        threshold="，低于 {} 不作答",
        nearest="最接近的段落出自：",
        no_citations="这个回答没有引用出处，采用之前请先核实。",
        nothing_found="没有找到与“{}”相关的内容。",
        no_documents="还没有任何文档。请先添加：ragbot ingest 文件夹",
        filtered="已设置筛选条件；放宽条件也许能找到更多。",
        score="得分 {}",
        characters="第 {}–{} 个字符，{}",
        also_in="另见：{}",
        stopped="（已停止）",
        no_answer_yet="还没有回答。",
        no_sources="上一个回答没有来源。",
        cleared="已清空：下一个问题将开始新的对话。",
        unknown_command="没有命令 {}。",
        chat_greeting="正在与 {} 对话（{} 篇文档）。/help 列出命令，Ctrl-D 退出。",
        chat_help="/sources  上一个回答所依据的原文\n/good、/bad [意见]  评价上一个回答\n/clear    开始新的对话\n/exit     退出（或 Ctrl-D）\nCtrl-C    停止回答",
        chat_leave="/exit 或 Ctrl-D 退出。",
        you="你> ",
    ),
}


def labels_for(settings: Settings, text: str = "") -> Labels:
    """The labels for a question or an answer: the setting ``language``, or with ``auto`` the language of ``text``."""
    return LABELS[answer_language(text) if settings.language == "auto" else settings.language]
