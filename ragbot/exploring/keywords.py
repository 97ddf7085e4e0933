"""The words and the title of each topic.

Words are weighted by class-based TF-IDF (Grootendorst 2022, section 3.3): how often a word stands in the topic, times
log(1 + A/f), A the mean number of words in a topic and f how often it stands in all of them. A word counts once a chunk.
Each language is weighted by itself, and then by its part of the topic: its words compete with each other only.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from ragbot.documents import Chunk
from ragbot.exploring.clusters import Labels
from ragbot.exploring.words import best_form, content_words

#: A word that stands in one chunk of a topic of so many is left out.
_ENOUGH = 8
#: The longest title, in characters, and the words of a topic that make one where no heading does.
_LONGEST = 60
_WORDS_OF_TITLE = 3
#: A heading is a title if so many of the topic's chunks, in its language, stand under it.
_UNDER = 0.2
_NUMBERED = re.compile(
    r"^(?:第?[一二三四五六七八九十百]+(?:[、.．]|[章节篇]\s*)|(?:\d+\.)+\d*\s*|\d+\s*[、.)）]\s*|\d{1,2}\s+(?=\D)|[（(][一二三四五六七八九十\d]+[)）])\s*"
)


class TopicWords:
    """Gathers words chunk by chunk; ask it when all were added.

    Args:
        languages: of each row.
        labels: the topic of each row, from 0.
    """

    def __init__(self, languages: Sequence[str], labels: Labels) -> None:
        self._languages = languages
        self._labels = labels.tolist()
        self._topics = max(self._labels, default=-1) + 1
        self._counts: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
        self._forms: dict[str, Counter[str]] = defaultdict(Counter)
        self._headings: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
        self._sizes = Counter(self._labels)
        self._parts = Counter(zip(self._labels, languages, strict=True))
        self._weighed: dict[int, dict[str, float]] | None = None

    def add(self, row: int, chunk: Chunk) -> None:
        """Count the words and the headings of the chunk of this row."""
        place = (self._labels[row], self._languages[row])
        seen = set()
        for key, form in content_words(chunk.text):
            seen.add(key)
            self._forms[key][form] += 1
        self._counts[place].update(seen)
        self._headings[place].update(
            {_NUMBERED.sub("", name) for name in (chunk.document.title, *chunk.headings)} - {""}
        )

    def keywords(self, topic: int, most: int) -> list[str]:
        """The words of most weight, as they are mostly written."""
        weights = self._weights()[topic]
        best = sorted(weights, key=lambda word: (-weights[word], word))[:most]
        return [best_form(self._forms[word]) for word in best]

    def titles(self) -> list[str]:
        """A title for each topic, all of them different; empty where a topic has no words.

        The heading, or document title, in the language of most of the topic, whose words weigh most in it and that most
        of its chunks stand under; else a heading of most of its chunks, else its first words.
        """
        titles: list[str] = []
        for topic in range(self._topics):
            language = max(
                (tag for number, tag in self._parts if number == topic), key=lambda tag: self._parts[topic, tag]
            )
            weights = self._weights()[topic]
            scored = []
            for heading, count in self._headings[topic, language].items():
                words = {key for key, _ in content_words(heading)}
                if words and len(heading) <= _LONGEST and count >= _UNDER * self._parts[topic, language]:
                    weight = sum(weights.get(word, 0.0) for word in words) / math.sqrt(len(words))
                    scored.append((-weight * math.log1p(count), heading))
            # One that most of it stands under is a title, whatever words the text itself uses.
            scored += [(-count * 1e-9, heading) for heading, count in self._most(topic, language)]
            free = [heading for score, heading in sorted(scored) if score < 0 and heading not in titles]
            own = self._counts[topic, language]
            words_of_it = sorted((word for word in weights if word in own), key=lambda word: (-weights[word], word))
            first = [best_form(self._forms[word]) for word in words_of_it[:_WORDS_OF_TITLE]]
            fallback = ("、" if language == "zh" else ", ").join(first)
            titles.append(free[0] if free else fallback)
        return titles

    def _most(self, topic: int, language: str) -> list[tuple[str, int]]:
        found = self._headings[topic, language].items()
        half = self._parts[topic, language] / 2
        return [(heading, count) for heading, count in found if count > half and len(heading) <= _LONGEST]

    def _weights(self) -> dict[int, dict[str, float]]:
        if self._weighed is None:
            self._weighed = {topic: {} for topic in range(self._topics)}
            for language in set(self._languages):
                classes = {place[0]: words for place, words in self._counts.items() if place[1] == language}
                overall: Counter[str] = sum(classes.values(), Counter())
                average = overall.total() / max(len(classes), 1)
                for topic, words in classes.items():
                    part = self._parts[topic, language] / self._sizes[topic]
                    fewest = 2 if self._parts[topic, language] >= _ENOUGH else 1
                    total = words.total()
                    for word, count in words.items():
                        if count >= fewest:
                            weight = part * count / total * math.log(1 + average / overall[word])
                            self._weighed[topic][word] = self._weighed[topic].get(word, 0.0) + weight
        return self._weighed
