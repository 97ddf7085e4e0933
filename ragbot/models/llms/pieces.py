"""The bytes that each token of a vocabulary stands for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ragbot.errors import ModelNotFoundError

_BYTE = re.compile("<0x([0-9A-F]{2})>")
SPACE = "\u2581"


class SpokenTokenizer:
    """A fast tokenizer of transformers behind the names that readers use.

    Attributes:
        bos: the token that begins a text; None where the model has none.
        eos: the token that ends an answer.

    Raises:
        ModelNotFoundError: it is a slow one, whose vocabulary is not known byte by byte.
    """

    def __init__(self, tokenizer: Any) -> None:
        if not getattr(tokenizer, "is_fast", False):
            raise ModelNotFoundError(
                f"the tokenizer of {tokenizer.name_or_path} is a slow one: save the model with a tokenizer.json"
            )
        self._tokenizer = tokenizer
        self.bos: int | None = tokenizer.bos_token_id
        self.eos: int = tokenizer.eos_token_id

    def encode(self, text: str) -> list[int]:
        """Ids of ``text``, none of them a control token, whatever the text says."""
        ids: list[int] = self._tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        return ids

    def decode(self, ids: list[int]) -> str:
        """The text of ``ids``; control tokens have none."""
        return str(self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    @cached_property
    def bytes_of(self) -> dict[int, bytes]:
        """The bytes of each token that has any."""
        backend = json.loads(self._tokenizer.backend_tokenizer.to_str())
        by_byte = "ByteLevel" in json.dumps([backend.get("decoder"), backend.get("pre_tokenizer")])
        hidden = set(self._tokenizer.all_special_ids)
        added = {entry["id"]: entry["content"].encode() for entry in backend.get("added_tokens", ())}
        found: dict[int, bytes] = {}
        for token, number in self._tokenizer.get_vocab().items():
            if number not in hidden:
                piece = added.get(number) or (_of_letters(token) if by_byte else of_piece(token))
                if piece:
                    found[number] = piece
        return found

    @cached_property
    def pieces(self) -> dict[bytes, tuple[int, ...]]:
        """The ids that stand for each sequence of bytes."""
        return by_bytes(self.bytes_of)


def by_bytes(bytes_of: Mapping[int, bytes]) -> dict[bytes, tuple[int, ...]]:
    """The ids that stand for each sequence of bytes."""
    found: dict[bytes, tuple[int, ...]] = {}
    for number, piece in bytes_of.items():
        found[piece] = (*found.get(piece, ()), number)
    return found


def of_piece(token: str) -> bytes:
    """The bytes of a token as SentencePiece writes it: a byte by its number, a space as a mark of its own."""
    byte = _BYTE.fullmatch(token)
    return bytes([int(byte[1], 16)]) if byte else token.replace(SPACE, " ").encode()


def _of_letters(token: str) -> bytes:
    """Byte-level BPE writes each byte as a letter (Radford and others 2019, GPT-2)."""
    try:
        return bytes(_LETTERS[letter] for letter in token)
    except KeyError:
        return b""


def _letters() -> dict[str, int]:
    """Bytes that can be seen are their own letter; the others follow behind Latin-1's 256."""
    seen = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in seen]
    return {chr(byte): byte for byte in seen} | {chr(256 + at): byte for at, byte in enumerate(others)}


_LETTERS = _letters()
