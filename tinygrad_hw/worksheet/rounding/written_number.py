"""A number as it was written: its digits, the numbers that round to them, and its spellings.

``0.50`` and ``0.5`` are one number to a computer and two to a marker: the first claims to be right
to the hundredth. So a written number has the place of its last digit, its *unit*.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, lru_cache

from tinygrad_hw.worksheet.rounding.intervals import Interval

LONGEST = 60  # characters; no number written by hand is longer
MOST_DIGITS = 16  # significant digits of a float
LARGEST_EXPONENT = 300  # of ten, in either direction; a float can still be divided there

_SIGNS = str.maketrans(
    {"−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "﹣": "-", "－": "-", "＋": "+", "⁄": "/"}
)
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_EXPONENT, _IN_BRACKETS = (rf"(?P<{name}>[+-]?\d{{1,4}})" for name in ("exponent", "bracketed"))
_NUMBER = re.compile(
    r"(?P<sign>[+-]?)"
    r"(?:(?P<whole>\d+)(?:\.(?P<decimals>\d*))?|\.(?P<bare>\d+))"
    rf"(?:(?:[eE]|[*·×⋅∙•xX]10(?:\^|\*\*))(?:{_EXPONENT}|\({_IN_BRACKETS}\)))?",
    re.ASCII,
)
_POWER = re.compile(rf"(?P<sign>[+-]?)10(?:\^|\*\*)(?:{_EXPONENT}|\({_IN_BRACKETS}\))", re.ASCII)
_GROUPS = re.compile(  # 12 345.678 9
    r"[+-]?(\d{1,3}( \d{3})+|\d+)([.,](\d{3} )*\d+)?", re.ASCII
)
_SEPARATED = re.compile(  # 1,234.5; 1.234.567; 12.345,6; 1'234; 1_234; in India 12,34,567
    r"[+-]?[1-9]("
    r"\d{0,2}((,\d{3})+\.\d*|(,\d{3}){2,}|(\.\d{3})+,\d*|(\.\d{3}){2,}|(['_]\d{3})+([.,]\d*)?)"
    r"|\d?(,\d\d)+,\d{3}(\.\d*)?)",
    re.ASCII,
)
_ONE_GROUP = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", re.ASCII)  # 1,024
FEWEST_FIGURES = 3  # of a whole number whose zeros only hold places
_FRACTION = re.compile(r"(?P<sign>[+-]?)(?P<top>\d+(?:\.\d+)?)/(?P<bottom>\d+(?:\.\d+)?)", re.ASCII)


@dataclass(frozen=True)
class WrittenNumber:
    """A written number.

    Attributes
    ----------
    digits
        All its digits as one whole number, such as 3180 for ``-3.180e-4``; never negative.
    place
        The power of ten of the last digit: -7 there.
    negative
        Whether a minus stood before it.
    fraction
        The exact value where a fraction was written: 1/3 is no rounded number. Else None.
    """

    digits: int
    place: int
    negative: bool = False
    fraction: Fraction | None = None

    @cached_property
    def value(self) -> float:
        """The number itself."""
        sign = "-" if self.negative else ""
        if self.fraction is not None:
            return float(sign + "1") * float(self.fraction)
        return float(f"{sign}{self.digits}e{self.place}")

    @cached_property
    def unit(self) -> float:
        """The unit of the last digit; 0 for a fraction, which has no last digit."""
        return 0.0 if self.fraction is not None else float(f"1e{self.place}")

    @property
    def figures(self) -> int:
        """The number of significant figures; a zero shows none."""
        return len(str(self.digits)) if self.digits else 0

    def padded(self, kind: str, count: int) -> WrittenNumber:
        """Return the number with zeros added to so many "figures" or "decimals"."""
        added = count - (self.figures if kind == "figures" else -self.place)
        if added <= 0:
            return self
        return replace(self, digits=self.digits * 10**added, place=self.place - added)

    def preimage(self) -> Interval:
        """Return the interval of the numbers that round to this number, or are cut to it.

        In absolute value, half a unit below and a whole unit above; a little more below, since a
        student who keeps a guard digit rounds twice: 0.12346 to 0.1235, and that to 0.124.
        """
        size, unit = abs(self.value), self.unit
        if self.digits == 0 and self.fraction is None:
            return Interval(-unit, unit)
        low, high = size - 0.55 * unit, size + unit
        return Interval(-high, -low) if self.negative else Interval(low, high)

    def is_reachable_from(self, numbers: Interval) -> bool:
        """Whether some number in an interval rounds to this number, or is cut to it."""
        number = numbers.short_decimal
        if number is None:
            return self.preimage().overlaps(numbers)
        # 1.71 cannot be cut to 1.70; but 1.2346 may be rounded twice, to 1.235 and to 1.24.
        rounded_twice = abs(self.value) - 0.55 * self.unit <= abs(number) < abs(self.value)
        return self.is_honest_for(number) or (rounded_twice and (number < 0) == self.negative)

    def guard_digit_values(self, number: float) -> Iterator[float]:
        """Yield a number rounded, and cut, to one and to two digits more than are written."""
        for finer in (0.1, 0.01):
            step = self.unit * finer
            if step and abs(number / step) < 2**52:
                yield round(number / step) * step
                yield truncate(number, step)

    def is_honest_for(self, number: float) -> bool:
        """Whether a number rounds to this number, or is cut to it; guard digits are not counted."""
        return self.is_rounding_of(number) or self.is_truncation_of(number)

    def is_rounding_of(self, number: float) -> bool:
        """Whether a number rounds to this one; ties go away from zero, or to an even digit."""
        slack = 1e-9 * self.unit + 1e-14 * abs(number)
        off, half = abs(number - self.value), 0.5 * self.unit
        is_tie = abs(off - half) <= slack < half / 10
        if is_tie and abs(number) > abs(self.value):
            return self.digits % 2 == 0
        return off <= half + slack

    def is_truncation_of(self, number: float) -> bool:
        """Whether a number is this one when its further digits are cut off."""
        if (number < 0) != self.negative and self.digits:
            return False
        beyond = abs(number) - abs(self.value)
        noise = 1e-14 * abs(number)
        return -1e-9 * self.unit - noise <= beyond < self.unit - noise

    def __str__(self) -> str:
        """Return the number with just its own digits."""
        sign = "-" if self.negative else ""
        if self.fraction is not None:
            return f"{sign}{self.fraction}"
        size = Decimal((0, tuple(map(int, str(self.digits))), self.place))
        if self.place <= 0 and size.adjusted() >= (-4 if self.digits else -20):
            return f"{sign}{size:f}"
        return f"{sign}{size:e}".replace("e+", "e")


@lru_cache(maxsize=4096)
def read_number(text: str) -> WrittenNumber:
    r"""Read a number in the ways in which people write them.

    ``-3.18e-4``, ``−3.18 × 10^-4``, ``-3,18·10⁻⁴``, ``-.000318``, ``1/3``, ``½``, ``1,234.5``,
    ``0.333...``, ``3.18 \cdot 10^{-4}``.

    Raises
    ------
    ValueError
        If it is not a number, or too large or too small for a float. The message continues a
        sentence that begins with the number: "is out of range".
    """
    if len(text) > LONGEST:
        raise ValueError(f"is {len(text):,} characters long; the limit is {LONGEST}")
    plain = _normalized(text)
    if match := _NUMBER.fullmatch(plain):
        return _decimal(match)
    if match := _POWER.fullmatch(plain):
        return _in_range(1, _exponent(match), match["sign"] == "-")
    if match := _FRACTION.fullmatch(plain):
        bottom = Fraction(match["bottom"])
        if not bottom:
            raise ValueError("divides by zero")
        return WrittenNumber(1, 0, match["sign"] == "-", Fraction(match["top"]) / bottom)
    raise ValueError("is not a number")


def _normalized(text: str) -> str:
    """Spell a number with a point, a minus and no blanks; "" where the text is no number."""
    if any(unicodedata.category(character)[0] == "C" for character in text.strip(" \t")):
        return ""  # characters that cannot be seen
    text = re.sub(r"\^\{([-+\d]*)\}", r"^\1", text.strip())  # as LaTeX has it
    if len(text) > 2 and text[0] == text[-1] == "$":
        text = text[1:-1]
    spelled = ""
    for character in re.sub(r"\\(?:cdot|times)(?![a-zA-Z])", "·", text):
        if character in "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺":
            if spelled.rstrip().endswith("10"):
                spelled += "^"
            elif not re.search(r"10\s*\^[-+\d]*$", spelled):
                return ""
            spelled += character.translate(_SUPERSCRIPT)
        elif "<fraction>" in unicodedata.decomposition(character):
            spelled += " " * spelled[-1:].isdigit() + unicodedata.normalize("NFKC", character)
        else:
            spelled += unicodedata.normalize("NFKC", character)
    joined = spelled.translate(_SIGNS)
    if _GROUPS.fullmatch(joined):
        joined = joined.replace(" ", "")  # 1 000
    if re.search(r"\d\s+\d", joined):
        return ""  # two numbers
    compact = re.sub(r"\s+", "", joined)
    if compact[:1] in ("=", "≈", "~"):
        compact = compact[1:]
    if compact.startswith("(") and compact.endswith(")") and compact.count("(") == 1:
        compact = compact[1:-1]
    compact = re.sub(r"^([+-]?)\(([^()]*)\)", r"\1\2", compact)
    compact = re.sub(r"(?<=\d)\.\.\.$", "", compact)  # of which more digits are not written
    return _without_groups(compact).replace(",", ".")


def _without_groups(compact: str) -> str:
    """Remove the separators of groups, unless the one that there is may be a decimal point."""
    compact = compact.replace("’", "'")
    if _SEPARATED.fullmatch(compact):
        return compact.replace(compact.lstrip("+-0123456789")[0], "")
    return compact


def further_meanings(text: str, *, point_groups: bool = False) -> Iterator[WrittenNumber]:
    """Yield what a number may mean besides what ``read_number`` reads, likeliest first.

    ``1,024`` may be 1024; and so may ``1.024`` for those who write decimals with a comma
    (``point_groups``). The zeros of ``12300`` may only hold places: it is 12345.6, rounded to three
    figures.
    """
    plain = text.strip().translate(_SIGNS)
    if _ONE_GROUP.fullmatch(plain) and ("," in plain or point_groups):
        whole = re.sub("[.,]", "", plain)
        yield read_number(whole)
        yield from further_meanings(whole)
    written = read_number(text)
    digits, place = written.digits, written.place
    while written.place == 0 and digits % 10 == 0 and len(str(digits)) > FEWEST_FIGURES:
        digits, place = digits // 10, place + 1
        yield WrittenNumber(digits, place, written.negative)


def _decimal(match: re.Match[str]) -> WrittenNumber:
    whole = match["whole"] or ""
    decimals = match["decimals"] or match["bare"] or ""
    place = _exponent(match) - len(decimals)
    return _in_range(int(whole + decimals), place, match["sign"] == "-")


def _exponent(match: re.Match[str]) -> int:
    return int(match["exponent"] or match["bracketed"] or 0)


def _in_range(digits: int, place: int, negative: bool) -> WrittenNumber:
    if place < -LARGEST_EXPONENT or place + len(str(digits)) > LARGEST_EXPONENT:
        raise ValueError("is out of range")
    return WrittenNumber(digits, place, negative)


def last_place_unit(number: float, rounding: tuple[str, int]) -> float:
    """Return the unit of the last digit that a rounding leaves in a number of this magnitude."""
    kind, count = rounding
    if kind == "decimals":
        return float(f"1e-{count}")
    if not number or not math.isfinite(number):
        return 0.0
    return 10.0 ** (math.floor(math.log10(abs(number))) + 1 - count)


def truncate(number: float, step: float) -> float:
    """Truncate a number to a multiple of a step; 0.0179999999999 counts as 0.018."""
    return math.trunc(number / step + math.copysign(1e-6, number)) * step


def round_number(number: float, kind: str, count: int) -> WrittenNumber:
    """Round a number half up to ``count`` significant ``"figures"`` or ``"decimals"``.

    Ties are those of the decimal number, which is the float rounded to 15 figures.

    >>> str(round_number(0.5, "figures", 4)), str(round_number(1.125, "decimals", 2))
    ('0.5000', '1.13')
    """
    size = abs(Decimal(repr(float(number)) if count > 14 else format(number, ".15g")))
    if kind == "decimals" and size.adjusted() >= 15:
        kind, count = "figures", 15  # of so large a number a float has no decimals
    place = size.adjusted() - count + 1 if kind == "figures" and size else -count
    digits = int((size.scaleb(-place) + Decimal("0.5")).to_integral_value("ROUND_FLOOR"))
    if kind == "figures" and len(str(digits)) > count:
        digits, place = digits // 10, place + 1
    return WrittenNumber(digits, place, number < 0 and digits > 0)
