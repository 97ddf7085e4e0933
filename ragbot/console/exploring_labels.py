"""The words around what :mod:`ragbot.console.exploring` shows, in the language of the documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragbot.documents import Document

if TYPE_CHECKING:
    from ragbot.settings import Settings


@dataclass(frozen=True)
class ExploringLabels:
    """One language's words; ``{}`` is where a value goes."""

    alone: str
    nothing_similar: str
    similar_to: str
    passages: str
    topics: str
    sampled: str
    documents: str
    more: str
    comma: str
    no_duplicates: str
    duplicates: str
    same: str
    contains: str
    near: str
    newer: str
    keep: str
    read_in_part: str
    by_section: str
    wrote: str
    numbers_only: str
    by_pca: str


LABELS = {
    "en": ExploringLabels(
        alone="There is no other document to compare it with.",
        nothing_similar="No document passes the filters; fewer of them may find some.",
        similar_to="Most like {}:",
        passages="{} ↔ {}",
        topics="{} topics in {} passages of {} documents",
        sampled="An even sample of {} of {} passages was looked at.",
        documents="in {}",
        more="{} and {} more",
        comma=", ",
        no_duplicates="No two of the {} documents share {} of their text or more.",
        duplicates="{} groups of documents that share text, among {} documents",
        same="the same text",
        contains="stands in it: {} of this one, {} of the first",
        near="shares {} of its text with the first, {} the other way round",
        newer="newer",
        keep="{} characters",
        read_in_part="{} of the document was looked at.",
        by_section="Section by section",
        wrote="Written: {}",
        numbers_only="No font here has the characters of the titles: the picture shows the numbers of the topics alone.",
        by_pca="The map is laid out by principal components; with scikit-learn installed, t-SNE keeps topics apart better.",
    ),
    "zh": ExploringLabels(
        alone="没有其他文档可以比较。",
        nothing_similar="没有文档符合筛选条件；放宽条件也许能找到。",
        similar_to="与 {} 最相近的文档：",
        passages="{} ↔ {}",
        topics="{} 个主题，{} 个段落，{} 篇文档",
        sampled="均匀抽取了 {} 个段落，共 {} 个。",
        documents="出自 {}",
        more="{} 等，另有 {} 篇",
        comma="、",
        no_duplicates="{} 篇文档中，没有任何两篇有 {} 以上的文字相同。",
        duplicates="{} 组文字重复的文档，共检查 {} 篇",
        same="文字相同",
        contains="包含在第一篇之中：占本篇 {}，占第一篇 {}",
        near="本篇的 {} 与第一篇相同，占第一篇 {}",
        newer="较新",
        keep="{} 个字符",
        read_in_part="阅读了全文的 {}。",
        by_section="分节摘要",
        wrote="已写入：{}",
        numbers_only="本机没有能显示标题文字的字体，图中只标出主题的编号。",
        by_pca="地图按主成分排布；安装 scikit-learn 后改用 t-SNE，主题之间分得更清楚。",
    ),
}


def exploring_language(settings: Settings, documents: Sequence[Document]) -> str:
    """The setting ``language``, or with ``auto`` that of most of the documents: ``zh`` or ``en``."""
    if settings.language != "auto":
        return settings.language
    tally = Counter("zh" if document.language == "zh" else "en" for document in documents)
    return "zh" if tally["zh"] > tally["en"] else "en"
