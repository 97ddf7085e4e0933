"""Messages to the prompt of a local model: by the tokenizer's chat template, or plain for a base model."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage

from ragbot.models.hf import encodable
from ragbot.text import answer_language

#: What a plain prompt ends with, in the language of the last question; the model continues after it.
ANSWER_CUES = {"en": "Answer:", "zh": "回答："}
#: LangChain's message types to the roles of chat templates; what a tool returned is told by the user.
ROLES = {"system": "system", "human": "user", "ai": "assistant", "tool": "user"}

#: What a turn ends with that tells an agent what a tool returned: nobody asks in it.
_OBSERVED = "</observation>"

Turn = dict[str, str]


def turns(messages: Sequence[BaseMessage], special: re.Pattern[str] | None) -> list[Turn]:
    """Messages as ``{"role", "content"}``; neighbours of one role are joined, as most templates ask for.

    ``special`` matches the tokenizer's control tokens: where one stands in a text it is broken up by a space, so that
    a document cannot end the user's turn and speak as the system.
    """
    result: list[Turn] = []
    for message in messages:
        role = ROLES.get(message.type, "user")
        content = encodable(str(message.text))
        if special is not None:
            content = special.sub(lambda match: f"{match[0][0]} {match[0][1:]}", content)
        if result and result[-1]["role"] == role:
            result[-1]["content"] += "\n\n" + content
        else:
            result.append({"role": role, "content": content})
    return result


def special_tokens(tokenizer: Any) -> re.Pattern[str] | None:
    """A pattern for the control tokens of a Hugging Face tokenizer, or None if it has none."""
    tokens = {str(token.content) for token in tokenizer.added_tokens_decoder.values() if token.special}
    tokens |= {str(token) for token in tokenizer.all_special_tokens}
    return _any_of(frozenset(token for token in tokens if len(token) > 1))


@functools.cache
def _any_of(words: frozenset[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True)))) if words else None


def plain_prompt(conversation: Sequence[Turn]) -> str:
    """The prompt of a base model, which knows no roles: paragraphs, the last of them a cue.

    ::

        {system text}

        {user text}

        Answer: {assistant text}        (earlier turns only)

        {user text}

        Answer:

    The cue speaks the language of the last question. What a tool returned asks nothing: the cues of an agent's run stay
    what they were. A reply in JSON stands right behind its cue, as the model wrote it: so each prompt of a run begins
    with the one before and its reply, token for token.
    """
    told = (turn["content"].rstrip() for turn in reversed(conversation) if turn["role"] == "user")
    asked = next((text for text in told if not text.endswith(_OBSERVED)), "")
    cue = ANSWER_CUES[answer_language(asked.rpartition("\n")[2])]
    parts = [_said(turn["content"], cue) if turn["role"] == "assistant" else turn["content"] for turn in conversation]
    return "\n\n".join([*parts, cue])


def _said(reply: str, cue: str) -> str:
    return f"{cue}{reply}" if reply.startswith("{") else f"{cue} {reply}"


def chat_prompt(tokenizer: Any, conversation: list[Turn]) -> str:
    """The prompt by the tokenizer's template; one that knows no system role gets that text in the first user turn."""
    from jinja2 import TemplateError

    try:
        return str(tokenizer.apply_chat_template(conversation, tokenize=False, add_generation_prompt=True))
    except TemplateError:
        if len(conversation) < 2 or conversation[0]["role"] != "system":
            raise
    system, first, *rest = conversation
    merged = {"role": first["role"], "content": system["content"] + "\n\n" + first["content"]}
    return str(tokenizer.apply_chat_template([merged, *rest], tokenize=False, add_generation_prompt=True))


def text_ids(tokenizer: Any, text: str) -> list[int]:
    """Ids of ``text`` by a Hugging Face tokenizer, without special tokens."""
    ids: list[int] = tokenizer(encodable(text), add_special_tokens=False)["input_ids"]
    return ids


def prompt_ids(tokenizer: Any, messages: Sequence[BaseMessage]) -> list[int]:
    """The prompt of a Hugging Face tokenizer: by its template, or plain where it has none."""
    conversation = turns(messages, special_tokens(tokenizer))
    templated = bool(tokenizer.chat_template)
    text = chat_prompt(tokenizer, conversation) if templated else plain_prompt(conversation)
    # A template writes the special tokens itself.
    ids: list[int] = tokenizer(text, add_special_tokens=not templated)["input_ids"]
    return ids


def default_stops(tokenizer: Any) -> Sequence[str]:
    """What ends an answer beside the model's own end: a base model that has answered goes on with the next cue."""
    return () if tokenizer.chat_template else [f"\n{cue}" for cue in ANSWER_CUES.values()]
