"""Read a sheet from its TOML file.

It may come from anybody: what is wrong with it is one ``SheetError`` of one line that names the
file, the line and the reason.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tinygrad_hw.symbolic.expression import (
    CONSTANTS,
    Expression,
    ExpressionError,
    is_name,
    read_expression,
)
from tinygrad_hw.worksheet.sheet.messages import abbreviate, position, printable
from tinygrad_hw.worksheet.sheet.model import Answers, PartialAnswer, Sheet, SheetError

MAX_BYTES = 1_000_000  # bytes of a file; the largest sheet we know has 10,000
MAX_STEPS = 20
MAX_DOTS = 200  # in a line: of a dotted key, each part costs the parser as much as all before it

SECTIONS = {
    "title": str,
    "student": str,
    "given": dict,
    "parameters": dict,
    "forward": dict,
    "update": dict,
    "rounding": dict,
    "answers": dict,
}
STEP_SECTIONS = ("forward", "partials", "updated")
_STEP = re.compile(r"step\d+")
_ENDLESS = re.compile(r"[\d_]{4000}")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_FACTOR = re.compile(r"d\w{1,100}/d\w{1,100}")


def read_sheet(path: Path | str) -> Sheet:
    """Read a sheet from a file.

    Raises
    ------
    SheetError
        Naming the file, the line where that is known, and the reason.
    """
    return parse_sheet(read_text(path), str(path))


def read_text(path: Path | str) -> str:
    """Read the text of a sheet as it is, line ends and a byte order mark included.

    Raises
    ------
    SheetError
        If there is no such file, or it cannot be the text of a sheet.
    """
    where = printable(str(path))
    try:
        if Path(path).is_fifo() and not str(path).startswith("/dev/"):
            raise SheetError(f"{where}: is a pipe, which may never end; give a file")
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or error
        raise SheetError(
            f"{where}: {reason}; give the path of a sheet (q1a and q1b are shipped)"
        ) from None
    except ValueError:  # a null character in the name
        raise SheetError(f"{where}: is not a file name") from None
    if len(content) > MAX_BYTES:
        raise SheetError(
            f"{where}: is larger than {MAX_BYTES:,} bytes; a sheet is a small text file"
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SheetError(
            f"{where}, line {line}: byte {error.start} is not UTF-8; save the file as UTF-8"
        ) from None


def parse_sheet(text: str, where: str = "sheet") -> Sheet:
    """Read a sheet from its text; ``where`` names it in messages."""
    where = printable(where)
    text = text.removeprefix("\ufeff")  # a byte order mark
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > MAX_DOTS and _QUOTED.sub("", line).count(".") > MAX_DOTS:
            raise SheetError(f"{where}, line {number}: has a key or list with too many points")
    try:
        content = tomllib.loads(text.replace("\r\n", "\n"))
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else "it is nested too deeply"
        if "int_max_str_digits" in reason:
            long = next(i for i, line in enumerate(text.split("\n"), 1) if _ENDLESS.search(line))
            raise SheetError(f"{where}, line {long}: has a number of thousands of digits") from None
        raise SheetError(f"{where}: is not TOML: {printable(reason)}") from None
    return _Reader(content, text, where).sheet()


class _Reader:
    """A reader of the content of a TOML file; its text is kept for positions in messages."""

    def __init__(self, content: dict[str, Any], text: str, where: str) -> None:
        self.content = content
        self.lines = text.split("\n")  # as TOML counts them
        self.where = where

    def sheet(self) -> Sheet:
        for name, kind in SECTIONS.items():
            if not isinstance(self.content.get(name, kind()), kind):
                what = "a text in quotes" if kind is str else f"a section, [{name}]"
                raise self.error(f"{name} should be {what}", "", name)
        if unknown := self.content.keys() - SECTIONS.keys():
            name = min(unknown)
            known = ", ".join(SECTIONS)
            raise self.error(
                f"{abbreviate(name)} is not part of a sheet; known are {known}", "", name
            )
        given = self.numbers("given")
        parameters = self.numbers("parameters")
        if twice := given.keys() & parameters.keys():
            name = min(twice)
            raise self.error(f"{name} is given already; one name, one thing", "parameters", name)
        forward = self.expressions(given, parameters)
        loss, rate, steps = self.update(given, forward)
        answers, *later = self.answers(loss, parameters, forward, steps)
        return Sheet(
            title=printable(self.content.get("title", "")),
            student=printable(self.content.get("student", "")),
            given=given,
            parameters=parameters,
            forward=forward,
            loss=loss,
            rate=rate,
            rounding=self.rounding(),
            answers=answers,
            where=self.where,
            lines=self.lines,
            steps=steps,
            later_answers=tuple(later),
        )

    def numbers(self, section: str) -> dict[str, float]:
        numbers = {}
        for name, given in self.content.get(section, {}).items():
            self.check_name(section, name)
            numbers[name] = self.number(section, name, given)
        return numbers

    def number(self, section: str, name: str, given: Any) -> float:
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

    def check_name(self, section: str, name: str) -> None:
        if not is_name(name):
            raise self.error(
                f"{abbreviate(name)} cannot be a name; use letters, digits and _, "
                "and no word that is a function's or Python's own",
                section,
                name,
            )

    def expressions(
        self, given: dict[str, float], parameters: dict[str, float]
    ) -> dict[str, Expression]:
        """Read the formulas; pi and e that they use and nobody defines become given numbers."""
        known = {*given, *parameters}
        sources = self.content.get("forward", {})
        forward: dict[str, Expression] = {}
        for name, source in sources.items():
            self.check_name("forward", name)
            if name in known:
                raise self.error(f"{name} is defined already; one name, one thing", "forward", name)
            if not isinstance(source, str):
                raise self.error(f"{name} should be a formula in quotes", "forward", name)
            try:
                forward[name] = expression = read_expression(source)
            except ExpressionError as error:
                raise self.error(f"{name} {printable(str(error))}", "forward", name) from None
            for used in expression.names:
                if used in CONSTANTS and used not in known and used not in sources:
                    given[used] = CONSTANTS[used]
                    known.add(used)
                if used not in known:
                    raise self.error(self.unknown(name, used, sources), "forward", name)
            known.add(name)
        if not forward:
            raise self.error("there is no [forward] section with formulas")
        return forward

    def unknown(self, name: str, used: str, sources: dict[str, Any]) -> str:
        if used == name:
            return f"{name} is defined by itself: a loop"
        if used in sources:
            return (
                f"{name} uses {used}, which stands below it; put {used} first, unless it is a loop"
            )
        return f"{name} uses {abbreviate(used)}, which is nowhere defined"

    def update(
        self, given: dict[str, float], forward: dict[str, Expression]
    ) -> tuple[str, float, int]:
        section = self.content.get("update", {})
        self.check_keys("update", section, ("loss", "rate", "steps"))
        loss, rate, steps = section.get("loss"), section.get("rate"), section.get("steps", 1)
        if not isinstance(loss, str):
            raise self.error("[update] needs loss, the name of a [forward] value", "update", "loss")
        if loss not in forward:
            raise self.error(
                f"loss is {abbreviate(loss)}, which is not in [forward]", "update", "loss"
            )
        if rate is None:
            raise self.error("[update] needs rate, a number or the name of a [given] one", "update")
        if isinstance(rate, str) and rate not in given:
            raise self.error(
                f"rate is {abbreviate(rate)}, which is not in [given]", "update", "rate"
            )
        rate = given[rate] if isinstance(rate, str) else self.number("update", "rate", rate)
        if isinstance(steps, bool) or not isinstance(steps, int) or not 0 < steps <= MAX_STEPS:
            reason = f"steps should be a whole number from 1 to {MAX_STEPS}"
            raise self.error(reason, "update", "steps")
        return loss, rate, steps

    def rounding(self) -> tuple[str, int] | None:
        section = self.content.get("rounding", {})
        self.check_keys("rounding", section, ("figures", "decimals"))
        if not section:
            return None
        if len(section) > 1:
            raise self.error("[rounding] asks for figures or for decimals, not both", "rounding")
        ((kind, digits),) = section.items()
        if isinstance(digits, bool) or not isinstance(digits, int) or not 0 < digits <= 17:
            raise self.error(f"{kind} should be a whole number from 1 to 17", "rounding", kind)
        return kind, digits

    # --- Answers ----------------------------------------------------------------------------------

    def answers(
        self,
        loss: str,
        parameters: dict[str, float],
        forward: dict[str, Expression],
        steps: int,
    ) -> list[Answers]:
        """Read the answers to each step; the table stands with the first."""
        section = self.content.get("answers", {})
        later = [f"step{k}" for k in range(2, steps + 1)]
        for name in section:
            if _STEP.fullmatch(name) and name not in later:
                reason = f"{abbreviate(name)} is not asked for: [update] has steps = {steps}"
                raise self.error(reason, "answers", name)
        self.check_keys("answers", section, (*STEP_SECTIONS, "table", *later))
        partials = {f"d{loss}/d{name}" for name in parameters}
        return [self.step("answers", section, forward, partials, parameters)] + [
            self.step(f"answers.{name}", section.get(name, {}), forward, partials, parameters)
            for name in later
        ]

    def step(
        self, place: str, section: Any, forward: Any, partials: set[str], parameters: Any
    ) -> Answers:
        if not isinstance(section, dict):
            reason = f"{place} should be sections, such as [{place}.forward]"
            raise self.error(reason, *place.rsplit(".", 1))
        if place != "answers":
            self.check_keys(place, section, STEP_SECTIONS)
        written = self.known(f"{place}.partials", section.get("partials", {}), partials)
        return Answers(
            forward=self.texts(f"{place}.forward", section.get("forward", {}), forward),
            partials={name: self.partial(place, name, item) for name, item in written},
            updated=self.texts(f"{place}.updated", section.get("updated", {}), parameters),
            table=self.texts(f"{place}.table", section.get("table", {}), parameters),
        )

    def partial(self, place: str, name: str, written: Any) -> PartialAnswer:
        place = f'{place}.partials."{name}"'
        if not isinstance(written, dict):
            raise self.error(f"{name} should be a section with factors and value", place)
        self.check_keys(place, written, ("factors", "paths", "value", "struck"))
        if "factors" in written and "paths" in written:
            raise self.error(f"{name} has both factors and paths; one path needs no paths", place)
        paths = written.get("paths", [written["factors"]] if "factors" in written else [])
        struck = written.get("struck", [])
        for what, items in (("paths", paths), ("struck", struck)):
            if not isinstance(items, list):
                raise self.error(f"{what} of {name} should be a list, in [ ]", place, what)
        return PartialAnswer(
            paths=tuple(self.texts(place, path, None) for path in paths),
            value=self.text(place, "value", written["value"]) if "value" in written else None,
            struck=tuple(self.text(place, "struck", item) for item in struck),
        )

    def texts(self, place: str, section: Any, names: Any) -> dict[str, str]:
        return {
            name: self.text(place, name, text) for name, text in self.known(place, section, names)
        }

    def known(self, place: str, section: Any, names: Any) -> Iterator[tuple[str, Any]]:
        """Yield the items of a section; their names must be known, or factors if names is None."""
        if not isinstance(section, dict):
            raise self.error(f"[{place}] should be a section of names and answers", place)
        is_known: Callable[[str], Any] = _FACTOR.fullmatch if names is None else names.__contains__
        for name, item in section.items():
            if not is_known(name):
                raise self.error(f"{abbreviate(name)} is not asked for in this sheet", place, name)
            yield name, item

    def text(self, place: str, name: str, given: Any) -> str:
        if not isinstance(given, str):
            raise self.error(f'{name} should be in quotes, as in "0.50": digits count', place, name)
        return given

    def check_keys(self, place: str, section: dict[str, Any], known: tuple[str, ...]) -> None:
        if unknown := section.keys() - set(known):
            name = min(unknown)
            raise self.error(
                f"{abbreviate(name)} is not part of [{place}]; known are {', '.join(known)}",
                place,
                name,
            )

    # --- Places -----------------------------------------------------------------------------------

    def error(self, reason: str, section: str = "", key: str = "") -> SheetError:
        return SheetError(f"{position(self.where, self.lines, section, key)}: {reason}")
