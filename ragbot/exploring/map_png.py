"""A topic map as a picture."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from ragbot.errors import MissingExtraError
from ragbot.exploring.layout import TopicMap
from ragbot.exploring.map_style import COLOURS, SHAPES, style_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Families with Chinese that systems bring along, or that are commonly installed; the first that has every character
#: of the legend is taken.
_FAMILIES = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Noto Sans CJK JP",
    "Noto Sans CJK TC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "PingFang SC",
    "Hiragino Sans GB",
    "Heiti SC",
    "Microsoft YaHei",
    "SimHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "Arial Unicode MS",
)
_OWN = "DejaVu Sans"
_MARKERS = {"circle": "o", "square": "s", "triangle": "^"}
_LONGEST = 44
#: In inches; a line of the legend takes so much.
_WIDTH, _HEIGHT, _LINE = 10.5, 6.0, 0.235


def png(drawn: TopicMap) -> tuple[bytes, bool]:
    """The picture, and whether the titles are in it: where no font has their characters, topics have numbers only.

    Raises:
        MissingExtraError: there is no matplotlib.
    """
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtraError("a topic map as a picture (PNG)", "eval") from error
    titles = {topic.number: _legend(topic.number, topic.title) for topic in drawn.topics.topics}
    family = _family("".join(titles.values()))
    with mpl.rc_context():
        mpl.rcdefaults()  # the reader's own matplotlibrc must not change the picture
        mpl.rcParams.update({"text.parse_math": False, "font.family": [family or _OWN], "font.size": 9.0})
        height = max(_HEIGHT, _LINE * len(titles) + 0.6)
        figure = Figure(figsize=(_WIDTH, height), dpi=144, facecolor="white")
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.01, 0.015, 0.62, 0.97))
        _paint(axes, drawn, titles if family else {number: str(number) for number in titles})
        out = io.BytesIO()
        figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue(), family is not None


def _legend(number: int, title: str) -> str:
    text = " ".join(title.split())
    return f"{number}  {text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…'}"


def _paint(axes: Axes, drawn: TopicMap, titles: dict[int, str]) -> None:
    from matplotlib.patheffects import withStroke

    size = 34 if len(drawn.points) < 400 else 16
    for number, title in titles.items():
        mine = [point for point in drawn.points if point.topic == number]
        shape, colour = style_of(number)
        axes.scatter(
            [point.x for point in mine],
            [1 - point.y for point in mine],  # upwards in a picture, downwards in a page
            s=size,
            marker=_MARKERS[SHAPES[shape]],
            color=COLOURS[colour],
            alpha=0.75,
            linewidths=0,
            label=title,
        )
    halo: list[Any] = [withStroke(linewidth=3, foreground="white")]
    for number, (x, y) in drawn.middles.items():
        axes.text(x, 1 - y, str(number), ha="center", va="center", fontweight="bold", fontsize=11, path_effects=halo)
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(-0.03, 1.03)
    axes.axis("off")
    if titles:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, labelspacing=0.6, handletextpad=0.3)


def _family(text: str) -> str | None:
    """A font that has every character of ``text``; None if there is none."""
    from matplotlib import font_manager

    wanted = {ord(letter) for letter in text if not letter.isspace()}
    known = {entry.name: entry.fname for entry in reversed(font_manager.fontManager.ttflist)}
    for family in (_OWN, *_FAMILIES):
        if family in known:
            font = font_manager.get_font(known[family])
            if all(font.get_char_index(letter) for letter in wanted):
                return family
    return None
