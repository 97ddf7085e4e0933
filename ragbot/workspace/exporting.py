"""Conversations as the text of a file: JSON, Markdown, or the rated answers as a question set."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal, get_args

from ragbot.errors import UserError
from ragbot.workspace.conversations import Conversations
from ragbot.workspace.feedback import evaluation_set
from ragbot.workspace.markdown import to_markdown
from ragbot.workspace.records import ConversationInfo
from ragbot.workspace.transfer import to_json

Format = Literal["json", "markdown", "questions"]
FORMATS: tuple[str, ...] = get_args(Format)


def exported(conversations: Conversations, infos: Sequence[ConversationInfo], form: str) -> str:
    """The text of the file.

    Args:
        form: ``json`` (everything; :mod:`ragbot.workspace.transfer`), ``markdown`` (the branch in use, to read), or
            ``questions`` (what was rated, one question a line, for ``ragbot eval``).

    Raises:
        UserError: there is no such format.
        CorruptError: a row is damaged.
    """
    if form == "json":
        return json.dumps(to_json(conversations, infos), ensure_ascii=False, indent=1) + "\n"
    if form == "markdown":
        return "\n".join(to_markdown(info, conversations.turns(info.id)) for info in infos)
    if form == "questions":
        records = evaluation_set(conversations, infos)
        return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    raise UserError(f"there is no format {form!r}; there are: {', '.join(FORMATS)}")
