"""What a call may do is decided here, and never by the model: by rules of the settings, and by the person.

A tool without effects is allowed. One that reaches the network, writes or executes is asked about, unless a rule or the
person (``--allow``) says otherwise; an argument that may come from a text of others is asked about even then
(:mod:`agents.taint`). Nothing that stands in a document, a page or a result can change a rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from agents.taint import Suspicion
from agents.tools.base import Effect, Traits
from ragbot.errors import SettingsError


class Rule(StrEnum):
    """What is done with the calls of a tool."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """What the person is asked.

    Attributes:
        tool: the tool; ``arguments`` are those of the call.
        effects: what a call can do.
        suspicions: arguments that the person's words do not clear.
        repeated: the call may have been made before, when the run was cut off.
    """

    tool: str
    arguments: Mapping[str, Any]
    effects: frozenset[Effect] = frozenset()
    suspicions: tuple[Suspicion, ...] = ()
    repeated: bool = False


#: Asks the person; False is no.
ConsentCallback = Callable[[ConsentRequest], bool]


@dataclass(frozen=True)
class Policy:
    """The rules of a run.

    Args:
        rules: by tool, or by a pattern such as ``mcp_*``; a name wins over a pattern, and the longer pattern wins.
        default: for tools with effects that no rule names.
    """

    rules: Mapping[str, Rule] = field(default_factory=dict)
    default: Rule = Rule.ASK

    def rule(self, tool: str, traits: Traits) -> Rule:
        """What is done with a call of ``tool``, whatever its arguments are."""
        return self._written(tool) or (self.default if traits.effects else Rule.ALLOW)

    def allowing(self, *tools: str) -> Policy:
        """The same with these tools allowed (``*``: all), except where a rule denies them: settings can forbid for good."""
        rules = dict(self.rules)
        if "*" in tools:
            rules = {name: rule for name, rule in rules.items() if rule is Rule.DENY}
        rules |= {name: Rule.ALLOW for name in tools if self._written(name) is not Rule.DENY}
        return Policy(rules, self.default)

    def _written(self, tool: str) -> Rule | None:
        """What the rules say of a tool; None where they are silent."""
        if tool in self.rules:
            return self.rules[tool]
        fitting = [pattern for pattern in self.rules if "*" in pattern and fnmatchcase(tool, pattern)]
        return self.rules[max(fitting, key=len)] if fitting else None


def rules_of(table: Mapping[str, str]) -> dict[str, Rule]:
    """Rules from the settings. Raises SettingsError: a value is none."""
    try:
        return {name: Rule(value) for name, value in table.items()}
    except ValueError as error:
        raise SettingsError(f"{error}: the rules for tools are {', '.join(Rule)}") from error
