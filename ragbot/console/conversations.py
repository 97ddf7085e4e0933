"""``ragbot conversations list``, ``show``, ``search``, ``rename``, ``export``, ``import`` and ``delete``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragbot.console import render
from ragbot.console.conversation_labels import ConversationLabels, conversation_labels
from ragbot.console.jsonout import plain
from ragbot.console.knowledge import settings_of
from ragbot.console.labels import LABELS
from ragbot.console.options import KnowledgeBaseOptions, Options
from ragbot.errors import UserError

if TYPE_CHECKING:
    from ragbot.settings import Settings
    from ragbot.workspace.conversations import Conversations
    from ragbot.workspace.records import ConversationInfo, Turn

_FORMATS = ("json", "markdown", "questions")
_BY_SUFFIX = {".md": "markdown", ".markdown": "markdown", ".jsonl": "questions"}


@contextmanager
def opened(settings: Settings, create: bool = False) -> Iterator[Conversations | None]:
    """The stored conversations; None where nothing was ever stored, and ``create`` is not set."""
    from ragbot.workspace.opening import open_conversations, workspace_path

    if not create and not workspace_path(settings).exists():
        yield None
        return
    conversations = open_conversations(settings)
    try:
        yield conversations
    finally:
        conversations.workspace.close()


def named(conversations: Conversations | None, name: str) -> ConversationInfo:
    """The conversation of this id, or of this beginning of one. Raises UserError."""
    if conversations is None:
        raise UserError(f"there is no conversation {name!r}, nor any other; start one: ragbot chat")
    return conversations.get(name)


def listing(options: KnowledgeBaseOptions, limit: int) -> None:
    """Print the conversations."""
    settings, terminal = settings_of(options), options.terminal
    kb = str(settings.kb_path()) if options.kb else None
    with opened(settings) as conversations:
        found = conversations.all(kb) if conversations else []
    if terminal.as_json:
        terminal.json({"conversations": plain(found[:limit]), "total": len(found)})
        return
    say = conversation_labels(settings, found[0].title if found else "")
    if not found:
        terminal.line(say.none_with.format(options.kb, options.kb) if options.kb else say.none)
        return
    rows = [
        (info.id, _when(info.updated), say.turns.format(info.turns), _kb(settings, info.kb), info.title)
        for info in found[:limit]
    ]
    terminal.columns(rows, right=(2,))
    if len(found) > limit:
        terminal.note(say.more.format(len(found) - limit))


def show(options: Options, name: str) -> None:
    """Print a conversation."""
    from ragbot.workspace.feedback import FeedbackStore
    from ragbot.workspace.transfer import to_json

    settings, terminal = settings_of(options), options.terminal
    with opened(settings) as conversations:
        info = named(conversations, name)
        assert conversations is not None  # for mypy: named raises
        if terminal.as_json:
            terminal.json(to_json(conversations, [info])["conversations"][0])
            return
        turns, every = conversations.turns(info.id), conversations.all_turns(info.id)
        rated = FeedbackStore(conversations.workspace).of(turns)
    say = conversation_labels(settings, info.title)
    terminal.line(info.title, "bold")
    terminal.line(f"{info.id} · {say.asked.format(_when(info.updated), _kb(settings, info.kb))}", "dim")
    for turn in turns:
        terminal.line()
        terminal.line(f"> {turn.question}", "bold", hang=2)
        print_answer(options, turn, conversation_labels(settings, turn.question))
        siblings = sum(other.parent == turn.parent for other in every)
        if siblings > 1:
            terminal.line(say.alternatives.format(siblings), "dim")
        if feedback := rated.get(turn.id):
            words = [say.good if feedback.rating == "up" else say.bad, feedback.comment]
            words += [say.expected.format(feedback.expected)] if feedback.expected else []
            terminal.line(" · ".join(filter(None, words)), "dim")


def print_answer(options: Options, turn: Turn, say: ConversationLabels) -> None:
    """The answer of a turn as far as it came, with its quotes."""
    terminal = options.terminal
    if turn.text:
        terminal.line(turn.text)
    if turn.state != "complete":
        terminal.line(say.interrupted if turn.state == "interrupted" else say.failed.format(turn.error), "dim")
    if turn.citations and not turn.abstained:
        render.citations(terminal, turn.citations, LABELS.get(turn.language, LABELS["en"]))


def find(options: KnowledgeBaseOptions, query: str, limit: int) -> None:
    """Print where something was said."""
    from ragbot.workspace.searching import search

    settings, terminal = settings_of(options), options.terminal
    query = query.encode("utf-8", "replace").decode()
    if not query.strip():
        raise UserError('there is nothing to search for; write it in quotes: ragbot conversations search "…"')
    kb = str(settings.kb_path()) if options.kb else None
    with opened(settings) as conversations:
        found = search(conversations, query, kb, limit) if conversations else []
    if terminal.as_json:
        terminal.json({"query": query, "found": plain(found)})
        return
    say = conversation_labels(settings, query)
    if not found:
        terminal.line(say.not_found.format(query))
    for number, item in enumerate(found):
        if number:
            terminal.line()
        when = item.turn.asked if item.turn else item.conversation.updated
        terminal.line(f"{item.conversation.id} · {_when(when)} · {item.conversation.title}", "bold", hang=2)
        if item.turn:
            terminal.line(f"> {' '.join(item.turn.question.split())}", indent=2, hang=2)
        terminal.line(item.excerpt if item.turn else say.in_title, "dim", indent=2)


def rename(options: Options, name: str, title: str) -> None:
    """Give a conversation another title."""
    settings = settings_of(options)
    with opened(settings) as conversations:
        info = named(conversations, name)
        assert conversations is not None  # for mypy: named raises
        conversations.rename(info.id, title)
        info = conversations.get(info.id)
    say = conversation_labels(settings, title)
    options.terminal.show(info, lambda terminal, _: terminal.line(say.renamed.format(info.id, info.title)))


def export(options: Options, names: Sequence[str], output: Path | None, form: str | None) -> None:
    """Write conversations to a file, or to standard output."""
    from ragbot.exploring.files import write_bytes

    settings, terminal = settings_of(options), options.terminal
    form = form or _BY_SUFFIX.get(output.suffix.lower() if output else "", "json")
    if form not in _FORMATS:
        raise UserError(f"there is no format {form!r}; there are: {', '.join(_FORMATS)}")
    with opened(settings) as conversations:
        infos = [named(conversations, name) for name in names] if names else []
        if not names and conversations is not None:
            infos = conversations.all()
        infos = list({info.id: info for info in infos}.values())
        text, count = _exported(conversations, infos, form)
    say = conversation_labels(settings, infos[0].title if infos else "")
    if form == "questions" and not count:
        terminal.note(say.nothing_rated, "yellow")
    if output is None:
        _print(options, text, form)
        return
    write_bytes(output.expanduser(), text.encode())
    if terminal.as_json:
        terminal.json({"file": str(output), "format": form, "conversations": len(infos), "records": count})
    elif form == "questions":
        terminal.line(say.questions.format(count, output, output))
    else:
        terminal.line(say.exported.format(count, output))


def _print(options: Options, text: str, form: str) -> None:
    terminal = options.terminal
    if form == "json":
        terminal.json(json.loads(text))
    elif terminal.as_json:
        raise UserError(f"--json prints one object, and {form} is none: write it to a file with --output")
    elif form == "markdown":
        terminal.piece(text)
    else:
        for line in text.splitlines():
            terminal.json(json.loads(line), indent=None)


def _exported(conversations: Conversations | None, infos: Sequence[ConversationInfo], form: str) -> tuple[str, int]:
    """The text of the file, and how many records are in it."""
    from ragbot.workspace.feedback import evaluation_set
    from ragbot.workspace.markdown import to_markdown
    from ragbot.workspace.transfer import FORMAT, VERSION, to_json

    if conversations is None:
        empty = {"format": FORMAT, "version": VERSION, "conversations": []}
        return (json.dumps(empty) + "\n" if form == "json" else ""), 0
    if form == "json":
        return json.dumps(to_json(conversations, infos), ensure_ascii=False, indent=1) + "\n", len(infos)
    if form == "markdown":
        return "\n".join(to_markdown(info, conversations.turns(info.id)) for info in infos), len(infos)
    records = evaluation_set(conversations, infos)
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), len(records)


def import_(options: Options, file: Path) -> None:
    """Bring conversations in."""
    from ragbot.workspace.markdown import from_markdown
    from ragbot.workspace.transfer import from_json

    settings = settings_of(options)
    text = _read(file)
    with opened(settings, create=True) as conversations:
        assert conversations is not None  # for mypy: it is made
        if text.lstrip().startswith("{"):
            try:
                value: Any = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise UserError(f"{file} is not whole JSON ({error}); export it again") from error
            done = from_json(conversations, value, str(file))
        else:
            done = from_markdown(conversations, text, str(file))
    say = conversation_labels(settings)
    options.terminal.show(
        done, lambda terminal, _: terminal.line(say.imported.format(len(done.added), len(done.skipped)))
    )


def _read(file: Path) -> str:
    try:
        return file.expanduser().read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror or error}; check the path") from error


def delete(options: Options, names: Sequence[str], every: bool, yes: bool) -> None:
    """Delete conversations for good."""
    settings, terminal = settings_of(options), options.terminal
    if every == bool(names):
        raise UserError("say which: ragbot conversations delete ID …, or all of them: --all")
    with opened(settings) as conversations:
        if conversations is None:
            if names:
                named(None, names[0])
            count = 0
        elif every:
            count = conversations.count()
            if count and not yes:
                _confirm(options, conversation_labels(settings).delete_all.format(count))
            count = conversations.delete_all()
        else:
            count = conversations.delete({conversations.resolve(name) for name in names})
    say = conversation_labels(settings)
    terminal.show({"deleted": count}, lambda terminal, _: terminal.line(say.deleted.format(count)))


def _confirm(options: Options, question: str) -> None:
    if options.as_json or not sys.stdin.isatty():
        raise UserError(f"{question} Nothing was deleted: say so with --yes")
    options.terminal.err.print(f"{question} [y/N] ", end="", markup=False)
    if input().strip().lower() not in {"y", "yes", "是", "好"}:
        raise UserError("nothing was deleted")


def _when(time: str) -> str:
    """A stored time as the clock here shows it."""
    try:
        return datetime.fromisoformat(time).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return time


def _kb(settings: Settings, folder: str) -> str:
    """What people call a knowledge base: the name of one in the data folder, else its folder."""
    path = Path(folder)
    return path.name if path.parent == (settings.data_dir / "kb").expanduser().absolute() else folder
