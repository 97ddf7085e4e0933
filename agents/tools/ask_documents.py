"""The tool ``ask_documents``: a question to the documents, answered as ``ragbot ask`` does, with its citations."""

from __future__ import annotations

from collections.abc import Callable

from langchain_core.tools import BaseTool

from agents.tools.base import Result, ToolInputError, Traits, tool
from ragbot.documents import Answer

NAME = "ask_documents"
TRAITS = Traits(
    timeout=600.0,
    summaries={
        "en": "Ask the user's documents one question and get an answer with its sources.",
        "zh": "向用户的文档提一个问题，得到带来源的回答。",
    },
)
_TEXTS = {
    "en": {"empty": "question is empty: write one question.", "none": "The documents do not answer this."},
    "zh": {"empty": "question 为空：请写一个问题。", "none": "文档没有回答这个问题。"},
}


def ask_documents(ask: Callable[[str], Answer], language: str = "en") -> BaseTool:
    """The tool that puts a question to ``ask``.

    Args:
        ask: answers from the documents, as :meth:`ragbot.RagBot.ask`.
        language: ``en`` or ``zh``; of what the model is told where there is no answer.
    """

    @tool(NAME, TRAITS)
    def call(question: str) -> Result:
        """Ask the user's documents one question.

        Args:
            question: one question that can be understood by itself.
        """
        if not question.strip():
            raise ToolInputError(_TEXTS[language]["empty"])
        answer = ask(question)
        texts = _TEXTS[answer.language if answer.language in _TEXTS else language]
        data = {"abstained": answer.abstained, "confidence": answer.confidence}
        if answer.abstained or not answer.text.strip():
            return Result(texts["none"], data=data)
        return Result(answer.text, answer.citations, data)

    return call
