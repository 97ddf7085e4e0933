"""Links and images of an answer: only links that the sources hold are left, and no image.

A page that renders Markdown asks for an image as soon as it shows it, so that an instruction hidden in a document can
carry the conversation away in an image's address, or in that of a link that somebody clicks. An address is therefore
left only where it stands, whole, in a passage; of all others the host's name is shown, which nothing turns into a link.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence

from ragbot.documents import Passage

#: What begins an address that programs make a link of, or that does something.
_SCHEMES = ("http", "https", "ftp", "file", "mailto", "javascript", "vbscript", "data", "www")
_URL = (
    r"(?:(?:https?|ftp|file)://|mailto:(?=\S+@)|(?:javascript|vbscript):(?=\S)|data:(?=[a-z]+/)|www\.(?=\w)|(?<=\]:[ ])//)"
    r"[^\s<>\"'`，。；、）】》”’]{0,4000}"
)
#: HTML that is never passed on; of other tags, those that ask for something or act are not.
_FORBIDDEN = frozenset(
    "script iframe frame frameset object embed applet svg math base form input button textarea select style link meta "
    "template portal".split()
)
#: Where an address may begin: not inside of another one, but www. does behind any dot.
_BORDER = r"(?:(?<![\w@/.])|(?<=\.)(?=w{1,3}(?:\.|\Z)))"
#: One line end, which ends nothing in Markdown; a blank line does.
_BREAK = r"\n(?![ \t]*\n)"
#: What stands between the brackets of a link; an image, which has brackets of its own, may be in it.
_LABEL = rf"(?>[^\[\]\n]|{_BREAK}|\[[^\[\]\n]{{0,400}}\](?:\([^()\n]{{0,4000}}\))?+){{0,400}}+"
_INSIDE = rf"(?:[^()\n]|{_BREAK}|\([^()\n]*\)){{1,4000}}+"
_NAME = r"[a-z][a-z0-9-]{0,30}"
#: What a link by reference leads to, on a line of its own or the next one: [1]: <address> "title".
_DEFINED = r"(?:<[^<>\n]{0,4000}>|[^\s<][^\s]{0,4000})"
#: Markdown's links and images, and HTML.
_PARTS = re.compile(
    rf"(?P<image>!)?\[(?P<text>{_LABEL})\]\((?P<target>\s*(?=[^)]*[:/.#?]){_INSIDE})\)"
    rf"|</?(?P<tag>{_NAME})(?P<inside>(?:[\s/][^<>]{{0,4000}})?)>"
    rf"|^(?P<reference>[ \t>]{{0,12}}\[[^\[\]\n]{{1,400}}\]:[ \t]*+(?:\n[ \t]*+)?)(?P<defined>{_DEFINED})"
    r"(?=[ \t]*(?:[\"'(]|\n|\Z))",
    re.I | re.M,
)
_PLAIN = re.compile(rf"<(?P<auto>(?:https?|ftp|mailto|javascript|data):[^>\s]{{1,4000}})>|{_BORDER}{_URL}", re.I)
#: An attribute of a tag, or the beginning of one.
_ATTRIBUTE = r"[a-z_:@.][\w:.@-]{0,100}+(?:\s*=\s*(?:\"[^\"<>]{0,4000}\"?|'[^'<>]{0,4000}'?|[^\s\"'<>]{0,4000})?)?"
#: The beginning of what may become one of these: held back until that is clear.
_OPEN = re.compile(
    rf"(?:!?\[{_LABEL}(?:\[[^\[\]\n]{{0,400}}(?:\](?:\([^()\n]{{0,4000}})?)?)?(?:\](?:\((?:{_INSIDE})?(?:\([^()\n]*|\))?)?)?|!"
    rf"|</?(?:{_NAME}(?:[\s/]+(?:{_ATTRIBUTE}[\s/]*){{0,100}}+)?)?|<[a-z]{{4,10}}:[^>\s]{{0,4000}}"
    rf"|{_BORDER}(?:{_URL}|(?P<word>[a-z]{{1,10}})[:.]?/?)"
    rf"|\[[^\[\]\n]{{1,400}}\]:[ \t]*+(?:\n[ \t]*+)?(?:<[^<>\n]{{0,4000}}|[^\s<]\S{{0,4000}})?)\Z",
    re.I,
)
#: A tag that has begun and was let go: with a blank behind its sign it is none.
_UNCLOSED = re.compile(rf"<(?=/?{_NAME}[\s/][^<>]*\Z)", re.I)
_ACTIVE = re.compile(r"\b(?:src|href|action|style|srcset|poster|data|on[a-z]+)\s*=", re.I)
_HOST = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?(?://)?(?:[^/?#@\s]*@)?([^/?#\s]*)", re.I)
#: An address that leaves the page's own server.
_ELSEWHERE = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:|[/\\]{2})", re.I)
_BACKSLASH = re.compile(r"\\([!-/:-@\[-`{-~])")
_WWW = re.compile(r"(?:www\.)+", re.I)
#: An image in a link in brackets; what is nested deeper no page reads as a link.
_NESTED = 4
_TAIL = ".,;:!?)]*_~"
#: Direction overrides and invisible letters, with which a text shows something else than it says.
_DISGUISE = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")


class Links:
    """Filters the pieces of an answer.

    Args:
        passages: what the answer is made from.
    """

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._texts = [passage.text for passage in passages]
        self._known = {passage.document.source for passage in passages}

    def filter(self, pieces: Iterable[str]) -> Iterator[str]:
        """Yield the text without what is not from the sources; nothing that was yielded is taken back. Empty ones pass."""
        held = last = ""
        for piece in pieces:
            if not piece:
                yield ""
                continue
            held += piece
            begin = max(_held_from(last + held) - len(last), 0)
            ready, held = held[:begin], held[begin:]
            yield _UNCLOSED.sub("< ", self._behind(last, ready))
            last = (last + ready)[-1:]
        if held:
            yield self._behind(last, held)

    def _behind(self, last: str, text: str) -> str:
        """What becomes of a text that stands behind the character ``last``: inside of a word no address begins."""
        whole = self.cleaned(last + text)
        return whole[len(last) :] if whole.startswith(last) else self.cleaned(text)

    def cleaned(self, text: str) -> str:
        """The same for a text that is complete."""
        text = _DISGUISE.sub("", text)
        for _ in range(_NESTED):
            before, text = text, _PARTS.sub(self._part, text)
            if text == before:
                break
        return _PLAIN.sub(self._address, text)

    def _part(self, match: re.Match[str]) -> str:
        if match["tag"]:
            return self._tag(match)
        if match["reference"]:
            return match["reference"] + self._defined(match["defined"])
        target = match["target"].split()[0].strip("<>") if match["target"].strip() else ""
        if match["image"] or not self._holds(target):
            return match["text"]
        return f"[{_PARTS.sub(self._part, match['text'])}]({match['target']})"

    def _tag(self, match: re.Match[str]) -> str:
        """What is written about HTML stays, as in the sources; what would ask for something or act goes."""
        said = match.group()
        acts = match["tag"].lower() in _FORBIDDEN or _ACTIVE.search(match["inside"])
        return "" if acts and not any(said in text for text in self._texts) else said

    def _defined(self, written: str) -> str:
        """The address of a link by reference, as pages read it: with entities and backslashes resolved."""
        address = _BACKSLASH.sub(r"\1", html.unescape(written.strip("<>")))
        if not _ELSEWHERE.match(address) or self._holds(address):
            return written
        return self._host(address)

    def _address(self, match: re.Match[str]) -> str:
        written = match["auto"] or match.group()
        bare = written.rstrip(_TAIL)
        if self._holds(bare):
            return match.group()
        return self._host(bare) + written[len(bare) :]

    @staticmethod
    def _host(address: str) -> str:
        host = _HOST.match(address)
        return _WWW.sub("", host[1] if host else "")

    def _holds(self, address: str) -> bool:
        """Whether a source has this address, whole: one that goes on otherwise there is another one."""
        if address in self._known:
            return True
        whole = re.compile(rf"(?<![\w/.]){re.escape(address)}(?![\w%&=#?/-])")
        return bool(address) and any(whole.search(text) for text in self._texts)


def _held_from(text: str) -> int:
    """Where the end of ``text`` begins that may become a link with what follows."""
    opening = _OPEN.search(text)
    if opening is None or (opening["word"] and not any(s.startswith(opening["word"].lower()) for s in _SCHEMES)):
        return len(text)
    return opening.start()
