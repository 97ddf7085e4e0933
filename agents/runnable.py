"""The agent in LangChain and LangGraph: a ``Runnable``, and a node of a graph whose state has ``messages``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig

from agents.runs import AgentRun
from agents.steps import Step
from ragbot.documents import Message
from ragbot.errors import UserError

if TYPE_CHECKING:
    from agents.react import Agent

#: What a run is asked with: a question, messages, or an object that has one of them.
Asked = str | Sequence[BaseMessage] | Mapping[str, Any]


class AgentRunnable(Runnable[Asked, AgentRun]):
    """A question, or messages whose last one is the person's, to an :class:`AgentRun`; ``steps`` gives the steps.

    Args:
        agent: what runs.
    """

    def __init__(self, agent: Agent) -> None:
        self.agent = agent

    def invoke(self, input: Asked, config: RunnableConfig | None = None, **kwargs: Any) -> AgentRun:
        """Run the agent. Raises as :meth:`agents.react.Agent.run`."""

        def run(asked: Asked) -> AgentRun:
            question, history = question_of(asked)
            return self.agent.run(question, history)

        return self._call_with_config(run, input, config, run_type="chain", **kwargs)

    def steps(self, input: Asked) -> Iterator[Step]:
        """The steps as they happen."""
        question, history = question_of(input)
        return self.agent.stream(question, history)


def as_node(agent: Agent) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """A node for LangGraph: it reads ``messages`` of the state, and adds the answer to them.

    The message carries the run in ``additional_kwargs["ragbot"]``: its id, outcome, and sources as plain objects.
    """

    def node(state: Mapping[str, Any]) -> dict[str, Any]:
        question, history = question_of(state)
        return {"messages": [message_of(agent.run(question, history))]}

    return node


def message_of(run: AgentRun) -> AIMessage:
    """The answer of a run as a message."""
    answer = run.answer
    kept = answer.as_json() if answer else {}
    about = {"run": run.id, "outcome": kept.get("outcome", ""), "sources": kept.get("sources", [])}
    return AIMessage(run.text, additional_kwargs={"ragbot": about}, name="ragbot")


def question_of(asked: Asked) -> tuple[str, tuple[Message, ...]]:
    """The question, and what was said before.

    Raises:
        UserError: there is no question in it.
    """
    if isinstance(asked, str):
        return asked, ()
    if isinstance(asked, Mapping):
        found = next((asked[key] for key in ("messages", "question", "input") if asked.get(key)), None)
        if found is None:
            raise UserError(
                f"there is no question among {', '.join(map(str, asked)) or 'nothing'}: give messages or question"
            )
        return question_of(found)
    if not asked or asked[-1].type != "human":
        raise UserError("the last message has to be the person's (a HumanMessage): there is nothing to answer")
    said = tuple(
        Message("user" if message.type == "human" else "assistant", str(message.text))
        for message in asked[:-1]
        if message.type in {"human", "ai"} and str(message.text).strip()
    )
    return str(asked[-1].text), said
