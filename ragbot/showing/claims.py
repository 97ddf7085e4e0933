"""The sentences of an answer that no source supports, and why."""

from __future__ import annotations

from collections.abc import Sequence

from ragbot.documents import Claim, Finding
from ragbot.showing.html import safe, shortened
from ragbot.showing.words import say, texts

#: Characters of a sentence, and of what stands on either side of a contradiction.
_SENTENCE, _PHRASE = 300, 120


def wrong_claims(claims: Sequence[Claim]) -> list[Claim]:
    """Those that no source supports, in the order of the text."""
    return sorted((claim for claim in claims if claim.status == "unsupported"), key=lambda claim: claim.start)


def reason_of(findings: Sequence[Finding], language: str) -> str:
    """All findings about a sentence in words, each once: plain text."""
    said = dict.fromkeys(_reason(finding, language) for finding in findings)
    return say(language, "joint").join(said) if said else say(language, "missing_unfounded")


def unsupported_html(claims: Sequence[Claim], language: str) -> str:
    """A list of the sentences without support, and of those that were left out; empty where there are none."""
    wrong = wrong_claims(claims)
    kept = [claim for claim in wrong if claim.end > claim.start]
    removed = [claim for claim in wrong if claim.end <= claim.start]
    return _listed("unsupported", kept, language) + _listed("removed", removed, language)


def _listed(key: str, claims: Sequence[Claim], language: str) -> str:
    if not claims:
        return ""
    items = "".join(
        f'<li><span class="rb-claim">{safe(shortened(claim.text, _SENTENCE))}</span> '
        f'<span class="rb-reason">{safe(reason_of(claim.findings, language))}</span></li>'
        for claim in claims
    )
    return (
        f'<div class="rb-banner rb-doubt" role="note"><strong>{safe(say(language, key))}</strong><ul>{items}</ul></div>'
    )


def _reason(finding: Finding, language: str) -> str:
    key = f"instead_{finding.kind}"
    if not finding.found or key not in texts(language):
        key = f"missing_{finding.kind}"
    claimed, found = shortened(finding.claimed, _PHRASE), shortened(finding.found, _PHRASE)
    return say(language, key, claimed=claimed, found=found)
