"""What an MCP server gets of the environment, and that it is never shown."""

from __future__ import annotations

from collections.abc import Mapping

from ragbot.errors import SettingsError
from ragbot.sections.mcp import VARIABLE, McpServer

_SHORTEST = 6  # a value like "1" or "true" is no secret, and would be struck out of every text


class Secrets:
    """The variables that the settings pass to a server.

    Args:
        name: of the server, for messages.
        server: its settings.
        environment: where the variables are looked up.

    Raises:
        SettingsError: one is not set.
    """

    def __init__(self, name: str, server: McpServer, environment: Mapping[str, str]) -> None:
        in_headers = [variable for value in server.headers.values() for variable in VARIABLE.findall(value)]
        missing = [variable for variable in (*server.env, *in_headers) if not environment.get(variable)]
        if missing:
            raise SettingsError(
                f"the MCP server {name!r} needs the environment variable {missing[0]}, which is not set: set it, or take "
                f"it out of mcp.servers.{name}"
            )
        #: For its process.
        self.environment = {variable: environment[variable] for variable in server.env}
        #: For its HTTP requests.
        self.headers = {
            header: VARIABLE.sub(lambda match: environment[match[1]], value) for header, value in server.headers.items()
        }
        values = {environment[variable] for variable in (*server.env, *in_headers)}
        self._values = sorted((value for value in values if len(value) >= _SHORTEST), key=len, reverse=True)

    def hidden(self, text: str) -> str:
        """``text`` with every value struck out."""
        for value in self._values:
            text = text.replace(value, "***")
        return text
