"""``[generation]`` and ``[conversation]``: how answers are made, and what is remembered of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ragbot.sections.base import Fraction, Positive, Section

SummaryName = Literal["auto", "none", "extractive", "model"]
StrategyName = Literal["zero-shot", "few-shot", "chain-of-thought", "self-consistency", "structured"]
StrictnessName = Literal["off", "mark", "strict"]


class GenerationSettings(Section):
    """How answers are made."""

    context_tokens: Positive = Field(1200, description="largest context handed to the chat model, in its tokens")
    answer_tokens: Positive = Field(256, description="longest answer, in tokens")
    temperature: float = Field(0.0, ge=0, le=2, description="randomness of a chat model; 0 takes the likeliest token")
    timeout: float = Field(600.0, gt=0, description="seconds that a chat model may take for one answer")
    first_token_timeout: float = Field(300.0, gt=0, description="seconds until its first token must have come")
    min_confidence: Fraction = Field(0.5, description="below this the question is refused")
    strategy: StrategyName = Field(
        "zero-shot",
        description="how a chat model is asked: zero-shot, few-shot, chain-of-thought, self-consistency, structured",
    )
    samples: Annotated[int, Field(gt=0, le=100)] = Field(5, description="answers that self-consistency compares")
    strictness: StrictnessName = Field(
        "mark", description="sentences that no source supports: off (not checked), mark, strict (removed)"
    )


class ConversationSettings(Section):
    """What is remembered of a conversation, and how long it is kept."""

    turns: Annotated[int, Field(ge=0, le=100)] = Field(
        2, description="last turns that go with a question word for word; 0: each question stands alone"
    )
    tokens: Annotated[int, Field(ge=64)] = Field(
        1000, description="largest history that goes with a question, in tokens"
    )
    summary: SummaryName = Field(
        "auto", description="of older turns: auto (model if there is one), none, extractive, model"
    )
    retention_days: Annotated[int, Field(ge=0)] = Field(
        0, description="conversations not used for so many days are deleted; 0: kept"
    )
