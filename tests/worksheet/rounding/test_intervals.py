"""Outward rounding: the exact result, worked out with fifty digits, lies inside; and not far."""

import itertools
import math
from collections.abc import Callable

import mpmath
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.engine.numpy_api.elementwise import heaviside
from tinygrad_hw.worksheet.rounding.intervals import EXTENSIONS, Interval, point

ULP = 2.0**-52
EVERYTHING = Interval(-math.inf, math.inf)


@pytest.fixture(autouse=True)
def fifty_digits() -> None:
    mpmath.mp.dps = 50


def sigmoid(x: mpmath.mpf) -> mpmath.mpf:
    return 1 / (1 + mpmath.exp(-x))


def softplus(x: mpmath.mpf) -> mpmath.mpf:
    return mpmath.log1p(mpmath.exp(x))


RISING: dict[Operation, Callable[[mpmath.mpf], mpmath.mpf]] = {
    ops.sigmoid: sigmoid,
    ops.tanh: mpmath.tanh,
    ops.relu: lambda x: max(x, mpmath.mpf(0)),
    ops.exp: mpmath.exp,
    ops.log: mpmath.log,
    ops.sqrt: mpmath.sqrt,
    ops.softplus: softplus,
    ops.sign: mpmath.sign,
    ops.log10: mpmath.log10,
}
WAVES: dict[Operation, Callable[[mpmath.mpf], mpmath.mpf]] = {
    ops.sin: mpmath.sin,
    ops.cos: mpmath.cos,
    ops.tan: mpmath.tan,
}
CHOICES: dict[Operation, Callable[[float, float], float]] = {
    ops.maximum: max,
    ops.minimum: min,
    heaviside: lambda x, middle: middle if x == 0 else float(x > 0),
}
EXACT: dict[Operation, Callable[..., mpmath.mpf]] = {
    **RISING,
    **WAVES,
    **CHOICES,
    ops.add: lambda *terms: mpmath.fsum(terms),
    ops.mul: lambda *factors: mpmath.fprod(factors),
    ops.div: lambda x, y: x / y,
    ops.pow: mpmath.power,
    ops.abs: abs,
}
ONLY_POSITIVE = {ops.log, ops.log10, ops.sqrt}
by_name = pytest.mark.parametrize("operation", RISING, ids=lambda operation: operation.name)


def test_every_extension_is_tested_here() -> None:
    assert EXACT.keys() == EXTENSIONS.keys()


def holds(interval: Interval, exact: mpmath.mpf) -> bool:
    assert not math.isnan(interval.low)
    assert not math.isnan(interval.high)
    return bool(mpmath.mpf(interval.low) <= exact <= mpmath.mpf(interval.high))


# --- Boxes and points in them ---------------------------------------------------------------------

numbers = (
    st.floats(-30, 30)
    | st.integers(-12, 12).map(float)
    | st.builds(lambda x, e: x * 10.0**e, st.floats(-9, 9), st.integers(-12, 3))
).filter(lambda x: x == 0 or abs(x) > 1e-30)
positive_numbers = numbers.map(abs).filter(bool)
shares = st.sampled_from([0.0, 1.0, 0.5]) | st.floats(0, 1)


@st.composite
def boxes(draw: st.DrawFn, ends: st.SearchStrategy[float] = numbers) -> tuple[Interval, float]:
    """An interval and a number in it; now and then a point, or a narrow one."""
    low = draw(ends)
    if draw(st.booleans()):
        high = draw(ends)
    else:
        high = low + abs(low) * draw(st.sampled_from([0.0, 1e-15, 1e-9, 1e-3]))
    low, high = min(low, high), max(low, high)
    inside = low + (high - low) * draw(shares)
    return Interval(low, high), min(max(inside, low), high)


def extended(operation: Operation, *operands: Interval) -> Interval:
    with np.errstate(all="ignore"):
        return EXTENSIONS[operation](*operands)


@by_name
@given(data=st.data())
def test_of_one_operand(operation: Operation, data: st.DataObject) -> None:
    ends = positive_numbers if operation in ONLY_POSITIVE else numbers
    box, inside = data.draw(boxes(ends))
    assume(operation is not ops.exp or box.magnitude < 700)
    assert holds(extended(operation, box), RISING[operation](mpmath.mpf(inside)))


@pytest.mark.parametrize("operation", WAVES, ids=lambda operation: operation.name)
@given(data=st.data())
def test_of_waves(operation: Operation, data: st.DataObject) -> None:
    """At the ends, inside, and where an extremum or a pole lies inside: at multiples of π/2."""
    box, inside = data.draw(boxes())
    result = extended(operation, box)
    turn = mpmath.pi / 2
    first, last = (int(mpmath.floor(mpmath.mpf(end) / turn)) for end in (box.low, box.high))
    extrema = [k * turn for k in range(first + 1, min(last, first + 8) + 1)]
    poles = [k for k in range(first + 1, min(last, first + 8) + 1) if k % 2]
    if operation is ops.tan and poles:
        assert result == EVERYTHING
        return
    for x in [mpmath.mpf(box.low), mpmath.mpf(inside), mpmath.mpf(box.high), *extrema]:
        assert holds(result, WAVES[operation](x))


@pytest.mark.parametrize("operation", WAVES, ids=lambda operation: operation.name)
@given(st.floats(-30, 30), st.floats(0, 1e-3))
def test_waves_are_tight_between_their_extrema(operation: Operation, x: float, by: float) -> None:
    box = Interval(x, x + by)
    quarters = [
        math.floor((end + error) / (math.pi / 2)) for end, error in ((x, -1e-9), (x + by, 1e-9))
    ]
    assume(quarters[0] == quarters[1])
    result = extended(operation, box)
    ends = sorted(float(WAVES[operation](mpmath.mpf(end))) for end in (box.low, box.high))
    slack = 100 * ULP * (1 + max(map(abs, ends))) ** 2 * (1 + abs(x))
    assert ends[0] - slack <= result.low
    assert result.high <= ends[1] + slack


@pytest.mark.parametrize("operation", CHOICES, ids=lambda operation: operation.name)
@given(boxes(), boxes(st.floats(0, 1)))
def test_of_choices(
    operation: Operation, first: tuple[Interval, float], second: tuple[Interval, float]
) -> None:
    (x, a), (y, b) = first, second
    result = extended(operation, x, y)
    assert holds(result, mpmath.mpf(CHOICES[operation](a, b)))
    if operation is not heaviside:
        assert {result.low, result.high} <= {x.low, x.high, y.low, y.high}


@given(boxes())
def test_of_a_magnitude(boxed: tuple[Interval, float]) -> None:
    box, inside = boxed
    result = extended(ops.abs, box)
    assert abs(inside) in result
    assert result.low >= 0
    assert result.high == box.magnitude


@given(st.lists(boxes(), min_size=1, max_size=6))
def test_of_sums(boxed: list[tuple[Interval, float]]) -> None:
    result = extended(ops.add, *(box for box, _ in boxed))
    assert holds(result, mpmath.fsum(inside for _, inside in boxed))
    size = sum(box.magnitude for box, _ in boxed)
    slack = 2 * len(boxed) * ULP * size
    assert result.low >= math.fsum(box.low for box, _ in boxed) - slack
    assert result.high <= math.fsum(box.high for box, _ in boxed) + slack


@given(st.lists(boxes(), min_size=1, max_size=5))
def test_of_products(boxed: list[tuple[Interval, float]]) -> None:
    result = extended(ops.mul, *(box for box, _ in boxed))
    assert holds(result, mpmath.fprod(inside for _, inside in boxed))


@given(boxes(), boxes())
def test_a_product_of_two_is_hardly_wider_than_it_has_to_be(
    first: tuple[Interval, float], second: tuple[Interval, float]
) -> None:
    x, y = first[0], second[0]
    corners = [mpmath.mpf(a) * b for a in (x.low, x.high) for b in (y.low, y.high)]
    result = extended(ops.mul, x, y)
    slack = 8 * ULP * x.magnitude * y.magnitude
    assert result.low >= float(min(corners)) - slack
    assert result.high <= float(max(corners)) + slack


@given(boxes(), boxes())
def test_of_quotients(top: tuple[Interval, float], bottom: tuple[Interval, float]) -> None:
    (x, above), (y, below) = top, bottom
    result = extended(ops.div, x, y)
    if y.low <= 0 <= y.high:
        assert result == EVERYTHING
        return
    assert holds(result, mpmath.mpf(above) / mpmath.mpf(below))
    corners = [mpmath.mpf(a) / b for a in (x.low, x.high) for b in (y.low, y.high)]
    slack = 12 * ULP * float(max(map(abs, corners)))
    assert result.low >= float(min(corners)) - slack
    assert result.high <= float(max(corners)) + slack


@given(boxes(), st.integers(-6, 9))
def test_of_whole_powers(boxed: tuple[Interval, float], n: int) -> None:
    box, inside = boxed
    assume(n >= 0 or min(abs(box.low), abs(box.high)) > 1e-30)
    result = extended(ops.pow, box, point(float(n)))
    if inside or n >= 0:
        assert holds(result, mpmath.mpf(inside) ** n)
    if n < 0 and box.low <= 0 <= box.high:
        assert result == EVERYTHING
        return
    ends = [mpmath.mpf(box.low) ** n, mpmath.mpf(box.high) ** n]
    if n and n % 2 == 0 and box.low <= 0 <= box.high:
        ends.append(mpmath.mpf(0))
    slack = 12 * ULP * float(max(map(abs, ends)))
    assert result.low >= float(min(ends)) - slack
    assert result.high <= float(max(ends)) + slack


@given(boxes(st.floats(1e-6, 1e6)), boxes(st.floats(-8, 8)))
def test_of_powers(base: tuple[Interval, float], exponent: tuple[Interval, float]) -> None:
    (x, a), (y, b) = base, exponent
    result = extended(ops.pow, x, y)
    assert holds(result, mpmath.power(mpmath.mpf(a), mpmath.mpf(b)))
    corners = [mpmath.power(mpmath.mpf(p), q) for p in (x.low, x.high) for q in (y.low, y.high)]
    steepness = y.magnitude * max(abs(math.log(x.low)), abs(math.log(x.high)), 1.0)
    slack = 20 * ULP * (1 + steepness)
    assert result.low >= float(min(corners)) * (1 - slack)
    assert result.high <= float(max(corners)) * (1 + slack)


@given(boxes(st.floats(-5, 0)), st.floats(0.1, 3).filter(lambda y: not y.is_integer()))
def test_a_broken_power_of_what_may_be_negative_is_not_known(
    boxed: tuple[Interval, float], exponent: float
) -> None:
    assert extended(ops.pow, boxed[0], point(exponent)) == EVERYTHING


@by_name
@given(data=st.data())
def test_an_increasing_function_is_tight(operation: Operation, data: st.DataObject) -> None:
    ends = positive_numbers if operation in ONLY_POSITIVE else numbers
    box, _ = data.draw(boxes(ends))
    assume(operation is not ops.exp or box.magnitude < 700)
    result = extended(operation, box)
    low, high = (float(RISING[operation](mpmath.mpf(end))) for end in (box.low, box.high))
    tiny = 6 * math.ulp(0.0)  # of sigmoid(-725), few digits are left; of sigmoid(-800), none
    assert low - 10 * ULP * abs(low) - tiny <= result.low <= low
    assert high <= result.high <= high + 10 * ULP * abs(high) + tiny


def test_a_function_is_taken_where_it_is_defined() -> None:
    assert extended(ops.sqrt, Interval(-1.0, 4.0)).low == 0.0
    assert extended(ops.log, Interval(-1.0, math.e)).low == -math.inf
    assert extended(ops.sqrt, Interval(-2.0, -1.0)) == EVERYTHING
    assert extended(ops.log, Interval(-2.0, -1.0)) == EVERYTHING


def test_small_whole_numbers_stay_what_they_are() -> None:
    assert extended(ops.add, point(6.0), point(1.0), point(1.0)) == point(8.0)
    assert extended(ops.mul, point(6.0), point(-2.0)) == point(-12.0)


# --- At the ends of what a float can hold ---------------------------------------------------------


@example([2.0**53, 1.0])
@given(st.lists(st.integers(-(2**60), 2**60).map(float), min_size=2, max_size=4))
def test_large_whole_numbers_are_rounded_too(whole: list[float]) -> None:
    points = [point(x) for x in whole]
    assert holds(extended(ops.add, *points), mpmath.fsum(whole))


@example([94906267.0, 94906267.0])
@given(st.lists(st.integers(-(2**40), 2**40).map(float), min_size=2, max_size=3))
def test_products_of_large_whole_numbers_are_rounded_too(whole: list[float]) -> None:
    points = [point(x) for x in whole]
    assert holds(extended(ops.mul, *points), mpmath.fprod(whole))


@pytest.mark.parametrize(
    ("operation", "operands"),
    [
        (ops.mul, [1e200, 1e200]),
        (ops.mul, [-1e200, 1e200]),
        (ops.mul, [1.5e200, 1.5e200]),
        (ops.add, [1.7e308, 1.7e308]),
        (ops.exp, [800.0]),
        (ops.pow, [1e200, 2.0]),
        (ops.pow, [-1e200, 3.0]),
        (ops.pow, [1e-200, -2.0]),
        (ops.div, [1e200, 1e-200]),
        (ops.div, [1.0, 1e-310]),
    ],
    ids=lambda item: getattr(item, "name", None),
)
def test_a_number_too_large_for_a_float_is_not_lost(
    operation: Operation, operands: list[float]
) -> None:
    result = extended(operation, *map(point, operands))
    assert holds(result, EXACT[operation](*map(mpmath.mpf, operands)))


@pytest.mark.parametrize(
    ("operation", "operands"),
    [
        (ops.mul, [1e-200, 1e-200]),
        (ops.mul, [-1e-200, 1e-200]),
        (ops.exp, [-800.0]),
        (ops.sigmoid, [-800.0]),
        (ops.softplus, [-800.0]),
        (ops.pow, [1e-200, 2.0]),
        (ops.div, [1e-200, 1e200]),
    ],
    ids=lambda item: getattr(item, "name", None),
)
def test_a_number_too_small_for_a_float_is_not_lost(
    operation: Operation, operands: list[float]
) -> None:
    result = extended(operation, *map(point, operands))
    assert holds(result, EXACT[operation](*map(mpmath.mpf, operands)))


TINY_ENDS = st.sampled_from([0.0, 5e-324, -5e-324, 3e-323, -1e-310, 1e-200, -1e-200, 1e-162, 0.3])
tiny_boxes = st.tuples(TINY_ENDS, TINY_ENDS).map(sorted).map(lambda ends: Interval(*ends))


@settings(max_examples=300)
@given(st.lists(tiny_boxes | st.sampled_from([point(0.5), point(1e300)]), min_size=2, max_size=4))
def test_a_product_loses_no_number_too_small_for_a_float(factors: list[Interval]) -> None:
    result = extended(ops.mul, *factors)
    for numbers in itertools.product(*((factor.low, factor.high) for factor in factors)):
        assert holds(result, mpmath.fprod(numbers))


@given(tiny_boxes, st.integers(1, 5))
def test_a_power_loses_no_number_too_small_for_a_float(base: Interval, n: int) -> None:
    result = extended(ops.pow, base, point(float(n)))
    for number in (base.low, base.high):
        assert holds(result, mpmath.mpf(number) ** n)


@given(tiny_boxes, tiny_boxes)
def test_a_quotient_loses_no_number_too_small_for_a_float(top: Interval, bottom: Interval) -> None:
    result = extended(ops.div, top, bottom)
    for x, y in itertools.product((top.low, top.high), (bottom.low, bottom.high)):
        assert not y or holds(result, mpmath.mpf(x) / y)


any_ends = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, -0.0, 1e308])
any_boxes = st.tuples(any_ends, any_ends).map(sorted).map(lambda ends: Interval(*ends))
half_lines = st.builds(Interval, any_ends, st.just(math.inf)) | st.builds(
    Interval, st.just(-math.inf), any_ends | st.just(math.inf)
)


@pytest.mark.parametrize("operation", EXTENSIONS, ids=lambda operation: operation.name)
@given(data=st.data())
def test_no_end_is_ever_nan(operation: Operation, data: st.DataObject) -> None:
    count = 2 if operation in (ops.add, ops.mul, ops.div, ops.pow, *CHOICES) else 1
    result = extended(operation, *(data.draw(any_boxes | half_lines) for _ in range(count)))
    assert not math.isnan(result.low)
    assert not math.isnan(result.high)
    assert result.low <= result.high


# --- What an interval is asked --------------------------------------------------------------------


def test_a_point_is_one_number_the_floats_own_error_aside() -> None:
    assert point(0.3).is_point
    assert Interval(0.3, 0.3 + 1e-14).is_point
    assert point(0.0).is_point
    assert not Interval(0.3, 0.3001).is_point
    assert not Interval(-1.0, 1.0).is_point


@pytest.mark.parametrize(
    "interval", [EVERYTHING, Interval(0.0, math.inf), Interval(-math.inf, 3.0)]
)
def test_what_has_no_end_is_no_point(interval: Interval) -> None:
    assert not interval.is_point
    assert interval.short_decimal is None


@pytest.mark.parametrize(
    ("interval", "number"),
    [
        (point(1.71), 1.71),
        (point(0.0), 0.0),
        (Interval(1.71 - 1e-13, 1.71 + 1e-13), 1.71),
        (point(1 / 3), None),
        (Interval(1.7, 1.72), None),
        (Interval(-1e-3, 1e-3), None),
    ],
)
def test_the_number_of_few_digits_that_it_stands_for(
    interval: Interval, number: float | None
) -> None:
    assert interval.short_decimal == number


@given(boxes(), boxes())
def test_hull_intersection_and_overlaps(
    first: tuple[Interval, float], second: tuple[Interval, float]
) -> None:
    (x, in_x), (y, in_y) = first, second
    both = x.hull(y)
    assert in_x in both
    assert in_y in both
    assert both == y.hull(x)
    assert {both.low, both.high} <= {x.low, x.high, y.low, y.high}
    assert x.overlaps(y) is y.overlaps(x) is (x.low <= y.high and y.low <= x.high)
    shared = x.intersection(y)
    assert shared.low in x
    assert shared.high in x
    assert (shared.low in y and shared.high in y) or not x.overlaps(y)
    if not x.overlaps(y):
        assert shared in (point(x.low), point(x.high))
        gap = max(x.low - y.high, y.low - x.high)
        assert min(abs(shared.low - y.low), abs(shared.low - y.high)) == pytest.approx(gap)


@given(boxes(), numbers)
def test_the_hull_with_a_number(boxed: tuple[Interval, float], number: float) -> None:
    box, _ = boxed
    assert box.hull(number) == box.hull(point(number))


@given(boxes(), st.floats(0, 5), st.floats(0, 5))
def test_widened_by_one_amount_towards_zero_and_another_away_from_it(
    boxed: tuple[Interval, float], towards: float, away: float
) -> None:
    box, _ = boxed
    wide = box.widened(towards, away)
    assert wide.low == box.low - (towards if box.low > 0 else away)
    assert wide.high == box.high + (towards if box.high < 0 else away)
