"""What is added to the page that Gradio serves: an early script, a style, and a policy that the browser enforces."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Whatever slips through all escaping: the browser itself refuses to ask another host for anything. Gradio's own page
#: needs inline scripts and styles, and evaluates; it needs nothing from elsewhere.
_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'self'"
)
#: Of Chinese, Gradio's page knows zh-CN and zh-TW; for zh or zh-HK it would fall back to English, while what the
#: server writes is Chinese. Its own ``head`` argument takes effect after the language is chosen, hence this one. The
#: style shows the subtitle in the page's language; Gradio confines its ``css`` to what is below the container.
_HEAD = b"""<head><script>
if (/^zh\\b/i.test(navigator.language) && !["zh-CN", "zh-TW"].includes(navigator.language))
  Object.defineProperty(navigator, "language", {get: () => "zh-CN"});
</script><style>
html:lang(zh) #rb-header p:lang(en), html:not(:lang(zh)) #rb-header p:lang(zh) { display: none !important }
</style>"""


class PageMiddleware:
    """Rewrites the page, and nothing else: answers stream through untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        start: Message = {}
        body = bytearray()

        async def rewrite(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            page = bytes(body).replace(b"<head>", _HEAD, 1)
            headers = MutableHeaders(raw=list(start["headers"]))
            headers["content-length"] = str(len(page))
            headers["content-security-policy"] = _POLICY
            headers["referrer-policy"] = "no-referrer"
            await send({**start, "headers": headers.raw})
            await send({"type": "http.response.body", "body": page})

        await self._app(scope, receive, rewrite)
