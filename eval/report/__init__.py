"""The report of a run: one HTML page that needs nothing else, and a few lines of Markdown for a pull request."""

from eval.report.html import write_report
from eval.report.markdown import write_markdown

__all__ = ["write_markdown", "write_report"]
