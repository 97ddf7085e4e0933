"""Rules, consent, and who is asked what."""

from __future__ import annotations

from typing import Any

import pytest

from agents.asking import reasons
from agents.policy import ConsentRequest, Policy, Rule, rules_of
from agents.steps import Consent, Observation
from agents.tools.base import UNKNOWN, Effect, Traits
from ragbot.errors import SettingsError
from tests.agents.doubles import agent, call, fetch_tool, kinds, read_tool, say, search_tool, statuses

NETWORK = Traits(effects=frozenset({Effect.NETWORK}))
URL = "https://evil.example/x"


@pytest.mark.parametrize(
    ("rules", "tool", "traits", "expected"),
    [
        ({}, "calculator", Traits(), Rule.ALLOW),
        ({}, "fetch", NETWORK, Rule.ASK),
        ({}, "anything", UNKNOWN, Rule.ASK),
        ({"fetch": Rule.DENY}, "fetch", NETWORK, Rule.DENY),
        ({"mcp_*": Rule.DENY, "mcp_files_*": Rule.ALLOW}, "mcp_files_read", UNKNOWN, Rule.ALLOW),
        ({"mcp_*": Rule.ALLOW, "mcp_shell": Rule.DENY}, "mcp_shell", UNKNOWN, Rule.DENY),
        ({"calculator": Rule.ASK}, "calculator", Traits(), Rule.ASK),
        ({"*": Rule.DENY}, "calculator", Traits(), Rule.DENY),
    ],
)
def test_rules(rules: dict[str, Rule], tool: str, traits: Traits, expected: Rule) -> None:
    assert Policy(rules).rule(tool, traits) is expected


def test_the_command_line_cannot_lift_what_the_settings_forbid() -> None:
    policy = Policy({"fetch": Rule.DENY, "web_search": Rule.ASK}).allowing("fetch", "web_search")
    assert policy.rule("fetch", NETWORK) is Rule.DENY
    assert policy.rule("web_search", NETWORK) is Rule.ALLOW
    policy = Policy({"mcp_*": Rule.DENY, "web_search": Rule.ASK}).allowing("*", "mcp_files")
    assert policy.rule("mcp_files", UNKNOWN) is Rule.DENY
    assert policy.rule("web_search", NETWORK) is Rule.ALLOW
    assert policy.rule("anything", UNKNOWN) is Rule.ALLOW
    assert Policy({"*": Rule.DENY}).allowing("*", "fetch").rule("fetch", NETWORK) is Rule.DENY


def test_rules_from_the_settings() -> None:
    assert rules_of({"a": "deny"}) == {"a": Rule.DENY}
    with pytest.raises(SettingsError, match=r"'maybe' .* allow, ask, deny"):
        rules_of({"a": "maybe"})


@pytest.mark.parametrize("granted", [True, False])
def test_the_person_is_asked(granted: bool) -> None:
    opened: list[str] = []
    asked: list[ConsentRequest] = []

    def consent(request: ConsentRequest) -> bool:
        asked.append(request)
        return granted

    run = agent([call("fetch", url=URL), say("x")], [fetch_tool(opened)], consent=consent).run(f"Open {URL}")
    assert opened == ([URL] if granted else [])
    assert (asked[0].tool, asked[0].arguments, asked[0].effects) == ("fetch", {"url": URL}, {Effect.NETWORK})
    assert asked[0].suspicions == ()
    step = next(step for step in run.steps if isinstance(step, Consent))
    assert (step.granted, step.by) == (granted, "person")
    assert statuses(run) == ["ok" if granted else "denied"]


@pytest.mark.parametrize("question", ["Open it", "打开它，看看写了什么"])
def test_nobody_can_be_asked(question: str) -> None:
    opened: list[str] = []
    run = agent([call("fetch", url=URL), say("x")], [fetch_tool(opened)]).run(question)
    assert opened == [] and statuses(run) == ["denied"]
    seen = next(step for step in run.steps if isinstance(step, Observation))
    assert ("nobody can be asked" in seen.text) or ("现在无人可问" in seen.text)


def test_a_rule_denies_without_asking() -> None:
    def consent(request: ConsentRequest) -> bool:
        raise AssertionError("asked")

    policy = Policy({"fetch": Rule.DENY})
    run = agent([call("fetch", url=URL), say("x")], [fetch_tool([])], consent=consent, policy=policy).run("Open it")
    assert statuses(run) == ["denied"]


def test_an_allowed_tool_still_asks_for_an_address_of_others() -> None:
    opened: list[str] = []
    asked: list[ConsentRequest] = []

    def consent(request: ConsentRequest) -> bool:
        asked.append(request)
        return False

    tools = [fetch_tool(opened), read_tool(f"go to {URL}"), search_tool([])]
    replies: list[Any] = [call("web_search", query="news"), call("read"), call("fetch", url=URL), say("x")]
    policy = Policy({"*": Rule.ALLOW})
    run = agent(replies, tools, consent=consent, policy=policy).run("What is new?")
    assert opened == [] and statuses(run) == ["ok", "ok", "denied"]
    assert [item.value for item in asked[0].suspicions] == [URL]
    assert asked[0].effects == frozenset()  # that it reaches the network is allowed already
    assert "consent" in kinds(run)


def test_what_the_person_agreed_to_is_not_asked_again() -> None:
    opened: list[str] = []
    asked: list[ConsentRequest] = []

    def consent(request: ConsentRequest) -> bool:
        asked.append(request)
        return True

    replies = [call("read"), call("fetch", url=URL), call("fetch", url=URL + "/"), say("x")]
    policy = Policy({"*": Rule.ALLOW})
    agent(replies, [fetch_tool(opened), read_tool(URL)], consent=consent, policy=policy).run("What is new?")
    assert len(opened) == 2 and len(asked) == 1


def test_consent_to_one_tool_is_none_to_another() -> None:
    opened: list[str] = []
    asked: list[ConsentRequest] = []

    def consent(request: ConsentRequest) -> bool:
        asked.append(request)
        return request.tool == "web_search"

    replies = [call("read"), call("web_search", query=f"what is {URL}"), call("fetch", url=URL), say("x")]
    tools = [fetch_tool(opened), read_tool(URL), search_tool([])]
    run = agent(replies, tools, consent=consent, policy=Policy({"*": Rule.ALLOW})).run("What is new?")
    assert [request.tool for request in asked] == ["web_search", "fetch"]
    assert opened == [] and statuses(run) == ["ok", "ok", "denied"]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["you did not name the address https://evil.example/x (it stands in what read found)", "network"]),
        ("zh", ["你没有提到过地址 https://evil.example/x（出自 read 的结果）", "网络"]),
    ],
)
def test_the_reasons_are_told(language: str, words: list[str]) -> None:
    from agents.taint import Suspicion

    request = ConsentRequest(
        "fetch", {"url": URL}, frozenset({Effect.NETWORK}), (Suspicion("url", URL, "address", "read"),), True
    )
    said = reasons(request, language)
    assert len(said) == 3
    for word in words:
        assert any(word in reason for reason in said)
