"""Documents that share subjects and text, in both languages, over an embedder by hashing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from ragbot.bot import RagBot
from ragbot.documents import ParsedDocument
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings

BREAD = (
    "Sourdough bread needs flour, water, salt and a lively starter. The baker folds the dough every half hour. "
    "A long fermentation in the cool cellar gives the bread its sour taste. The oven has to be very hot at first."
)
ROLLS = (
    "For rolls the baker takes the same dough of flour, water and salt. The dough rests until it has doubled. "
    "Rolls stay in the hot oven for twenty minutes only. A starter of rye flour makes the taste stronger."
)
TIDES = (
    "The moon pulls the water of the ocean towards itself, and so the tide rises. Twice a month sun and moon pull "
    "together, and the tide is highest. Harbours print tables of the tides for every ship that enters."
)
MIANBAO = "做面包需要面粉、水、盐和活跃的酵种。面包师每隔半小时折叠一次面团。面团在阴凉的地窖里长时间发酵，面包因此带有酸味。烤箱起初必须非常热。"
CHAOXI = "月球吸引海洋里的水，潮汐因此上涨。每个月有两次，太阳与月球一起吸引海水，潮汐达到最高。港口为每一艘进港的船印制潮汐表。"

Make = Callable[[Mapping[str, str]], RagBot]


def parsed(text: str, title: str = "", language: str = "") -> ParsedDocument:
    chinese = sum("\u4e00" <= letter <= "\u9fff" for letter in text) * 4 > len(text)
    return ParsedDocument(text, title=title, language=language or ("zh" if chinese else "en"))


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., RagBot]]:
    """Makes a bot over documents by source; a value is a text, or a parsed document."""
    opened: list[RagBot] = []

    def open_bot(documents: Mapping[str, str | ParsedDocument], **options: object) -> RagBot:
        folder = tmp_path / f"kb{len(opened)}"
        bot = RagBot.open(folder, embedder=HashEmbedder(256), settings=Settings(), **options)  # type: ignore[arg-type]
        opened.append(bot)
        given = {name: parsed(text) if isinstance(text, str) else text for name, text in documents.items()}
        if given:
            bot.ingest_documents(given)
        return bot

    yield open_bot
    for bot in opened:
        bot.close()


@pytest.fixture
def library(make: Callable[..., RagBot]) -> RagBot:
    """Two English documents and a Chinese one on baking, and one each on tides."""
    return make(
        {
            "en/bread.md": parsed(BREAD, "Bread"),
            "en/rolls.md": parsed(ROLLS, "Rolls"),
            "en/tides.md": parsed(TIDES, "Tides"),
            "zh/面包.md": parsed(MIANBAO, "面包"),
            "zh/潮汐.md": parsed(CHAOXI, "潮汐"),
        }
    )
