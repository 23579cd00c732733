"""Read a sheet from its TOML file.

It may come from anybody: what is wrong with it is one ``SheetError`` of one line that names the
file, the line and the reason.
"""

from __future__ import annotations

import codecs
import re
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

from tinygrad_hw.symbolic.arrays import describe, element_names, expand_formula
from tinygrad_hw.symbolic.expression import (
    Expression,
    ExpressionError,
    read_expression,
)
from tinygrad_hw.worksheet.sheet.answers import read_answers, read_ask
from tinygrad_hw.worksheet.sheet.arrays import flatten, shape_of
from tinygrad_hw.worksheet.sheet.content import Content
from tinygrad_hw.worksheet.sheet.definitions import read_definitions
from tinygrad_hw.worksheet.sheet.messages import abbreviate, printable
from tinygrad_hw.worksheet.sheet.model import Sheet, SheetError

MAX_BYTES = 1_000_000  # bytes of a file; the largest sheet we know has 10,000
MAX_STEPS = 20
MAX_DOTS = 200  # in a line: of a dotted key, each part costs the parser as much as all before it

SECTIONS = {
    "title": str,
    "student": str,
    "given": dict,
    "parameters": dict,
    "forward": dict,
    "define": dict,
    "update": dict,
    "examples": list,
    "ask": dict,
    "rounding": dict,
    "answers": dict,
}
NO_TEXT = {  # how files begin that are called .toml and are none
    b"{\\rtf": "is rich text",
    b"PK\x03\x04": "is a packed file, such as a Word document",
    b"%PDF": "is a PDF",
}
_ENDLESS = re.compile(r"[\d_]{4000}")
_NO_KEY = re.compile(r"\"[^\"]*\"|'[^']*'|(?<![\w.])\d+\.\d+(?![\w.])")  # texts, and numbers


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
    content = None
    try:
        if str(path).startswith("/dev/") or not Path(path).is_fifo():
            with open(path, "rb") as file:
                content = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or error
        raise SheetError(
            f"{where}: {reason}; give the path of a sheet (q1a and q1b are shipped)"
        ) from None
    except ValueError:  # a null character in the name
        raise SheetError(f"{where}: is not a file name") from None
    if content is None:
        raise SheetError(f"{where}: is a pipe, which may never end; give a file")
    return text_of(content, where)


def text_of(content: bytes, where: str) -> str:
    """Return the text of a sheet by its bytes, UTF-8 or PowerShell's UTF-16.

    ``where`` names it in messages.

    Raises
    ------
    SheetError
        If there are too many bytes, or they are no text.
    """
    if len(content) > MAX_BYTES:
        raise SheetError(
            f"{where}: is larger than {MAX_BYTES:,} bytes; a sheet is a small text file"
        )
    for opening, what in NO_TEXT.items():
        if content.startswith(opening):
            raise SheetError(f"{where}: {what}; save the sheet as plain text")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        with suppress(UnicodeDecodeError):  # damaged, it is told what it should be
            return content.decode("utf-16")
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
        if line.count(".") > MAX_DOTS and _NO_KEY.sub("", line).count(".") > MAX_DOTS:
            raise SheetError(
                f"{where}, line {number}: has a key with more than {MAX_DOTS} points in it"
            )
    try:
        content = tomllib.loads(text.replace("\r\n", "\n"))
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else "it is nested too deeply"
        if "int_max_str_digits" in reason:
            long = next(i for i, line in enumerate(text.split("\n"), 1) if _ENDLESS.search(line))
            raise SheetError(f"{where}, line {long}: has a number of thousands of digits") from None
        quotes = "; formulas and answers are in quotes" if "Invalid value" in reason else ""
        raise SheetError(f"{where}: is not TOML: {printable(reason)}{quotes}") from None
    return _Reader(content, text, where).sheet()


class _Reader(Content):
    """A reader of the content of a TOML file."""

    def sheet(self) -> Sheet:
        for name, kind in SECTIONS.items():
            if not isinstance(self.content.get(name, kind()), kind):
                what = {str: "a text in quotes", list: f"sections, [[{name}]]"}.get(
                    kind, f"a section, [{name}]"
                )
                raise self.error(f"{name} should be {what}", "", name)
        if unknown := self.content.keys() - SECTIONS.keys():
            name = min(unknown)
            known = ", ".join(SECTIONS)
            raise self.error(
                f"{abbreviate(name)} is not part of a sheet; known are {known}", "", name
            )
        given = self.numbers("given")
        examples = self.examples(given)
        parameters = self.numbers("parameters")
        if twice := given.keys() & parameters.keys():
            name = min(twice)
            raise self.error(f"{name} is given already; one name, one thing", "parameters", name)
        if twice := self.shapes.keys() & (given.keys() | parameters.keys()):
            name = min(twice)
            raise self.error(
                f"{name} is a number and an array; one name, one thing", "parameters", name
            )
        forward = self.expressions(given, parameters)
        loss, rate, steps, momentum = self.update(given, forward, examples)
        updated = () if rate is None else parameters
        define = read_definitions(self, given, forward)
        asked = forward | define
        answers, *later = read_answers(self, updated, forward, asked, steps)
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
            ask=read_ask(self, updated, forward, asked),
            momentum=momentum,
            examples=tuple(examples),
            define=define,
            shapes=self.shapes,
        )

    def numbers(self, section: str) -> dict[str, float]:
        return self.numbers_of(section, self.content.get(section, {}))

    def examples(self, given: dict[str, float]) -> list[dict[str, float]]:
        """Read the examples; the numbers of the first are added to the given ones."""
        examples: list[dict[str, float]] = []
        for number, section in enumerate(self.content.get("examples", []), start=1):
            if not isinstance(section, dict):
                raise self.error("examples should be sections, [[examples]]", "examples")
            before = dict(self.shapes)
            numbers = self.numbers_of("examples", section)
            names = examples[0] if examples else numbers
            if numbers.keys() != names.keys() or (examples and self.shapes != before):
                raise self.error(
                    f"example {number} has other names than the first: {', '.join(section)}",
                    "examples",
                )
            if twice := given.keys() & numbers.keys():
                name = min(twice)
                raise self.error(f"{name} is given already; one name, one thing", "examples", name)
            examples.append(numbers)
        if examples:
            given |= examples[0]
        return examples

    def numbers_of(self, section: str, content: dict[str, Any]) -> dict[str, float]:
        numbers: dict[str, float] = {}
        for name, given in content.items():
            self.check_name(section, name)
            shape = shape_of(given)
            if shape is None:
                reason = f"{name} should be a number, a list of numbers, or rows of one length"
                raise self.error(reason, section, name)
            if shape:
                self.shapes[name] = shape
            for element, number in zip(element_names(name, shape), flatten(given), strict=True):
                if element in numbers:
                    reason = f"{element} is defined already; one name, one thing"
                    raise self.error(reason, section, name)
                numbers[element] = self.number(section, name, number)
        return numbers

    def expressions(
        self, given: dict[str, float], parameters: dict[str, float]
    ) -> dict[str, Expression]:
        """Read the formulas; pi and e that they use and nobody defines become given numbers."""
        self.names = known = {*given, *parameters}
        sources = self.content.get("forward", {})
        forward: dict[str, Expression] = {}
        for name, source in sources.items():
            self.check_name("forward", name)
            if not isinstance(source, str):
                raise self.error(f"{name} should be a formula in quotes", "forward", name)
            try:
                shape, formulas = expand_formula(source, self.shapes)
                elements = element_names(name, shape)
                expressions = [read_expression(formula) for formula in formulas]
            except ExpressionError as error:
                raise self.error(f"{name} {printable(str(error))}", "forward", name) from None
            for taken in (name, *elements):
                if taken in known or taken in self.shapes:
                    reason = f"{taken} is defined already; one name, one thing"
                    raise self.error(reason, "forward", name)
            for used in dict.fromkeys(used for x in expressions for used in x.names):
                self.define_constants([used], given, sources)
                if used not in known:
                    raise self.error(self.unknown(name, used, sources), "forward", name)
            forward |= zip(elements, expressions, strict=True)
            known.update(elements)
            if shape:
                self.shapes[name] = shape
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
        transpose = "; the transpose of x is x.T" if used == "T" else ""
        return f"{name} uses {abbreviate(used)}, which is nowhere defined{transpose}"

    def update(
        self,
        given: dict[str, float],
        forward: dict[str, Expression],
        examples: list[dict[str, float]],
    ) -> tuple[str, float | None, int, float]:
        section = self.content.get("update")
        if section is None:  # the last value is differentiated, and nothing updated
            section = {"loss": list(self.content["forward"])[-1]}
            if len(examples) > 1:
                reason = "there are several examples and no [update], which takes one at each step"
                raise self.error(reason, "examples")
        elif section.get("rate") is None and isinstance(section.get("loss"), str):
            raise self.error("[update] needs rate, a number or the name of a [given] one", "update")
        self.check_keys("update", section, ("loss", "rate", "steps", "momentum"))
        loss, rate, steps = (
            section.get("loss"),
            section.get("rate"),
            section.get("steps", len(examples)),
        )
        steps = steps if examples or "steps" in section else 1
        if not isinstance(loss, str):
            raise self.error("[update] needs loss, the name of a [forward] value", "update", "loss")
        if loss in self.shapes:
            reason = f"loss is {loss}, which is {describe(self.shapes[loss])}; give one number, "
            reason += f"such as sum({loss})"
            where = ("update", "loss") if "update" in self.content else ("forward", loss)
            raise self.error(reason, *where)
        if loss not in forward:
            raise self.error(
                f"loss is {abbreviate(loss)}, which is not in [forward]", "update", "loss"
            )
        if isinstance(rate, str) and rate not in given:
            raise self.error(
                f"rate is {abbreviate(rate)}, which is not in [given]", "update", "rate"
            )
        if isinstance(rate, str) and examples and rate in examples[0]:
            reason = f"rate is {rate}, which each of the examples has; give one rate in [given]"
            raise self.error(reason, "update", "rate")
        if rate is not None:
            rate = given[rate] if isinstance(rate, str) else self.number("update", "rate", rate)
        if isinstance(steps, bool) or not isinstance(steps, int) or not 0 < steps <= MAX_STEPS:
            reason = f"steps should be a whole number from 1 to {MAX_STEPS}"
            raise self.error(reason, "update", "steps")
        momentum = self.number("update", "momentum", section.get("momentum", 0))
        return loss, rate, steps, momentum

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
