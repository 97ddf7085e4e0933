"""From the settings to an agent: tools by name, rules, limits, the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agents.assembly import available, make_agent, options_of, suited
from agents.models import agent_llm
from agents.policy import Rule
from agents.toolbox import TOOLS, Parts, make_tools
from agents.tools.base import UNKNOWN, Effect, ToolInputError, Traits
from ragbot.errors import SettingsError, UserError
from ragbot.models.testing import ScriptedChatModel
from ragbot.settings import Settings
from tests.agents.doubles import add_tool, say

NETWORK = Traits(effects=frozenset({Effect.NETWORK}))


def settings(**agent: Any) -> Settings:
    return Settings(agent=agent)  # type: ignore[arg-type]  # pydantic makes it of the dict


def test_tools_by_name() -> None:
    parts = Parts(Settings())
    assert [tool.name for tool in make_tools(["calculator", "calculator"], parts)] == ["calculator"]
    with pytest.raises(UserError, match="there is no tool 'calculater'; did you mean calculator"):
        make_tools(["calculater"], parts)
    with pytest.raises(UserError, match="the tool kb needs a knowledge base"):
        make_tools(["kb"], parts)
    with pytest.raises(UserError, match="--table FILE"):
        make_tools(["tables"], parts)


def test_a_tool_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(parts: Parts) -> Any:
        raise ModuleNotFoundError("No module named 'agents.tools.nothing'", name="agents.tools.nothing")

    monkeypatch.setitem(TOOLS, "nothing", missing)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="the tool nothing is not part of this installation"):
        make_tools(["nothing"], Parts(Settings()))


def test_what_the_settings_want_as_far_as_it_is_there() -> None:
    chosen = settings(tools=["calculator", "kb", "fetch", "mcp"])
    assert available(chosen, Parts(chosen)) == ["calculator"]
    assert available(chosen, Parts(chosen, tables=(Path("a.csv"),))) == ["calculator", "tables"]


def test_an_agent_of_the_settings() -> None:
    chosen = settings(rules={"fetch": "deny", "add": "ask"}, max_steps=3, protocol="text", tools=["calculator"])
    model = ScriptedChatModel([say("x")])
    made = make_agent(model, Parts(chosen), ["calculator", add_tool()], more=[add_tool()], allow=["fetch", "add"])
    assert [tool.name for tool in made.tools] == ["calculator", "add"]
    assert made.policy.rule("fetch_page", NETWORK) is Rule.DENY
    assert made.policy.rule("add", UNKNOWN) is Rule.ALLOW
    assert made.options == options_of(chosen) and made.options.budget.steps == 3
    assert made.run("What is it?").text == "x"
    assert [tool.name for tool in make_agent(model, Parts(chosen)).tools] == ["calculator"]


def test_exchange_rates_of_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "rates.toml"
    file.write_text('base = "CNY"\ndate = "2026-11-20"\n[rates]\nUSD = 7.5\n', encoding="utf-8")
    (tool,) = make_tools(["units"], Parts(settings(rates=str(file))))
    assert "75" in str(tool.invoke({"amount": 10, "from_unit": "USD", "to_unit": "CNY"}))
    (without,) = make_tools(["units"], Parts(Settings()))
    with pytest.raises(ToolInputError, match="There are no exchange rates here"):
        without.invoke({"amount": 10, "from_unit": "USD", "to_unit": "CNY"})
    with pytest.raises(SettingsError, match="cannot be read"):
        make_tools(["units"], Parts(settings(rates=str(tmp_path / "none.toml"))))


def test_programs_that_cannot_be_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.tools.python.isolation", lambda: "no user namespaces")
    with pytest.raises(SettingsError, match=r"agent\.python_isolated = false"):
        make_tools(["python"], Parts(Settings()))
    (tool,) = make_tools(["python"], Parts(settings(python_isolated=False)))
    assert "42" in str(tool.invoke({"code": "6 * 7"}))


def test_the_bundled_model_is_told_less() -> None:
    chosen, small = settings(tools=["calculator"]), ("bundled", "bundled:folder")
    assert [options_of(chosen, name).thoughts for name in (*small, "openai:qwen3", "")] == [False, False, True, True]
    assert [suited(Parts(chosen), name).passages for name in (*small, "openai:qwen3", "")] == [2, 2, 5, 5]
    said = settings(thoughts=True, passages=7)
    assert options_of(said, "bundled").thoughts and suited(Parts(said), "bundled").passages == 7
    assert not options_of(settings(thoughts=False), "openai:qwen3").thoughts


def test_which_model() -> None:
    model = ScriptedChatModel(["x"])
    assert agent_llm(model) is model
    assert agent_llm("openai:qwen3") == "openai:qwen3"
    assert agent_llm("openai:qwen3", "bundled") == "bundled"
    for without in ("extractive", "reader", "reader:folder", None, "bundled"):
        assert str(agent_llm(without)).partition(":")[0] == "bundled"


def test_a_tool_of_a_function() -> None:
    import ragbot
    from agents.tools.base import traits_of

    @ragbot.tool
    def population(city: str) -> int:
        """How many people live in a city."""
        return len(city)

    assert (population.name, population.description) == ("population", "How many people live in a city.")
    assert traits_of(population) is UNKNOWN
    assert population.invoke({"city": "上海"}) == "2"

    @ragbot.tool("other", Traits(trusted=True))
    def named(a: int = 1) -> str:
        """Another."""
        return str(a)

    assert named.name == "other" and traits_of(named).trusted
