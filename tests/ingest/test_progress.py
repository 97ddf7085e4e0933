"""Progress says of each file what became of it."""

from __future__ import annotations

from pathlib import Path

from ingest.progress import Progress
from ragbot.bot import RagBot


def test_outcomes_and_reasons(bot: RagBot, corpus: Path) -> None:
    (corpus / "new.md").write_text("# New\n\nA text.\n", encoding="utf-8")
    (corpus / "空.md").write_text("  ", encoding="utf-8")
    (corpus / "lora.md").write_text("# 改过的\n\n新的内容。\n", encoding="utf-8")
    told: dict[str, Progress] = {}

    def note(moment: Progress) -> None:
        if moment.outcome:
            told[Path(moment.current).name] = moment

    report = bot.ingest(corpus, progress=note)
    assert {name: moment.outcome for name, moment in told.items()} == {
        "new.md": "added",
        "lora.md": "updated",
        "serving.md": "skipped",
        "plain.txt": "skipped",
        "misc.txt": "skipped",
        "空.md": "failed",
    }
    assert told["空.md"].reason == report.failed[0].reason
    assert told["new.md"].reason == ""
    again: list[Progress] = []
    bot.ingest(corpus, acl=("board",), progress=again.append)
    assert {moment.outcome for moment in again if moment.outcome} == {"updated", "failed"}  # who may see them is new
