"""Runs as token ids: the prompts by the code that builds them for the model, the loss on its replies alone.

The replies of a run stand in one sequence where each later prompt begins with the earlier one; where it does not (a cue
in another language, a reply that is cut into other tokens), the reply gets a sequence of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from agents.protocol.parsing import read_turn
from ragbot.models.llms.prompting import chat_prompt, plain_prompt, turns
from ragbot.training.agent.playing import PlayedRun
from ragbot.training.reader.packing import Packed

if TYPE_CHECKING:
    import torch

_MESSAGES: dict[str, type[BaseMessage]] = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}
#: What ends a turn of a model that has a template, where its tokenizer knows it.
_TURN_ENDS = ("<end_of_turn>", "<|im_end|>", "<|eot_id|>")


@dataclass(frozen=True)
class Written:
    """A reply inside a sequence: from where to where its tokens stand among those that are predicted, and its tool ("")."""

    begin: int
    end: int
    tool: str


@dataclass(frozen=True)
class RunPack(Packed):
    """A sequence as tensors, with the replies that are learned in it, and the language of its run."""

    replies: tuple[Written, ...] = ()
    language: str = ""

    def to(self, device: torch.device) -> RunPack:
        """The same on another device."""
        moved = {f.name: v.to(device) for f in fields(self) if hasattr(v := getattr(self, f.name), "to")}
        return replace(self, **moved)


class RunTokens:
    """Runs to sequences.

    Args:
        tokenizer: of transformers.
        limit: most tokens of a sequence; longer ones are left out.
        plain: prompts without a template, as the bundled model gets them; default: where the tokenizer has none.
    """

    def __init__(self, tokenizer: Any, limit: int, plain: bool | None = None) -> None:
        self._tokenizer, self.limit = tokenizer, limit
        self.plain = not tokenizer.chat_template if plain is None else plain
        known = tokenizer.get_vocab()
        ends = [known[name] for name in _TURN_ENDS if name in known and not self.plain]
        self._end: int = ends[0] if ends else tokenizer.eos_token_id

    def ids(self, text: str) -> list[int]:
        """Token ids without special ones."""
        found: list[int] = self._tokenizer(text, add_special_tokens=False, split_special_tokens=self.plain)["input_ids"]
        return found

    def prompt(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        """The prompt for the reply behind ``messages``."""
        conversation = turns([_MESSAGES[role](text) for role, text in messages], None)
        if not self.plain:
            return self.ids(chat_prompt(self._tokenizer, conversation))
        begin = self._tokenizer.bos_token_id
        return [*([] if begin is None else [begin]), *self.ids(plain_prompt(conversation))]

    def __call__(self, run: PlayedRun) -> list[RunPack]:
        """The sequences of a run, those left out that are too long."""
        replies = [(self.prompt(run.messages[: reply.at]), reply) for reply in run.replies if reply.learned]
        packs: list[RunPack] = []
        whole, last = replies[-1]
        together: list[tuple[int, list[int], str]] = []
        for prompt, reply in replies:
            tokens = self.ids(reply.text)
            tool = _tool(reply.text)
            if reply is last:
                together.append((len(whole), tokens, tool))
            elif _goes_on(whole, prompt, tokens):
                together.append((len(prompt), tokens, tool))
            else:
                packs.append(self._pack([*prompt, *tokens], [(len(prompt), tokens, tool)], run.language))
        packs.append(self._pack([*whole, *self.ids(last.text)], together, run.language))
        return [pack for pack in packs if pack.ids.shape[1] <= self.limit]

    def _pack(self, ids: list[int], replies: Sequence[tuple[int, list[int], str]], language: str) -> RunPack:
        import torch

        at: list[int] = []
        wanted: list[int] = []
        weights: list[float] = []
        written: list[Written] = []
        for begin, tokens, tool in replies:
            # The end is predicted, and need not stand in the sequence: the next prompt may go on without it.
            learned = [*tokens, self._end]
            written.append(Written(len(at), len(at) + len(learned), tool))
            at += range(begin - 1, begin - 1 + len(learned))
            wanted += learned
            weights += [len(learned) ** -0.5] * len(learned)
        size = len(ids)
        return RunPack(
            context=replies[0][0],
            starts=tuple(begin for begin, _, _ in replies),
            ids=torch.tensor([ids]),
            positions=torch.arange(size)[None],
            visible=torch.ones(size, size, dtype=torch.bool).tril(),
            at=torch.tensor(at),
            wanted=torch.tensor(wanted),
            weights=torch.tensor(weights),
            replies=tuple(written),
            language=language,
        )


def _goes_on(whole: Sequence[int], prompt: Sequence[int], tokens: Sequence[int]) -> bool:
    """Whether ``whole`` begins with ``prompt`` and the reply.

    To the last token: were a reply's first one another than what the model writes (with a blank in front, say), it would
    tell from it whether the run goes on, and never learn to decide that.
    """
    begin, end = len(prompt), len(prompt) + len(tokens)
    return list(whole[:begin]) == list(prompt) and list(whole[begin:end]) == list(tokens)


def _tool(text: str) -> str:
    calls = read_turn(text).calls
    return calls[0].tool if calls else ""
