"""The tool ``fetch_page``: the text of a page of the web."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from langchain_core.tools import BaseTool

from agents.tools.base import Effect, Result, ToolInputError, ToolOutageError, Traits, tool
from agents.tools.net.cleaning import one_line
from agents.tools.wording import Texts, spoken_for
from ragbot.net.pages import Page, PageError, PageProblem, PageReader

#: Characters of a page in one observation; a call with ``start`` reads on.
PIECE = 3200
#: Pages that are kept for reading on, and for how many seconds.
_KEPT, _KEPT_SECONDS = 4, 300.0

TRAITS = Traits(
    effects=frozenset({Effect.NETWORK}),
    timeout=90.0,
    opens=("url",),
    summaries={
        "en": "Read a page of the web whose address you know.",
        "zh": "读取已知地址的网页。",
    },
)
_TEXTS = Texts(
    en={
        "head": "Page: {title}\nAddress: {url}",
        "date": "Date: {date}",
        "tongue": "Language: {tag}",
        "whole": "Text ({total} characters):",
        "part": "Text, characters {start} to {end} of {total}:",
        "more": "[cut here; to read on, call fetch_page with start={end}]",
        "end": "start={start} is behind the end: the page has {total} characters. Use a smaller start.",
        "negative": "start must be 0 or more.",
        "address": "{url} is no address of a web page: write it in full, https://HOST/PATH, without a user name.",
        "refused": "{url} is refused: it lies in a private network, or leads into one. Use another page.",
        "unknown": "{url} cannot be reached: the host is not known, or there is no network.",
        "away": "{url} cannot be reached: the connection failed.",
        "slow": "{url} is too slow and was given up.",
        "busy": "The server of {url} is busy and asks to come back later.",
        "redirect": "{url} redirects in a way that is not followed. Use the address where it ends.",
        "robots": "{url} may not be read by programs (robots.txt). Use another page.",
        "status": "The server of {url} answered {status}, an error.",
        "status_404": "There is no page at {url} (404). Check the address.",
        "status_403": "The server of {url} does not give the page to programs ({status}). Use another page.",
        "size": "The page at {url} is too large. Use another page.",
        "kind": "{url} is of a kind that cannot be read as text, such as a picture or a program.",
        "empty": "The page at {url} has no text.",
        "damaged": "The page at {url} cannot be read: it is damaged, or holds no text.",
        "instead": "Use search_knowledge to look into the documents instead, or answer without the page and say so.",
    },
    zh={
        "head": "网页：{title}\n地址：{url}",
        "date": "日期：{date}",
        "tongue": "语言：{tag}",
        "whole": "正文（{total} 个字符）：",
        "part": "正文，第 {start} 至 {end} 个字符，共 {total} 个：",
        "more": "[在此截断；要继续读，请用 start={end} 调用 fetch_page]",
        "end": "start={start} 超出末尾：该网页共 {total} 个字符。请用更小的 start。",
        "negative": "start 必须大于或等于 0。",
        "address": "{url} 不是网页地址：请写完整的 https://主机/路径，不带用户名。",
        "refused": "{url} 被拒绝：它位于内网，或通向内网。请换一个网页。",
        "unknown": "无法访问 {url}：主机不存在，或没有网络。",
        "away": "无法访问 {url}：连接失败。",
        "slow": "{url} 太慢，已放弃。",
        "busy": "{url} 的服务器繁忙，要求稍后再来。",
        "redirect": "{url} 的跳转方式不予跟随。请用最终的地址。",
        "robots": "{url} 不允许程序读取（robots.txt）。请换一个网页。",
        "status": "{url} 的服务器返回了错误 {status}。",
        "status_404": "{url} 没有网页（404）。请检查地址。",
        "status_403": "{url} 的服务器不向程序提供该网页（{status}）。请换一个网页。",
        "size": "{url} 的网页太大。请换一个网页。",
        "kind": "{url} 不能作为文字读取，例如图片或程序。",
        "empty": "{url} 的网页没有文字。",
        "damaged": "无法读取 {url} 的网页：内容损坏，或没有文字。",
        "instead": "请改用 search_knowledge 查阅文档，或在没有该网页的情况下回答并说明这一点。",
    },
)
#: Another address may do; of the others it is told what else can be done.
_MISTAKES: frozenset[PageProblem] = frozenset({"address", "refused", "redirect", "robots", "size", "kind", "empty"})
_NOT_GIVEN = frozenset((401, 402, 403, 451))
_GONE = frozenset((404, 410))


def fetch_page(read: PageReader, language: str = "en") -> BaseTool:
    """The tool that reads pages.

    Args:
        read: fetches within bounds and guards the private network: :class:`ingest.web.reading.WebReader`.
        language: ``en`` or ``zh``; of what the model is told about a page, whose text stays as it is.
    """
    kept = _Kept()

    @tool("fetch_page", TRAITS)
    def fetch(url: str, start: int = 0) -> Result:
        """Read a page of the web. Gives its title and text.

        Args:
            url: address of the page, https://...
            start: character to read on from; 0 is the beginning.
        """
        address, spoken = url.strip(), spoken_for("", language)
        if start < 0:
            raise ToolInputError(_TEXTS(spoken, "negative"))
        page = kept.get(address) if start else None
        if page is None:
            try:
                page = read(address)
            except PageError as error:
                raise _told(error, address, spoken) from error
            kept.put(address, page)
        return _piece(page, start, spoken)

    return fetch


def _piece(page: Page, start: int, language: str) -> Result:
    total = len(page.text)
    if start >= total:
        raise ToolInputError(_TEXTS(language, "end", start=start, total=total))
    end = _end(page.text, start)
    title = one_line(page.title, 200)
    lines = [_TEXTS(language, "head", title=title, url=one_line(page.url, 400))]
    if page.date:
        lines.append(_TEXTS(language, "date", date=page.date))
    if page.language:
        lines.append(_TEXTS(language, "tongue", tag=page.language))
    is_whole = start == 0 and end == total
    lines.append(_TEXTS(language, "whole" if is_whole else "part", start=start, end=end, total=total))
    lines.append(page.text[start:end].strip("\n"))
    if end < total:
        lines.append(_TEXTS(language, "more", end=end))
    data = {
        "url": page.url,
        "title": title,
        "language": page.language,
        "date": page.date,
        "kind": page.kind,
        "start": start,
        "end": end,
        "characters": total,
    }
    return Result("\n".join(lines), data=data)


def _end(text: str, start: int) -> int:
    """Where a piece from ``start`` ends: at a line end, if there is one in its last third."""
    limit = start + PIECE
    if limit >= len(text):
        return len(text)
    cut = text.rfind("\n", start + PIECE * 2 // 3, limit)
    return cut + 1 if cut >= 0 else limit


def _told(error: PageError, url: str, language: str) -> ToolInputError | ToolOutageError:
    key: str = error.problem
    if error.problem == "status":
        key = "status_404" if error.status in _GONE else "status_403" if error.status in _NOT_GIVEN else "status"
    text = _TEXTS(language, key, url=one_line(url, 200), status=error.status)
    if error.problem in _MISTAKES or key == "status_404":
        return ToolInputError(text)
    return ToolOutageError(f"{text}{'' if language == 'zh' else ' '}{_TEXTS(language, 'instead')}")


class _Kept:
    """The last pages, for a while: reading on costs no second request, and the text does not change between pieces."""

    def __init__(self) -> None:
        self._pages: OrderedDict[str, tuple[float, Page]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, url: str) -> Page | None:
        with self._lock:
            found = self._pages.get(url)
        return found[1] if found and time.monotonic() - found[0] < _KEPT_SECONDS else None

    def put(self, url: str, page: Page) -> None:
        with self._lock:
            self._pages[url] = time.monotonic(), page
            self._pages.move_to_end(url)
            while len(self._pages) > _KEPT:
                self._pages.popitem(last=False)
