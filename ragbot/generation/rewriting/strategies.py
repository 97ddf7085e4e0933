"""What a chat model can be asked to make of a question: a prompt each, and how the reply is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ragbot.documents import Message
from ragbot.generation.rewriting.checks import lost, part_of, related
from ragbot.generation.rewriting.parsing import key, passage_of, texts_of
from ragbot.retrieval.queries import Query

#: Characters of a rewritten question, and of a passage.
LONGEST_QUESTION, LONGEST_PASSAGE = 300, 600
#: A passage that is shorter says nothing.
_SHORTEST_PASSAGE = 12
#: How much another wording, a part, and a passage count beside the question (eval/benchmarks/rewriting.py).
WORDING_WEIGHT = 0.9
PART_WEIGHT = 1.0
PASSAGE_WEIGHT = 1.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What the model was asked about.

    Attributes:
        question: as the person wrote it.
        alone: as the rules made it stand alone.
        history: the conversation before it.
        count: texts that are wanted.
    """

    question: str
    alone: str
    history: Sequence[Message]
    count: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply came to: what is searched for, the question first; or why it cannot be used."""

    queries: tuple[Query, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Strategy:
    """One way to rewrite.

    Attributes:
        prompt: name of the prompt's files; it takes ``conversation``, or ``question``, ``count`` and ``translation``.
        longest: characters of the whole reply.
        read: makes queries of it.
        follow_ups: whether only a question with a conversation before it is rewritten.
        translates: whether one text is wanted in the other language, where there are documents in it.
    """

    prompt: str
    longest: int
    read: Callable[[Asked, str], Reading]
    follow_ups: bool = False
    translates: bool = False


def _standalone(asked: Asked, reply: str) -> Reading:
    texts = texts_of(reply, 1, LONGEST_QUESTION)
    if not texts:
        return Reading(reason="there is no question of a fit length in it")
    if reason := lost(texts[0], asked.question, asked.history):
        return Reading(reason=reason)
    return Reading((Query(texts[0]),))


def _other_wordings(asked: Asked, reply: str) -> Reading:
    texts = [text for text in _fresh(asked, reply) if related(text, asked.alone)]
    if not texts:
        return Reading(reason="there is no other wording of the question in it")
    return Reading((Query(asked.alone), *(Query(text, WORDING_WEIGHT) for text in texts[: asked.count])))


def _parts(asked: Asked, reply: str) -> Reading:
    texts = [text for text in _fresh(asked, reply) if part_of(text, asked.alone)]
    # A question of one part is what most are: that is no failure.
    return Reading((Query(asked.alone), *(Query(text, PART_WEIGHT) for text in texts[: asked.count])))


def _hypothetical(asked: Asked, reply: str) -> Reading:
    text = passage_of(reply, LONGEST_PASSAGE)
    if len(text) < _SHORTEST_PASSAGE or not related(text, asked.alone):
        return Reading(reason="there is no passage about the question in it")
    return Reading((Query(asked.alone), Query(text, PASSAGE_WEIGHT, passage=True)))


def _fresh(asked: Asked, reply: str) -> list[str]:
    texts = texts_of(reply, 2 * asked.count + 2, LONGEST_QUESTION)
    return [text for text in texts if key(text) not in {key(asked.alone), key(asked.question)}]


#: By the name that the setting ``retrieval.rewrite`` knows them by.
STRATEGIES: Mapping[str, Strategy] = {
    "standalone": Strategy("rewrite-standalone", 2 * LONGEST_QUESTION, _standalone, follow_ups=True),
    "multi-query": Strategy("rewrite-multi-query", 6 * LONGEST_QUESTION, _other_wordings, translates=True),
    "hyde": Strategy("rewrite-hyde", 2 * LONGEST_PASSAGE, _hypothetical),
    "decompose": Strategy("rewrite-decompose", 6 * LONGEST_QUESTION, _parts),
}
