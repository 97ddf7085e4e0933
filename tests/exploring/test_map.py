from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ragbot.bot import RagBot
from ragbot.errors import MissingExtraError, StorageError
from ragbot.exploring import layout, map_png
from ragbot.exploring.files import write_bytes
from ragbot.exploring.map_html import html
from ragbot.exploring.map_png import png
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings
from tests.exploring.conftest import CHAOXI, TIDES, parsed
from tests.exploring.test_topics import CHUFANG, KITCHEN, SEA, article

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)> tide $title ${x} \u2028"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> layout.TopicMap:
    with RagBot.open(tmp_path_factory.mktemp("map") / "kb", embedder=HashEmbedder(256), settings=Settings()) as bot:
        bot.ingest_documents(
            {
                "kitchen": parsed(article(KITCHEN, 1), EVIL),
                "sea": parsed(article(SEA, 2) + "\n\n" + EVIL, "Sea"),
                "厨房": parsed(article(CHUFANG, 3, "。"), "厨房", "zh"),
            }
        )
        return bot.topic_map(bot.topics(3))


def test_points_lie_in_the_square_by_topic(drawn: layout.TopicMap) -> None:
    assert len(drawn.points) == drawn.topics.chunks
    assert all(0 <= point.x <= 1 and 0 <= point.y <= 1 for point in drawn.points)
    assert {point.topic for point in drawn.points} == set(drawn.middles) == {1, 2, 3}


def test_what_is_alike_lies_together(drawn: layout.TopicMap) -> None:
    pytest.importorskip("sklearn")
    assert drawn.method == "t-sne"

    def spread(topic: int) -> float:
        mine = [(point.x, point.y) for point in drawn.points if point.topic == topic]
        middle = [sum(values) / len(mine) for values in zip(*mine, strict=True)]
        return sum(abs(x - middle[0]) + abs(y - middle[1]) for x, y in mine) / len(mine)

    (ax, ay), (bx, by) = drawn.middles[1], drawn.middles[2]
    assert abs(ax - bx) + abs(ay - by) > max(spread(1), spread(2))


def test_without_scikit_learn_principal_components(drawn: layout.TopicMap, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    placed, method = layout._placed(drawn.topics.vectors)
    assert method == "pca"
    assert placed.min() == 0 and placed.max() == 1


def test_few_points_and_none(make: Callable[..., RagBot]) -> None:
    bot = make({"a": TIDES})
    lonely = bot.topic_map(bot.topics())
    assert [(point.x, point.y) for point in lonely.points] == [(0.5, 0.5)]
    assert "<use" in html(lonely) and png(lonely)[0]
    empty = make({})
    nothing = empty.topic_map(empty.topics())
    assert "There are no documents" in html(nothing)
    assert "还没有任何文档" in html(nothing, "zh")


def test_text_of_documents_is_data(drawn: layout.TopicMap) -> None:
    page = html(drawn)
    assert page.count("<script") == 2 and page.count("</script>") == 2
    assert "<img" not in page and "onerror=alert(2)&gt;" in page
    data = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)
    assert data
    points = json.loads(data.group(1))["points"]
    assert any("</script><script>alert(1)" in point[1] for point in points)  # as it was, but as data
    assert "$title" in page  # of the document: values are no templates


def test_the_page_asks_for_nothing(drawn: layout.TopicMap) -> None:
    page = html(drawn, "zh")
    assert not re.search(r"""(?:src|href)=["'](?!#)|url\(|@import|https?://""", page)
    assert "default-src 'none'" in page and "unsafe-inline" not in page and " style=" not in page
    assert '<html lang="zh-CN">' in page and "主题地图" in page and "厨房" in page


def test_the_same_map_is_the_same_page(drawn: layout.TopicMap) -> None:
    assert html(drawn) == html(drawn)


def test_the_picture_has_the_titles_where_a_font_has_them(
    drawn: layout.TopicMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = pytest.importorskip("PIL.Image")
    data, _ = png(drawn)
    assert image.open(io.BytesIO(data)).size > (1000, 600)
    assert png(drawn)[0] == data
    monkeypatch.setattr(map_png, "_FAMILIES", ())  # a machine without Chinese fonts
    assert any("\u4e00" <= letter <= "\u9fff" for topic in drawn.topics.topics for letter in topic.title)
    bare, named = png(drawn)
    assert not named
    assert bare


def test_latin_titles_need_no_other_font(make: Callable[..., RagBot], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_png, "_FAMILIES", ())
    bot = make({"a": parsed(article(SEA, 1), "Sea $x^2$")})
    assert png(bot.topic_map(bot.topics(1)))[1]


def test_no_matplotlib(drawn: layout.TopicMap, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"ragbot\[eval\]"):
        png(drawn)


def test_large_collections_are_drawn_in_part(make: Callable[..., RagBot], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "MOST_POINTS", 4)
    bot = make({"a": parsed(article(SEA, 1)), "b": parsed(article(KITCHEN, 1)), "c": CHAOXI})
    drawn = bot.topic_map(bot.topics())
    assert len(drawn.points) == 4 < drawn.topics.chunks
    assert "4 of them are drawn" in html(drawn)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "map.html"
    write_bytes(path, b"one")
    write_bytes(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(StorageError, match="choose another file"):
        write_bytes(tmp_path / "nowhere" / "map.html", b"three")
