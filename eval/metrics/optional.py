"""Packages that only some metrics need: imported when the metric is computed."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def needed(module: str, metric: str) -> Any:
    """Import a module of an optional package.

    Metrics see nothing of ragbot but its documents, so this is Python's own error and not
    ``ragbot.errors.MissingExtraError``; the message too says what to install.

    Args:
        module: dotted name, such as ``rouge_score.rouge_scorer``.
        metric: what cannot be computed without it, as the subject of the message.

    Raises:
        ModuleNotFoundError: the package is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if (error.name or "").partition(".")[0] != package:
            raise  # something that the package itself lacks: its own message says more
        raise ModuleNotFoundError(
            f'{metric} needs the package {package} of "eval": pip install "ragbot[eval]"', name=package
        ) from error
