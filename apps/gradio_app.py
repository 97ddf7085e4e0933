"""``ragbot ui``: the Gradio app. Chat, documents and search over one knowledge base; nothing leaves the machine."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

# Gradio reads both when it is imported: no analytics, no version check, no look at a hub.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"

import gradio as gr
from starlette.applications import Starlette
from starlette.middleware import Middleware

from apps import gradio_chat, gradio_documents, gradio_search
from apps.gradio_page import HostGuard, PageMiddleware
from apps.gradio_text import label, translations
from ragbot.bot import RagBot
from ragbot.errors import UserError

_FONTS = ("system-ui", "-apple-system", "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Noto Sans Mono CJK SC", "monospace")

_HEADER = """<h1>ragbot</h1>
<p lang="en">Chat with your own documents. Everything stays on this machine.</p>
<p lang="zh">与自己的文档对话，一切都留在本机。</p>"""


def build(bot: RagBot) -> gr.Blocks:
    """The page over ``bot``; each visitor has a conversation of their own."""
    with gr.Blocks(title="ragbot", analytics_enabled=False, fill_width=True) as blocks:
        gr.HTML(_HEADER, elem_id="rb-header")
        with gr.Tabs() as tabs:
            with gr.Tab(label("tab_chat"), id="chat"):
                refresh_chat = gradio_chat.build(bot, blocks, lambda button: _opens(button, tabs, "documents"))
            with gr.Tab(label("tab_documents"), id="documents") as tab:
                gradio_documents.build(bot, blocks, tab, refresh_chat)
            with gr.Tab(label("tab_search"), id="search"):
                gradio_search.build(bot, blocks)
    return blocks


def launch(bot: RagBot, host: str, port: int, open_browser: bool = False, block: bool = True) -> gr.Blocks:
    """Serve the page on ``host:port`` (0 takes a free port); returns when it is stopped, or at once without ``block``.

    Raises:
        UserError: the port is taken, or the address is not this machine's.
    """
    no_proxy(host)
    blocks = build(bot).queue(default_concurrency_limit=4, api_open=False)
    try:
        _serve(blocks, bot, host, port, open_browser, block)
    except OSError as error:
        raise UserError(f"cannot listen on {host}:{port}; it is in use, or not ours. Choose another port.") from error
    return blocks


def _serve(blocks: gr.Blocks, bot: RagBot, host: str, port: int, open_browser: bool, block: bool) -> None:
    blocks.launch(
        server_name=host,
        server_port=port or free_port(host),
        inbrowser=open_browser,
        prevent_thread_lock=not block,
        share=False,
        quiet=True,
        allowed_paths=[],
        blocked_paths=[str(bot.kb.folder.absolute())],
        max_file_size=bot.settings.ingest.max_file_mb * 1024 * 1024,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        i18n=translations(),
        theme=theme(),
        css_paths=Path(__file__).with_name("gradio_style.css"),
        app_kwargs={"middleware": [Middleware(PageMiddleware)], "lifespan": guarded(host)},
    )


def guarded(host: str) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Before anything is served: the guard goes around everything, Gradio's own middleware included."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.middleware_stack = HostGuard(app.middleware_stack or app.build_middleware_stack(), host)
        yield

    return lifespan


def no_proxy(host: str) -> None:
    """Gradio asks its own server whether it is up, and must not ask a proxy of the environment instead."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), host, "127.0.0.1", "localhost")))


def free_port(host: str) -> int:
    """A port that nobody uses; Gradio itself takes 0 for a port's number."""
    with socket.create_server((host, 0)) as taken:
        return int(taken.getsockname()[1])


def theme() -> gr.Theme:
    """Gradio's default theme with fonts of the system, so that none is fetched."""
    return gr.themes.Default(primary_hue="indigo", neutral_hue="slate", font=_FONTS, font_mono=_MONO)


def _opens(button: gr.Button, tabs: gr.Tabs, target: str) -> None:
    button.click(lambda: gr.update(selected=target), None, tabs, queue=False, api_visibility="private")
