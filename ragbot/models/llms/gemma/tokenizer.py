"""Gemma's tokenizer from the GGUF file's vocabulary: byte-pair encoding with fallback to bytes, without transformers.

The text of a document is data: control tokens such as ``<eos>`` or ``<start_of_turn>`` are never recognised inside it,
they come only from :meth:`GemmaTokenizer.control`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragbot.errors import ModelNotFoundError
from ragbot.models.hf import encodable
from ragbot.models.llms.pieces import SPACE, by_bytes, of_piece

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FILE, CONTROL_FILE = "tokenizer.json", "control.json"
#: GGUF's kinds of pieces.
CONTROL, USER_DEFINED = 3, 4
BOS, EOS, UNKNOWN = "<bos>", "<eos>", "<unk>"


class GemmaTokenizer:
    """Text to ids and back; :func:`build` writes the folder that it is read from."""

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(folder / FILE))
        self._control: dict[str, int] = json.loads((folder / CONTROL_FILE).read_text(encoding="utf-8"))
        self._hidden = frozenset(self._control.values())
        self.bos, self.eos = self._control[BOS], self._control[EOS]

    def encode(self, text: str) -> list[int]:
        """Ids of ``text``, none of them a control token, whatever the text says."""
        ids: list[int] = self._tokenizer.encode(encodable(text), add_special_tokens=False).ids
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ``ids``; control tokens have none."""
        shown = [token for token in ids if token not in self._hidden]
        return str(self._tokenizer.decode(shown, skip_special_tokens=False))

    @cached_property
    def pieces(self) -> Mapping[bytes, tuple[int, ...]]:
        """The vocabulary without control tokens: the bytes that a token stands for, and the ids that stand for them."""
        return by_bytes(self.bytes_of)

    @cached_property
    def bytes_of(self) -> Mapping[int, bytes]:
        """The bytes that each token stands for; control tokens have none."""
        vocabulary = self._tokenizer.get_vocab(with_added_tokens=True)
        return {number: of_piece(token) for token, number in vocabulary.items() if number not in self._hidden}

    def control(self, name: str) -> int:
        """The id of a control token, as ``<start_of_turn>``.

        Raises:
            KeyError: the model has no control token of this name.
        """
        return self._control[name]


def build(metadata: dict[str, Any], folder: Path) -> None:
    """Write the tokenizer of a GGUF file's ``metadata`` into ``folder``.

    Raises:
        ModelNotFoundError: the vocabulary is not one of SentencePiece's kind.
    """
    kind = metadata.get("tokenizer.ggml.model")
    if kind != "llama":
        raise ModelNotFoundError(
            f"the GGUF file's tokenizer is {kind!r}, where Gemma's is read: give a GGUF of Gemma 3"
        )
    # Runs of spaces stand there as they are, all other pieces with the mark that the normalisation makes of a space.
    pieces = [piece.replace(" ", SPACE) for piece in metadata["tokenizer.ggml.tokens"]]
    kinds = [int(kind) for kind in metadata["tokenizer.ggml.token_type"]]
    control = {piece: i for i, (piece, kind) in enumerate(zip(pieces, kinds, strict=True)) if kind == CONTROL}
    defined = [p for p, kind in zip(pieces, kinds, strict=True) if kind == USER_DEFINED and set(p) != {SPACE}]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = _tokenizer(vocabulary, merges(vocabulary, control), defined)
    tokenizer.save(str(folder / FILE), pretty=False)
    (folder / CONTROL_FILE).write_text(json.dumps(control), encoding="utf-8")


def merges(vocabulary: dict[str, int], never: Iterable[str]) -> list[tuple[str, str]]:
    """The pairs that may be joined, best first: each way to cut a piece in two pieces, in the order of the pieces' ids.

    SentencePiece joins the pair whose result has the best score, and Gemma's ids are in the order of the scores; a
    list of pairs in this order makes byte-pair encoding do the same. Pieces in ``never`` are no result of any pair.
    """
    left_out = frozenset(never)
    found: list[tuple[int, int, int]] = []
    for piece, number in vocabulary.items():
        if len(piece) > 1 and piece not in left_out:
            for cut in range(1, len(piece)):
                left, right = vocabulary.get(piece[:cut]), vocabulary.get(piece[cut:])
                if left is not None and right is not None:
                    found.append((number, left, right))
    found.sort()
    pieces = {number: piece for piece, number in vocabulary.items()}
    return [(pieces[left], pieces[right]) for _, left, right in found]


def _tokenizer(vocabulary: dict[str, int], pairs: list[tuple[str, str]], defined: list[str]) -> Tokenizer:
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers

    model = models.BPE(vocab=vocabulary, merges=pairs, unk_token=UNKNOWN, fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Replace(" ", SPACE)
    # Pieces that a text is cut at before anything else: runs of line breaks, tags of HTML.
    tokenizer.add_tokens([AddedToken(piece, normalized=False, special=False) for piece in defined])
    tokenizer.decoder = decoders.Sequence([decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()])
    return tokenizer
