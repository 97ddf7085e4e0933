"""The words around a run of the agent, in the language of the settings or of the question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragbot.text import answer_language

if TYPE_CHECKING:
    from ragbot.settings import Settings


@dataclass(frozen=True)
class AgentLabels:
    """One language's words; ``{}`` is where a value goes."""

    asks: str
    allow: str
    yes: frozenset[str]
    sources: str
    ended: str
    kept: str
    interrupted: str
    no_kb: str
    none: str
    steps: str
    deleted: str
    done: str
    running: str
    stopped: str
    failed: str


LABELS = {
    "en": AgentLabels(
        asks="The agent wants to call {}",
        allow="Allow it? [y/N] ",
        yes=frozenset({"y", "yes"}),
        sources="Sources",
        ended="Ended early: {}.",
        kept="Run {}; show it again: ragbot agent --replay {}",
        interrupted="Stopped. To go on with it: ragbot agent --resume {}",
        no_kb="There is no knowledge base {}: the agent works without it.",
        none='No runs yet. Start one: ragbot agent "…"',
        steps="{} steps",
        deleted="Deleted: {}. No trace of them is left.",
        done="done",
        running="cut off",
        stopped="stopped",
        failed="failed",
    ),
    "zh": AgentLabels(
        asks="智能体想要调用 {}",
        allow="允许吗？[y/N] ",
        yes=frozenset({"y", "yes", "是", "好", "允许"}),
        sources="来源",
        ended="提前结束：{}。",
        kept="运行 {}；再次查看：ragbot agent --replay {}",
        interrupted="已停止。要继续：ragbot agent --resume {}",
        no_kb="没有知识库 {}：智能体将在没有它的情况下工作。",
        none="还没有任何运行记录。开始一次：ragbot agent “……”",
        steps="{} 步",
        deleted="已删除：{}，没有留下任何痕迹。",
        done="完成",
        running="中断",
        stopped="已停止",
        failed="出错",
    ),
}


def agent_labels(settings: Settings, text: str = "") -> AgentLabels:
    """The labels: the setting ``language``, or with ``auto`` the language of ``text``."""
    return LABELS[answer_language(text) if settings.language == "auto" else settings.language]
