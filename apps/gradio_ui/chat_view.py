"""What the chat shows, as HTML: the turns of a conversation with their buttons, the list of conversations, the beginning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from apps.gradio_ui.text import say
from ragbot.documents import Answer
from ragbot.errors import UserError
from ragbot.showing.answers import answer_html, partial_html
from ragbot.showing.conversations import groups, title_of, turn_html, when
from ragbot.showing.html import note_html, safe
from ragbot.showing.steps import steps_html
from ragbot.workspace.conversations import Conversations
from ragbot.workspace.feedback import FeedbackStore
from ragbot.workspace.records import ConversationInfo, Feedback, Turn

#: Conversations in the list; older ones are found by searching.
MOST = 200


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation as it is shown.

    Args:
        turns: of the branch in use.
        others: by turn, the ids of all that were asked in its place, this one included.
        feedback: by turn.
        fresh: the last answer with the hits that it was found among, which are not kept.
    """

    turns: Sequence[Turn]
    others: Mapping[int, Sequence[int]] = field(default_factory=dict)
    feedback: Mapping[int, Feedback] = field(default_factory=dict)
    fresh: tuple[int, Answer] | None = None

    @classmethod
    def of(cls, conversations: Conversations, identity: str, fresh: tuple[int, Answer] | None = None) -> Talk:
        """The conversation of this id as it is stored."""
        turns, every = conversations.turns(identity), conversations.all_turns(identity)
        others = {turn.id: [other.id for other in every if other.parent == turn.parent] for turn in turns}
        return cls(turns, others, FeedbackStore(conversations.workspace).of(turns), fresh)

    def before(self, number: int) -> Talk:
        """The part before a turn; all of it where there is no such turn."""
        ids = [turn.id for turn in self.turns]
        return replace(self, turns=self.turns[: ids.index(number)] if number in ids else self.turns)

    def turn(self, number: int) -> Turn:
        """A turn by its id. Raises UserError without such a one."""
        for turn in self.turns:
            if turn.id == number:
                return turn
        raise UserError("this question is not part of the conversation any more: load the page anew")


def turns_html(talk: Talk, language: str) -> str:
    """The whole conversation."""
    return "".join(_turn(turn, talk, language) for turn in talk.turns)


def pending_html(question: str, text: str, steps: Sequence[object], language: str) -> str:
    """A question that is being answered."""
    done = steps_html(steps, language, running=not text) if steps else ""  # type: ignore[arg-type]
    body = "" if steps and not text else partial_html(text, language)
    return f'<section class="rb-asked">{_question(question)}<div class="rb-reply">{done}{body}</div></section>'


def welcome_html(title: str, hint: str, examples: Sequence[str] = (), add: str = "") -> str:
    """What stands where the conversation will be.

    Args:
        examples: questions to begin with.
        add: the words of a button that leads to adding documents; empty for none.
    """
    listed = "".join(
        f'<li><button type="button" class="rb-example" data-act="ask" data-text="{safe(text, " ")}">{safe(text)}</button></li>'
        for text in examples
    )
    button = f'<button type="button" class="rb-add" data-act="bring">{safe(add)}</button>' if add else ""
    return (
        f'<div class="rb-welcome"><h2>{safe(title)}</h2><p>{safe(hint)}</p>'
        f"{f'<ul>{listed}</ul>' if listed else ''}{button}</div>"
    )


def list_html(infos: Sequence[ConversationInfo], current: str, language: str) -> str:
    """The conversations by day; the one that is open is marked."""
    if not infos:
        return note_html(say(language, "no_conversations"))
    parts = []
    for group in groups(infos[:MOST], language):
        items = "".join(_item(info, current, language) for info in group.conversations)
        parts.append(f"<h3>{safe(group.name)}</h3><ul>{items}</ul>")
    if len(infos) > MOST:
        parts.append(note_html(say(language, "more_conversations", count=len(infos) - MOST)))
    return f'<nav aria-label="{safe(say(language, "conversations"), " ")}">{"".join(parts)}</nav>'


def files_html(info: ConversationInfo | None, kb: str, rated: bool, language: str) -> str:
    """Links to what can be downloaded: the conversation, and the rated answers as a question set."""
    query = f"?kb={safe(kb, ' ')}"
    links = []
    if info is not None:
        links += [
            (f"files/{info.id}.md{query}", "download_markdown"),
            (f"files/{info.id}.json{query}", "download_json"),
        ]
    if rated:
        links.append((f"files/feedback.jsonl{query}", "download_feedback"))
    listed = "".join(f'<a href="{href}" download>{safe(say(language, key))}</a>' for href, key in links)
    return f'<p class="rb-files">{listed}</p>' if links else ""


def _item(info: ConversationInfo, current: str, language: str) -> str:
    here = ' aria-current="true"' if info.id == current else ""
    hint = f"{title_of(info, language, 200)} · {when(info.updated, language)}"
    return (
        f'<li><button type="button" data-conversation="{safe(info.id, " ")}" title="{safe(hint, " ")}"{here}>'
        f"{safe(title_of(info, language), ' ')}</button></li>"
    )


def _turn(turn: Turn, talk: Talk, language: str) -> str:
    fresh = talk.fresh[1] if talk.fresh and talk.fresh[0] == turn.id and turn.state == "complete" else None
    reply = answer_html(fresh, language) if fresh else turn_html(turn, language)
    return (
        f'<section class="rb-asked" data-turn="{turn.id}">{_question(turn.question)}<div class="rb-reply">{reply}</div>'
        f"{_tools(turn, talk, language)}</section>"
    )


def _question(text: str) -> str:
    return f'<div class="rb-question">{safe(text)}</div>'


def _tools(turn: Turn, talk: Talk, language: str) -> str:
    buttons = [_button("again", say(language, "again")), _button("revise", say(language, "revise"))]
    given = talk.feedback.get(turn.id)
    if turn.state == "complete":
        for rating in ("up", "down"):
            pressed = given is not None and given.rating == rating
            buttons.append(_button("rate", say(language, f"rate_{rating}"), pressed, rating=rating))
    others = talk.others.get(turn.id, ())
    if len(others) > 1:
        at = list(others).index(turn.id)
        place = say(language, "alternative", number=at + 1, count=len(others))
        buttons.append(_button("swap", "‹", None, say(language, "before"), other=others[at - 1]) if at else "")
        buttons.append(f'<span class="rb-where">{safe(place)}</span>')
        if at + 1 < len(others):
            buttons.append(_button("swap", "›", None, say(language, "after"), other=others[at + 1]))
    comment = f'<p class="rb-note">{safe(given.comment)}</p>' if given and given.comment else ""
    return f'<div class="rb-tools">{"".join(buttons)}</div>{comment}'


def _button(act: str, text: str, pressed: bool | None = None, name: str = "", **data: object) -> str:
    extra = "".join(f' data-{key}="{safe(str(value), " ")}"' for key, value in data.items())
    extra += f' aria-pressed="{str(pressed).lower()}"' if pressed is not None else ""
    extra += f' aria-label="{safe(name, " ")}"' if name else ""
    return f'<button type="button" data-act="{act}"{extra}>{safe(text)}</button>'
