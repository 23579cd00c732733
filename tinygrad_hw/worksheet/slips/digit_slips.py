"""Slips of the digits: each function yields the numbers that a written one may stand for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tinygrad_hw.worksheet.rounding.written_number import WrittenNumber


def change_sign(written: WrittenNumber) -> Iterator[WrittenNumber]:
    """Yield the number with the other sign."""
    yield replace(written, negative=not written.negative)


def move_point(written: WrittenNumber) -> Iterator[WrittenNumber]:
    """Yield the number with its point up to three places away, or its exponent's sign changed."""
    for places in (1, -1, 2, -2, 3, -3):
        yield replace(written, place=written.place + places)
    exponent = written.place + len(str(written.digits)) - 1
    if abs(exponent) > 1:
        yield replace(written, place=written.place - 2 * exponent)


def change_zeros(written: WrittenNumber) -> Iterator[WrittenNumber]:
    """Yield the number with a zero inside its digits left out or put in."""
    text = str(written.digits)
    for i in range(1, len(text)):
        if text[i] == "0" and text[i:].strip("0"):
            yield replace(written, digits=int(text[:i] + text[i + 1 :]), place=written.place + 1)
        if len(text) < 16:
            yield replace(written, digits=int(text[:i] + "0" + text[i:]), place=written.place - 1)


def transpose_digits(written: WrittenNumber) -> Iterator[WrittenNumber]:
    """Yield the number with two neighboring digits transposed, leading zeros included."""
    text = str(written.digits).zfill(max(len(str(written.digits)), 1 - written.place))
    for i in range(len(text) - 1):
        if text[i] != text[i + 1]:
            transposed = text[:i] + text[i + 1] + text[i] + text[i + 2 :]
            yield replace(written, digits=int(transposed))


def change_digit(written: WrittenNumber) -> Iterator[WrittenNumber]:
    """Yield the number with one digit changed to any other."""
    text = str(written.digits)
    for i, old in enumerate(text):
        for new in "0123456789":
            if new != old:
                yield replace(written, digits=int(text[:i] + new + text[i + 1 :]))
