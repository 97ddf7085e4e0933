"""What the page says before the single questions: what was run, and its figures as cards and tables of plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from eval.metrics.table import METRICS
from eval.records import Run
from eval.report.formats import bounds, number
from eval.report.words import Words
from eval.summary import ALL, Figure
from ragbot.settings import Settings, value_of, walk


@dataclass(frozen=True, slots=True)
class Card:
    """A headline figure. ``low``, ``mean`` and ``high`` are percents of the scale, None where there is no scale."""

    metric: str
    title: str
    value: str
    interval: str
    scale: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table of all metrics; with ``heading`` it opens a kind."""

    metric: str
    title: str
    value: str
    interval: str
    quantiles: str
    questions: int
    groups: int
    heading: str


def facts(run: Run, say: Words) -> list[tuple[str, str]]:
    """What was run, as names and values; what the manifest does not say is left out."""
    manifest = run.manifest
    dataset: Mapping[str, Any] = manifest.get("dataset", {})
    models: Mapping[str, Any] = manifest.get("models", {})
    parts = ", ".join(map(str, dataset.get("parts") or ()))
    found = [
        ("dataset", str(dataset.get("name", "")) + (f" ({parts})" if parts else "")),
        ("asked", str(len(run.rows))),
        ("documents", str(dataset.get("documents") or "")),
        ("failed", str(run.errors)),
        ("mode", say(f"mode.{manifest['mode']}") if manifest.get("mode") in ("answer", "search") else ""),
        ("llm", str(models.get("llm", ""))),
        ("embedder", _embedder(models.get("embedder", ""))),
        ("settings", changed_settings(manifest.get("settings", {})) or say("settings_default")),
        ("left_out", f"{dataset['leave_out']:.0%}" if dataset.get("leave_out") else ""),
        ("seed", str(manifest.get("seed", ""))),
        ("workers", str(manifest.get("workers", ""))),
        ("created", _time(str(manifest.get("created", "")))),
        ("took", _duration(str(manifest.get("created", "")), str(manifest.get("finished", ""))) or say("unfinished")),
        ("machine", _machine(manifest.get("machine", {}))),
        ("versions", ", ".join(f"{name} {value}" for name, value in manifest.get("versions", {}).items())),
        ("sha256", str(dataset.get("sha256", ""))[:12]),
    ]
    return [(say(f"fact.{key}"), value) for key, value in found if value]


def changed_settings(settings: Mapping[str, Any]) -> str:
    """The settings that differ from the defaults of this ragbot, and those that it does not know."""
    defaults = {key: value_of(Settings(), key) for key, _ in walk(Settings)}
    plain = {
        key: value if isinstance(value, str | int | float | bool) else str(value) for key, value in defaults.items()
    }
    return ", ".join(f"{key} = {value}" for key, value in settings.items() if plain.get(key) != value)


def cards(figures: Sequence[Figure], say: Words) -> list[Card]:
    """The primary metrics over all questions."""
    found = []
    for figure in figures:
        metric = METRICS[figure.metric]
        if figure.slice != ALL or not metric.primary:
            continue
        part = figure.interval
        unscaled = metric.unit or not (0 <= part.low <= part.high <= 1)
        scale = None if unscaled else (100 * part.low, 100 * part.mean, 100 * part.high)
        found.append(
            Card(
                metric.name,
                say.metric(metric.name),
                number(part.mean, metric.name),
                _quantiles(figure) or bounds(part.low, part.high, metric.name),
                scale,
            )
        )
    return found


def lines(figures: Sequence[Figure], say: Words) -> list[Line]:
    """All metrics over all questions, by kind."""
    whole = {figure.metric: figure for figure in figures if figure.slice == ALL}
    found: list[Line] = []
    last = ""
    for metric in METRICS.values():
        if metric.name not in whole:
            continue
        figure = whole[metric.name]
        part = figure.interval
        found.append(
            Line(
                metric.name,
                say.metric(metric.name) + ("" if metric.higher_is_better else f" ({say('less_is_better')})"),
                number(part.mean, metric.name),
                bounds(part.low, part.high, metric.name),
                _quantiles(figure),
                part.questions,
                part.groups,
                say(f"kind.{metric.kind}") if metric.kind != last else "",
            )
        )
        last = metric.kind
    return found


def slice_table(figures: Sequence[Figure], say: Words) -> tuple[list[str], list[tuple[str, int, list[str]]]]:
    """Columns (metrics), and for each slice its name, its questions and its cells; no rows where nothing divides them."""
    names = list(dict.fromkeys(figure.slice for figure in figures))
    if len(names) < 2:
        return [], []
    cell = {(figure.slice, figure.metric): figure for figure in figures}
    columns = [name for name, metric in METRICS.items() if metric.primary and any(key[1] == name for key in cell)]
    rows = []
    for name in names:
        having = [cell.get((name, column)) for column in columns]
        texts = [number(figure.interval.mean, figure.metric) if figure else "" for figure in having]
        most = max(figure.interval.questions for figure in figures if figure.slice == name)
        rows.append((say.slice(name), most, texts))
    return columns, rows


def _quantiles(figure: Figure) -> str:
    if figure.p50 is None or figure.p95 is None:
        return ""
    return f"P50\N{NO-BREAK SPACE}{number(figure.p50, figure.metric)} · P95\N{NO-BREAK SPACE}{number(figure.p95, figure.metric)}"


def _embedder(value: Any) -> str:
    """The name and the precision of a fingerprint; its other parts follow from them."""
    if not isinstance(value, Mapping):
        return str(value)
    return ", ".join(str(value[key]) for key in ("name", "quantization") if value.get(key))


def _machine(machine: Mapping[str, Any]) -> str:
    parts = [str(machine.get("processor", ""))]
    parts += [f"{machine['cores']} CPU" if machine.get("cores") else ""]
    parts += [f"{machine['memory_gib']} GiB" if machine.get("memory_gib") else "", str(machine.get("system", ""))]
    return ", ".join(part for part in parts if part)


def _time(stamp: str) -> str:
    return stamp.replace("T", " ").replace("+00:00", " UTC")


def _duration(start: str, end: str) -> str:
    try:
        seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    except (ValueError, TypeError):
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
