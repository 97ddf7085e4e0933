"""The knobs of a reader's training."""

from __future__ import annotations

from dataclasses import dataclass

#: Every linear layer of a decoder of the Llama and Gemma families.
LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
#: What can be trained, and the height of the learning rate that suits it: the fewer the weights, the higher.
RATES = {"lora": 4e-4, "qlora": 2e-4, "prefix": 5e-3, "prompt": 2e-2, "p-tuning": 2e-3, "full": 2e-5}
#: Those that are read from virtual tokens in front of a context.
VIRTUAL = ("prefix", "prompt", "p-tuning")


@dataclass(frozen=True, slots=True)
class ReaderPlan:
    """What a run does.

    Attributes:
        epochs: how often each group of questions is drawn, each time with another context.
        learning_rate: its height; it rises over ``warmup`` (a share of the steps) and falls by a cosine to a tenth.
        packs_per_step: contexts whose gradients are added up before the weights move (over all GPUs).
        rank, alpha, dropout: of the adapter. Dropout is drawn in each of its layers: on a CPU half of the time forward.
        limit: most tokens of a context with its questions.
        int8: multiply by the frozen layers in integers (LoRA on a CPU; a GPU has faster ways), and in the attention
            and the head in bfloat16 where the processor has it.
        compiled: let torch.compile fuse what stands between the products (a minute at the start).
        every: steps from one look at held-out questions to the next; 0: four looks an epoch.
        held_out: packs of each set in a look.
        patience: looks without a better F1 after which training stops.
        seed: of everything that is drawn.
        shares: how often a group of a set is drawn in an epoch, by the set's name, where not once.
        method: one of :data:`RATES`.
        virtual_tokens: of the methods in :data:`VIRTUAL`.
        checkpointing: compute the layers' states again on the way back instead of keeping them: less memory, a third
            more time.
    """

    epochs: float = 4.0
    learning_rate: float = 4e-4
    warmup: float = 0.04
    packs_per_step: int = 4
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    weight_decay: float = 0.01
    limit: int = 1400
    int8: bool = True
    compiled: bool = True
    every: int = 0
    held_out: int = 20
    patience: int = 6
    seed: int = 7
    shares: tuple[tuple[str, float], ...] = ()
    method: str = "lora"
    virtual_tokens: int = 32
    checkpointing: bool = False
