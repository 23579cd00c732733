"""How students cut numbers down, and write them."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from decimal import (
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Context,
    Decimal,
)
from functools import lru_cache

FULL = Context(prec=28, rounding=ROUND_HALF_EVEN)
ONE = Decimal(1)


@dataclass(frozen=True)
class Habit:
    """How a student cuts numbers down, at n significant figures.

    Attributes
    ----------
    hold
        How the number is rounded that the student goes on with, or None for all digits.
    guard
        How many figures more than n are held.
    write
        How the held number is rounded to the n figures that are written.
    every_step
        Whether numbers that are not written are rounded like held ones too: each product within
        a sum, 1 - a, a product after each multiplication, rate times gradient.
    longhand
        Whether sums are rounded after each term too, products are worked out from the parameter
        backwards, and a sigmoid is worked out by e^-z and 1 + e^-z, both of them rounded.
    """

    name: str
    hold: str | None
    guard: int
    write: str
    every_step: bool = False
    longhand: bool = False


HABITS = (
    # Rounds every number, and goes on with the rounded one.
    Habit("rounds, half up", ROUND_HALF_UP, 0, ROUND_HALF_UP),
    Habit("rounds, half even", ROUND_HALF_EVEN, 0, ROUND_HALF_EVEN),
    # Cuts off what is beyond n figures, and goes on with that.
    Habit("truncates", ROUND_DOWN, 0, ROUND_DOWN),
    # Holds one figure more than is written.
    Habit("guard digit, half up", ROUND_HALF_UP, 1, ROUND_HALF_UP),
    Habit("guard digit, half even", ROUND_HALF_EVEN, 1, ROUND_HALF_EVEN),
    Habit("guard digit, truncated", ROUND_DOWN, 1, ROUND_DOWN),
    Habit("guard digit truncated, written rounded", ROUND_DOWN, 1, ROUND_HALF_UP),
    # Holds all digits, and cuts down only what is written.
    Habit("all digits, half up", None, 0, ROUND_HALF_UP),
    Habit("all digits, half even", None, 0, ROUND_HALF_EVEN),
    Habit("all digits, truncated", None, 0, ROUND_DOWN),
)
# Not drawn unless asked for: those who round what is not written down, too. What they write can lie
# outside of the bound told above, which has one rounding for each written number.
SCRATCH_HABITS = (
    Habit("rounds every step", ROUND_HALF_UP, 0, ROUND_HALF_UP, every_step=True),
    Habit("truncates every step", ROUND_DOWN, 0, ROUND_DOWN, every_step=True),
    Habit("rounds even e^-z", ROUND_HALF_UP, 0, ROUND_HALF_UP, every_step=True, longhand=True),
    Habit("truncates even e^-z", ROUND_DOWN, 0, ROUND_DOWN, every_step=True, longhand=True),
)
EXACT = Habit("all digits, all written", None, 22, ROUND_HALF_EVEN)  # 28 of them


@lru_cache
def rounding_to(figures: int, how: str) -> Context:
    return Context(prec=figures, rounding=how)


# --- Ways of writing a number ---------------------------------------------------------------------


@dataclass(frozen=True)
class Style:
    """How a student writes numbers down.

    Attributes
    ----------
    notation
        "plain", or for small numbers "e" (-3.18e-4), "times" (-3.18 × 10^-4) or "superscript"
        (-3.18·10⁻⁴); "g" is Python's format .4g, which drops trailing zeros.
    small
        Numbers below 10^-small are small.
    pad
        Whether a decimal fraction that is exact is filled up with zeros to n figures.
    minus, comma, bare
        The minus sign; a decimal comma; .018 in place of 0.018.
    """

    notation: str = "plain"
    small: int = 2
    pad: bool = False
    minus: str = "-"
    comma: bool = False
    bare: bool = False

    def show(self, value: Decimal, exact: bool, figures: int) -> str:
        """Write a number that has been rounded to so many figures; a whole one is never padded."""
        if not value:
            return "0"
        if exact:
            if value == value.to_integral_value() and abs(value) < 1000:
                value = value.quantize(ONE)
            else:
                value = value.normalize()
                missing = figures - len(value.as_tuple().digits)
                if self.pad and self.notation != "g" and missing > 0:
                    value = value.quantize(ONE.scaleb(exponent(value) - missing))
        elif self.notation == "g":
            value = value.normalize()
            if exponent(value) > 0 and value.adjusted() < figures:
                value = value.quantize(ONE)
        small = {"plain": 99, "g": 4}.get(self.notation, self.small)
        return self.lay_out(value, value.adjusted() < -small or exponent(value) > 0)

    def lay_out(self, value: Decimal, scientific: bool) -> str:
        """Write a number with the digits that it has."""
        if scientific:
            digits = "".join(map(str, value.as_tuple().digits))
            text = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
            tail = self.power(value.adjusted())
        else:
            text, tail = format(abs(value), "f"), ""
        if self.bare and text.startswith("0."):
            text = text[1:]
        if self.comma:
            text = text.replace(".", ",")
        return (self.minus if value.is_signed() else "") + text + tail.replace("-", self.minus)

    def power(self, exponent: int) -> str:
        """Write a power of ten behind a number."""
        if self.notation == "times":
            return f" × 10^{exponent}"
        if self.notation == "superscript":
            return "·10" + str(exponent).translate(_RAISED)
        return f"e{exponent:+03d}" if self.notation == "g" else f"e{exponent}"


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LOWERED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−,", "-0123456789-.")
_POWER = re.compile(r" ?[×·] ?10\^?")
_PARTS = re.compile(r"([-−]?)([\d.,]+)(.*)")


def parts(text: str) -> tuple[str, str, str]:
    """Sign, digits and what stands behind them."""
    match = _PARTS.fullmatch(text)
    assert match
    return match[1], match[2], match[3]


def exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    return exponent


def read(text: str) -> Decimal:
    """Read a number that was written in any ``Style``, with its digits."""
    return Decimal(_POWER.sub("e", text).translate(_LOWERED))


def last_unit(text: str) -> Decimal:
    """Say what one unit of the last written digit is worth."""
    return ONE.scaleb(exponent(read(text)))


PLAIN = Style()


def any_style(rng: random.Random) -> Style:
    """Draw a style: mostly plain or with e or × 10^, seldom comma, unicode minus or bare point."""
    notation = rng.choice(("plain", "plain", "e", "e", "times", "times", "superscript", "g"))
    if notation == "g":
        return Style("g")
    return Style(
        notation,
        small=rng.randint(1, 4),
        pad=rng.random() < 0.4,
        minus="−" if rng.random() < 0.15 else "-",
        comma=rng.random() < 0.08,
        bare=rng.random() < 0.08,
    )
