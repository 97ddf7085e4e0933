"""Links and images of an answer: only links that the sources hold are left, and no image.

A page that renders Markdown asks for an image as soon as it shows it, so that an instruction hidden in a document can
carry the conversation away in an image's address, or in that of a link that somebody clicks. An address is therefore
left only where it stands, whole, in a passage; of all others the host's name is shown, which nothing turns into a link.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from ragbot.documents import Passage

#: What begins an address that programs make a link of, or that does something.
_SCHEMES = ("http", "https", "ftp", "file", "mailto", "javascript", "vbscript", "data", "www")
_URL = (
    r"(?:(?:https?|ftp|file)://|mailto:(?=\S+@)|(?:javascript|vbscript):(?=\S)|data:(?=[a-z]+/)|www\.(?=\w)|(?<=\]:[ ])//)"
    r"[^\s<>\"'`，。；、）】》”’]{0,4000}"
)
_TAGS = "a|img|script|iframe|object|embed|svg|link|meta|base|form|input|button|video|audio|source|style|body|html|details|math"
#: What stands between the brackets of a link; an image, which has brackets of its own, may be in it.
_LABEL = r"(?>[^\[\]\n]|\[[^\[\]\n]{0,400}\](?:\([^()\n]{0,4000}\))?+){0,400}+"
_INSIDE = r"(?:[^()\n]|\([^()\n]*\)){1,4000}+"
#: Markdown's links and images, and HTML that asks for something or acts.
_PARTS = re.compile(
    rf"(?P<image>!)?\[(?P<text>{_LABEL})\]\((?P<target>\s*(?=[^)\n]*[:/.#?]){_INSIDE})\)"
    rf"|</?(?P<tag>{_TAGS})\b(?P<inside>[^>\n]{{0,4000}})>",
    re.I,
)
_PLAIN = re.compile(rf"<(?P<auto>(?:https?|ftp|mailto|javascript|data):[^>\s]{{1,4000}})>|(?<![\w@/.]){_URL}", re.I)
#: The beginning of what may become one of these: held back until that is clear.
_OPEN = re.compile(
    rf"(?:!?\[{_LABEL}(?:\[[^\[\]\n]{{0,400}}(?:\](?:\([^()\n]{{0,4000}})?)?)?(?:\](?:\((?:{_INSIDE})?(?:\([^()\n]*|\))?)?)?|!"
    rf"|</?(?:[a-z]{{0,10}}|(?:{_TAGS})\b[^>\n]{{0,4000}}|[a-z]{{4,10}}:[^>\s]{{0,4000}})"
    rf"|(?<![\w@/.])(?:{_URL}|(?P<word>[a-z]{{1,10}})[:.]?/?)|\]:[ ]?(?://\S{{0,4000}}|/)?)\Z",
    re.I,
)
_ACTIVE = re.compile(r"\b(?:src|href|action|style|srcset|poster|data|on[a-z]+)\s*=", re.I)
_HOST = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?(?://)?(?:[^/?#@\s]*@)?([^/?#\s]*)", re.I)
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
        held = ""
        for piece in pieces:
            if not piece:
                yield ""
                continue
            held += piece
            begin = _held_from(held)
            ready, held = held[:begin], held[begin:]
            yield self.cleaned(ready)
        if held:
            yield self.cleaned(held)

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
        target = match["target"].split()[0].strip("<>") if match["target"].strip() else ""
        if match["image"] or not self._holds(target):
            return match["text"]
        return f"[{_PARTS.sub(self._part, match['text'])}]({match['target']})"

    def _tag(self, match: re.Match[str]) -> str:
        """What is written about HTML stays, as in the sources; what would ask for something or act goes."""
        said = match.group()
        harmless = match["tag"].lower() not in {"script", "iframe", "object", "embed", "svg", "base", "form", "style"}
        if (harmless and not _ACTIVE.search(match["inside"])) or any(said in text for text in self._texts):
            return said
        return ""

    def _address(self, match: re.Match[str]) -> str:
        written = match["auto"] or match.group()
        bare = written.rstrip(_TAIL)
        if self._holds(bare):
            return match.group()
        host = _HOST.match(bare)
        return _WWW.sub("", host[1] if host else "") + written[len(bare) :]

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
