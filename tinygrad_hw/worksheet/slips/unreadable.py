"""Answers that are no numbers: they count as missing, and the rest of a sheet is marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tinygrad_hw.formatting import printable
from tinygrad_hw.worksheet.rounding.written_number import read_number
from tinygrad_hw.worksheet.sheet.model import Answers, PartialAnswer, Sheet
from tinygrad_hw.worksheet.sheet.parts import FORWARD, TABLE, UPDATED

SHOWN = 40  # characters of an answer in a message


class Unreadable(str):
    """The text of an answer that is no number; it is empty, as that of a missing one.

    Attributes
    ----------
    printed
        What was written, or the beginning of it.
    reason
        Why it is no number, with its position in the sheet.
    """

    printed: str
    reason: str

    def __new__(cls, printed: str, reason: str) -> Unreadable:
        """Create the empty text."""
        text = super().__new__(cls)
        text.printed, text.reason = printed, reason
        return text


def readable_answers(sheet: Sheet, answers: Answers, number: int) -> Answers:
    """Return the answers to an update with what is no number set aside, as ``Unreadable``."""
    start = "answers" if number == 1 else f"answers.step{number}"
    return Answers(
        _readable(sheet, f"{start}.{FORWARD}", answers.forward),
        {
            name: _readable_partial(sheet, f'{start}.partials."{name}"', name, answer)
            for name, answer in answers.partials.items()
        },
        _readable(sheet, f"{start}.{UPDATED}", answers.updated),
        _readable(sheet, f"answers.{TABLE}", answers.table),
    )


def _readable_partial(
    sheet: Sheet, section: str, name: str, answer: PartialAnswer
) -> PartialAnswer:
    value = answer.value
    if value is not None:
        value = _readable(sheet, section, {name: value}, "value")[name]
    paths = tuple([_readable(sheet, section, path, "factors") for path in answer.paths])
    return replace(answer, paths=paths, value=value)


def _readable(
    sheet: Sheet, section: str, texts: Mapping[str, str], key: str = ""
) -> dict[str, str]:
    found = dict(texts)
    for name, text in texts.items():
        try:
            if text.strip():
                read_number(text)
        except ValueError as error:
            reason = sheet.error(f"{name} = {text[:SHOWN]!r} {error}", section, key or name)
            found[name] = Unreadable(printable(text[:SHOWN]), str(reason))
    return found
