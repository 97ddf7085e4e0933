"""A web interface over a small knowledge base, in a process of its own: ``python serve.py gradio``; prints its address.

The settings come from the environment, as ever; the embedder is the one by hashing, which takes its time over a text that
says "slowly", and ``scripted:…`` names chat models
that say what the tests need: ``slow`` writes a word every twentieth of a second, ``broken`` fails, and ``working``
does as its task says.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from apps.api.bots import Bots
from ragbot.errors import GenerationError
from ragbot.models import registry
from ragbot.models.embedders.base import Vectors
from ragbot.models.testing import HashEmbedder, ScriptedChatModel
from ragbot.settings import load_settings


def working(messages: list[BaseMessage]) -> AIMessage:
    """Opens two pages where the task speaks of pages, talks without end where it says "slow", else asks the documents."""
    task = next(str(one.text) for one in messages if isinstance(one, HumanMessage))
    done = sum(isinstance(one, AIMessage) for one in messages)
    if "slow" in task:
        return AIMessage("word " * 20_000)
    if "page" in task and done < 2:  # nobody is there, and ragbot does not go there either
        return _calling("fetch_page", done, url=f"http://127.0.0.1:9/{done}")
    if "page" in task:
        return AIMessage("Both pages were tried.")
    if not done:
        return _calling("search_knowledge", done, query=task)
    return AIMessage("It is 47 metres tall [1].")


def _calling(tool: str, number: int, **arguments: str) -> AIMessage:
    call: Any = {"name": tool, "args": arguments, "id": f"c{number}", "type": "tool_call"}
    return AIMessage("", tool_calls=[call])


SCRIPTS: dict[str, Any] = {
    "working": working,
    "slow": ["word " * 20_000] * 50,
    "broken": [GenerationError("the model at http://x is <down>; start it")] * 50,
}


class Scripted(ScriptedChatModel):
    """Says its script slowly."""

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        for piece in super()._stream(*args, **kwargs):
            yield piece
            time.sleep(0.05)


class Hashing(HashEmbedder):
    """Long work on few texts, which can be watched and stopped on a fast machine, too."""

    def encode_query(self, text: str) -> Vectors:
        """As the base does, a twentieth of a second later."""
        if "slowly" in text:
            time.sleep(0.05)
        return super().encode_query(text)


def scripted(name: str, **_: Any) -> Scripted:
    """The chat model of a name; the registry calls it."""
    return Scripted(SCRIPTS[name])


def main(which: str) -> None:
    """Serve until the process is ended."""
    sys.modules["browser_models"] = sys.modules[__name__]  # Streamlit puts its own script in the place of __main__
    registry.CHAT_MODELS["scripted"] = "browser_models:scripted"
    bots = Bots(load_settings()[0], embedder=Hashing())
    if which == "gradio":
        from apps.gradio_ui.app import launch

        page = launch(bots, port=0, block=False)
        sys.stdout.write(f"{page.local_url}\n")
        sys.stdout.flush()
        page.block_thread()
    elif which == "streamlit":
        from apps.streamlit_ui.launch import serve

        serve(bots, port=0, started=told)


def told(address: str) -> None:
    """Print where the page is."""
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
