"""Another embedder of the same dimension is refused: its vectors would be compared with those of the first."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragbot.bot import RagBot
from ragbot.errors import EmbedderMismatchError
from ragbot.models.embedders.base import Fingerprint
from ragbot.models.testing import HashEmbedder


class Other(HashEmbedder):
    """As many numbers, another model."""

    def __init__(self, **changed: object) -> None:
        super().__init__()
        values = {**self.fingerprint.as_dict(), **changed}
        self.fingerprint = Fingerprint(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"name": "another"}, "name 'hash' ≠ 'another'"),
        ({"query_prefix": "query: "}, "query_prefix '' ≠ 'query: '"),
        ({"document_prefix": "段落："}, "document_prefix '' ≠ '段落：'"),
        ({"quantization": "int8"}, "quantization 'float32' ≠ 'int8'"),
    ],
)
def test_another_embedder_of_the_same_dimension_is_refused(
    bot: RagBot, kb_folder: Path, changed: dict[str, object], told: str
) -> None:
    before = {path.name: path.read_bytes() for path in kb_folder.iterdir() if path.suffix == ".ragbot"}
    with pytest.raises(EmbedderMismatchError) as caught:
        RagBot.open(kb_folder, embedder=Other(**changed))
    assert told in str(caught.value) and str(kb_folder) in str(caught.value)
    assert {path.name: path.read_bytes() for path in kb_folder.iterdir() if path.suffix == ".ragbot"} == before


def test_the_same_one_is_not(bot: RagBot, kb_folder: Path) -> None:
    with RagBot.open(kb_folder, embedder=Other()) as again:
        assert again.search("LoRA 显存")
