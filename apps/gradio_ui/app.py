"""``ragbot ui``: chat, knowledge, search, agent and evaluation on one page; nothing leaves the machine."""

from __future__ import annotations

import gradio as gr
from starlette.middleware import Middleware

from apps.api.bots import Bots
from apps.door.login import Login
from apps.gradio_ui import agent, chat, evaluation, knowledge, search, serving
from apps.gradio_ui.errors import shown
from apps.gradio_ui.evaluation_files import Reports
from apps.gradio_ui.files import Files
from apps.gradio_ui.frame import QUIET, Frame
from apps.gradio_ui.page import PageMiddleware
from apps.gradio_ui.site import Site, Visitor
from apps.gradio_ui.text import label, language_of, say, translations
from ragbot.errors import UserError
from ragbot.sections.mcp import is_loopback
from ragbot.showing.html import STYLE, safe
from ragbot.workspace.opening import workspace_path
from ragbot.workspace.people import People
from ragbot.workspace.reach import check_reach
from ragbot.workspace.store import Workspace

_HEADER = """<h1>ragbot</h1>
<p lang="en">Chat with your own documents. Everything stays on this machine.</p>
<p lang="zh">与自己的文档对话，一切都留在本机。</p>"""
#: The tabs in their order, each with the function that lays it out.
_TABS = {
    "chat": chat.build,
    "knowledge": knowledge.build,
    "search": search.build,
    "agent": agent.build,
    "evaluation": evaluation.build,
}


def build(site: Site) -> gr.Blocks:
    """The page; each visitor sees their own conversations, and what their key may see."""
    with gr.Blocks(title="ragbot", analytics_enabled=False, fill_width=True) as blocks:
        with gr.Row(elem_id="rb-top"):
            gr.HTML(_HEADER, elem_id="rb-header")
            who = gr.HTML(value="", label=label("log_out"), elem_id="rb-who")
            kb = gr.Dropdown(
                label=label("knowledge_base"), choices=[], value=None, allow_custom_value=True, visible="hidden",
                elem_id="rb-kb", scale=0, min_width=180, container=False,
            )  # fmt: skip
        changed = gr.State(0)
        with gr.Tabs(elem_id="rb-tabs") as tabs:
            frame = Frame(site, blocks, tabs, kb, changed)
            tabs_made, refreshes = [], []
            for name, lay_out in _TABS.items():
                with gr.Tab(label(f"tab_{name}"), id=name, elem_id=f"rb-tab-{name}") as tab:
                    tabs_made.append(tab)
                    refreshes.append(lay_out(frame, tab))

        def names(now: str | None, request: gr.Request) -> tuple[object, str]:
            with shown(language_of(request, site.settings.language)):
                visitor = site.visitor(request)
                choices = visitor.knowledge_bases()
                seen = True if len(choices) > 1 else "hidden"
                return gr.update(choices=choices, value=visitor.chosen(now), visible=seen), _log_out(visitor)

        first, *others = refreshes
        from_address = "now => [now || new URLSearchParams(location.search).get('kb') || '']"
        # Only then it is known what the chat is about.
        first(blocks.load(names, [kb], [kb, who], js=from_address, **QUIET).then)
        first(changed.change(names, [kb], [kb, who], **QUIET).then)
        for refresh in refreshes:
            refresh(kb.input)
        for tab, refresh in zip(tabs_made[1:], others, strict=True):
            refresh(tab.select)
    return blocks


def _log_out(visitor: Visitor) -> str:
    """Who is logged in, with a button that ends it; empty for the owner of the machine."""
    who = visitor.principal
    if who.key_id is None:
        return ""
    button = f'<button type="submit">{safe(say(visitor.language, "log_out"))}</button>'
    return f'<form method="post" action="./logout"><span>{safe(who.name, " ")}</span> {button}</form>'


def launch(
    bots: Bots, host: str = "127.0.0.1", port: int = 7860, open_browser: bool = False, block: bool = True
) -> gr.Blocks:
    """Serve the page on ``host:port`` (0 takes a free port); returns when it is stopped, or at once without ``block``.

    Raises:
        UserError: the port is taken, the address is not this machine's, or others can reach it and there is no key.
    """
    check_reach(bots.settings, host)
    workspace = Workspace(workspace_path(bots.settings))
    try:
        login = Login(workspace, always=not is_loopback(host))
        serving.no_proxy(host)
        site = Site(bots, workspace, login, People(bots.settings, workspace))
        blocks = build(site).queue(default_concurrency_limit=4, api_open=False)
        _serve(blocks, site, host, port, open_browser, block)
    except OSError as error:
        workspace.close()
        raise UserError(f"cannot listen on {host}:{port}; it is in use, or not ours. Choose another port.") from error
    except BaseException:
        workspace.close()
        raise
    return blocks


def _serve(blocks: gr.Blocks, site: Site, host: str, port: int, open_browser: bool, block: bool) -> None:
    settings = site.settings
    blocks.launch(
        server_name=host,
        server_port=port or serving.free_port(host),
        inbrowser=open_browser,
        prevent_thread_lock=not block,
        blocked_paths=[str(settings.data_dir.expanduser().absolute()), str(settings.kb_path().absolute())],
        max_file_size=settings.ingest.max_file_mb * 1024 * 1024,
        i18n=translations(),
        theme=serving.theme(),
        css=STYLE,
        css_paths=serving.style("style.css", "chat.css", "knowledge.css"),
        app_kwargs={
            "middleware": [
                Middleware(PageMiddleware, language=settings.language),
                Middleware(Files, site=site),
                Middleware(Reports, site=site),
            ],
            "lifespan": serving.guarded(host, settings.server.allowed_hosts, site.login, settings.language, site.close),
        },
        **serving.plain_gradio(),
    )
