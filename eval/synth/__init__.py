"""Question sets from a person's own documents, with a chat model or without one."""

from eval.synth.base import SynthReport
from eval.synth.pipeline import make_questions

__all__ = ["SynthReport", "make_questions"]
