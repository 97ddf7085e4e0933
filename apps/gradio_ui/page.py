"""What stands before Gradio: an early script, a style, and a policy on the page it serves."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragbot.showing.words import language_of

#: Whatever slips through all escaping: the browser itself refuses to ask another host for anything. Gradio's own page
#: needs inline scripts and styles, and evaluates; it needs nothing from elsewhere.
_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'self'"
)
#: Gradio's page takes its language from the browser's first one, of which it knows more than ours; what the server
#: writes is in one of ours. So the page is told which. Gradio's own ``head`` argument takes effect after the language is
#: chosen, hence this one. The style shows the subtitle in the page's language; Gradio confines its ``css`` to what is
#: below the container.
_HEAD = """<head><script>
Object.defineProperty(navigator, "language", {get: () => "LANGUAGE"});
</script><style>
html:lang(zh) #rb-header p:lang(en), html:not(:lang(zh)) #rb-header p:lang(zh) { display: none !important }
</style>"""


#: Gradio knows Chinese as zh-CN and zh-TW.
_TAGS = {"en": "en", "zh": "zh-CN"}


class PageMiddleware:
    """Rewrites the page, and nothing else: answers stream through untouched.

    Args:
        language: of the page: ``en``, ``zh``, or ``auto``, which the browser prefers.
    """

    def __init__(self, app: ASGIApp, language: str = "auto") -> None:
        self._app = app
        self._language = language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        asked = language_of(Headers(scope=scope).get("accept-language"), self._language)
        head = _HEAD.replace("LANGUAGE", _TAGS[asked], 1).encode()
        start: Message = {}
        body = bytearray()

        async def rewrite(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            page = bytes(body).replace(b"<head>", head, 1)
            headers = MutableHeaders(raw=list(start["headers"]))
            headers["content-length"] = str(len(page))
            headers.setdefault("content-security-policy", _POLICY)  # a report has a stricter one
            headers["referrer-policy"] = "same-origin"  # without any, a form's origin is "null"
            await send({**start, "headers": headers.raw})
            await send({"type": "http.response.body", "body": page})

        await self._app(scope, receive, rewrite)
