"""A chat model as a judge of answers: optional, apart from the metrics, and always shown with its own variance."""

from __future__ import annotations

from eval.judge.judge import Judge, Judgement
from eval.judge.report import JUDGE, JudgedMean, JudgeReport, judge_run, read_judge, write_judge

__all__ = ["JUDGE", "Judge", "JudgeReport", "JudgedMean", "Judgement", "judge_run", "read_judge", "write_judge"]
