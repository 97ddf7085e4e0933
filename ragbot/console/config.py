"""``ragbot config``: every setting, its value, and where that came from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragbot.console.options import Options

if TYPE_CHECKING:
    from ragbot.console.terminal import Terminal


def show(options: Options) -> dict[str, Any]:
    """Every setting with its value, origin and description; secrets are masked. Raises SettingsError."""
    from pydantic import SecretStr

    from ragbot.settings import Settings, load_settings, value_of, walk

    settings, origins = load_settings(options.arguments(), options.config)
    rows = []
    for key, description in walk(Settings):
        value = value_of(settings, key)
        if isinstance(value, (SecretStr, Path)):
            value = str(value)
        rows.append({"key": key, "value": value, "origin": origins[key], "description": description})
    return {"settings": rows}


def path(options: Options) -> dict[str, Any]:
    """The settings file in use, or None, and the places that are looked at. Raises SettingsError."""
    import platformdirs

    from ragbot.settings import FILE_NAME, settings_file

    used = settings_file(options.config)
    user = Path(platformdirs.user_config_dir("ragbot", appauthor=False)) / FILE_NAME
    return {
        "path": str(used.absolute()) if used else None,
        "searched": ["--config", "RAGBOT_CONFIG", str(Path(FILE_NAME).absolute()), str(user)],
    }


def print_settings(terminal: Terminal, found: dict[str, Any]) -> None:
    """One line a setting."""
    terminal.columns(
        [(row["key"], _toml(row["value"]), row["origin"], row["description"]) for row in found["settings"]]
    )


def print_path(terminal: Terminal, found: dict[str, Any]) -> None:
    """The settings file alone, so that it can be used in a command."""
    if found["path"]:
        terminal.line(found["path"])
    else:
        terminal.note(f"There is no settings file. Looked at, in this order: {', '.join(found['searched'])}")


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
