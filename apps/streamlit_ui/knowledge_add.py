"""Files and addresses that somebody hands over; each time they make one job."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from apps.streamlit_ui.errors import shown
from apps.streamlit_ui.visitor import Visitor
from ragbot.composing.intake import Asker, submit
from ragbot.index.labels import Labels

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

#: Key of the state: how often a form was sent; with each, the fields are new ones, and so empty.
_SENT = "added"


def asker(who: Visitor) -> Asker:
    """Who hands documents over: what the owner allows at the machine is not everybody's."""
    return Asker(who.principal.owner, who.where(), None if who.is_owner else False)


def draw(who: Visitor) -> None:
    """A form that is open while there are no documents."""
    number = st.session_state.setdefault(_SENT, 0)
    with who.using() as bot:
        empty = not bot.kb.catalog.counts()["documents"]
    with st.expander(who.say("add_documents"), icon=":material/add:", expanded=empty):
        with st.form(f"add-{number}", border=False):
            files = st.file_uploader(who.say("files"), accept_multiple_files=True, key=f"files-{number}")
            urls = st.text_area(
                who.say("urls"), key=f"urls-{number}", placeholder="https://", height=80, max_chars=100_000
            )
            left, right = st.columns(2)
            tags = left.text_input(who.say("tags"), key=f"tags-{number}", help=who.say("tags_hint"), max_chars=1000)
            collection = right.text_input(who.say("collection"), key=f"collection-{number}", max_chars=100)
            sent = st.form_submit_button(who.say("add"), type="primary", icon=":material/upload:")
        if not sent:
            return
        if not files and not urls.strip():
            st.warning(who.say("add_nothing"))
            return
        with shown(who.language):
            _submitted(who, files, urls.split(), tags, collection)
            st.session_state[_SENT] = number + 1
            st.rerun()


def _submitted(who: Visitor, files: Sequence[UploadedFile], urls: Sequence[str], tags: str, collection: str) -> None:
    """Keep the files, and ask for the job."""
    labels = Labels(tag_list(tags) or None, collection.strip() or None)
    with tempfile.TemporaryDirectory(prefix="ragbot-upload-") as folder, who.using("write") as bot:
        kept = []
        for number, file in enumerate(files):
            path = Path(folder) / str(number)  # what it is called is only a name
            path.write_bytes(file.getbuffer())
            kept.append(path)
        names = [file.name for file in files]
        submit(bot, who.site.jobs, kept, urls, names=names, labels=labels, asker=asker(who))
    who.site.runner.wake()


def tag_list(text: str) -> tuple[str, ...]:
    """Tags as they are written in a field: with commas, also Chinese ones."""
    for comma in "，、；;":
        text = text.replace(comma, ",")
    return tuple(filter(None, (tag.strip() for tag in text.split(","))))
