"""Whether the numbers and dates of a claim stand in its source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import floor, isclose, log10

from ragbot.documents import Finding
from ragbot.generation.verification.dates import Moment, same_date
from ragbot.generation.verification.quantities import Quantity, same_quantity
from ragbot.generation.verification.reading import Reading

_ABOUT = re.compile(
    r"(?:about|around|roughly|approximately|nearly|almost|some|over|more than|约|大约|大概|近|将近|接近|超过|逾)[ ]?$",
    re.I,
)
_ABOUT_AFTER = re.compile(r"[ ]?(?:左右|上下|多)")
#: A rounded number is no further than this from the exact one, as a share of it.
_ROUNDING = 0.05


def fact_findings(claim: Reading, given: Sequence[Reading], around: Sequence[Reading] = ()) -> list[Finding]:
    """What the sources do not say, or say otherwise. ``around`` is their context, which may supply a date's year."""
    quantities = [quantity for reading in given for quantity in reading.quantities]
    moments = [moment for reading in given for moment in reading.moments]
    found: list[Finding] = []
    for quantity in claim.quantities:
        if not quantity.soft and not holds_quantity(claim, quantity, quantities, moments):
            found.append(Finding("number", claim.said(quantity.start, quantity.end), _nearest(quantity, given)))
    if not found:
        found += _repeated(claim, quantities)
    for moment in claim.moments:
        if not _holds_date(moment, moments, quantities, around):
            theirs = next((reading.said(m.start, m.end) for reading in given for m in reading.moments), "")
            found.append(Finding("date", claim.said(moment.start, moment.end), theirs))
    return found


def _repeated(claim: Reading, given: Sequence[Quantity]) -> list[Finding]:
    """From four to four, where the source has four to five: a number said more often than it is given."""
    left = list(given)
    # Those with a unit choose first: the 4 of "4 bits" must not take the 4 GB away.
    for quantity in sorted(claim.quantities, key=lambda item: item.unit is None):
        same = [item for item in left if same_quantity(quantity, item)]
        match = next(
            (item for item in same if (item.unit is None) == (quantity.unit is None)), same[0] if same else None
        )
        if match:
            left.remove(match)
        elif not quantity.soft and [item for item in left if not item.soft]:
            count = sum(same_quantity(quantity, item) for item in claim.quantities)
            if count > 1 and count > sum(same_quantity(quantity, item) for item in given) > 0:
                return [Finding("number", claim.said(quantity.start, quantity.end))]
    return []


def holds_quantity(
    claim: Reading, quantity: Quantity, quantities: Sequence[Quantity], moments: Sequence[Moment]
) -> bool:
    """Whether one of these is the number that is claimed; after "about", also one that is rounded to it."""
    if any(same_quantity(quantity, given) for given in quantities):
        return True
    plain = quantity.unit is None and not quantity.ordinal
    if plain and any(quantity.value == value for m in moments for value in (m.year, m.decade) if value is not None):
        return True
    before, after = claim.levelled[max(0, quantity.start - 20) : quantity.start], claim.levelled[quantity.end :]
    if not (_ABOUT.search(before) or _ABOUT_AFTER.match(after)):
        return False
    return any(_rounded(quantity, given) for given in quantities)


def _rounded(claimed: Quantity, given: Quantity) -> bool:
    """Whether the number given, rounded to the digits that are claimed, is the number claimed."""
    if claimed.unit and given.unit and claimed.unit.dimension != given.unit.dimension:
        return False
    factor = given.unit.factor / claimed.unit.factor if claimed.unit and given.unit else 1.0
    mine, theirs = abs(claimed.value), abs(given.value * factor)
    if not mine or not theirs:
        return False
    if abs(mine - theirs) > _ROUNDING * theirs:
        return False
    digits = 1
    while digits < 12 and not isclose(mine, round(mine, digits - 1 - floor(log10(mine))), rel_tol=1e-9):
        digits += 1
    return isclose(mine, round(theirs, digits - 1 - floor(log10(theirs))), rel_tol=1e-9)


def _holds_date(
    moment: Moment, moments: Sequence[Moment], quantities: Sequence[Quantity], around: Sequence[Reading]
) -> bool:
    if any(same_date(moment, given) for given in moments):
        return True
    years = {int(item.value) for item in quantities if item.unit is None and item.value.is_integer()}
    if moment.month is None and moment.decade is None and moment.century is None:
        return moment.year in years
    if moment.decade is not None or moment.century is not None:
        as_dates = [Moment(year, None, None, 0, 0) for year in years if 1000 <= year <= 2999]
        return any(same_date(moment, given) for given in as_dates)
    if moment.year is None:
        return False
    # "On 3 January", under the heading 2024: the source says the day here and the year above.
    day = Moment(None, moment.month, moment.day, 0, 0)
    if not any(given.year is None and same_date(day, given) for given in moments):
        return False
    years |= {given.year for reading in around for given in reading.moments if given.year is not None}
    years |= {int(item.value) for reading in around for item in reading.quantities if item.value.is_integer()}
    return moment.year in years


def _nearest(quantity: Quantity, given: Sequence[Reading]) -> str:
    """The number of the sources that is most likely meant: of the same unit, then the first."""
    options = [(reading, item) for reading in given for item in reading.quantities if not item.soft]
    kin = [
        pair for pair in options if quantity.unit and pair[1].unit and pair[1].unit.dimension == quantity.unit.dimension
    ]
    same = [pair for pair in options if isclose(pair[1].value, quantity.value)]
    for reading, item in same or kin or (options if len(options) == 1 else []):
        return reading.said(item.start, item.end)
    return ""
