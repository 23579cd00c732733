"""Digits that can be trusted, where numbers come near the largest float."""

import pytest

from tinygrad_hw.worksheet.marking.trusted_digits import trusted_digits
from tinygrad_hw.worksheet.rounding.admissible import Admissible
from tinygrad_hw.worksheet.rounding.intervals import Interval


@pytest.mark.parametrize(
    ("low", "high", "exact", "digits"),
    [
        (-1.7e308, 1.7e308, 1e300, 0),
        (0.5e308, 1.7e308, 1.2e308, 0),
        (1.2e308, 1.21e308, 1.2e308, 2),
        (1.2e308, 1.2001e308, 1.2e308, 4),
        (1.2e-290, 1.2001e-290, 1.2e-290, 4),
    ],
)
def test_an_error_of_any_size_is_counted(
    low: float, high: float, exact: float, digits: int
) -> None:
    tight = Interval(low, high)
    value = Admissible(tight, tight, tight, tight, (exact,) * 4)
    assert trusted_digits(value, exact) == digits
