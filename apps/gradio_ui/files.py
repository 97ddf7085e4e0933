"""What can be downloaded: conversations, and rated answers as a question set. Made when it is asked for, kept nowhere."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.responses import PlainTextResponse, Response

from apps.api.principal import Principal
from apps.gradio_ui.own_address import PRIVATE, OwnAddress
from apps.gradio_ui.site import Visitor
from ragbot.errors import RagbotError
from ragbot.workspace.exporting import exported

#: The addresses; an id is looked up among the visitor's conversations, and names no file.
_ADDRESS = re.compile(r"/files/(?:([0-9a-f]{1,32})\.(md|json)|feedback\.(jsonl))")
_FORMS = {
    "md": ("markdown", "text/markdown"),
    "json": ("json", "application/json"),
    "jsonl": ("questions", "application/jsonl"),
}


class Files(OwnAddress):
    """Answers ``GET /files/…``."""

    address = _ADDRESS

    def reply(self, principal: Principal, found: re.Match[str], asked: Mapping[str, str]) -> Response:
        """The file, or that there is none."""
        visitor = Visitor(self.site, principal, "en")
        return _file(visitor, asked.get("kb", ""), found[1] or "", found[2] or found[3])


def _file(visitor: Visitor, kb: str, identity: str, ending: str) -> Response:
    form, kind = _FORMS[ending]
    try:
        with visitor.using(kb) as bot:
            infos = [info for info in visitor.listed(bot) if identity in {"", info.id}]
            if not infos:
                return PlainTextResponse("there is no such conversation\n", 404)
            text = exported(visitor.conversations(bot), infos, form)
    except RagbotError as error:
        return PlainTextResponse(f"{error}\n", 404)
    name = f"ragbot-{identity or 'feedback'}.{ending}"
    headers = {"content-disposition": f'attachment; filename="{name}"', **PRIVATE}
    return Response(text.encode(), 200, headers, f"{kind}; charset=utf-8")
