"""robots.txt as RFC 9309 has it: the group of our name, the longest rule that fits, ``*`` and ``$``.

(The standard library's parser takes the first rule that fits and knows no wildcards, so it would fetch what many sites
exclude.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

#: What a crawler must read at least (RFC 9309, section 2.5); the rest is passed over.
MAX_ROBOTS = 512 * 1024
_MAX_RULES = 10_000
_MAX_STARS = 20
_PRODUCT = re.compile(r"[a-zA-Z_-]+")


@dataclass(frozen=True, slots=True)
class Rules:
    """Pairs of a pattern and whether it allows; nothing is excluded where there are none."""

    rules: tuple[tuple[str, bool], ...] = ()

    def allows(self, path: str) -> bool:
        """Whether ``path`` (with the query) may be fetched; ``/robots.txt`` always."""
        path = _normal(path)
        if path == "/robots.txt":
            return True
        fitting = [(len(pattern.encode()), allows) for pattern, allows in self.rules if _fits(pattern, path)]
        return max(fitting)[1] if fitting else True  # True is the larger: of equals, the one that allows


#: For a server that is there and fails: nothing may be fetched (section 2.3.1.4).
NOTHING = Rules((("/", False),))


def parse_robots(text: str, product: str) -> Rules:
    """The rules for ``product`` (``ragbot``): those of the groups that name it, else of the groups for all (``*``)."""
    groups: dict[str, list[tuple[str, bool]]] = {}
    agents: list[str] = []
    in_rules = False
    count = 0
    for line in text.lstrip("\ufeff").splitlines():
        key, colon, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if not colon:
            continue
        if key == "user-agent":
            if in_rules:
                agents, in_rules = [], False
            name = _PRODUCT.match(value)
            agents.append("*" if value.startswith("*") else name.group().lower() if name else "")
            groups.setdefault(agents[-1], [])
        elif key in {"allow", "disallow"}:
            in_rules = True
            count += 1
            if count <= _MAX_RULES and value.count("*") <= _MAX_STARS:
                for agent in dict.fromkeys(agents):
                    if value:
                        groups[agent].append((_normal(value), key == "allow"))
    return Rules(tuple(groups.get(product.lower(), groups.get("*", []))))


def _normal(path: str) -> str:
    """Percent-encoding in one form: letters that need none have none, all others have it in capitals."""
    kept = re.split(r"(%2[fF]|%2[aA]|%24)", path)  # an encoded "/", "*" or "$" is not the sign itself
    return "".join(
        part.upper() if index % 2 else quote(unquote_to_bytes(part), safe="/*$?&=;:@!'()+,~-._[]|")
        for index, part in enumerate(kept)
    )


def _fits(pattern: str, path: str) -> bool:
    is_whole = pattern.endswith("$")
    first, *others = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    position = len(first)
    if not others:
        return not is_whole or position == len(path)
    # Leftmost fits are enough: a later place only leaves less for the pieces after it.
    for piece in others[:-1]:
        position = path.find(piece, position)
        if position < 0:
            return False
        position += len(piece)
    if is_whole:
        return path.endswith(others[-1]) and len(path) - len(others[-1]) >= position
    return path.find(others[-1], position) >= 0
