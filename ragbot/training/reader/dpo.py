"""Direct preference optimisation of a reader (Rafailov and others 2023, https://arxiv.org/abs/2305.18290), by trl.

The preferences are made of its own answers (:mod:`ragbot.training.reader.preferences`). The adapter that it begins with
is the reference, and it stays the result where none of the looks at held-out questions finds a better one.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, TrainerCallback

from ragbot.errors import SourceError, UserError
from ragbot.models import hf
from ragbot.models.llms.adapters import find
from ragbot.training.bases import ALTERNATIVES, Base
from ragbot.training.int8_base import freeze_to_int8
from ragbot.training.mining import Progress
from ragbot.training.reader.attention import NAME, register
from ragbot.training.reader.curves import draw_reader_curves
from ragbot.training.reader.looks import HeldOut, Look
from ragbot.training.reader.methods import save
from ragbot.training.reader.packs import PackTokens
from ragbot.training.reader.plan import LINEAR
from ragbot.training.reader.preferences import Preference, sample_preferences
from ragbot.training.reader.run import CURVES, TrainedReader, read_dataset, record_reader
from ragbot.training.runs import BEST, claim, is_main, last_checkpoint, read_lines, shared, world

LOOKS, PREFERENCES = "looks.jsonl", "preferences.jsonl"


@dataclass(frozen=True, slots=True)
class DpoPlan:
    """The knobs.

    Attributes:
        contexts, samples, temperature: where answers are sampled, how many a question, and how freely.
        beta: how close the policy stays to the adapter that it begins with.
        epochs, learning_rate: of the preferences; a tenth of the rate of the training before, or less.
        pairs_per_step: preferences whose gradients are added up.
        looks: at held-out questions, spread over the run; ``held_out`` packs of each set in one.
        limit: most tokens of a context with its questions.
        int8: multiply by the frozen layers in integers (on a CPU).
    """

    contexts: int = 400
    samples: int = 6
    temperature: float = 1.0
    beta: float = 0.1
    epochs: int = 1
    learning_rate: float = 2e-5
    pairs_per_step: int = 8
    looks: int = 4
    held_out: int = 20
    limit: int = 2000
    int8: bool = True
    seed: int = 7


def train_dpo(data: Path, adapter: Path, base: Base, folder: Path, plan: DpoPlan, progress: Progress) -> TrainedReader:
    """Improve ``adapter`` on a folder of training data; the same call goes on with a run.

    Raises:
        ModelNotFoundError: the adapter or its base cannot be loaded, or the adapter is no LoRA.
        SourceError: there is no data, or no answer was found wanting.
        UserError: ``folder`` holds a run with other settings.
    """
    import trl  # noqa: F401  # before anything is sampled: without it all that would be for nothing

    if world() > 1:
        raise UserError("ragbot train dpo runs in one process: start it without accelerate launch")
    claim(folder, {"plan": asdict(plan), "adapter": {"folder": str(find("default", str(adapter)).resolve())}})
    training = _Training(data, adapter, base, folder, plan)
    train = read_dataset(data, "train")
    sampled = sample_preferences(
        training.model,
        PackTokens(training.tokenizer, plan.limit),
        train,
        folder / PREFERENCES,
        contexts=plan.contexts,
        samples=plan.samples,
        temperature=plan.temperature,
        seed=plan.seed,
        end=training.tokenizer.eos_token_id,
        decode=training.decode,
        progress=lambda done, of: progress("sample", done, of, ""),
    )
    if not sampled:
        raise SourceError(
            f"every answer in {plan.contexts} contexts was verified: there is nothing to prefer; sample more with "
            "--contexts or --samples, or more freely with --temperature"
        )
    training.run(sampled, progress)
    if is_main():
        record_reader(folder, data, base, asdict(plan), training.looks, training.best, "ragbot train dpo")
    return TrainedReader(folder / BEST, training.best, training.looks)


class _Training:
    """The model, its looks at held-out questions, and the trainer over them."""

    def __init__(self, data: Path, adapter: Path, base: Base, folder: Path, plan: DpoPlan) -> None:
        from peft import PeftModel

        torch.manual_seed(plan.seed)
        register()
        on_gpu = torch.cuda.is_available()
        with hf.loading(str(base.folder), ALTERNATIVES):
            self.tokenizer = AutoTokenizer.from_pretrained(base.folder)
            model = AutoModelForCausalLM.from_pretrained(
                base.folder,
                dtype=torch.bfloat16 if on_gpu else torch.float32,
                attn_implementation=NAME,
                use_safetensors=True,
            )
        model.requires_grad_(False)
        if plan.int8 and not on_gpu:
            freeze_to_int8(model, LINEAR)
        with warnings.catch_warnings():
            # What peft asks the model has another name in transformers by now.
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
            self.model: Any = PeftModel.from_pretrained(model, str(adapter), is_trainable=True)
        # See ragbot.training.reader.methods: checkpoints would look the base up on the hub.
        self.model.peft_config["default"].base_model_name_or_path = str(base.folder)
        if on_gpu:
            self.model.to("cuda")
        self.folder, self.plan, self._base = folder, plan, base
        held_out = read_dataset(data, "dev")
        self._held_out = HeldOut(held_out, PackTokens(self.tokenizer, plan.limit), plan.held_out, plan.seed)
        self.looks = [Look(**line) for line in read_lines(folder / LOOKS)]

    @property
    def best(self) -> Look:
        """The look with the highest F1, the earliest of equals."""
        return max(self.looks, key=lambda look: look.f1)

    def decode(self, tokens: list[int]) -> str:
        """Text of tokens."""
        text: str = self.tokenizer.decode(tokens, clean_up_tokenization_spaces=False)
        return text

    def run(self, preferences: list[Preference], progress: Progress) -> None:
        """Train to the end."""
        from trl.trainer.dpo_config import DPOConfig

        plan = self.plan
        steps = max(1, plan.epochs * len(preferences) // plan.pairs_per_step)
        if self.looks and self.looks[-1].step >= steps:
            return
        if not self.looks:
            self.look(0, 0.0)
        arguments = DPOConfig(
            output_dir=str(self.folder / "checkpoints"),
            max_steps=steps,
            per_device_train_batch_size=1,
            gradient_accumulation_steps=plan.pairs_per_step,
            learning_rate=plan.learning_rate,
            warmup_steps=steps // 10,
            lr_scheduler_type="cosine",
            beta=plan.beta,
            max_length=None,
            logging_steps=1,
            save_steps=max(1, steps // plan.looks),
            save_total_limit=1,
            gradient_checkpointing=False,
            bf16=torch.cuda.is_available(),
            report_to=[],
            disable_tqdm=True,
            dataloader_pin_memory=False,
            seed=plan.seed,
            use_cpu=not torch.cuda.is_available(),
        )
        trainer = _trainer_class()(
            model=self.model,
            args=arguments,
            train_dataset=self._rows(preferences),
            processing_class=self.tokenizer,
            callbacks=[_Callback(self, progress, len(preferences))],
        )
        trainer.remove_callback(PrinterCallback)  # it prints
        at = last_checkpoint(Path(arguments.output_dir))
        trainer.train(resume_from_checkpoint=str(at[1]) if at else None)
        if self.looks[-1].step != trainer.state.global_step:
            self.look(trainer.state.global_step, 0.0)
        shutil.rmtree(arguments.output_dir, ignore_errors=True)

    def look(self, step: int, loss: float) -> None:
        """Answer the held-out questions; keep the adapter if it is the best so far."""
        look = replace(shared(self._answered if is_main() else None), step=step, loss=loss)
        better = look.f1 > max((other.f1 for other in self.looks), default=-1.0)
        self.looks.append(look)
        if not is_main():
            return
        if better:
            save(self.model, self.tokenizer, self.folder / BEST, self._base.name)
        with (self.folder / LOOKS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(look)) + "\n")
        draw_reader_curves(self.looks, self.folder / CURVES)

    def _answered(self) -> Look:
        self.model.eval()
        found = self._held_out.look(self.model, self.tokenizer.eos_token_id, self.decode)
        self.model.train()
        return found

    def _rows(self, preferences: list[Preference]) -> Any:
        from datasets import Dataset

        from ragbot.generation.reading import Reading

        tokens = PackTokens(self.tokenizer, self.plan.limit)
        begin = [] if self.tokenizer.bos_token_id is None else [self.tokenizer.bos_token_id]
        end = [self.tokenizer.eos_token_id]
        return Dataset.from_list(
            [
                {
                    # Context and question apart, as they are read.
                    "prompt_ids": [
                        *begin,
                        *tokens.ids(one.context),
                        *tokens.ids(Reading(one.language).question(one.question)),
                    ],
                    "chosen_ids": [*tokens.ids(one.chosen), *end],
                    "rejected_ids": [*tokens.ids(one.rejected), *end],
                }
                for one in preferences
            ]
        )


def _trainer_class() -> Any:
    from trl.trainer.dpo_trainer import DPOTrainer

    class IdsTrainer(DPOTrainer):
        """Takes token ids as they are: trl would make them of a text as a whole, and those are others."""

        def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
            return dataset

    return IdsTrainer


class _Callback(TrainerCallback):  # type: ignore[misc]
    def __init__(self, training: _Training, progress: Callable[..., None], pairs: int) -> None:
        self._training, self._progress, self._pairs = training, progress, pairs
        self._losses: list[float] = []

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if logs and "loss" in logs and is_main():
            self._losses.append(float(logs["loss"]))
            best = self._training.best.f1
            details = f"{self._pairs:,} preferences, loss {self._losses[-1]:.3f}, best held-out F1 {best:.3f}"
            self._progress("train", state.global_step, state.max_steps, details)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        loss = sum(self._losses) / max(len(self._losses), 1)
        self._losses = []
        self._training.look(state.global_step, loss)
