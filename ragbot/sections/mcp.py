"""``[mcp]``: servers whose tools the agent may use (Model Context Protocol, https://modelcontextprotocol.io)."""

from __future__ import annotations

import ipaddress
import re
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic.dataclasses import dataclass

from ragbot.sections.base import Section

#: A server's name goes in front of the names of its tools.
NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,30}[a-z0-9])?")
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class McpServer:
    """How one server is reached; secrets stay in environment variables, which are named here.

    Attributes:
        command: a program that speaks over its standard input and output.
        args: its arguments.
        env: environment variables that it gets to see, beside PATH, HOME and the like.
        folder: where it runs; default: where ragbot does.
        url: address of a server that speaks streamable HTTP, instead of ``command``.
        headers: HTTP headers; each value names a variable: ``Bearer ${TOKEN}``.
        timeout: seconds that a call may take.
        start_timeout: seconds until the server must have said which tools it has.
        tools: only these; default: all.
        effects: what its tools can do, as far as you know: ``[]`` for nothing but answering from their arguments.
            Default: everything is taken to be possible. What the server says of itself is not asked.
    """

    command: str = ""
    args: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    folder: str = ""
    url: str = ""
    headers: dict[str, str] = Field(default_factory=dict)
    timeout: float = Field(default=30.0, gt=0, le=3600)
    start_timeout: float = Field(default=30.0, gt=0, le=600)
    tools: tuple[str, ...] | None = None
    effects: tuple[Literal["network", "write", "execute"], ...] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.command) == bool(self.url):
            raise ValueError("give it either command (a program) or url (a server), and not both")
        for name in self.env:
            if not _VARIABLE_NAME.fullmatch(name):
                raise ValueError('env lists names of environment variables, without their values: ["GITHUB_TOKEN"]')
        for value in self.headers.values():
            if not VARIABLE.search(value):
                raise ValueError(
                    'a header names the environment variable that holds its value: { Authorization = "Bearer ${TOKEN}" }'
                )
        if self.url:
            parts = urlsplit(self.url)
            if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
                raise ValueError("its url is no address: write https://HOST/PATH, without a user name")
            if self.headers and parts.scheme == "http" and not is_loopback(parts.hostname):
                raise ValueError("headers would be sent in the clear: use https, or a server on this machine")
        return self


class McpSettings(Section):
    """Servers of the Model Context Protocol."""

    servers: dict[str, McpServer] = Field(
        {}, description='whose tools the agent may use: { files = { command = "PROGRAM", args = [] } }'
    )

    key: SecretStr = Field(SecretStr(""), description="bearer token that ragbot mcp serve --http asks its clients for")

    @field_validator("servers")
    @classmethod
    def _check_names(cls, servers: dict[str, McpServer]) -> dict[str, McpServer]:
        for name in servers:
            if not NAME.fullmatch(name):
                raise ValueError(f"{name!r} cannot name a server: small letters, digits, - and _, up to 32 of them")
        return servers


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine and can be reached from no other."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
