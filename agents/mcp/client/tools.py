"""The tools of the servers in the settings, open as long as they are used."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.tools import BaseTool

from agents.cleaning import cleaned
from agents.tools.base import TRAITS, UNKNOWN, Effect, Result, ToolInputError, ToolOutageError, Traits
from agents.tools.net.cleaning import one_line
from agents.tools.wording import Texts
from ragbot.errors import MissingExtraError, SettingsError
from ragbot.sections.mcp import McpServer

if TYPE_CHECKING:
    from mcp import types

    from agents.mcp.client.connection import Connection

log = logging.getLogger(__name__)

_TEXTS = Texts(
    en={
        "start": 'The MCP server "{server}" cannot be started ({detail}). Go on without this tool.',
        "crash": 'The MCP server "{server}" broke off; whether the call did something is not known. It is started again '
        "when it is next called.",
        "timeout": 'The MCP server "{server}" did not answer within {detail} seconds; whether the call did something is '
        "not known. Go on without this tool, or ask for less.",
        "refused": 'The MCP server "{server}" did not take the call: {detail}',
        "failed": "The tool reports an error: {detail}",
    },
    zh={
        "start": "无法启动 MCP 服务器“{server}”（{detail}）。请不用这个工具继续。",
        "crash": "MCP 服务器“{server}”中断了；这次调用是否已生效，不得而知。下次调用时会重新启动它。",
        "timeout": "MCP 服务器“{server}”在 {detail} 秒内没有回应；这次调用是否已生效，不得而知。请不用这个工具继续，或减少所求。",
        "refused": "MCP 服务器“{server}”没有接受这次调用：{detail}",
        "failed": "工具报告了错误：{detail}",
    },
)
_WORDS = 600


class McpTool(BaseTool):
    """A tool of a server; its arguments are checked by the server."""

    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    connection: Any
    remote: str
    language: str

    # Its arguments may have any name, so that nothing else is named here.
    def _run(self, /, *_: Any, **arguments: Any) -> tuple[str, Result]:
        from agents.mcp.client.connection import RefusedError, ServerAwayError
        from agents.mcp.client.results import as_result

        connection: Connection = self.connection
        try:
            found = connection.call(self.remote, self._given(arguments))
        except ServerAwayError as error:
            text = _TEXTS(self.language, error.problem, server=connection.name, detail=one_line(error.detail, _WORDS))
            raise ToolOutageError(text) from error
        except RefusedError as error:
            detail = one_line(str(error), _WORDS)
            raise ToolInputError(_TEXTS(self.language, "refused", server=connection.name, detail=detail)) from error
        result = as_result(found, connection.secrets, self.language)
        if found.isError:
            raise ToolInputError(_TEXTS(self.language, "failed", detail=result.text[:_WORDS]))
        return result.text, result

    def _given(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What is set, as it can be sent: models write null for an argument that they leave out."""
        required = self.args_schema.get("required", ()) if isinstance(self.args_schema, dict) else ()
        return {
            cleaned(name): cleaned(value) for name, value in arguments.items() if value is not None or name in required
        }


class McpTools:
    """The tools of all servers. Use it as a context manager: processes end with it.

    Args:
        servers: by name, as in the settings.
        language: ``en`` or ``zh``; of what the model is told where a server fails.
        environment: where the variables are looked up that the settings name.

    Attributes:
        tools: of the servers that could be started; their effects are those that the settings say, else unknown.
        failures: of the others, why not, by name.
    """

    def __init__(
        self, servers: Mapping[str, McpServer], language: str = "en", environment: Mapping[str, str] | None = None
    ) -> None:
        self.tools: list[BaseTool] = []
        self.failures: dict[str, str] = {}
        self._servers = servers
        self._language = language
        self._environment = os.environ if environment is None else environment
        self._open = ExitStack()

    def __enter__(self) -> McpTools:
        """Start the servers, side by side, and ask what they offer. One that fails is in ``failures``.

        Raises:
            MissingExtraError: the package mcp is not installed.
        """
        if not self._servers:
            return self
        if find_spec("mcp") is None:
            raise MissingExtraError("an MCP server", "mcp")
        from anyio.from_thread import start_blocking_portal

        from agents.mcp.client.connection import Connection, ServerAwayError
        from agents.mcp.client.secrets import Secrets

        with ExitStack() as stack:
            portal = stack.enter_context(start_blocking_portal("asyncio", name="mcp"))
            connections = []
            for name, server in self._servers.items():
                try:
                    secrets = Secrets(name, server, self._environment)
                except SettingsError as error:
                    self.failures[name] = str(error)
                    continue
                connections.append(Connection(name, server, secrets, portal))
                stack.callback(connections[-1].close)
            threads = stack.enter_context(ThreadPoolExecutor(max(1, len(connections)), "mcp-start"))
            futures = [(connection, threads.submit(connection.tools)) for connection in connections]
            for connection, future in futures:
                try:
                    self._add(connection, future.result())
                except ServerAwayError as error:
                    self.failures[connection.name] = error.detail or error.problem
                    log.warning("the MCP server %s cannot be used: %s", connection.name, error.detail)
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def _add(self, connection: Connection, offered: list[types.Tool]) -> None:
        from agents.mcp.client.schemas import description, schema, tool_name

        server = connection.server
        traits = _traits(server)
        taken = {tool.name for tool in self.tools}
        wanted = None if server.tools is None else set(server.tools)
        for tool in offered:
            if wanted is not None and tool.name not in wanted:
                continue
            arguments, name = schema(tool), tool_name(connection.name, tool.name)
            if arguments is None or name in taken:
                log.warning(
                    "a tool of the MCP server %s is left out: its schema or name cannot be used", connection.name
                )
                continue
            taken.add(name)
            self.tools.append(
                McpTool(
                    name=name,
                    description=connection.secrets.hidden(description(connection.name, tool)),
                    args_schema=arguments,
                    metadata={TRAITS: traits},
                    connection=connection,
                    remote=tool.name,
                    language=self._language,
                )
            )
        missing = (wanted or set()) - {tool.name for tool in offered}
        if missing:
            names = ", ".join(sorted(missing))
            self.failures[connection.name] = f"it has no tool {names}: see mcp.servers.{connection.name}.tools"


def _traits(server: McpServer) -> Traits:
    effects = UNKNOWN.effects if server.effects is None else frozenset(map(Effect, server.effects))
    return Traits(effects=effects, timeout=server.timeout + server.start_timeout + 5)
