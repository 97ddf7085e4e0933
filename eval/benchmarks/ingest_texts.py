"""What is ingested by the benchmarks of speed: articles of the question sets as files, and text of any size."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

from eval.datasets.squad import read_squad
from ragbot.errors import SourceError
from ragbot.text import sentence_spans

#: The question set whose articles stand for a language.
SETS = {"en": "squad2_en", "zh": "cmrc_zh"}
SEED = 11
#: Sentences of a made paragraph.
_SENTENCES = {"en": 5, "zh": 6}
_GAP = {"en": " ", "zh": ""}


def articles(bench: Path, language: str) -> list[tuple[str, str]]:
    """``(title, text)`` of every article of the language's set. Raises SourceError where it is missing."""
    documents = read_squad(bench / f"{SETS[language]}.json", "article").documents
    return [
        (document.title or f"Article {number}", document.text) for number, document in enumerate(documents.values())
    ]


def write_articles(folder: Path, bench: Path, language: str, size: int) -> int:
    """Articles as ``.md`` and ``.txt`` in turn, up to ``size`` bytes of UTF-8. Returns their characters.

    A long article becomes several files of some 20,000 characters, cut between paragraphs.
    """
    folder.mkdir(parents=True)
    written = characters = number = 0
    for title, text in articles(bench, language):
        for part in _parts(text, 20_000):
            body = part.encode()[: size - written].decode(errors="ignore")
            if not body:
                return characters
            path = folder / f"{number:04}.{'md' if number % 2 == 0 else 'txt'}"
            path.write_text(f"# {title}\n\n{body}\n" if path.suffix == ".md" else body, encoding="utf-8")
            written, characters, number = written + len(body.encode()), characters + len(body), number + 1
    return characters


def paragraphs(bench: Path, language: str, seed: int = SEED) -> Iterator[str]:
    """Paragraphs without end: sentences of the articles, drawn at random. Their words are real, and none is a copy."""
    sentences = [text[start:end] for _, text in articles(bench, language) for start, end in sentence_spans(text)]
    draw = random.Random(seed)
    while True:
        yield _GAP[language].join(draw.choices(sentences, k=_SENTENCES[language]))


def write_size(path: Path, source: Iterator[str], size: int) -> None:
    """One file of ``size`` bytes (cut at a character) of the next paragraphs of ``source``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parts, written = [], 0
    while written < size:
        parts.append(next(source))
        written += len(parts[-1].encode()) + 2
    path.write_bytes("\n\n".join(parts).encode()[:size].decode(errors="ignore").encode())


def print_pdf(path: Path, title: str, text: str, language: str) -> None:
    """A PDF with a text layer, by Chromium. Raises SourceError where it is missing."""
    page = path.with_suffix(".html")
    body = "".join(f"<p>{part}</p>" for part in text.replace("&", "&amp;").replace("<", "&lt;").split("\n\n"))
    page.write_text(f"<html lang={language}><meta charset=utf-8><h1>{title}</h1>{body}", encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", f"--print-to-pdf={path}"]
    try:
        subprocess.run(["chromium", *options, page.as_uri()], check=True, capture_output=True, timeout=120)
    except (OSError, subprocess.SubprocessError) as error:
        raise SourceError(f"cannot print a PDF: {error}; install Chromium, or leave out --part pdf") from error
    page.unlink()


def _parts(text: str, characters: int) -> Iterator[str]:
    part = ""
    for paragraph in text.split("\n\n"):
        if part and len(part) + len(paragraph) > characters:
            yield part
            part = ""
        part = f"{part}\n\n{paragraph}" if part else paragraph
    if part:
        yield part
