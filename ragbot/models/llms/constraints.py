"""Answers that keep to a JSON schema: at each step only the tokens are left that a valid object can go on with.

The automaton is llguidance's (an Earley parser over derivatives of regular expressions, on the trie of the vocabulary's
bytes), so a token that ends in the middle of a character, an escape, or two pieces of JSON in one token are all right, and
no step is without a token. What an object looks like is decided here: no white space but one blank behind ``,`` and
``:``, because a small model that may write blanks can go on with them for ever.
"""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ragbot.errors import MissingExtraError, SettingsError

#: Schemas whose automata are kept, over all models.
KEPT = 32
#: How JSON is written.
STYLE: Any = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}

Ids = npt.NDArray[np.intp]


class Constraint(Protocol):
    """What may come next in a text that has to keep to a form."""

    def allowed(self) -> Sequence[int] | Ids:
        """Ids of the tokens that may follow; at least one. Behind a whole text that is the end alone."""

    def push(self, token: int) -> None:
        """The text goes on with ``token``, one of those that were allowed."""


@dataclass(frozen=True)
class Vocabulary:
    """What an automaton must know of a tokenizer.

    Attributes:
        pieces: the bytes of each token, in the order of the ids; empty where a token has no text.
        end: the token that ends an answer.
        encode: a text's ids, none of them a control token.
    """

    pieces: Sequence[bytes]
    end: int
    encode: Callable[[str], Sequence[int]]

    def tokenizer(self) -> Any:
        """llguidance's view of it."""
        from llguidance import LLTokenizer, TokenizerWrapper

        return LLTokenizer(TokenizerWrapper(_Wrapped(self)), eos_token=self.end, slices=LLTokenizer.json_slices())


class _Wrapped:
    """The names that llguidance asks for."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.eos_token_id = vocabulary.end
        self.bos_token_id = None
        self.tokens = list(vocabulary.pieces)
        self.special_token_ids = [i for i, piece in enumerate(vocabulary.pieces) if not piece]
        self._encode = vocabulary.encode

    def __call__(self, text: bytes | str) -> list[int]:
        return list(self._encode(text.decode("utf-8", "replace") if isinstance(text, bytes) else text))


class Constraints:
    """Makes the constraints of one tokenizer, which is read when the first is asked for. Thread-safe.

    Args:
        tokenizer: makes llguidance's tokenizer (:meth:`Vocabulary.tokenizer`).
        extra: the optional packages that bring llguidance.
    """

    def __init__(self, tokenizer: Callable[[], Any], extra: str) -> None:
        self._make = tokenizer
        self._extra = extra
        self._lock = threading.Lock()
        self._tokenizer: Any = None

    def of(self, schema: Mapping[str, Any]) -> Constraint:
        """A new constraint, at its beginning.

        Raises:
            MissingExtraError: llguidance is not installed.
            SettingsError: ``schema`` is no JSON schema that it can follow.
        """
        if importlib.util.find_spec("llguidance") is None:
            raise MissingExtraError("An answer that keeps to a schema", self._extra)
        with self._lock:
            if self._tokenizer is None:
                self._tokenizer = self._make()
        matcher = _matcher(self._tokenizer, json.dumps(schema))
        return JsonConstraint(matcher.deep_copy(), self._tokenizer.eos_tokens)


class JsonConstraint:
    """One answer under a schema."""

    def __init__(self, matcher: Any, ends: Sequence[int]) -> None:
        self._matcher = matcher
        self._ends = np.array(ends)

    def allowed(self) -> Ids:
        """See :class:`Constraint`."""
        if self._matcher.is_stopped():
            return self._ends
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        found = np.flatnonzero(np.unpackbits(bits, bitorder="little"))
        # A schema that asks for what cannot be written ends the answer instead of stopping the loop.
        return found if len(found) else self._ends

    def push(self, token: int) -> None:
        """See :class:`Constraint`."""
        if token not in self._ends:
            self._matcher.consume_token(token)


def within(logits: npt.NDArray[np.float32], constraint: Constraint | None) -> npt.NDArray[np.float32]:
    """``logits`` of a vocabulary, minus infinity where ``constraint`` forbids a token."""
    if constraint is None:
        return logits
    allowed = np.asarray(constraint.allowed())
    kept = np.full_like(logits, -np.inf)
    kept[allowed] = logits[allowed]
    return kept


def schema_of(response_format: Any) -> Mapping[str, Any] | None:
    """The JSON schema of OpenAI's ``response_format`` (``{"type": "json_schema", …}``); None for plain text.

    Raises:
        SettingsError: it is neither.
    """
    match response_format:
        case None | {"type": "text"}:
            return None
        case {"type": "json_schema", "json_schema": {"schema": {**schema}}}:
            return {str(key): value for key, value in schema.items()}
        case _:
            raise SettingsError(
                f'response_format is {response_format!r}: give {{"type": "json_schema", "json_schema": {{"name": …, '
                '"schema": …}}, or None for plain text'
            )


@lru_cache(KEPT)
def _matcher(tokenizer: Any, schema: str) -> Any:
    from llguidance import LLMatcher

    matcher = LLMatcher(tokenizer, LLMatcher.grammar_from_json_schema(schema, defaults=STYLE), log_level=0)
    if matcher.is_error():
        raise SettingsError(f"the schema of response_format cannot be followed: {matcher.get_error().splitlines()[0]}")
    return matcher
