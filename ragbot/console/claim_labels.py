"""The words about sentences that no source supports, in the answer's language."""

from __future__ import annotations

from dataclasses import dataclass

from ragbot.documents import Finding


@dataclass(frozen=True)
class ClaimLabels:
    """One language's words. ``instead`` and ``missing`` go by the finding's kind and take what the claim says, then
    what the source says.
    """

    unsupported: str
    removed: str
    joint: str
    instead: dict[str, str]
    missing: dict[str, str]


CLAIM_LABELS = {
    "en": ClaimLabels(
        unsupported="Not supported by the sources:",
        removed="Left out, because the sources do not support it:",
        joint="; ",
        instead={
            "number": "the source says {1}, not {0}",
            "date": "the source says {1}, not {0}",
            "name": "the source names {1}, not {0}",
            "negation": "the source says “{1}”",
            "opposite": "the source says “{1}”, not “{0}”",
        },
        missing={
            "number": "the source does not say {0}",
            "date": "the source does not give the date {0}",
            "name": "the source does not name {0}",
            "negation": "the source does not deny it: “{0}”",
            "opposite": "the source says the opposite of “{0}”",
            "unfounded": "no passage says this",
        },
    ),
    "zh": ClaimLabels(
        unsupported="以下内容没有得到来源的支持：",
        removed="以下内容没有得到来源的支持，已删去：",
        joint="；",
        instead={
            "number": "来源中是 {1}，不是 {0}",
            "date": "来源中是 {1}，不是 {0}",
            "name": "来源中提到的是“{1}”，不是“{0}”",
            "negation": "来源说的是“{1}”",
            "opposite": "来源说的是“{1}”，不是“{0}”",
        },
        missing={
            "number": "来源中没有 {0} 这个数字",
            "date": "来源中没有 {0} 这个日期",
            "name": "来源中没有提到“{0}”",
            "negation": "来源并没有否定：“{0}”",
            "opposite": "来源的说法与“{0}”相反",
            "unfounded": "没有段落这样说",
        },
    ),
}


def reason(finding: Finding, language: str) -> str:
    """A finding in words."""
    labels = CLAIM_LABELS[language]
    table = labels.instead if finding.found and finding.kind in labels.instead else labels.missing
    return table[finding.kind].format(finding.claimed, finding.found)


def reasons(findings: tuple[Finding, ...], language: str) -> str:
    """All findings of a sentence in words, each once."""
    return CLAIM_LABELS[language].joint.join(dict.fromkeys(reason(finding, language) for finding in findings))
