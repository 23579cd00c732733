"""Numbers as people write them: what is read, what is refused, and what their digits say."""

import math
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tinygrad_hw.worksheet.rounding.intervals import Interval
from tinygrad_hw.worksheet.rounding.written_number import (
    LONGEST,
    WrittenNumber,
    further_meanings,
    read_number,
    round_number,
    truncate,
)

# --- What is read ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value", "unit", "figures"),
    [
        # plain
        ("0.5", 0.5, 0.1, 1),
        ("0.50", 0.5, 0.01, 2),
        (".5", 0.5, 0.1, 1),
        ("5.", 5.0, 1.0, 1),
        ("5", 5.0, 1.0, 1),
        ("50", 50.0, 1.0, 2),
        ("007", 7.0, 1.0, 1),
        ("0.0050", 0.005, 0.0001, 2),
        ("1.0000", 1.0, 0.0001, 5),
        ("  0.5\t", 0.5, 0.1, 1),
        ("0.5\u00a0", 0.5, 0.1, 1),
        # zeros say where they end, and show nothing
        ("0", 0.0, 1.0, 0),
        ("0.000", 0.0, 0.001, 0),
        ("-0.0", 0.0, 0.1, 0),
        ("0e-4", 0.0, 1e-4, 0),
        # signs
        ("-3.18", -3.18, 0.01, 3),
        ("+3.18", 3.18, 0.01, 3),
        ("- 3.18", -3.18, 0.01, 3),
        ("−3.18", -3.18, 0.01, 3),  # U+2212, the minus sign
        ("–3.18", -3.18, 0.01, 3),  # U+2013, en dash
        ("—3.18", -3.18, 0.01, 3),  # U+2014, em dash
        ("‐3.18", -3.18, 0.01, 3),  # U+2010, hyphen
        ("‑3.18", -3.18, 0.01, 3),  # U+2011, no-break hyphen
        ("﹣3.18", -3.18, 0.01, 3),  # U+FE63, small minus
        ("－3.18", -3.18, 0.01, 3),  # U+FF0D, full-width minus
        ("＋3.18", 3.18, 0.01, 3),
        ("-.000318", -0.000318, 1e-6, 3),
        # powers of ten
        ("-3.18e-4", -3.18e-4, 1e-6, 3),
        ("-3.18E-4", -3.18e-4, 1e-6, 3),
        ("−3.18 × 10^-4", -3.18e-4, 1e-6, 3),
        ("-3,18·10⁻⁴", -3.18e-4, 1e-6, 3),
        ("-3.180 × 10⁻⁴", -3.18e-4, 1e-7, 4),
        ("-3.18 * 10**-4", -3.18e-4, 1e-6, 3),
        ("-3.18*10^(-4)", -3.18e-4, 1e-6, 3),
        ("-3.18×10^−4", -3.18e-4, 1e-6, 3),
        ("-3.18 x 10^-4", -3.18e-4, 1e-6, 3),
        ("-3.18 X 10^-4", -3.18e-4, 1e-6, 3),
        ("-3.18 ⋅ 10 ⁻⁴", -3.18e-4, 1e-6, 3),
        ("-3.18 ∙ 10^-4", -3.18e-4, 1e-6, 3),
        ("-3.18•10^-4", -3.18e-4, 1e-6, 3),
        ("1.5e+3", 1500.0, 100.0, 2),
        ("1.5·10³", 1500.0, 100.0, 2),
        ("1.5·10⁺³", 1500.0, 100.0, 2),
        ("2e3", 2000.0, 1000.0, 1),
        ("10⁻⁴", 1e-4, 1e-4, 1),
        ("-10^-4", -1e-4, 1e-4, 1),
        ("10**(-4)", 1e-4, 1e-4, 1),
        (r"-3.18 \cdot 10^{-4}", -3.18e-4, 1e-6, 3),
        (r"$-3.18\times10^{-4}$", -3.18e-4, 1e-6, 3),
        (r"10^{-4}", 1e-4, 1e-4, 1),
        ("$0.67$", 0.67, 0.01, 2),
        # of which not all is written
        ("0.333...", 0.333, 0.001, 3),
        ("-0,6666…", -0.6666, 0.0001, 4),
        # decimal commas, and digits in groups
        ("0,5", 0.5, 0.1, 1),
        (",5", 0.5, 0.1, 1),
        ("1,234.5", 1234.5, 0.1, 5),
        ("1,234,567.89", 1234567.89, 0.01, 9),
        ("-1,234.", -1234.0, 1.0, 4),
        ("1 234", 1234.0, 1.0, 4),
        ("1 234 567", 1234567.0, 1.0, 7),
        ("1\u00a0234,5", 1234.5, 0.1, 5),
        ("1\u202f234.5", 1234.5, 0.1, 5),  # a narrow no-break space
        ("1\u2009234.5", 1234.5, 0.1, 5),  # a thin space
        ("0.123 456", 0.123456, 1e-6, 6),
        ("1,234,567", 1234567.0, 1.0, 7),
        ("1.234,5", 1234.5, 0.1, 5),
        ("-1.234.567", -1234567.0, 1.0, 7),
        ("1.234.567,89", 1234567.89, 0.01, 9),
        ("1'234", 1234.0, 1.0, 4),
        ("1'234.5", 1234.5, 0.1, 5),
        ("1’234’567,5", 1234567.5, 0.1, 8),
        ("1_234_567", 1234567.0, 1.0, 7),
        ("12,34,567", 1234567.0, 1.0, 7),  # as in India
        ("1,00,000.5", 100000.5, 0.1, 7),
        ("1,234", 1.234, 0.001, 4),  # but see further_meanings
        ("0,123", 0.123, 0.001, 3),
        # other alphabets' digits, as NFKC knows them
        ("０．５０", 0.5, 0.01, 2),
        ("－１２，５", -12.5, 0.1, 3),
        ("𝟎.𝟓", 0.5, 0.1, 1),
        # what stands around a number
        ("= 0.67", 0.67, 0.01, 2),
        ("≈0.67", 0.67, 0.01, 2),
        ("~ -0.67", -0.67, 0.01, 2),
        ("(0.67)", 0.67, 0.01, 2),
        ("(-0.67)", -0.67, 0.01, 2),
        ("-(0.67)", -0.67, 0.01, 2),
        ("≈ (−0.67)", -0.67, 0.01, 2),
    ],
)
def test_a_number(text: str, value: float, unit: float, figures: int) -> None:
    written = read_number(text)
    assert written.value == value
    assert math.copysign(1, written.value) == (-1 if written.negative else 1)
    assert written.unit == unit
    assert written.figures == figures
    assert written.fraction is None


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("1/3", Fraction(1, 3)),
        ("-1/3", Fraction(-1, 3)),
        ("−1 / 3", Fraction(-1, 3)),
        ("-(1/3)", Fraction(-1, 3)),
        ("(1/3)", Fraction(1, 3)),
        ("= 1/3", Fraction(1, 3)),
        ("1⁄3", Fraction(1, 3)),  # U+2044, the fraction slash
        ("１／３", Fraction(1, 3)),
        ("2.5/3", Fraction(5, 6)),
        ("2,5/3", Fraction(5, 6)),
        ("0/3", Fraction(0)),
        ("½", Fraction(1, 2)),
        ("-½", Fraction(-1, 2)),
        ("⅓", Fraction(1, 3)),
        ("⅞", Fraction(7, 8)),
    ],
)
def test_a_fraction_is_exact_and_has_no_last_digit(text: str, exact: Fraction) -> None:
    written = read_number(text)
    assert written.fraction == abs(exact)
    assert written.negative is (exact < 0)
    assert written.value == float(exact)
    assert written.unit == 0.0
    assert written.is_rounding_of(float(exact))
    assert not written.is_honest_for(float(exact) + 1e-9)


def test_a_whole_number_and_a_half_is_not_taken_for_eleven_halves() -> None:
    """``1½`` is 1.5, or refused; NFKC makes ``11⁄2`` of it."""
    try:
        value = read_number("1½").value
    except ValueError:
        return
    assert value == 1.5


# --- What is refused ------------------------------------------------------------------------------

NOT_A_NUMBER = "is not a number"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ".",
        "-",
        "+",
        "()",
        "=",
        "e5",
        "1e",
        "1e5.5",
        "1e99999",
        "nan",
        "NaN",
        "inf",
        "-inf",
        "Infinity",
        "∞",
        "0x1F",
        "0b1",
        "1j",
        "None",
        "True",
        "½½",
        "1/2/3",
        "1/-3",
        "1/3e5",
        "--1",
        "-+1",
        "5-3",
        "1+1",
        "2*3",
        "3^2",
        "3²",
        "±1",
        "50%",
        "0.5 kg",
        "x = 0.5",
        "w",
        "1..2",
        "...",
        "0.5....",
        "0...5",
        "$",
        "$$",
        "$0.5",
        r"0.5\cdot",
        r"0.5\cdots10^{-3}",
        "10^{}",
        "10^{-3",
        "1.2.3",
        "1,5,3",
        "12,34.5",
        "1,2345.6",
        "(0.5",
        "0.5)",
        "((0.5))",
        "0.O5",
        "О.5",  # a Cyrillic О
        "l.5",
        "0.5\u200b",  # a space of no width
        "0.5\u202e",
        "\ufeff0.5",
        "0.5\x00",
        "\x1b[2J0.5",
        "٣٫١٤",
        "__import__('os')",
        # two numbers, which must not become one
        "0.1 0.2",
        "1 2",
        "12 34",
        "1 23",
        "0.5 0.6",
        "3.18 10^-4",
        "1 1/2",
        "1 ½",
        "0.12 34",
    ],
)
def test_what_is_no_number_is_said_in_half_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{NOT_A_NUMBER}$"):
        read_number(text)


@pytest.mark.parametrize(
    ("text", "meanings"),
    [
        ("1,024", ["1024"]),
        ("-1,024", ["-1024"]),
        ("−12,345", ["-12345"]),
        ("1.024", []),
        ("0,123", []),
        ("1024,512", []),
        ("1,0245", []),
        ("12300", ["1.230e4", "1.23e4"]),
        ("-1020", ["-1.02e3"]),
        ("1,200", ["1200", "1.20e3"]),
        ("1000", ["1.00e3"]),
        ("100", []),
        ("12345", []),
        ("120.0", []),
        ("1.2e5", []),
        ("1/2", []),
    ],
)
def test_what_a_number_may_mean_besides(text: str, meanings: list[str]) -> None:
    assert [str(meaning) for meaning in further_meanings(text)] == meanings


def test_a_point_may_separate_groups_where_commas_stand_before_decimals() -> None:
    assert [str(meaning) for meaning in further_meanings("1.024", point_groups=True)] == ["1024"]


@pytest.mark.parametrize("text", ["0.5 100", "0.12 345", "1.5 000", "0.5\n123", "1234 567"])
def test_two_numbers_are_not_joined_where_the_digits_make_no_groups(text: str) -> None:
    """Digits in groups of three are grouped from the point on, to both sides."""
    with pytest.raises(ValueError, match=NOT_A_NUMBER):
        read_number(text)


@pytest.mark.parametrize("text", ["²", "⁵⁶", "⁻⁴", "²3", "-²"])
def test_an_exponent_without_its_ten_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match=NOT_A_NUMBER):
        read_number(text)


@pytest.mark.parametrize("text", ["10^(-4", "10^-4)", "2e(3", "2e3)", "2·10^(-4"])
def test_a_bracket_alone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=NOT_A_NUMBER):
        read_number(text)


@pytest.mark.parametrize("text", ["1e999", "1e-999", "1e301", "1e-301", "9" * 10 + "e295", "10⁹⁹⁹"])
def test_a_number_that_no_float_can_hold_is_out_of_range(text: str) -> None:
    with pytest.raises(ValueError, match=r"^is out of range$"):
        read_number(text)


@pytest.mark.parametrize("text", ["1/0", "-1/0.00", "0/0"])
def test_a_division_by_zero(text: str) -> None:
    with pytest.raises(ValueError, match=r"^divides by zero$"):
        read_number(text)


@pytest.mark.parametrize("digit", ["9", "½", "（", " ", "⁹"])
def test_a_long_text_is_refused_before_it_is_read(digit: str) -> None:
    with pytest.raises(ValueError, match=f"^is 10,000 characters long; the limit is {LONGEST}$"):
        read_number(digit * 10_000)


def test_the_longest_number_is_read() -> None:
    written = read_number("0." + "3" * (LONGEST - 2))
    assert written.value == pytest.approx(1 / 3, rel=1e-16)
    assert written.figures == LONGEST - 2


# --- Laws -----------------------------------------------------------------------------------------

decimals_written = st.builds(
    WrittenNumber,
    digits=st.integers(0, 10**17) | st.integers(0, 200),
    place=st.integers(-40, 20),
    negative=st.booleans(),
)


@given(decimals_written)
def test_what_is_shown_reads_as_it_was(written: WrittenNumber) -> None:
    assert read_number(str(written)) == written


@example("0." + "1234567890" * 4)
@example("0e-60")
@given(st.from_regex(r"\A[-+]?[0-9]{0,40}\.?[0-9]{1,15}(e-?[0-9]{1,2})?\Z"))
def test_what_was_read_is_shown_with_all_its_digits(text: str) -> None:
    written = read_number(text)
    assert read_number(str(written)) == written


@given(st.integers(-99, 99), st.integers(1, 99))
def test_a_fraction_is_shown_as_one(top: int, bottom: int) -> None:
    written = read_number(f"{top}/{bottom}")
    shown = read_number(str(written))
    assert shown.value == written.value
    assert shown.unit == written.unit or Fraction(top, bottom).denominator == 1


@given(st.floats(-1e6, 1e6).map(lambda x: x if abs(x) > 1e-280 else 0.0), st.integers(0, 12))
def test_what_python_writes_is_read_as_python_reads_it(number: float, count: int) -> None:
    for text in (f"{number:.{count}f}", f"{number:.{count}e}", f"{number:,.{count + 1}f}"):
        written = read_number(text)
        assert written.value == float(text.replace(",", ""))
        assert Decimal(text.replace(",", "")) == exact_value(written)


@given(st.text(max_size=70) | st.text(alphabet="0123456789.,eE+-−×·^*/() ⁻¹²½xX≈=", max_size=70))
def test_any_text_is_a_finite_number_or_refused_in_half_a_sentence(text: str) -> None:
    try:
        written = read_number(text)
    except ValueError as error:
        reason = str(error)
    else:
        reason = ""
        assert math.isfinite(written.value)
        assert math.isfinite(written.unit)
        assert written.unit > 0 or written.fraction is not None
    assert reason.isprintable()
    assert len(reason) < 80


# --- What the digits say, against exact arithmetic ------------------------------------------------


def exact_value(written: WrittenNumber) -> Decimal:
    size = Decimal((0, tuple(map(int, str(written.digits))), written.place))
    return -size if written.negative else size


def unit_of(written: WrittenNumber) -> Fraction:
    return Fraction(10) ** written.place


def value_of(written: WrittenNumber) -> Fraction:
    return Fraction(exact_value(written))


def near_a_bound(number: Fraction, unit: Fraction) -> bool:
    """Whether a number is so near a whole or half unit that a float cannot tell its side."""
    halves = number / (unit / 2)
    return abs(halves - round(halves)) < Fraction(1, 10**6)


small_written = st.builds(
    WrittenNumber,
    digits=st.integers(0, 99_999),
    place=st.integers(-12, 3),
    negative=st.booleans(),
)
offsets = st.fractions(-2, 2, max_denominator=9973)  # in units of the last digit


@given(small_written, offsets)
def test_rounding_and_truncation_are_those_of_exact_arithmetic(
    written: WrittenNumber, offset: Fraction
) -> None:
    unit = unit_of(written)
    number = value_of(written) + offset * unit
    assume(not near_a_bound(number, unit))
    held = float(number)
    assert written.is_rounding_of(held) is (abs(offset) < Fraction(1, 2))
    towards_zero = int(number / unit) * unit  # int() of a Fraction cuts
    is_cut = towards_zero == value_of(written) and (
        written.digits == 0 or (number < 0) == written.negative
    )
    assert written.is_truncation_of(held) is is_cut
    assert written.is_honest_for(held) is (abs(offset) < Fraction(1, 2) or is_cut)


@given(small_written)
def test_a_half_is_rounded_away_from_zero_or_to_an_even_digit(written: WrittenNumber) -> None:
    outward = -1 if written.negative else 1
    below = value_of(written) - outward * unit_of(written) / 2
    above = value_of(written) + outward * unit_of(written) / 2
    assert written.is_rounding_of(float(below))  # half up
    assert written.is_rounding_of(float(above)) is (written.digits % 2 == 0)


@given(st.integers(0, 10**15 - 1), st.integers(-18, 0), st.booleans())
def test_a_number_rounds_to_all_its_digits(digits: int, place: int, negative: bool) -> None:
    """The floats' own error on either side of it is no half of a unit."""
    written = WrittenNumber(digits, place, negative)
    for towards in (-math.inf, math.inf):
        assert written.is_rounding_of(math.nextafter(written.value, towards))


@pytest.mark.parametrize("text", ["1/3", "-1/3", "2/7", "½"])
def test_a_fraction_is_what_it_is_but_for_the_floats_own_error(text: str) -> None:
    written = read_number(text)
    for towards in (-math.inf, math.inf):
        assert written.is_rounding_of(math.nextafter(written.value, towards))


@pytest.mark.parametrize(
    ("text", "number", "rounds", "cuts"),
    [
        ("0.67", 0.6749, True, True),
        ("0.67", 0.675, False, True),
        ("0.68", 0.675, True, False),
        ("0.67", 0.6751, False, True),
        ("0.67", 0.67999, False, True),
        ("0.67", 0.68, False, False),
        ("0.67", 0.665, True, False),
        ("0.67", 0.6649, False, False),
        ("-0.67", -0.67999, False, True),
        ("-0.67", 0.67, False, False),
        ("0", 0.4, True, True),
        ("0", -0.4, True, True),
        ("0", -0.9, False, True),
        ("-0", 0.9, False, True),
        ("0.018", 0.0179999999999999, True, True),  # which is 0.018, but for the float's error
        ("0.018", 0.01799999, True, False),
        ("3e4", 34_000.0, True, True),
        ("3e4", 36_000.0, False, True),
    ],
)
def test_rounding_and_cutting(text: str, number: float, rounds: bool, cuts: bool) -> None:
    written = read_number(text)
    assert written.is_rounding_of(number) is rounds
    assert written.is_truncation_of(number) is cuts


def guarded(number: Fraction, unit: Fraction) -> set[Fraction]:
    """What is held of a number: all of it, or with a guard digit or two, rounded or cut."""
    held = {number}
    for finer in (unit / 10, unit / 100):
        held |= {int(number / finer) * finer, half_up(number, finer), round(number / finer) * finer}
    return held


def half_up(number: Fraction, unit: Fraction) -> Fraction:
    size = math.floor(abs(number) / unit + Fraction(1, 2)) * unit
    return -size if number < 0 else size


@given(st.fractions(-2000, 2000, max_denominator=10**7), st.integers(-3, 2))
def test_the_preimage_holds_every_number_honestly_written_so(number: Fraction, place: int) -> None:
    unit = Fraction(10) ** place
    for held in guarded(number, unit):
        for shown in (half_up(held, unit), round(held / unit) * unit, int(held / unit) * unit):
            written = WrittenNumber(abs(int(shown / unit)), place, shown < 0)
            source = written.preimage()
            slack = float(unit) * 1e-9
            assert source.low - slack <= float(number) <= source.high + slack


@given(small_written, offsets)
def test_the_preimage_holds_nothing_further_off(written: WrittenNumber, offset: Fraction) -> None:
    """Half a unit and a guard digit's half towards zero, a unit away from it."""
    assume(written.digits > 0)
    number = value_of(written) + offset * unit_of(written)
    outward = -offset if written.negative else offset
    assume(abs(outward + Fraction(11, 20)) > Fraction(1, 10**6))
    assume(abs(outward - 1) > Fraction(1, 10**6))
    inside = -Fraction(11, 20) < outward < 1
    assert (float(number) in written.preimage()) is inside


@given(small_written, offsets, st.fractions(Fraction(1, 100), 3, max_denominator=997))
def test_it_is_reachable_from_an_interval_that_overlaps_its_preimage(
    written: WrittenNumber, offset: Fraction, width: Fraction
) -> None:
    unit = unit_of(written)
    low = value_of(written) + offset * unit
    high = low + width * unit
    size = abs(value_of(written))
    if written.digits == 0:
        nearest, furthest = -unit, unit
    else:
        nearest, furthest = size - unit * Fraction(11, 20), size + unit
    if written.negative and written.digits:
        nearest, furthest = -furthest, -nearest
    for bound, other in ((nearest, high), (furthest, low)):
        assume(abs(bound - other) > unit / 10**6)
    numbers = Interval(float(low), float(high))
    assume(not numbers.is_point)
    assert written.is_reachable_from(numbers) is (low <= furthest and nearest <= high)


@pytest.mark.parametrize(
    ("text", "number", "could"),
    [
        ("1.71", 1.71, True),
        ("1.7", 1.71, True),
        ("1.70", 1.71, False),  # which no honest way makes of 1.71
        ("1.70", 1.7099, True),
        ("1.8", 1.75, True),
        ("1.7", 1.75, True),
        ("1.8", 1.71, False),
        ("6", 6.0, True),
        ("6.0", 6.0, True),
        ("5", 6.0, False),
        ("0.333", 1 / 3, True),
        ("0.334", 1 / 3, False),
        ("0.67", 2 / 3, True),
        ("0.66", 2 / 3, True),
        ("0.6667", 2 / 3, True),
        ("1/3", 1 / 3, True),
        ("1/3", 0.3333, False),
        ("0", 0.0, True),
    ],
)
def test_what_is_reachable_from_one_number(text: str, number: float, could: bool) -> None:
    assert read_number(text).is_reachable_from(Interval(number, number)) is could


def test_nothing_is_ruled_out_by_an_interval_that_holds_everything() -> None:
    assert read_number("0.67").is_reachable_from(Interval(-math.inf, math.inf))


@given(st.floats(-1e3, 1e3), small_written)
def test_what_is_held_with_a_guard_digit_is_near(number: float, written: WrittenNumber) -> None:
    assume(abs(number) / written.unit < 1e9)
    held = list(written.guard_digit_values(number))
    assert len(held) == 4
    for i, finer in enumerate((0.1, 0.1, 0.01, 0.01)):
        reach = written.unit * finer * (0.5 if i % 2 == 0 else 1)
        assert abs(held[i] - number) <= reach * (1 + 1e-6) + 1e-12 * abs(number)


@given(st.integers(-(10**9), 10**9), st.integers(-9, 3))
def test_a_number_on_the_grid_is_not_cut_off_below_itself(whole: int, place: int) -> None:
    step = float(f"1e{place}")
    assert truncate(whole * step, step) == pytest.approx(whole * step, abs=step * 1e-6)


# --- Rounding -------------------------------------------------------------------------------------


def quantized(number: float, kind: str, count: int, mode: str = ROUND_HALF_UP) -> Decimal:
    """Round by the decimal module; a float stands for the decimal of 15 figures that it is near."""
    exact = Decimal(repr(number)) if count > 14 else Decimal(format(number, ".15g"))
    wide = Context(prec=400, rounding=mode)
    if kind == "decimals":
        return exact.quantize(Decimal(1).scaleb(-count), context=wide)
    near = Context(prec=count, rounding=mode).plus(exact)
    return near.quantize(Decimal(1).scaleb(near.adjusted() - count + 1), context=wide)


@given(
    st.floats(-1e9, 1e9).filter(lambda x: abs(x) > 1e-30)
    | st.integers(-(10**7), 10**7).filter(bool).map(lambda n: n / 1000)
    | st.sampled_from([0.99995, 9.9995, 99995.0, 0.5, 0.25, 1.005, 2.675, -1.125, 1e-10]),
    st.sampled_from(["figures", "decimals"]),
    st.integers(1, 12),
)
def test_rounded_is_decimals_own_quantize(number: float, kind: str, count: int) -> None:
    expected = quantized(number, kind, count)
    written = round_number(number, kind, count)
    assert exact_value(written) == expected
    assert written.place == expected.as_tuple().exponent
    assert written.negative is (expected < 0)
    assert written.is_rounding_of(number)
    if kind == "figures":
        assert written.figures == count


@given(st.floats(-1e6, 1e6), st.integers(1, 6), st.sampled_from([ROUND_HALF_EVEN, ROUND_DOWN]))
def test_who_rounds_otherwise_is_honest_too(number: float, count: int, mode: str) -> None:
    shown = quantized(number, "decimals", count, mode)
    cut_off = float(abs(Decimal(number) - shown))
    assume(10.0**-count - cut_off > 2e-14 * abs(number))  # else a float's error may carry over
    assert read_number(format(shown, "f")).is_honest_for(number)


@pytest.mark.parametrize(
    ("number", "kind", "count", "text"),
    [
        (0.5, "figures", 4, "0.5000"),
        (1.125, "decimals", 2, "1.13"),
        (-1.125, "decimals", 2, "-1.13"),
        (1.005, "decimals", 2, "1.01"),  # a tie as it is written, if not as it is held
        (0.99996, "figures", 4, "1.000"),
        (123456.0, "figures", 3, "1.23e5"),
        (-3.18e-7, "figures", 4, "-3.180e-7"),
        (-0.0001, "decimals", 2, "0.00"),
        (0.0, "decimals", 3, "0.000"),
        (12.0, "decimals", 1, "12.0"),
    ],
)
def test_rounded_numbers_as_they_are_shown(number: float, kind: str, count: int, text: str) -> None:
    assert str(round_number(number, kind, count)) == text
