"""The content of a sheet's file: what reads one entry of it, and says where and why it is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Iterable, Iterator
from typing import Any

from tinygrad_hw.symbolic.arrays import Shape
from tinygrad_hw.symbolic.expression import CONSTANTS, is_name
from tinygrad_hw.worksheet.sheet.messages import abbreviate, position
from tinygrad_hw.worksheet.sheet.model import SheetError

_DERIVATIVE = re.compile(r"d\w{1,100}/d\w{1,100}")


class Content:
    """The content of a TOML file; its text is kept for positions in messages."""

    def __init__(self, content: dict[str, Any], text: str, where: str) -> None:
        self.content = content
        self.lines = text.split("\n")  # as TOML counts them
        self.where = where
        self.names: set[str] = set()  # all that are defined so far
        self.shapes: dict[str, Shape] = {}  # of the names that are vectors or matrices

    def error(self, reason: str, section: str = "", key: str = "") -> SheetError:
        """Return an error that names the position of an entry."""
        return SheetError(f"{position(self.where, self.lines, section, key)}: {reason}")

    def check_keys(self, place: str, section: dict[str, Any], known: tuple[str, ...]) -> None:
        """Check that a section has no other keys than the known ones."""
        if unknown := section.keys() - set(known):
            name = min(unknown)
            raise self.error(
                f"{abbreviate(name)} is not part of [{place}]; known are {', '.join(known)}",
                place,
                name,
            )

    def check_name(self, section: str, name: str) -> None:
        """Check that a key can name a value."""
        if not is_name(name):
            other = f", such as {name}_" if is_name(f"{name}_") else ""
            raise self.error(
                f"{abbreviate(name)} cannot be a name; use letters, digits and _, "
                f"and no word that is a function's or Python's own{other}",
                section,
                name,
            )

    def define_constants(
        self, used: Iterable[str], given: dict[str, float], taken: Container[str]
    ) -> None:
        """Add pi and e to the given numbers where a formula uses them and the sheet has no such."""
        for name in used:
            if name in CONSTANTS and name not in self.names and name not in taken:
                given[name] = CONSTANTS[name]
                self.names.add(name)

    def number(self, section: str, name: str, given: Any) -> float:
        """Return a finite number as a float."""
        if isinstance(given, bool) or not isinstance(given, int | float):
            hint = ", without quotes" if isinstance(given, str) else ""
            raise self.error(f"{name} should be a number{hint}", section, name)
        try:
            number = float(given)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self.error(f"{name} should be a finite number", section, name)
        return number

    def text(self, place: str, name: str, given: Any) -> str:
        """Return an answer, which is a text."""
        if not isinstance(given, str):
            raise self.error(f'{name} should be in quotes, as in "0.50": digits count', place, name)
        return given

    def texts(self, place: str, section: Any, names: Container[str] | None) -> dict[str, str]:
        """Return the answers of a section by name: see ``known``."""
        return {
            name: self.text(place, name, text) for name, text in self.known(place, section, names)
        }

    def known(
        self, place: str, section: Any, names: Container[str] | None
    ) -> Iterator[tuple[str, Any]]:
        """Yield the items of a section by name; None for any derivative dP/dQ as a name."""
        if not isinstance(section, dict):
            raise self.error(f"[{place}] should be a section of names and answers", place)
        for name, item in section.items():
            if not (_DERIVATIVE.fullmatch(name) if names is None else name in names):
                raise self.error(f"{abbreviate(name)} is not asked for in this sheet", place, name)
            yield name, item
