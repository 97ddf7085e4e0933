"""How Streamlit itself is set up: for this machine, with nothing that reports, watches or loads from elsewhere."""

from __future__ import annotations

from typing import Any

from ragbot.settings import Settings

#: Fonts that systems bring along, Chinese ones among them.
_FONT = (
    "system-ui, -apple-system, 'Segoe UI', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', 'Noto Sans SC', "
    "sans-serif"
)
_LIGHT, _DARK = "#4f46e5", "#818cf8"


def options(settings: Settings, host: str, port: int) -> dict[str, Any]:
    """Streamlit's options by dotted name; they win over any ``config.toml``, which might open what is closed here."""
    return {
        "server.address": host,
        "server.port": port,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        "server.enableCORS": True,  # in Streamlit's words: the protection is on
        "server.enableXsrfProtection": True,
        "server.corsAllowedOrigins": [],
        "server.allowedHosts": [],  # the guard in front of the app looks at them
        "server.enableStaticServing": False,
        "server.enableAgentApi": False,
        "server.scriptHealthCheckEnabled": False,
        "server.maxUploadSize": settings.ingest.max_file_mb,
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "client.allowedOrigins": [],
        "client.disableDataExport": True,
        "runner.magicEnabled": False,
        "global.developmentMode": False,
        "logger.hideWelcomeMessage": True,
        "theme.font": _FONT,
        "theme.headingFont": _FONT,
        "theme.light.primaryColor": _LIGHT,
        "theme.dark.primaryColor": _DARK,
    }
