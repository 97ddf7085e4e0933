"""The card of a trained model: what it is, what it was trained on, how it did on held-out questions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CARD = "README.md"
_GEMMA = (
    "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms; what is made "
    "from it is subject to them, too."
)


@dataclass(frozen=True)
class Card:
    """What is told of a model.

    Attributes:
        title, about: a heading, and what it does in a sentence or two.
        base: the model that it was made from; ``library`` loads it.
        data: tables of the data by name, such as ``{"squad.train": {"documents": 12, …}}``.
        scores: rows of figures on held-out questions, by set; each names its figures.
        settings: of the run.
        use: the command that uses it.
    """

    title: str
    about: str
    base: str
    library: str
    use: str
    data: Mapping[str, Mapping[str, Any]]
    scores: Mapping[str, Mapping[str, float]]
    settings: Mapping[str, Any]


def write_card(folder: Path, card: Card) -> None:
    """Write ``card`` into ``folder`` as the README that the hub shows."""
    languages = sorted({str(tag) for table in card.data.values() for tag in table.get("languages", {})})
    head = {"library_name": card.library, "base_model": card.base, "language": languages, "tags": ["ragbot"]}
    front = "".join(f"{key}: {json.dumps(value)}\n" for key, value in head.items() if value)
    parts = [
        f"---\n{front}---\n\n# {card.title}\n\n{card.about}\n\n```sh\n{card.use}\n```\n",
        f"## Held-out questions\n\n{_table(card.scores)}\nThe documents of these questions were not trained on, but the "
        "best state was chosen by them: the figures are somewhat better than on documents that nothing was chosen on. "
        "`ragbot eval run` measures those.\n",
        f"## Data\n\n{_table(card.data)}" if card.data else "",
        f"## Settings\n\n```json\n{json.dumps(card.settings, indent=1, ensure_ascii=False)}\n```\n",
        f"## Terms\n\nThe terms of the base model, {card.base}, and of the data hold for this model as well."
        + (f" {_GEMMA}" if "gemma" in card.base.casefold() else "")
        + "\n",
    ]
    (folder / CARD).write_text("\n".join(part for part in parts if part), encoding="utf-8")


def _table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    columns: Sequence[str] = list(dict.fromkeys(key for row in rows.values() for key in row))
    lines = [["", *columns], ["---"] * (len(columns) + 1)]
    lines += [[name, *(_cell(row.get(key, "")) for key in columns)] for name, row in rows.items()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {number}" for key, number in value.items())
    return str(value)
