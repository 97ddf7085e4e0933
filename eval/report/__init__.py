"""The report of a run: one HTML page that needs nothing else, and a few lines of Markdown for a pull request."""

from importlib.util import find_spec

from eval.report.html import write_report
from eval.report.markdown import write_markdown
from ragbot.errors import MissingExtraError

__all__ = ["check_extras", "write_markdown", "write_report"]


def check_extras() -> None:
    """Raise MissingExtraError where what a report is made with is not installed."""
    for module in ("jinja2", "matplotlib"):
        if find_spec(module) is None:
            raise MissingExtraError("a report", "eval")
