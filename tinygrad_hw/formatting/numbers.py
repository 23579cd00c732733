"""Numbers as text: significant figures always, fixed decimals never.

``-3.183e-04`` cut to four decimals would read ``-0.0003``, and a gradient of 6e-07 would read 0.
"""

import math

FIGURES = 4


def number(x: float, figures: int = FIGURES) -> str:
    """Write a number in significant figures, in scientific notation where that is shorter.

    A zero at the end is a figure, and stays, unless the short form is the whole number.

    >>> number(-6.4034e-7), number(0.98199626), number(6.0), number(-0.0)
    ('-6.403e-07', '0.9820', '6', '0')
    """
    x = float(x) + 0.0  # turns -0.0 into 0.0
    short = format(x, f".{figures}g")
    return short if float(short) == x else format(x, f"#.{figures}g").rstrip(".")


def updated_number(old: float, new: float, figures: int = FIGURES) -> str:
    """Write a new value in digits enough to show its *change* in some significant figures.

    A value that has not changed is written with all its digits.

    >>> updated_number(1.0, 1.00000006403438), updated_number(0.123456, 0.123456)
    ('1.00000006403', '0.123456')
    """
    change = abs(new - old)
    if not math.isfinite(change) or float(number(new)) == new:
        return number(new)
    if change == 0:
        return next(text for k in range(figures, 18) if float(text := number(new, k)) == new)
    last = figures - 1 - math.floor(math.log10(change))  # decimal place of the last figure
    if 0 <= last <= 17:
        return f"{new:.{last}f}"
    leading = math.floor(math.log10(abs(new))) if new else 0
    return number(new, min(max(leading + last + 1, figures), 17))


def bracketed(x: float) -> str:
    """Write a number to stand after an operator: a negative one in brackets."""
    text = number(x)
    return f"({text})" if text.startswith("-") else text
