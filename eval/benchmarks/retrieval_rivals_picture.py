"""The picture of :mod:`eval.benchmarks.retrieval_rivals`: answer recall by system and set with intervals, as PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from eval.benchmarks.retrieval_rivals_base import System
from eval.benchmarks.retrieval_rivals_report import interval_of, set_names
from eval.benchmarks.retrieval_rivals_results import RECALL_500, RECALL_1000, Result
from eval.benchmarks.setup import log
from ragbot.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Families that have Chinese, the first that is installed is taken; matplotlib brings none.
CHINESE = ("Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", "WenQuanYi Zen Hei", "SimHei")
LATIN = "DejaVu Sans"
#: Ours, and the others (from the palette of Okabe and Ito, told apart by the colour-blind).
OURS_COLOUR, RIVAL_COLOUR, INK, GRID = "#0072B2", "#B34700", "#333333", "#d9d9d9"
SETS = {"squad2_en": "SQuAD 2.0", "covid_en": "COVID-QA", "cmrc_zh": "CMRC 2018", "drcd_zht": "DRCD"}
#: What stands under the name of a set, by the language of the picture.
NOTES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "squad2_en": "English",
        "covid_en": "English, long articles",
        "cmrc_zh": "simplified Chinese",
        "drcd_zht": "traditional Chinese",
        "questions": "{n} questions, {articles} articles",
        "near": "within 500 characters",
        "far": "within 1,000 characters",
        "axis": "questions whose answer stands in the first characters that were found (bars: 95% intervals over articles)",
    },
    "zh": {
        "squad2_en": "英文",
        "covid_en": "英文，长文章",
        "cmrc_zh": "简体中文",
        "drcd_zht": "繁体中文",
        "questions": "{n} 个问题，{articles} 篇文章",
        "near": "前 500 个字符",
        "far": "前 1000 个字符",
        "axis": "检索结果的前若干字符中含有答案的问题所占比例（横线：按文章重采样的 95% 置信区间）",
    },
}
LABELS_ZH = {
    "ours_reranked": "ragbot + 重排序",
    "ours_untitled": "ragbot（不加标题）",
    "ours_dense": "ragbot：仅向量",
    "ours_lexical": "ragbot：仅 BM25",
    "ours_rrf": "ragbot：RRF 排名融合",
    "langchain_ensemble": "LangChain 混合检索",
    "langchain_ensemble_words": "LangChain 混合检索 + 结巴分词",
    "txtai": "txtai 混合检索",
}


def write_pictures(results: Sequence[Result], systems: Sequence[System], folder: Path) -> list[Path]:
    """``recall.en.png`` and, where a font has Chinese, ``recall.zh.png``. Returns what was written.

    Raises:
        MissingExtraError: there is no matplotlib.
    """
    try:
        from matplotlib import font_manager
    except ModuleNotFoundError as error:
        raise MissingExtraError("The picture", "eval") from error
    installed = {font.name for font in font_manager.fontManager.ttflist}
    chinese = next((family for family in CHINESE if family in installed), None)
    written = [_draw(results, systems, folder / "recall.en.png", "en", [LATIN])]
    if chinese:
        written.append(_draw(results, systems, folder / "recall.zh.png", "zh", [chinese, LATIN]))
    else:
        log(f"no picture in Chinese: install one of the fonts {', '.join(CHINESE)}")
    return written


def _draw(results: Sequence[Result], systems: Sequence[System], path: Path, language: str, fonts: list[str]) -> Path:
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    sets = set_names(results)
    found = {result.key: result for result in results}
    rows = _ranked([system for system in systems if any((name, system.name) in found for name in sets)], found)
    words = NOTES[language]
    with mpl.rc_context({**mpl.rcParamsDefault, "font.family": fonts, "font.size": 10.5}):
        figure = Figure(figsize=(2.6 + 2.6 * len(sets), 1.7 + 0.34 * len(rows)), layout="constrained")
        panels = figure.subplots(1, len(sets), sharey=True, squeeze=False)[0]
        for axes, name in zip(panels, sets, strict=True):
            _panel(axes, name, rows, found, words)
        panels[0].set_yticks(range(len(rows)), [_label(system, language) for system in rows])
        for tick, system in zip(panels[0].get_yticklabels(), rows, strict=True):
            tick.set_color(RIVAL_COLOUR if system.rival else OURS_COLOUR)
        panels[0].invert_yaxis()
        figure.supxlabel(words["axis"], fontsize=10)
        marks = [
            Line2D([], [], marker="o", linestyle="", color=INK, markerfacecolor=fill, label=words[name])
            for name, fill in (("near", INK), ("far", "white"))
        ]
        figure.legend(handles=marks, loc="outside upper right", ncols=2, frameon=False)
        figure.savefig(path, dpi=130, facecolor="white")
    return path


def _panel(
    axes: Axes, name: str, rows: Sequence[System], found: Mapping[tuple[str, str], Result], words: Mapping[str, str]
) -> None:
    for at, system in enumerate(rows):
        result = found.get((name, system.name))
        if result is None:
            continue
        colour = RIVAL_COLOUR if system.rival else OURS_COLOUR
        for metric, shift, fill in ((RECALL_500, -0.14, colour), (RECALL_1000, 0.14, "white")):
            one = interval_of(result, metric)
            axes.errorbar(
                one.mean,
                at + shift,
                xerr=[[max(one.mean - one.low, 0)], [max(one.high - one.mean, 0)]],
                fmt="o",
                markersize=5,
                color=colour,
                markerfacecolor=fill,
                elinewidth=1.2,
            )
    some = next(result for (of, _), result in found.items() if of == name)
    size = words["questions"].format(n=len(some.questions), articles=len(set(some.groups)))
    axes.set_title(
        f"{SETS.get(name, name)}\n{words.get(name, '')}\n{size}".replace("\n\n", "\n"), fontsize=10.5, linespacing=1.4
    )
    axes.set_xlim(0, 1.02)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25%", "50%", "75%", "100%"])
    axes.grid(axis="x", color=GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _ranked(systems: Sequence[System], found: Mapping[tuple[str, str], Result]) -> list[System]:
    """The best mean over the sets first."""

    def mean(system: System) -> float:
        values = [interval_of(result, RECALL_500).mean for key, result in found.items() if key[1] == system.name]
        return sum(values) / len(values)

    return sorted(systems, key=mean, reverse=True)


def _label(system: System, language: str) -> str:
    return LABELS_ZH.get(system.name, system.label) if language == "zh" else system.label
