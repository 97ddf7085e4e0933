"""What a later run is compared with: a run in one small file, with no more of the responses than their confidence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from eval.files import write_text
from eval.records import Row, Run, checked, decode_row, encode_question
from ragbot.errors import EvaluationError


def write_baseline(path: Path, run: Run) -> None:
    """Store what a later run is compared with: each question's metrics, and what made them."""
    rows = [
        {
            "question": {
                key: value
                for key, value in encode_question(row.question).items()
                if key not in {"gold", "relevant", "answers"}
            },
            **_confidence(row),
            "metrics": dict(row.metrics),
            **({"error": row.error} if row.error else {}),
        }
        for row in run.rows
    ]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    head = json.dumps({"manifest": dict(run.manifest)}, ensure_ascii=False, indent=1)
    # One row a line, so that a change of the file can be read.
    write_text(path, f'{head[:-2]},\n "rows": [\n{lines}\n ]\n}}\n')


def read_baseline(path: Path) -> Run:
    """See :func:`write_baseline`. Raises EvaluationError where it is not one."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        manifest = checked(data["manifest"], path)
        rows = tuple(decode_row(row) for row in data["rows"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvaluationError(
            f"{path} is no baseline: {error!r}; write one with `ragbot eval run … --save-baseline`"
        ) from error
    return Run(manifest, rows)


def _confidence(row: Row) -> dict[str, Any]:
    if row.response is None or row.response.confidence is None:
        return {}
    return {"response": {"confidence": row.response.confidence}}
