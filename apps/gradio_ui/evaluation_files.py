"""The report of a run as a page of its own: ``GET /evaluation/RUN/report.html``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.responses import HTMLResponse, PlainTextResponse, Response

from apps.api.principal import Principal
from apps.gradio_ui.evaluation_rights import may_evaluate
from apps.gradio_ui.own_address import PRIVATE, OwnAddress
from eval.contrast import contrast
from eval.figures import report_page
from eval.runs import RunStore
from ragbot.errors import RagbotError
from ragbot.settings import Settings

#: A run's name, as :class:`eval.runs.RunStore` takes it: no separator, no dot in front.
_ADDRESS = re.compile(r"/evaluation/([A-Za-z0-9_][A-Za-z0-9_.-]{0,99})/report\.html")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
#: It quotes questions and documents: its script may work in it, and reach nothing else of ours.
_HEADERS = {
    "content-security-policy": (
        "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; "
        "style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
    ),
    "referrer-policy": "no-referrer",
    **PRIVATE,
}


class Reports(OwnAddress):
    """Answers these addresses."""

    address = _ADDRESS

    def refusal(self, principal: Principal | None) -> str:
        """It takes all rights."""
        may = principal is not None and may_evaluate(principal)
        return "" if may else "this takes a key with the scope admin that sees all documents"

    def reply(self, principal: Principal, found: re.Match[str], asked: Mapping[str, str]) -> Response:
        """The page, or why there is none."""
        return _page(self.site.settings, found[1], asked.get("against", ""), asked.get("lang", "en"))


def _page(settings: Settings, name: str, against: str, language: str) -> Response:
    store = runs_of(settings)
    try:
        run = store.load(str(store.root / name))
        # A name alone: the store would take any path for a baseline.
        before = store.load(str(store.root / against)) if _NAME.fullmatch(against) else None
        page = report_page(run, contrast(before, run) if before else None, "zh" if language == "zh" else "en")
    except RagbotError as error:
        return PlainTextResponse(f"{error}\n", 404)
    return HTMLResponse(page, 200, _HEADERS)


def runs_of(settings: Settings) -> RunStore:
    """The runs of the data folder."""
    return RunStore(settings.data_dir.expanduser().absolute() / "eval" / "runs")
