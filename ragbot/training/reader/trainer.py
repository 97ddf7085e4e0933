"""Training of a reader by transformers' Trainer: the best adapter (or whole model) by its F1 on held-out questions.

The loss is taken on the completions alone, and the logits of nothing else are made: with a vocabulary of 262,144 the
output layer of the bundled model costs more than all its layers.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset, SequentialSampler
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from ragbot.training.reader.contexts import Group, Mix
from ragbot.training.reader.looks import HeldOut, Look
from ragbot.training.reader.methods import adapted, check, check_start, save
from ragbot.training.reader.packing import Packed
from ragbot.training.reader.packs import Packs
from ragbot.training.reader.plan import ReaderPlan
from ragbot.training.reader.states import base_of, read_pack
from ragbot.training.runs import BEST, RUN, claim, is_main, last_checkpoint, read_lines, shared, world

#: Questions of a usual pack.
_USUAL = 6
LOOKS = "looks.jsonl"
__all__ = ["BEST", "LOOKS", "RUN", "ReaderTraining", "completion_loss"]


class ReaderTraining:
    """One run in a folder: checkpoints, looks, and the best adapter in :data:`BEST`. The same call goes on with it.

    Args:
        base: folder of the base model, as transformers saves it.
        train, held_out: groups of documents that share nothing.
        folder: of the run.
        name: of the base model, as the adapter is to name it (default: the folder).
        start: a LoRA adapter that training goes on from.

    Raises:
        UserError: the folder holds a run with other settings, this machine cannot do what the plan says, or ``start`` is
            not what the plan trains.
    """

    def __init__(
        self,
        base: Path,
        train: Sequence[Group],
        held_out: Sequence[Group],
        folder: Path,
        plan: ReaderPlan,
        mix: Mix | None = None,
        name: str = "",
        start: Path | None = None,
    ) -> None:
        from transformers import AutoTokenizer

        check(plan)
        #: The checksum of the adapter that it goes on from, or nothing.
        self.begun = {"adapter": check_start(plan, start) if start else ""}
        torch.manual_seed(plan.seed)
        self.plan, self.mix, self.folder = plan, mix or Mix(), folder
        self._name = name or str(base)
        # What is not stored of an older run was as it is by default.
        defaults = {"plan": asdict(ReaderPlan()), "mix": asdict(Mix()), "start": {"adapter": ""}}
        claim(folder, {"plan": asdict(plan), "mix": asdict(self.mix), "start": self.begun}, defaults)
        self.tokenizer = AutoTokenizer.from_pretrained(base)
        self.packs = Packs(train, self.tokenizer, plan, self.mix)
        self.held_out = HeldOut(held_out, self.packs.tokens, plan.held_out, plan.seed)
        self.model = adapted(base, plan, start)
        self.steps = len(self.packs) // plan.packs_per_step
        self.looks = [Look(**line) for line in read_lines(folder / LOOKS)]

    def run(self, told: Callable[[Look], None], tick: Callable[[int, int, float], None]) -> Look:
        """Train to the end, or until the F1 of held-out questions stops rising; returns the best look.

        ``tick`` hears step, steps and loss.
        """
        if self.looks and (self.looks[-1].step >= self.steps or self.tired()):
            return self.best  # it is over: a step more would be one too many
        plan = self.plan
        arguments = TrainingArguments(
            output_dir=str(self.folder / "checkpoints"),
            num_train_epochs=1,
            max_steps=self.steps,
            per_device_train_batch_size=1,
            gradient_accumulation_steps=max(1, plan.packs_per_step // world()),
            learning_rate=plan.learning_rate,
            warmup_steps=round(plan.warmup * self.steps),
            lr_scheduler_type="cosine_with_min_lr",
            lr_scheduler_kwargs={"min_lr_rate": 0.1},
            weight_decay=plan.weight_decay,
            max_grad_norm=1.0,
            logging_steps=5,
            save_steps=plan.every or max(1, self.steps // max(1, round(4 * plan.epochs))),
            save_total_limit=1,
            report_to=[],
            disable_tqdm=True,
            remove_unused_columns=False,
            dataloader_pin_memory=False,
            ddp_find_unused_parameters=False,
            seed=plan.seed,
            use_cpu=not torch.cuda.is_available(),
        )
        # Several GPUs add up their gradients only in the model's own call, which is made to be the loss of a pack.
        self.model.forward = _PackLoss(self.model, self.model.forward)
        trainer = _PackTrainer(
            model=self.model,
            args=arguments,
            train_dataset=self.packs,
            data_collator=lambda packs: {"pack": packs[0]},
            callbacks=[_Callback(self, told, tick)],
        )
        trainer.remove_callback(PrinterCallback)  # it prints
        at = last_checkpoint(Path(arguments.output_dir))
        self.looks = [look for look in self.looks if at and look.step <= at[0]]
        if at and not any(look.step == at[0] for look in self.looks):
            self._load(at[1])  # stopped between the checkpoint and its look
            self.look(at[0], 0.0, told)
        trainer.train(resume_from_checkpoint=str(at[1]) if at else None)
        if not self.looks or self.looks[-1].step != trainer.state.global_step:
            self.look(trainer.state.global_step, 0.0, told)
        shutil.rmtree(arguments.output_dir, ignore_errors=True)
        return self.best

    @property
    def best(self) -> Look:
        """The look with the highest F1. Raises ValueError before the first."""
        return max(self.looks, key=lambda look: look.f1)

    def look(self, step: int, loss: float, told: Callable[[Look], None]) -> Look:
        """Answer the held-out questions, keep the adapter if it is the best so far, and write the look down."""
        found = shared(self._answered if is_main() else None)  # one GPU answers, all of them hear of it
        look = replace(found, step=step, loss=loss)
        better = look.f1 > max((other.f1 for other in self.looks), default=-1.0)
        self.looks.append(look)
        if is_main():
            if better:
                self._keep()
            with (self.folder / LOOKS).open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(look)) + "\n")
            told(look)
        return look

    def tired(self) -> bool:
        """Whether as many looks as the plan's patience have passed without a better one."""
        best = max(range(len(self.looks)), key=lambda i: self.looks[i].f1)
        return len(self.looks) - 1 - best >= self.plan.patience

    def _answered(self) -> Look:
        began = time.monotonic()
        self.model.eval()
        with torch.compiler.set_stance("force_eager"):  # shapes of another kind at each step of decoding
            found = self.held_out.look(self.model, self.tokenizer.eos_token_id, self._decode)
        self.model.train()
        return replace(found, seconds=time.monotonic() - began)

    def _keep(self) -> None:
        """The best adapter so far, whole or not at all."""
        fresh = self.folder / f"{BEST}.tmp"
        shutil.rmtree(fresh, ignore_errors=True)
        save(self.model, self.tokenizer, fresh, self._name)
        shutil.rmtree(self.folder / BEST, ignore_errors=True)
        fresh.rename(self.folder / BEST)

    def _load(self, checkpoint: Path) -> None:
        if hasattr(self.model, "peft_config"):
            self.model.load_adapter(str(checkpoint), "default", is_trainable=True)
        else:
            from safetensors.torch import load_model

            load_model(self.model, checkpoint / "model.safetensors")

    def _decode(self, tokens: list[int]) -> str:
        text: str = self.tokenizer.decode(tokens, clean_up_tokenization_spaces=False)
        return text


class _PackLoss:
    """A model's call as the loss of a pack; called in any other way, it is the call that it was."""

    def __init__(self, model: Any, call: Callable[..., Any]) -> None:
        self._model, self._call = model, call

    def __call__(self, *args: Any, pack: Packed | None = None, **kwargs: Any) -> Any:
        return self._call(*args, **kwargs) if pack is None else completion_loss(self._model, pack)


class _PackTrainer(Trainer):  # type: ignore[misc]
    """Trainer over packs, in their order; the loss is a pack's mean."""

    loss_is_scaled_for_ga = False

    def _get_train_sampler(self, train_dataset: Dataset[Packed] | None = None) -> SequentialSampler:
        return SequentialSampler(train_dataset or self.train_dataset)  # type: ignore[arg-type]

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        loss: torch.Tensor = model(pack=inputs["pack"].to(self.args.device))
        return loss


def completion_loss(model: Any, packed: Packed) -> torch.Tensor:
    """Weighted mean cross-entropy of the completions of a pack."""
    states = read_pack(model, packed).states
    logits = base_of(model).lm_head(states[0, packed.at]).float()
    losses = torch.nn.functional.cross_entropy(logits, packed.wanted, reduction="none")
    # A pack of many questions counts more than one of few, but less than so many single ones.
    share = (len(packed.starts) / _USUAL) ** 0.5
    loss: torch.Tensor = share * (losses * packed.weights).sum() / packed.weights.sum()
    return loss


class _Callback(TrainerCallback):  # type: ignore[misc]
    def __init__(
        self, training: ReaderTraining, told: Callable[[Look], None], tick: Callable[[int, int, float], None]
    ) -> None:
        self._training, self._told, self._tick = training, told, tick
        self._losses: list[float] = []

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if logs and "loss" in logs:
            # Trainer hands out text where it writes to the terminal.
            self._losses.append(float(logs["loss"]))
            if is_main():
                self._tick(state.global_step, state.max_steps, self._losses[-1])

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        loss = sum(self._losses) / max(len(self._losses), 1)
        self._losses = []
        self._training.look(state.global_step, loss, self._told)
        if self._training.tired():
            control.should_training_stop = True
