"""Logging of the command line: on standard error, ours from warnings up, other libraries' almost never."""

from __future__ import annotations

import logging

from rich.text import Text

from ragbot.console.terminal import Terminal, clean

#: Loggers of ours; ``-v`` shows their INFO, ``-vv`` everybody's DEBUG.
OURS = ("ragbot", "ingest", "agents", "apps", "eval")
#: Says that a model is being built, once, which takes up to two minutes: always worth knowing.
_BUILDS = "ragbot.models.bundled"
_STYLES = {logging.WARNING: "yellow", logging.ERROR: "red", logging.CRITICAL: "bold red"}


class TerminalHandler(logging.Handler):
    """Prints records through the console that a progress bar may be living on."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__()
        self._terminal = terminal

    def emit(self, record: logging.LogRecord) -> None:
        """See :class:`logging.Handler`."""
        name = "" if record.name.startswith(OURS) else f"{record.name}: "
        level = f"{record.levelname.lower()}: " if record.levelno != logging.INFO else ""
        text = f"{level}{name}{self.format(record)}"
        try:
            self._terminal.err.print(Text(clean(text), _STYLES.get(record.levelno, "dim")), soft_wrap=True)
        except (OSError, ValueError):  # the stream is closed: a line that nobody reads stops no work
            self.handleError(record)


def set_up_logging(terminal: Terminal) -> None:
    """Send the log to ``terminal``; a second call replaces the first."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, TerminalHandler)]:
        root.removeHandler(handler)
    root.addHandler(TerminalHandler(terminal))
    verbosity = -1 if terminal.quiet else min(terminal.verbose, 2)
    others, ours, builds = {
        -1: (logging.CRITICAL, logging.ERROR, logging.ERROR),
        0: (logging.ERROR, logging.WARNING, logging.INFO),
        1: (logging.WARNING, logging.INFO, logging.INFO),
        2: (logging.INFO, logging.DEBUG, logging.DEBUG),
    }[verbosity]
    root.setLevel(others)
    for name in OURS:
        logging.getLogger(name).setLevel(ours)
    logging.getLogger(_BUILDS).setLevel(builds)
    logging.captureWarnings(True)  # a library's deprecation is no business of who asks a question
