"""``[agent]``: how the agent works, and what its tools may do."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ragbot.sections.base import Section

RuleName = Literal["allow", "ask", "deny"]


class AgentSettings(Section):
    """The agent."""

    llm: str = Field(
        "auto",
        min_length=1,
        description="chat model of the agent; auto: llm if it follows prompts, else the bundled one with its adapter",
    )
    tools: list[str] = Field(
        ["calculator", "clock", "units", "kb", "weather", "web_search", "fetch"],
        description="tools of the agent: calculator, clock, units, kb, tables, weather, web_search, fetch, python, mcp",
    )
    rules: dict[str, RuleName] = Field(
        {}, description='allow, ask or deny by tool: { web_search = "allow", "files__*" = "deny" }'
    )
    rates: str = Field("", description="file of exchange rates (TOML) for the tool units; empty: none are known")
    python_isolated: bool = Field(
        True, description="run programs only where they can be kept apart; false: they may do whatever you can"
    )
    protocol: Literal["auto", "native", "text"] = Field(
        "auto", description="how tools are called: native, text (JSON), auto: native where the model has it"
    )
    constrained: bool = Field(True, description="force replies in text into their form, where the model's backend can")
    thoughts: bool | Literal["auto"] = Field(
        "auto", description="let such replies begin with a thought; auto: not those of the bundled model"
    )
    narrow: bool | Literal["auto"] = Field(
        "auto",
        description="hold arguments and answers to columns that there are and numbers that were read; auto: of the bundled model",
    )
    passages: Annotated[int, Field(ge=0, le=50)] = Field(
        0, description="passages that a search of the agent shows; 0: 2 to the bundled model, 5 to others"
    )
    max_steps: Annotated[int, Field(gt=0, le=100)] = Field(8, description="replies of the model in one run, at most")
    max_tokens: Annotated[int, Field(ge=0)] = Field(0, description="tokens of one run, at most; 0: any number")
    max_seconds: float = Field(0.0, ge=0, description="seconds that one run may take; 0: any number")
    max_calls: Annotated[int, Field(ge=0)] = Field(
        0, description="calls of one tool in one run, at most; 0: any number"
    )
    plan: bool = Field(
        False, description="take a question apart first, and put each part to the documents (ask_documents)"
    )
    route: Literal["never", "rules", "model"] = Field(
        "never", description="decide first whether a question needs tools at all: never, by rules, by the model"
    )
    reply_tokens: Annotated[int, Field(ge=16)] = Field(512, description="longest reply of the model, in tokens")
