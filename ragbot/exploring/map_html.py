"""A topic map as one HTML page that opens from a file, and asks for nothing from anywhere.

Text of documents is data: it is escaped where it stands in the page, and the page's policy lets no script run but ours.
"""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from ragbot.documents import Chunk
from ragbot.exploring.layout import TopicMap
from ragbot.exploring.map_style import style_of
from ragbot.exploring.topics import Topic

#: The size of the map in the page's own units.
_WIDTH, _HEIGHT = 1000, 700
_SNIPPET = 400
_DOCUMENTS = 4
#: What would end a script element, or a line of JavaScript, as JSON writes it.
_ESCAPED = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}

_WORDS = {
    "en": {
        "title": "Topic map",
        "summary": "{topics} topics in {chunks:,} passages of {documents:,} documents. Each point is a passage; what stands near "
        "each other says much the same.",
        "drawn": " {points:,} of them are drawn.",
        "help": "Point at a passage, or move with the arrow keys once the map has the focus; a topic in the list shows it alone, "
        "Escape shows all.",
        "hint": "The passage that you point at appears here.",
        "map_label": "Map of the passages",
        "topics_heading": "Topics",
        "all": "Show all",
        "share": "{share:.0%}, {chunks:,} passages",
        "more": " and {count} more",
        "comma": ", ",
        "page": "page {}",
        "empty": "There are no documents.",
    },
    "zh": {
        "title": "主题地图",
        "summary": "{documents:,} 篇文档的 {chunks:,} 个段落，共 {topics} 个主题。每个点是一个段落，内容相近的段落彼此靠近。",
        "drawn": "图中画出了其中 {points:,} 个。",
        "help": "指向一个点即可查看段落；地图获得焦点后也可用方向键移动。点击列表中的主题只显示该主题，按 Esc 键显示全部。",
        "hint": "所指的段落显示在这里。",
        "map_label": "段落地图",
        "topics_heading": "主题",
        "all": "显示全部",
        "share": "{share:.0%}，{chunks:,} 个段落",
        "more": " 等，另有 {count} 篇",
        "comma": "、",
        "page": "第 {} 页",
        "empty": "还没有任何文档。",
    },
}


def html(drawn: TopicMap, language: str = "en") -> str:
    """The page, its own words in ``zh`` or ``en``; topics and passages stay in theirs."""
    say = _WORDS[language]
    script, style = _page("map.js"), _page("map.css")
    page = Template(_page("map.html")).substitute(
        lang="zh-CN" if language == "zh" else "en",
        title=say["title"],
        summary=_summary(drawn, say),
        help=say["help"],
        hint=say["hint"],
        map_label=say["map_label"],
        topics_heading=say["topics_heading"],
        all=say["all"],
        points="\n".join(_marks(drawn)),
        numbers="\n".join(
            f'<text x="{x * _WIDTH:.1f}" y="{y * _HEIGHT:.1f}">{number}</text>'
            for number, (x, y) in drawn.middles.items()
        ),
        legend="\n".join(_entry(topic, say) for topic in drawn.topics.topics),
        data=_script_json(_data(drawn, say)),
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
    )
    # A lone surrogate (from a damaged source) has no UTF-8.
    return page.encode("utf-8", "replace").decode("utf-8")


def _summary(drawn: TopicMap, say: dict[str, str]) -> str:
    topics = drawn.topics
    if not topics.topics:
        return say["empty"]
    sources = {owner.document.id for topic in topics.topics for owner in topic.documents}
    text = say["summary"].format(topics=len(topics.topics), chunks=topics.chunks, documents=len(sources))
    return text + (say["drawn"].format(points=len(drawn.points)) if len(drawn.points) < topics.chunks else "")


def _marks(drawn: TopicMap) -> list[str]:
    marks = []
    for point in drawn.points:
        shape, colour = style_of(point.topic)
        name = escape(_name(point.chunk))
        marks.append(
            f'<use href="#s{shape}" class="c{colour}" x="{point.x * _WIDTH:.1f}" y="{point.y * _HEIGHT:.1f}"><title>{name}</title></use>'
        )
    return marks


def _entry(topic: Topic, say: dict[str, str]) -> str:
    shape, colour = style_of(topic.number)
    shown = [owner.document.title or _file(owner.document.source) for owner in topic.documents[:_DOCUMENTS]]
    more = say["more"].format(count=len(topic.documents) - _DOCUMENTS) if len(topic.documents) > _DOCUMENTS else ""
    share = say["share"].format(share=topic.share, chunks=topic.chunks)
    return (
        f'<li><button type="button" data-topic="{topic.number}" aria-pressed="false">'
        f'<span class="name"><svg class="key" viewBox="-8 -8 16 16" aria-hidden="true"><use href="#s{shape}" class="c{colour}"/></svg>'
        f"{topic.number} {escape(topic.title)}</span>"
        f'<span class="words">{escape(say["comma"].join(topic.keywords))}</span>'
        f'<span class="files">{escape(share)} · {escape(say["comma"].join(shown) + more)}</span></button></li>'
    )


def _data(drawn: TopicMap, say: dict[str, str]) -> dict[str, Any]:
    """For each point its topic, title, place and passage; for each topic what the panel says of it."""
    return {
        "points": [[p.topic, _name(p.chunk), _where(p.chunk, say), _snippet(p.chunk.text)] for p in drawn.points],
        "topics": {str(topic.number): f"{topic.number} {topic.title}" for topic in drawn.topics.topics},
    }


def _name(chunk: Chunk) -> str:
    return chunk.document.title or _file(chunk.document.source)


def _where(chunk: Chunk, say: dict[str, str]) -> str:
    parts = [_file(chunk.document.source)]
    if chunk.page is not None:
        parts.append(say["page"].format(chunk.page))
    heading = " > ".join(name for name in chunk.headings if name != chunk.document.title)
    return " · ".join([*parts, heading] if heading else parts)


def _file(source: str) -> str:
    return source.rstrip("/").rpartition("/")[2] or source


def _snippet(text: str) -> str:
    text = text.strip()
    return text if len(text) <= _SNIPPET else text[: _SNIPPET - 1].rstrip() + "…"


def _page(name: str) -> str:
    return files("ragbot.exploring").joinpath("page", name).read_text(encoding="utf-8")


def _script_json(value: Any) -> str:
    """JSON that may stand in a script element: nothing in it can end the element."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).translate(_ESCAPED)


def _hash(text: str) -> str:
    """A digest as Content-Security-Policy writes it: nothing else runs or styles, whatever a document says."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
