"""What ``/v1/chat/completions`` takes: OpenAI's fields as far as they can be obeyed, and ``ragbot`` for our own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

#: Texts in a request; documents are brought in elsewhere.
_TEXT = 1_000_000
_MOST_MESSAGES = 1000


class TextPart(BaseModel):
    """A piece of a message."""

    type: Literal["text"]
    text: Annotated[str, Field(max_length=_TEXT)]


class ChatMessage(BaseModel):
    """One message; the last one is the question, those before it are what was said."""

    model_config = ConfigDict(extra="ignore")  # names, refusals, annotations of earlier answers

    role: Literal["user", "assistant", "system", "developer"]
    content: Annotated[str, Field(max_length=_TEXT)] | Annotated[list[TextPart], Field(max_length=100)]

    @property
    def text(self) -> str:
        """The content as one text."""
        return self.content if isinstance(self.content, str) else "\n".join(part.text for part in self.content)


class StreamOptions(BaseModel):
    """Options of a streamed answer."""

    model_config = ConfigDict(extra="forbid")

    include_usage: bool = Field(False, description="Send the tokens in a last piece.")
    include_obfuscation: bool = Field(False, description="Taken, and without effect: pieces are not padded.")


#: SQLite ends a text at a NUL, and what is left of a condition then may be true of everything.
Name = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")]
Names = Annotated[list[Name], Field(max_length=100)]
Day = Annotated[str, Field(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")]


class Where(BaseModel):
    """Which documents are searched; every condition that is given must hold."""

    model_config = ConfigDict(extra="forbid")

    sources: Names = Field([], description="Exact names, folders, or patterns with * and ?.")
    types: Names = Field([], description="Types such as pdf or md.")
    languages: Names = Field([], description="Language tags such as zh or en.")
    tags: Names = Field([], description="One of these tags.")
    collections: Names = Field([], description="One of these collections.")
    since: Day | None = Field(None, description="Documents of this day or later: YYYY[-MM[-DD]].")
    until: Day | None = Field(None, description="Documents of this day or earlier.")


class Extension(BaseModel):
    """Our own part of a request: `extra_body={"ragbot": {…}}` with the official client."""

    model_config = ConfigDict(extra="forbid")

    where: Where = Field(default_factory=Where, description="Which documents are searched.")
    top_k: Annotated[int, Field(ge=1, le=100)] | None = Field(None, description="How many passages are looked at.")
    strictness: Literal["off", "mark", "strict"] | None = Field(
        None, description="Sentences that no source supports: not checked, marked, or removed."
    )
    hits: bool = Field(False, description="Also send the passages that were found.")


class ChatRequest(BaseModel):
    """A question, with what was said before."""

    model_config = ConfigDict(extra="allow")  # what is not known is refused by name, or dropped

    model: Annotated[str, Field(max_length=200)] = Field(
        description="`ragbot` for the default knowledge base, `ragbot/NAME` for another one.", examples=["ragbot"]
    )
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=_MOST_MESSAGES)] = Field(
        examples=[[{"role": "user", "content": "What is it about?"}]]
    )
    stream: bool | None = Field(None, description="Send the answer piece by piece, as server-sent events.")
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = Field(None, description="With a chat model alone.")
    max_tokens: Annotated[int, Field(ge=1)] | None = Field(None, description="Likewise; the older name.")
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="With a chat model alone: longest answer, in its tokens; no longer than the server's own limit.",
    )
    stop: Annotated[str, Field(max_length=200)] | Annotated[list[str], Field(max_length=4)] | None = Field(
        None, description="With a chat model alone: texts that end the answer."
    )
    store: bool | None = Field(None, description="Keep the answer, so that it can be rated (`/v1/feedback`).")
    ragbot: Extension = Field(default_factory=Extension)


class AgentMessage(BaseModel):
    """What was said before."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["user", "assistant"]
    content: Annotated[str, Field(max_length=_TEXT)]


class AgentRequest(BaseModel):
    """A question for the agent."""

    model_config = ConfigDict(extra="forbid")

    question: Annotated[str, Field(min_length=1, max_length=100_000)]
    model: Annotated[str, Field(max_length=200)] = Field(
        "ragbot", description="`ragbot` for the default knowledge base, `ragbot/NAME` for another one."
    )
    history: Annotated[list[AgentMessage], Field(max_length=_MOST_MESSAGES)] = Field([])
    tools: Annotated[list[str], Field(max_length=50)] | None = Field(
        None, description="Of the tools that the server's settings name; default: all of them."
    )
    allow: Annotated[list[str], Field(max_length=50)] = Field(
        [], description="Tools that may use the network or change something without anybody being asked."
    )
    language: Literal["zh", "en"] = Field("en", description="Of what tools say where a call is in no language.")
    stream: bool = Field(False, description="Send each step as it happens, as server-sent events.")
    where: Where = Field(default_factory=Where, description="Which documents the agent may search.")


#: The shape of answers in the documentation; what is sent is made of plain dictionaries.
Json = dict[str, Any]
