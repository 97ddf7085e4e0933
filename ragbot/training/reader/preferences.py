"""Which of a reader's own answers are better: those that the right passage bears out, above those that it does not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from eval.metrics.cmrc import cmrc_f1
from eval.metrics.squad import squad_f1
from ragbot.generation.reading import NONE, Reading
from ragbot.training.reader.contexts import Group, Mix, Pack, Packer
from ragbot.training.reader.decoding import decode_pack, sampled
from ragbot.training.reader.packs import PackTokens
from ragbot.training.runs import read_lines

#: Least overlap of a verified answer with the wanted one: a passage holds many words that answer something else.
LEAST = 0.5
#: Longest sampled answer, in tokens.
LONGEST = 48
#: Few questions a context, because each is put as often as answers are sampled.
MIX = Mix(questions=3)


@dataclass(frozen=True, slots=True)
class Preference:
    """A question about a context, and two completions of which the first is the better one."""

    context: str
    language: str
    question: str
    chosen: str
    rejected: str


def is_verified(said: str, pack: Pack, number: int) -> bool:
    """Whether completion ``said`` of question ``number`` is right and can be checked.

    It names the right passage, its text stands in there word for word, and says what is wanted (F1 of at least
    :data:`LEAST`); where no passage answers, it refuses and says nothing more.
    """
    wanted, passage = pack.answers[number]
    head, _, text = said.partition("]")
    text = text.strip()
    if passage == NONE:
        return head == str(NONE) and not text
    if head != str(passage) or not text:
        return False
    passages = pack.context.split("\n\n")  # blank lines separate passages and nothing else
    if text not in passages[passage - 1].partition("\n")[2]:
        return False
    return overlap(text, wanted, pack.language) >= LEAST


def overlap(text: str, wanted: str, language: str) -> float:
    """F1 of an answer, by characters in Chinese and by words in other languages."""
    return (cmrc_f1 if language == "zh" else squad_f1)(text, (wanted,))


def prefer(pack: Pack, number: int, said: Sequence[str]) -> Preference | None:
    """A preference among the answers to question ``number``; None where all of them are verified.

    Chosen is the verified one that says most of what is wanted, or, where none is verified, what is wanted itself;
    rejected is the unverified one that came most often.
    """
    wanted, passage = pack.answers[number]
    verified = [one for one in said if is_verified(one, pack, number)]
    others = Counter(one for one in said if not is_verified(one, pack, number))
    if not others:
        return None
    reading = Reading(pack.language)
    best = reading.refusal if passage == NONE else reading.answer(wanted, passage)
    if verified and passage != NONE:
        best = max(verified, key=lambda one: overlap(one.partition("]")[2], wanted, pack.language))
    return Preference(pack.context, pack.language, pack.questions[number], best, others.most_common(1)[0][0])


def sample_preferences(
    model: Any,
    tokens: PackTokens,
    groups: Sequence[Group],
    path: Path,
    *,
    contexts: int,
    samples: int,
    temperature: float,
    seed: int,
    end: int,
    decode: Callable[[list[int]], str],
    progress: Callable[[int, int], None],
) -> list[Preference]:
    """Let ``model`` answer questions in ``contexts`` contexts ``samples`` times each; what is preferred is kept in ``path``.

    The same call goes on with what it finds there.
    """
    packer = Packer(groups, MIX)
    done = read_lines(path)
    digits = torch.tensor(tokens.digits)
    with path.open("a", encoding="utf-8") as file:
        for item in range(len(done), contexts):
            progress(item, contexts)
            pack = packer.pack(_spread(item, contexts, len(groups)), f"dpo {seed} {item}")
            found = [
                asdict(one)
                for one in _of_pack(model, tokens, pack, samples, temperature, f"{seed} {item}", digits, end, decode)
            ]
            done.append({"context": item, "preferences": found})
            file.write(json.dumps(done[-1], ensure_ascii=False) + "\n")
            file.flush()
    return [Preference(**one) for line in done for one in line["preferences"]]


def _of_pack(
    model: Any,
    tokens: PackTokens,
    pack: Pack,
    samples: int,
    temperature: float,
    seed: str,
    digits: torch.Tensor,
    end: int,
    decode: Callable[[list[int]], str],
) -> Iterator[Preference]:
    if not pack.questions:
        return
    generator = torch.Generator().manual_seed(int.from_bytes(seed.encode()[-7:]))
    # Each question stands in the pack as often as it is to be answered: the context is read once.
    many = replace(
        pack,
        questions=tuple(question for question in pack.questions for _ in range(samples)),
        answers=tuple(answer for answer in pack.answers for _ in range(samples)),
    )
    packed = tokens(many, prompts_only=True)
    answers, _ = decode_pack(model, packed, end, digits, LONGEST, sampled(temperature, generator))
    said = [decode(answer) for answer in answers]
    for number in range(len(said) // samples):
        found = prefer(pack, number, said[number * samples : (number + 1) * samples])
        if found:
            yield found


def _spread(item: int, contexts: int, groups: int) -> int:
    """Evenly through the groups, which stand in the order of their sets and documents."""
    return item * groups // contexts if contexts <= groups else item % groups
