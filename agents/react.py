"""The loop (ReAct; Yao et al. 2022): the model thinks, calls a tool, reads what came of it, and goes on until it answers.

The model's mistakes (an unknown tool, wrong arguments, a reply that cannot be read) come back to it as observations; an
error of ours ends the run, which is kept and can be resumed. Every step is stored before the next thing happens, and a
call before it is made.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool

from agents.budgets import Budget
from agents.policy import ConsentCallback, Policy
from agents.protocol.choice import ProtocolName, protocol_for
from agents.running import Loop
from agents.runs import AgentRun, RunsInMemory, RunStore, details_of, load, new_id
from agents.steps import Step
from ragbot.documents import Message
from ragbot.errors import SettingsError, UserError
from ragbot.text import answer_language


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """How a run is made.

    Attributes:
        budget: its limits.
        protocol: ``native`` tool calls, ``text``, or ``auto``: native where the model has them.
        constrained: whether replies of the text protocol are forced into their form.
        thoughts: whether they begin with a thought.
        narrow: whether the arguments of such replies are held to what their tools say can be right: columns that there are,
            numbers that were read; and answers to such numbers. For small models.
        language: ``zh``, ``en``, or ``auto``: that of the question.
        reply_tokens: the longest reply, in tokens; 0 leaves it to the model.
        plan: whether a question is taken apart before the loop begins (:mod:`agents.planning`).
        route: whether it is first decided if tools are needed at all (:mod:`agents.routing`): by ``rules``, by the
            ``model``, or (``never``) not.
    """

    budget: Budget = field(default_factory=Budget)
    protocol: ProtocolName = "auto"
    constrained: bool = True
    thoughts: bool = True
    narrow: bool = False
    language: str = "auto"
    reply_tokens: int = 512
    plan: bool = False
    route: Literal["never", "rules", "model"] = "never"


class AgentStream(Iterator[Step]):
    """Iterate it for the steps as they happen. ``close`` or ``cancel`` gives the run up; it can be resumed."""

    def __init__(self, run: AgentRun) -> None:
        self.run = run
        self._cancelled = threading.Event()
        self._steps: Generator[Step] | None = None

    @property
    def id(self) -> str:
        """The id that the run is kept by."""
        return self.run.id

    def __next__(self) -> Step:
        if self._steps is None:
            raise StopIteration
        return next(self._steps)

    def cancel(self) -> None:
        """Give the run up, from any thread: the model stops at its next token, a tool is not waited for."""
        self._cancelled.set()

    def close(self) -> None:
        """Give the run up, in the thread that reads it."""
        self._cancelled.set()
        if self._steps is not None:
            self._steps.close()


class Agent:
    """A chat model with tools.

    Args:
        model: any LangChain chat model.
        tools: any LangChain tools, each name once.
        options: see :class:`AgentOptions`.
        policy: what calls may do.
        consent: asks the person; None: nobody can be asked, and what needs consent is not done.
        store: where runs are kept.
        name: the model's, kept with the run.

    Raises:
        SettingsError: two tools of one name, or a protocol that the model does not have.
    """

    def __init__(
        self,
        model: BaseChatModel,
        tools: Sequence[BaseTool] = (),
        *,
        options: AgentOptions | None = None,
        policy: Policy | None = None,
        consent: ConsentCallback | None = None,
        store: RunStore | None = None,
        name: str = "",
    ) -> None:
        names = [tool.name for tool in tools]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise SettingsError(f"two tools are called {', '.join(twice)}: rename one of them")
        self.model = model
        self.tools = tuple(tools)
        self.options = options or AgentOptions()
        self.policy = policy or Policy()
        self.consent = consent
        self.store: RunStore = store or RunsInMemory()
        self.name = name or str(getattr(model, "model_name", "") or type(model).__name__)
        chosen = self.options
        self.protocol = protocol_for(model, chosen.protocol, chosen.constrained, chosen.thoughts, chosen.narrow)

    def run(self, question: str, history: Sequence[Message] = ()) -> AgentRun:
        """Answer a question; the run with all its steps.

        Raises:
            UserError: the question is empty.
            GenerationError: the model failed; the run can be resumed.
            StorageError: the run cannot be kept.
        """
        return _whole(self.stream(question, history))

    def stream(self, question: str, history: Sequence[Message] = ()) -> AgentStream:
        """The same, step by step."""
        if not question.strip():
            raise UserError("the question is empty: say what is to be done")
        language = answer_language(question) if self.options.language == "auto" else self.options.language
        run = AgentRun(new_id(), question, language, (), tuple(history))
        self.store.begin(run.id, question, details_of(run, [tool.name for tool in self.tools], self.name))
        return self._started(run)

    def resume(self, name: str) -> AgentStream:
        """Go on with a run that was cut off, after its last step.

        A call with effects that may have been made is not made again unless the person consents.

        Raises:
            UserError: there is no such run, or it is finished.
            CorruptError: it cannot be read.
        """
        run = load(self.store, name)
        if run.answer is not None:
            raise UserError(f"the run {run.id} is finished: ragbot agent --replay {run.id} shows it")
        self.store.mark(run.id, "running")
        return self._started(replace(run, state="running", error=""))

    def _started(self, run: AgentRun) -> AgentStream:
        stream = AgentStream(run)
        stream._steps = Loop(self, stream).steps()
        return stream


def _whole(stream: AgentStream) -> AgentRun:
    with closing(stream):
        for _ in stream:
            pass
    return stream.run
