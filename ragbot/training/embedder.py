"""Train an embedder: questions, the passages that answer them, and hard negatives that the search itself has found.

The loss is that of a choice among all passages of a step (InfoNCE, van den Oord and others 2018,
https://arxiv.org/abs/1807.03748), by sentence-transformers. Every so often held-out questions are put to a pool of
passages; the best state is kept.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from transformers import PrinterCallback, TrainerCallback

from ragbot.training.curves import draw_mrr
from ragbot.training.embedder_base import prefixes
from ragbot.training.mining import Progress
from ragbot.training.ranking_data import Candidate, Ranking
from ragbot.training.reranker import sample
from ragbot.training.runs import BEST, last_checkpoint, read_lines

LOOKS, CURVES = "looks.jsonl", "curves.png"
#: Steps of more questions than this are computed in pieces of this size, at the same gradients.
_PIECE = 64


@dataclass(frozen=True, slots=True)
class EmbedderPlan:
    """The knobs.

    Attributes:
        epochs, learning_rate: of the questions; its height.
        batch: questions a step; the passages of the others are negatives as well.
        negatives: hard negatives a question, drawn from the first ``reach`` hits.
        scale: of the cosines; those of E5 lie close together, hence its temperature of 0.01.
        words: train the word embeddings, too.
        every: steps from one look to the next; 0: four looks an epoch.
        held_out, depth: questions of a look, and how many of the hits for each are in its pool.
        patience: looks without a better MRR after which training stops.
    """

    epochs: int = 2
    learning_rate: float = 2e-5
    batch: int = 32
    negatives: int = 2
    reach: int = 24
    scale: float = 100.0
    words: bool = False
    every: int = 0
    held_out: int = 160
    depth: int = 10
    patience: int = 3
    seed: int = 0


@dataclass(frozen=True)
class MrrLook:
    """Reciprocal rank of the first passage with the answer: the mean over the sets, and of each set."""

    step: int
    loss: float
    mrr: float
    sets: dict[str, float]


class EmbedderTraining:
    """One run in a folder: checkpoints, looks, and the best model in :data:`BEST`. The same call goes on with it.

    Args:
        model: a ``SentenceTransformer``, made by :func:`ragbot.training.embedder_base.load_base` of ``base``.
        train, held_out: questions about documents that share nothing.
        folder: of the run; it exists.
    """

    def __init__(
        self,
        model: Any,
        train: Sequence[Ranking],
        held_out: Sequence[Ranking],
        folder: Path,
        base: str,
        plan: EmbedderPlan,
    ) -> None:
        self.model, self.folder, self.plan = model, folder, plan
        self._query, self._document = prefixes(model, base)
        self._train = [ranking for ranking in train if ranking.positives]
        self._held_out = sample(held_out, plan)
        self.looks = [MrrLook(**line) for line in read_lines(folder / LOOKS)]
        if not plan.words:
            for name, parameter in model.named_parameters():
                if "word_embeddings" in name:
                    parameter.requires_grad_(False)

    @property
    def best(self) -> MrrLook:
        """The look with the highest MRR, the earliest of equals."""
        return max(self.looks, key=lambda look: look.mrr)

    def tired(self) -> bool:
        """Whether as many looks as the plan's patience have passed without a better one."""
        return len(self.looks) - 1 - self.looks.index(self.best) >= self.plan.patience

    def run(self, progress: Progress) -> None:
        """Train to the end, or until the MRR stops rising."""
        import torch
        from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
        from sentence_transformers.base.sampler import BatchSamplers
        from sentence_transformers.sentence_transformer import losses

        plan = self.plan
        each = max(1, len(self._train) // plan.batch)
        steps = each * plan.epochs
        if self.looks and (self.looks[-1].step >= steps or self.tired()):
            return
        if not self.looks:
            progress("train", 0, steps, "")
            self.look(0, 0.0)
        arguments = SentenceTransformerTrainingArguments(
            output_dir=str(self.folder / "checkpoints"),
            max_steps=steps,
            per_device_train_batch_size=plan.batch,
            learning_rate=plan.learning_rate,
            warmup_steps=steps // 10,
            batch_sampler=BatchSamplers.NO_DUPLICATES,
            prompts={"anchor": self._query, **dict.fromkeys(self._passages(), self._document)},
            logging_steps=1,
            save_steps=plan.every or max(1, each // 4),
            save_total_limit=1,
            report_to=[],
            disable_tqdm=True,
            dataloader_pin_memory=False,
            seed=plan.seed,
            use_cpu=not torch.cuda.is_available(),
        )
        loss: Any = losses.MultipleNegativesRankingLoss(self.model, scale=plan.scale)
        if plan.batch > _PIECE:
            loss = losses.CachedMultipleNegativesRankingLoss(self.model, scale=plan.scale, mini_batch_size=_PIECE)
        trainer = SentenceTransformerTrainer(
            model=self.model,
            args=arguments,
            train_dataset=self._rows(),
            loss=loss,
            callbacks=[_Callback(self, progress)],
        )
        trainer.remove_callback(PrinterCallback)  # it prints
        at = last_checkpoint(Path(arguments.output_dir))
        trainer.train(resume_from_checkpoint=str(at[1]) if at else None)
        if self.looks[-1].step != trainer.state.global_step:
            self.look(trainer.state.global_step, 0.0)
        shutil.rmtree(arguments.output_dir, ignore_errors=True)

    def look(self, step: int, loss: float) -> None:
        """Rank the held-out questions' passages; keep the model if it is the best so far."""
        self.model.eval()
        sets = {name: self._mrr(name) for name in sorted({ranking.set for ranking in self._held_out})}
        self.model.train()
        look = MrrLook(step, loss, sum(sets.values()) / max(len(sets), 1), sets)
        if look.mrr > max((other.mrr for other in self.looks), default=-1.0):
            self.model.save(str(self.folder / BEST), create_model_card=False)
        self.looks.append(look)
        with (self.folder / LOOKS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(look)) + "\n")
        draw_mrr([(one.step, one.loss, one.sets) for one in self.looks], self.folder / CURVES)

    def _mrr(self, name: str) -> float:
        """Of the questions of a set, in a pool of what was found for all of them."""
        rankings = [ranking for ranking in self._held_out if ranking.set == name]
        near = {
            candidate.text
            for ranking in rankings
            for candidate in (*ranking.positives, *ranking.negatives)
            if candidate.spans or candidate.rank < self.plan.depth
        }
        pool = sorted(near)
        passages = self._encoded([self._document + text for text in pool])
        asked = self._encoded([self._query + ranking.question for ranking in rankings])
        total = 0.0
        for ranking, scores in zip(rankings, asked @ passages.T, strict=True):
            right = {candidate.text for candidate in ranking.positives}
            best = max(scores[i] for i, text in enumerate(pool) if text in right)
            total += 1.0 / (1 + int((scores > best).sum()))
        return total / len(rankings)

    def _encoded(self, texts: list[str]) -> Any:
        return self.model.encode(
            texts, prompt="", batch_size=32, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
        )

    def _passages(self) -> list[str]:
        return ["positive", *(f"negative_{number}" for number in range(1, self.plan.negatives + 1))]

    def _rows(self) -> Any:
        from datasets import Dataset

        draw = random.Random(self.plan.seed)
        others = [ranking.positives[0] for ranking in self._train]
        rows = []
        for ranking in self._train:
            hard: list[Candidate] = [one for one in ranking.negatives if one.rank < self.plan.reach]
            chosen = draw.sample(hard, min(self.plan.negatives, len(hard)))
            while len(chosen) < self.plan.negatives:  # a small set: any passage will do
                chosen.append(draw.choice(others))
            passages = [draw.choice(ranking.positives), *chosen]
            rows.append(
                {"anchor": ranking.question} | dict(zip(self._passages(), (p.text for p in passages), strict=True))
            )
        return Dataset.from_list(rows)


class _Callback(TrainerCallback):  # type: ignore[misc]
    def __init__(self, training: EmbedderTraining, progress: Progress) -> None:
        self._training, self._progress = training, progress
        self._losses: list[float] = []

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self._losses.append(float(logs["loss"]))
            details = f"loss {self._losses[-1]:.3f}, best held-out MRR {self._training.best.mrr:.3f}"
            self._progress("train", state.global_step, state.max_steps, details)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        loss = sum(self._losses) / max(len(self._losses), 1)
        self._losses = []
        self._training.look(state.global_step, loss)
        if self._training.tired():
            control.should_training_stop = True
