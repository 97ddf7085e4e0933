"""The words of ``ragbot search --explain``, in the language of the question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragbot.text import answer_language

if TYPE_CHECKING:
    from ragbot.settings import Settings


@dataclass(frozen=True)
class ExplainLabels:
    """One language's words; ``{}`` is where a value goes. ``components``, ``kinds``, ``relations`` and ``steps`` go by name."""

    by: str
    score: str
    deviations: str
    rank: str
    part: str
    components: dict[str, str]
    words: str
    word: str
    kinds: dict[str, str]
    missing: str
    comma: str
    matched: str
    no_match: str
    duplicates: str
    relations: dict[str, str]
    page: str
    searched: str
    steps: dict[str, str]
    legend: tuple[str, ...]


EXPLAIN_LABELS = {
    "en": ExplainLabels(
        by="",
        score="score",
        deviations="σ",
        rank="rank",
        part="adds",
        components={
            "dense": "meaning",
            "lexical": "words",
            "language": "language",
            "fused": "fused",
            "reranker": "reranker",
            "diversity": "diversity",
        },
        words="Words of the question",
        word="{} ({} in {})",
        kinds={"word": "{}", "stem": "Stems: {}", "pair": "Pairs of characters: {}"},
        missing="In no passage: {}",
        comma=", ",
        matched="holds: {}",
        no_match="holds none of the question's words",
        duplicates="also in:",
        relations={"same": "the same", "contained": "a part of it", "near": "nearly the same"},
        page=", page {}",
        searched="Searched: {} of {} passages",
        steps={
            "filter": "The filter keeps out {} of the best.",
            "duplicates": "Left out as repetitions: {}.",
            "reranker": "The reranker moved {} of these hits.",
            "diversity": "Diversity moved {} of these hits.",
        },
        legend=(
            "score: cosine (meaning), BM25 (words)  σ: deviations above the mean",
            "rank: place by this score  adds: share in the fused score",
            "in brackets: what a word is worth (idf), and in how many passages it stands",
        ),
    ),
    "zh": ExplainLabels(
        by="",
        score="得分",
        deviations="σ",
        rank="名次",
        part="贡献",
        components={
            "dense": "语义",
            "lexical": "词语",
            "language": "跨语言",
            "fused": "融合",
            "reranker": "重排",
            "diversity": "多样性",
        },
        words="问题中的词语",
        word="{}（{}，{} 段）",
        kinds={"word": "{}", "stem": "词干：{}", "pair": "相邻两字：{}"},
        missing="任何段落都没有：{}",
        comma="、",
        matched="含有：{}",
        no_match="不含问题中的任何词语",
        duplicates="另见：",
        relations={"same": "相同", "contained": "其中一部分", "near": "几乎相同"},
        page="，第 {} 页",
        searched="检索范围：{} / {} 段",
        steps={
            "filter": "筛选条件排除了最靠前的 {} 段。",
            "duplicates": "因重复略去 {} 段。",
            "reranker": "重排模型改变了其中 {} 条命中的位置。",
            "diversity": "多样性改变了其中 {} 条命中的位置。",
        },
        legend=(
            "得分：语义为余弦，词语为 BM25　σ：高出平均值多少个标准差",
            "名次：按该得分的排位　贡献：在融合得分中所占的分值",
            "词语后的括号：权重（idf），以及有多少段含有它",
        ),
    ),
}


def explain_labels(settings: Settings, question: str) -> ExplainLabels:
    """The labels for a question: the setting ``language``, or with ``auto`` the question's own."""
    return EXPLAIN_LABELS[answer_language(question) if settings.language == "auto" else settings.language]
