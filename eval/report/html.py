"""The report as one HTML page that opens from a file and asks for nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.contrast import Contrast
from eval.files import write_text
from eval.records import Run
from eval.report.outcomes import counts
from eval.report.overview import cards, facts, lines, slice_table
from eval.report.plots import run_plots, slice_plots
from eval.report.questions import facets_of, questions_data
from eval.report.verdicts import MOST_FLIPS, flip_lines, notes, split, tally, verdict_lines
from eval.report.words import Language, Words, texts
from eval.summary import Figure
from ragbot.errors import MissingExtraError

_HERE = Path(__file__).parent
#: What would end a script element, or a line of JavaScript, as JSON writes it.
_ESCAPED = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def write_report(
    run: Run, figures: Sequence[Figure], path: Path, against: Contrast | None = None, language: Language = "en"
) -> None:
    """Write the report of a run; the same run gives the same page.

    Args:
        figures: of :func:`eval.summary.summarize`.
        against: the comparison with an earlier run, if there is one.
        language: of the labels; questions and documents stay in theirs.

    Raises:
        MissingExtraError: jinja2 or matplotlib is not installed.
    """
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
        from markupsafe import Markup
    except ModuleNotFoundError as error:
        raise MissingExtraError("a report", "eval") from error
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    say = Words(language)
    script = (_HERE / "report.js").read_text(encoding="utf-8")
    data = questions_data(run.rows)
    # Markup marks what we made ourselves, and the data, which script_json has made harmless.
    page = environment.get_template("report.html").render(
        say=say,
        name=run.name,
        facts=facts(run, say),
        cards=cards(figures, say),
        lines=lines(figures, say),
        plots=run_plots(run.rows, figures, say),
        slice_plots=slice_plots(figures, say),
        slices=slice_table(figures, say),
        comparison=_comparison(against, say) if against else None,
        outcomes=counts(run.rows),
        facets=facets_of([row.question for row in run.rows]),
        columns=data["columns"],
        excerpt=data["excerpt"],
        total=len(run.rows),
        data=Markup(script_json({**data, "words": script_words(language)})),
        style=Markup((_HERE / "report.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=_hash(script),
        markup=Markup,
    )
    # A lone surrogate (from a damaged source) has no UTF-8.
    write_text(path, page.encode("utf-8", "replace").decode("utf-8"))


def script_json(value: Any) -> str:
    """JSON that may stand in a script element: nothing in it can end the element."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).translate(_ESCAPED)


def script_words(language: Language) -> dict[str, str]:
    """The strings that the page's script needs: those under ``js.``."""
    return {key.removeprefix("js."): text for key, text in texts(language).items() if key.startswith("js.")}


def _comparison(against: Contrast, say: Words) -> dict[str, Any]:
    whole, parts = split(against)
    return {
        "a": against.a,
        "b": against.b,
        "notes": notes(against, say),
        "tally": tally(whole, say),
        "verdicts": verdict_lines(whole, say),
        "slices": verdict_lines(parts, say),
        "slices_tally": tally(parts, say),
        "flips": flip_lines(against.flips, say)[:MOST_FLIPS],
        "more_flips": max(0, len(against.flips) - MOST_FLIPS),
        "gained": sum(flip.change == "gained" for flip in against.flips),
        "lost": sum(flip.change == "lost" for flip in against.flips),
    }


def _hash(script: str) -> str:
    """The script's digest as Content-Security-Policy writes it: no other script runs, whatever a document says."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
