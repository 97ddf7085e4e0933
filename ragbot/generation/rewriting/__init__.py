"""Questions rewritten before the search: one file a purpose, and the table from the setting to what does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragbot.errors import SettingsError
from ragbot.generation.rewriting.base import AS_ASKED, Rewriter
from ragbot.generation.rewriting.by_model import ByModel, Languages
from ragbot.generation.rewriting.splitting import Splitting
from ragbot.generation.rewriting.strategies import STRATEGIES

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

#: What needs no strategy of a model: ``feedback`` is the retriever's own (:mod:`ragbot.retrieval.feedback`).
WITHOUT_MODEL = ("none", "rules", "feedback")
#: What cannot be done by rules.
_MODEL_ONLY = ("multi-query", "hyde")


def needs_model(name: str) -> bool:
    """Whether a strategy has a use for a chat model."""
    return name in STRATEGIES


def make_rewriter(
    name: str, count: int = 3, model: BaseChatModel | None = None, languages: Languages | None = None
) -> Rewriter:
    """The rewriter of that name.

    Args:
        name: a key of :data:`ragbot.generation.rewriting.strategies.STRATEGIES`, or one of :data:`WITHOUT_MODEL`.
        count: texts that a question is searched for in, beside itself.
        model: None where there is none: ``standalone`` and ``decompose`` are then ``rules``.
        languages: of the documents that a question may be about.

    Raises:
        SettingsError: there is no such strategy, or it needs a chat model and there is none.
    """
    if name == "none":
        return AS_ASKED
    rules = Splitting(count)
    if name in WITHOUT_MODEL:
        return rules
    if name not in STRATEGIES:
        raise SettingsError(
            f"there is no strategy {name!r}: retrieval.rewrite is one of {', '.join([*WITHOUT_MODEL, *STRATEGIES])}"
        )
    if model is None and name in _MODEL_ONLY:
        raise SettingsError(
            f"retrieval.rewrite = {name!r} has a chat model write what is searched for, and llm = 'extractive' is none: "
            "name one (--llm MODEL, RAGBOT_LLM, or llm in ragbot.toml; `ragbot models list` shows which can be used), or "
            "choose rules, which need none"
        )
    return rules if model is None else ByModel(model, STRATEGIES[name], count, rules, languages=languages)
