"""The format that the bundled reader is trained on: numbered passages, the question, then a passage's number and a short answer.

::

    [1] Title > Heading
    Text of the passage.

    [2] …

    Question: …
    Answer: [1] 1911

The number comes before the answer: at its place the model says how sure it is of each passage, and of none of them
(``0``, a refusal), before it has written a word. The prompt ends with the open bracket.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_CUES = {"en": ("\n\nQuestion: {}\nAnswer: [", " "), "zh": ("\n\n问题：{}\n答案：[", "")}
#: Numbers have one digit, hence one token: the model's certainty of a passage is one probability.
MOST_PASSAGES = 9
#: The number of a refusal.
NONE = 0
_BLANK_LINES = re.compile(r"\s*\n\s*\n\s*")


@dataclass(frozen=True, slots=True)
class Reading:
    """The parts of a prompt and of a completion in ``language``, ``zh`` or ``en``; any other is read as English."""

    language: str

    def context(self, passages: Iterable[tuple[str, str]]) -> str:
        """Passages, each as title and text, numbered from 1, at most :data:`MOST_PASSAGES`.

        Blank lines separate the parts of a prompt and nothing else: those inside a passage are closed up, so that no
        document can pretend to be the next passage or the question.
        """
        parts = [
            f"[{number}] {' '.join(title.split())}\n{_BLANK_LINES.sub(chr(10), text.strip())}"
            for number, (title, text) in enumerate(passages, 1)
        ]
        return "\n\n".join(parts[:MOST_PASSAGES])

    def question(self, text: str) -> str:
        """What follows the context; the model goes on with the number of a passage."""
        return self._cues[0].format(" ".join(text.split()))

    def answer(self, text: str, number: int) -> str:
        """The completion that gives ``text`` from passage ``number``."""
        return f"{number}]{self._cues[1]}{' '.join(text.split())}"

    @property
    def closing(self) -> str:
        """What stands between the number and the answer."""
        return "]"

    @property
    def refusal(self) -> str:
        """The completion that gives no answer."""
        return f"{NONE}]"

    @property
    def _cues(self) -> tuple[str, str]:
        return _CUES.get(self.language, _CUES["en"])
