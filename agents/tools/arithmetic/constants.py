"""The mathematical constants, and how far inexact values are carried."""

from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction

#: Significant digits of values that are not rational; 15 of them are shown.
DIGITS = 60
CONTEXT = Context(prec=DIGITS, Emax=999_999, Emin=-999_999)
#: OEIS A000796 and A001113.
PI = Fraction(Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534"))
E = Fraction(Decimal("2.71828182845904523536028747135266249775724709369995957496696762772407663035354759457138217852"))
