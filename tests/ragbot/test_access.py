"""A document that somebody may not see is found by no way into a knowledge base; whoever may see it finds it by all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agents.mcp.server.handlers import Handlers
from agents.mcp.server.job import Job
from agents.tools.ask_documents import ask_documents
from agents.tools.knowledge import read_document, search_knowledge
from ragbot.bot import RagBot
from ragbot.documents import ParsedDocument
from ragbot.errors import RagbotError, UserError
from ragbot.exploring.map_html import html
from ragbot.index.access import access_list, counts, document_of, is_seen, text_of
from ragbot.index.filters import Filter
from ragbot.workspace.conversations_seen import SeenConversations
from ragbot.workspace.feedback import evaluation_set
from ragbot.workspace.markdown import to_markdown
from ragbot.workspace.searching import search
from ragbot.workspace.transfer import to_json
from tests.conftest import EN, ZH

NOBODY, BOARD = Filter(principals=()), Filter(principals=("board", "guests"))
#: What stands in the hidden documents alone, and in no question.
SECRETS = ("Zephyrine", "天狼星")
HIDDEN = {
    "notes/hidden-en.md": f"{EN}\nThe vLLM requests belong to Zephyrine.\n",
    "notes/hidden-zh.md": f"{ZH}\n低秩矩阵归天狼星所有。\n",
}
QUESTIONS = ("To whom do the vLLM requests belong?", "低秩矩阵归谁所有？")

Way = Callable[[RagBot, Filter, str], Any]


@pytest.fixture
def bot(bot: RagBot) -> Iterator[RagBot]:
    """The small corpus, and two documents beside it that the board alone may see."""
    documents = {name: ParsedDocument(text, f"Plan {name[6:]}", "md", "en") for name, text in HIDDEN.items()}
    bot.ingest_documents(documents, acl=("board",))
    yield bot


def hidden_id(bot: RagBot, question: str) -> int:
    name = "notes/hidden-zh.md" if question == QUESTIONS[1] else "notes/hidden-en.md"
    return next(document.id for document in bot.documents() if document.source == name)


def hidden_source(bot: RagBot, question: str) -> str:
    return bot.kb.catalog.document(hidden_id(bot, question)).source  # type: ignore[union-attr]


def called(tool: Any, **arguments: Any) -> Any:
    return tool.invoke({"type": "tool_call", "id": "1", "name": tool.name, "args": arguments}).artifact


def conversed(bot: RagBot, where: Filter, question: str) -> SeenConversations:
    """Conversations as ``where`` sees them, after the owner has been given an answer from the hidden documents."""
    conversation = bot.conversation()
    answer = conversation.ask(question)
    assert any(secret in str(answer.citations) for secret in SECRETS)
    conversation.rate("up")
    return SeenConversations(bot.conversations.workspace, {str(bot.kb.folder): bot.kb.catalog}, where)


def exported(bot: RagBot, where: Filter, question: str) -> str:
    conversations = conversed(bot, where, question)
    return json.dumps(to_json(conversations, conversations.all()), ensure_ascii=False)


def as_markdown(bot: RagBot, where: Filter, question: str) -> str:
    conversations = conversed(bot, where, question)
    return "".join(to_markdown(info, conversations.turns(info.id)) for info in conversations.all())


def as_questions(bot: RagBot, where: Filter, question: str) -> Any:
    conversations = conversed(bot, where, question)
    return evaluation_set(conversations, conversations.all())


def searched(bot: RagBot, where: Filter, question: str) -> Any:
    conversations = conversed(bot, where, question)
    return [search(conversations, secret) for secret in SECRETS]


def alternatives(bot: RagBot, where: Filter, question: str) -> Any:
    conversations = conversed(bot, where, question)
    return [
        conversations.alternatives(turn) for info in conversations.all() for turn in conversations.all_turns(info.id)
    ]


def gone_on(bot: RagBot, where: Filter, question: str) -> Any:
    """A conversation of the owner's that somebody else goes on with: what is remembered of it."""
    conversed(bot, where, question)
    going_on = bot.conversation(bot.conversations.all()[0].id, where)
    histories: list[Any] = []
    ask = going_on._ask

    def listening(text: str, history: Any, seen: Any) -> Any:
        histories.append(history)
        return ask(text, history, seen)

    going_on._ask = listening
    going_on.ask("and then?", where)
    return histories, going_on.turns


def restricted_agent_tools(bot: RagBot, where: Filter, question: str) -> Any:
    from agents.restricted import restricted, restricted_tools
    from agents.toolbox import Parts

    parts = Parts(bot.settings, "en", bot.kb, bot.retriever, None, (), bot.ask)
    parts = restricted(parts, where, lambda text, seen: bot.ask(text, where=seen))
    tools = restricted_tools(["kb", "ask_documents"], parts, where)
    assert [tool.name for tool in tools] == ["search_knowledge", "read_document", "ask_documents"]
    return [called(tools[0], query=question), called(tools[2], question=question)]


def after_the_owner(bot: RagBot, where: Filter, question: str) -> Any:
    """The same question twice: what was kept for the first one must not answer the second."""
    bot.search(question)
    bot.ask(question)
    return bot.search(question, where=where), bot.ask(question, where=where), bot.search(question, where=where)


WAYS: dict[str, Way] = {
    "search": lambda bot, where, question: bot.search(question, 50, where),
    "explain": lambda bot, where, question: bot.explain(question, 50, where),
    "ask": lambda bot, where, question: bot.ask(question, where=where),
    "stream": lambda bot, where, question: list(bot.stream(question, where=where)),
    "asked after the owner": after_the_owner,
    "langchain": lambda bot, where, question: bot.as_retriever(50, where).invoke(question),
    "documents": lambda bot, where, question: bot.documents(where),
    "text": lambda bot, where, question: bot.document_text(hidden_id(bot, question), where),
    "text_of": lambda bot, where, question: text_of(bot.kb.catalog, hidden_id(bot, question), where),
    "document_of": lambda bot, where, question: document_of(bot.kb.catalog, hidden_id(bot, question), where),
    "similar": lambda bot, where, question: [
        bot.similar(document.source, 50, where) for document in bot.documents() if not document.acl
    ],
    "similar to it": lambda bot, where, question: bot.similar(hidden_source(bot, question), 50, where),
    "duplicates": lambda bot, where, question: bot.duplicates(where, 0.3),
    "topics": lambda bot, where, question: bot.topics(where=where),
    "topic map": lambda bot, where, question: html(bot.topic_map(bot.topics(where=where)), "en"),
    "summary": lambda bot, where, question: bot.summarize(hidden_source(bot, question), 50, where),
    "tool search": lambda bot, where, question: called(
        search_knowledge(bot.retriever, catalog=bot.kb.catalog, where=where, top_k=50), query=question
    ),
    "tool search in it": lambda bot, where, question: called(
        search_knowledge(bot.retriever, catalog=bot.kb.catalog, where=where),
        query=question,
        document=hidden_source(bot, question),
    ),
    "tool read": lambda bot, where, question: called(
        read_document(bot.kb.catalog, where=where), document=hidden_source(bot, question)
    ),
    "tool ask": lambda bot, where, question: called(
        ask_documents(lambda text: bot.ask(text, where=where)), question=question
    ),
    "agent's tools": restricted_agent_tools,
    "mcp search": lambda bot, where, question: Handlers(bot, (), where).search(
        {"question": question, "top_k": 50}, Job()
    ),
    "mcp search in it": lambda bot, where, question: Handlers(bot, (), where).search(
        {"question": question, "sources": [hidden_source(bot, question)]}, Job()
    ),
    "mcp ask": lambda bot, where, question: Handlers(bot, (), where).ask({"question": question}, Job()),
    "mcp list": lambda bot, where, question: Handlers(bot, (), where).list_documents({}, Job()),
    "mcp read": lambda bot, where, question: Handlers(bot, (), where).read_document(
        {"document": hidden_source(bot, question)}, Job()
    ),
    "mcp resource": lambda bot, where, question: Handlers(bot, (), where).document(hidden_id(bot, question)),
    "mcp resources": lambda bot, where, question: Handlers(bot, (), where).documents(),
    "conversation exported": exported,
    "conversation as Markdown": as_markdown,
    "conversation as questions": as_questions,
    "conversation searched": searched,
    "conversation's alternatives": alternatives,
    "conversation gone on with": gone_on,
}
#: These show names and no text.
_NAMES_ONLY = {"duplicates", "documents", "document_of", "mcp list", "mcp resources"}


def outcome(way: Way, bot: RagBot, where: Filter, question: str) -> str:
    """All that somebody learns: what comes back, or what an error says."""
    from langchain_core.tools import ToolException

    try:
        found = way(bot, where, question)
    except (RagbotError, ToolException) as error:
        return f"{type(error).__name__}: {error}".replace(hidden_source(bot, question), "…")
    return repr(found)


@pytest.mark.parametrize("question", QUESTIONS, ids=["en", "zh"])
@pytest.mark.parametrize("name", WAYS)
def test_hidden_from_whoever_may_not_see_it_alone(bot: RagBot, name: str, question: str) -> None:
    wanted = ("Plan hidden",) if name in _NAMES_ONLY else SECRETS
    hidden = outcome(WAYS[name], bot, NOBODY, question)
    assert [secret for secret in (*SECRETS, "Plan hidden") if secret in hidden] == []
    seen = outcome(WAYS[name], bot, BOARD, question)
    assert any(secret in seen for secret in wanted), seen[:2000]


@pytest.mark.parametrize("name", ["text", "document_of", "similar to it", "summary", "tool read", "mcp read"])
def test_hidden_and_missing_are_told_apart_by_nothing(bot: RagBot, name: str) -> None:
    question = QUESTIONS[0]
    number, source = str(hidden_id(bot, question)), hidden_source(bot, question)
    hidden = outcome(WAYS[name], bot, NOBODY, question)
    missing: Way = {
        "text": lambda bot, where, _: bot.document_text(999, where),
        "document_of": lambda bot, where, _: document_of(bot.kb.catalog, 999, where),
        "similar to it": lambda bot, where, _: bot.similar("notes/hidden-fr.md", 50, where),
        "summary": lambda bot, where, _: bot.summarize("notes/hidden-fr.md", 50, where),
        "tool read": lambda bot, where, _: called(
            read_document(bot.kb.catalog, where=where), document="notes/hidden-fr.md"
        ),
        "mcp read": lambda bot, where, _: Handlers(bot, (), where).read_document(
            {"document": "notes/hidden-fr.md"}, Job()
        ),
    }[name]
    said = outcome(missing, bot, NOBODY, question).replace("notes/hidden-fr.md", "…").replace("999", number)
    assert said == hidden.replace(source, "…")


def test_words_of_hidden_documents_are_not_counted(bot: RagBot) -> None:
    def chunks(where: Filter | None) -> dict[str, int]:
        found = bot.explain("Zephyrine 天狼星 vLLM", where=where)
        return {term.text: term.chunks for term in found.terms}

    nobody, board = chunks(NOBODY), chunks(BOARD)
    assert nobody["zephyrine"] == 0
    assert board["zephyrine"] == 1
    assert 0 < nobody["vllm"] < board["vllm"] == chunks(None)["vllm"]
    assert sum(nobody[term] for term in nobody if "狼" in term) == 0
    assert sum(board[term] for term in board if "狼" in term) > 0


def test_a_right_that_is_given_and_taken_holds_at_once(bot: RagBot) -> None:
    question = QUESTIONS[0]
    source = hidden_source(bot, question)
    assert "Zephyrine" not in repr(bot.search(question, where=NOBODY))
    assert bot.set_access(source, []).acl == ()
    assert "Zephyrine" in repr(bot.search(question, where=NOBODY))
    assert bot.set_access(source, ["  ops ", "ops", "法务"]).acl == ("ops", "法务")
    assert "Zephyrine" not in repr(bot.search(question, where=BOARD))
    assert "Zephyrine" in repr(bot.search(question, where=Filter(principals=("法务",))))
    with pytest.raises(RagbotError, match="there is no document"):
        bot.set_access(source, [], where=NOBODY)
    with pytest.raises(UserError, match="cannot stand in an access list"):
        bot.set_access(source, [" "])


def test_an_answer_is_withheld_while_its_source_is(bot: RagBot) -> None:
    conversation = bot.conversation()
    conversation.ask(QUESTIONS[0])
    seen = SeenConversations(bot.conversations.workspace, {str(bot.kb.folder): bot.kb.catalog}, NOBODY)
    (turn,) = seen.turns(conversation.id)
    assert (turn.question, turn.text, turn.citations, turn.state) == (QUESTIONS[0], "", (), "failed")
    assert "withheld" in turn.error
    bot.set_access(hidden_source(bot, QUESTIONS[0]), [])
    assert seen.turns(conversation.id)[0].text
    bot.remove(hidden_source(bot, QUESTIONS[0]))
    assert not seen.turns(conversation.id)[0].text  # what is gone is nobody's to see
    elsewhere = SeenConversations(bot.conversations.workspace, {}, BOARD)
    assert not elsewhere.turns(conversation.id)[0].text  # nor what another knowledge base said


def test_summaries_of_what_is_withheld(bot: RagBot) -> None:
    from ragbot.generation.memory import Summary

    conversation = bot.conversation()
    conversation.ask("Where is the harbour?", where=NOBODY)
    conversation.ask(QUESTIONS[0])
    first, second = conversation.turns
    bot.conversations.put_summary(first.id, Summary("harbour", "model"))
    bot.conversations.put_summary(second.id, Summary("Zephyrine", "model"))
    seen = SeenConversations(bot.conversations.workspace, {str(bot.kb.folder): bot.kb.catalog}, NOBODY)
    assert seen.summaries(seen.turns(conversation.id)) == {1: Summary("harbour", "model")}
    seen.put_summary(second.id, Summary("nothing", "model"))
    assert bot.conversations.summaries(conversation.turns)[2].text == "Zephyrine"


def test_counts_and_names(bot: RagBot) -> None:
    assert counts(bot.kb.catalog, NOBODY)["documents"] == counts(bot.kb.catalog)["documents"] - 2
    assert counts(bot.kb.catalog, BOARD) == counts(bot.kb.catalog)
    document = document_of(bot.kb.catalog, hidden_id(bot, QUESTIONS[0]))
    assert [is_seen(document, where) for where in (None, Filter(), NOBODY, BOARD)] == [True, True, False, True]
    assert access_list(["b", " a  b ", "b", "e\u0301"]) == ("a b", "b", "\u00e9")
    for bad in ("", " ", "x" * 101, "a\x00b"):
        with pytest.raises(UserError):
            access_list([bad])
    with pytest.raises(TypeError):
        access_list("board")


def test_the_agent_of_somebody(bot: RagBot) -> None:
    """``RagBot.agent`` gives its tools the condition."""
    from ragbot.models.testing import ScriptedChatModel

    bot.__dict__["_agent_model"] = (ScriptedChatModel(lambda _: "x"), "x")
    for where, sees in ((NOBODY, False), (BOARD, True)):
        for chosen in (["kb", "ask_documents"], None):  # None: those of the settings
            tools = {tool.name: tool for tool in bot.agent(chosen, where=where).tools}
            found = repr(called(tools["search_knowledge"], query=QUESTIONS[0]))
            assert ("Zephyrine" in found) == sees
            if chosen:
                assert ("Zephyrine" in repr(called(tools["ask_documents"], question=QUESTIONS[0]))) == sees
    bot.settings.agent.plan = True  # which brings ask_documents in by itself
    tools = {tool.name: tool for tool in bot.agent(["kb"], where=NOBODY).tools}
    assert "Zephyrine" not in repr(called(tools["ask_documents"], question=QUESTIONS[0]))
