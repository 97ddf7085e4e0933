"""The secret of a key: how it is written, taken apart, and kept.

``rb_ID_SECRET``: the prefix lets scanners find one that was committed by mistake, the id finds its row, and the secret
has 256 random bits. It is kept as a SHA-256 alone: so much randomness cannot be guessed, and so needs no slow hash,
which is for what people make up (NIST SP 800-63B, section 5.1.2.2, draws that line at
112 bits).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

PREFIX = "rb"
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_ID_LENGTH = 10
_SECRET_BYTES = 32
_FORM = re.compile(rf"{PREFIX}_([{_ALPHABET}]{{{_ID_LENGTH}}})_([A-Za-z0-9_-]{{43}})")
#: What the secret of a key is compared with that does not exist: no secret has this hash, and it takes as long.
NOBODY = "0" * 64


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """The two parts of a key as its holder has it; it does not show in logs."""

    id: str
    secret: str

    def __str__(self) -> str:
        """As the holder writes it, after ``Bearer``."""
        return f"{PREFIX}_{self.id}_{self.secret}"

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Secret(id={self.id!r})"

    @property
    def hash(self) -> str:
        """What is stored. The id is part of it: a row that takes another's hash opens nothing."""
        return hashlib.sha256(f"{PREFIX}\0{self.id}\0{self.secret}".encode()).hexdigest()

    def fits(self, stored: str) -> bool:
        """Whether this is the secret that ``stored`` was made of; takes as long for every answer."""
        return hmac.compare_digest(self.hash, stored)


def new_secret() -> Secret:
    """A secret that nobody has."""
    return Secret("".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH)), secrets.token_urlsafe(_SECRET_BYTES))


def parse(text: str) -> Secret | None:
    """What somebody sent as a key, taken apart; None if it cannot be one."""
    found = _FORM.fullmatch(text)
    return Secret(found[1], found[2]) if found else None
