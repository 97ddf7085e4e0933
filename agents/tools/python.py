"""Python for a model, off unless the person turns it on; in a process of its own, see ``python_sandbox``."""

from __future__ import annotations

from langchain_core.tools import BaseTool

from agents.tools.base import Effect, Result, ToolInputError, Traits, tool
from agents.tools.python_sandbox import NotIsolatedError, Outcome, PythonLimits, isolation, run
from agents.tools.wording import Texts, spoken_for
from ragbot.errors import SettingsError

SUMMARIES = {
    "en": "runs a short Python program (standard library, no network, no files of the user)",
    "zh": "运行一小段 Python 程序（只有标准库，没有网络，也看不到用户的文件）",
}
_TEXTS = Texts(
    en={
        "empty": "There is no program. Write Python, and print what you want to see.",
        "long": "The program is too long (more than {most} characters).",
        "late": "The program was stopped after {seconds} s. Make it faster, or do less.",
        "flooded": "The program was stopped, because it printed too much. Print a summary instead.",
        "memory": "The program needed more than {megabytes} MB of memory. Work on less at once.",
        "killed": "The program ended early (status {status}).",
        "failed": "The program ended with an error: {error}",
        "nothing": "The program ran and printed nothing. Print what you want to see.",
        "printed": "Printed before: {output}",
    },
    zh={
        "empty": "没有程序。请写 Python，并用 print 输出要看的内容。",
        "long": "程序太长（超过 {most} 个字符）。",
        "late": "程序运行超过 {seconds} 秒，已停止。请改快一些，或少算一些。",
        "flooded": "程序输出太多，已停止。请只输出摘要。",
        "memory": "程序需要的内存超过 {megabytes} MB。请一次少处理一些。",
        "killed": "程序提前结束（状态 {status}）。",
        "failed": "程序出错：{error}",
        "nothing": "程序已运行，没有输出。请用 print 输出要看的内容。",
        "printed": "出错前的输出：{output}",
    },
)
_LONGEST = 20_000
#: Lines of an error that are shown, from its end.
_TRACE = 8


def python(language: str = "en", limits: PythonLimits | None = None, isolated: bool = True) -> BaseTool:
    """A tool that runs programs.

    Args:
        language: of its messages where the program holds no Chinese (``en`` or ``zh``).
        limits: on time, memory, files and output.
        isolated: False lets programs run where they cannot be kept apart, with limits only: they can then read and change
            what the person can, and use the network.

    Raises:
        SettingsError: programs cannot be kept apart on this system, and ``isolated`` says that they must.
    """
    bounds = limits or PythonLimits()
    if isolated and (missing := isolation()):
        raise SettingsError(
            f"the tool python cannot keep programs apart on this system ({missing}): leave it out, or, if you trust the model "
            "with all that you can do yourself, set agent.python_isolated = false"
        )
    traits = Traits(effects=frozenset({Effect.EXECUTE}), timeout=bounds.seconds + 15.0, summaries=SUMMARIES)

    @tool("python", traits)
    def execute(code: str) -> Result:
        """Run a Python program and read what it prints. Standard library only; no network, no files.

        Args:
            code: the program; the value of its last line is printed.
        """
        spoken = spoken_for(code, language)
        if not code.strip():
            raise ToolInputError(_TEXTS(spoken, "empty"))
        if len(code) > _LONGEST:
            raise ToolInputError(_TEXTS(spoken, "long", most=_LONGEST))
        try:
            outcome = run(code, bounds, isolated)
        except NotIsolatedError as error:  # it could be a moment ago
            raise SettingsError(f"the tool python cannot keep programs apart any more: {error}") from error
        if problem := _problem(outcome, bounds, spoken):
            raise ToolInputError(problem)
        text = outcome.output.rstrip() or _TEXTS(spoken, "nothing")
        return Result(text, data={"output": outcome.output, "errors": outcome.errors})

    return execute


def _problem(outcome: Outcome, bounds: PythonLimits, language: str) -> str:
    """What the model is told of a program that did not end well; empty for one that did."""
    if outcome.status == 0:
        return ""
    if outcome.flooded:
        problem = _TEXTS(language, "flooded")
    elif outcome.late:
        problem = _TEXTS(language, "late", seconds=bounds.seconds)
    elif "MemoryError" in outcome.errors[-200:]:
        problem = _TEXTS(language, "memory", megabytes=bounds.memory_mb)
    elif outcome.errors.strip():
        lines = outcome.errors.strip().splitlines()
        problem = _TEXTS(language, "failed", error="\n".join(lines[-_TRACE:]))
    else:
        problem = _TEXTS(language, "killed", status=outcome.status)
    if outcome.output.strip() and not outcome.flooded:
        problem += "\n" + _TEXTS(language, "printed", output=outcome.output.strip()[:1000])
    return problem
