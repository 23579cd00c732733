"""Write a sheet down, as the TOML that ``parse_sheet`` reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tinygrad_hw.worksheet.sheet.model import Answers, Ask, PartialAnswer, Sheet
from tinygrad_hw.worksheet.sheet.parts import ASK_KEYS


def sheet_text(sheet: Sheet) -> str:
    """Write a sheet as TOML; ``parse_sheet`` returns an equal one."""
    return "\n".join([*_head(sheet), *_answers(sheet)]).strip("\n") + "\n"


def answers_text(sheet: Sheet) -> str:
    """Write only the sections of answers, as they stand at the end of a sheet."""
    return "\n".join(_answers(sheet)).strip("\n") + "\n"


def quoted(text: str) -> str:
    """Write a text as a string of TOML on one line, with unprintable characters escaped."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _head(sheet: Sheet) -> Iterator[str]:
    yield f"title = {quoted(sheet.title)}"
    yield f"student = {quoted(sheet.student)}"
    changing = sheet.examples[0] if sheet.examples else {}
    given = {name: x for name, x in sheet.given.items() if name not in changing}
    yield from _section("given", {name: _number(x) for name, x in given.items()})
    for example in sheet.examples:
        lines = _section("[examples]", {name: _number(x) for name, x in example.items()})
        yield from lines or ["", "[[examples]]"]
    yield from _section("parameters", {name: _number(x) for name, x in sheet.parameters.items()})
    yield from _section("forward", {name: quoted(e.source) for name, e in sheet.forward.items()})
    yield from _section("define", {name: quoted(d.source) for name, d in sheet.define.items()})
    if sheet.rate is not None:
        update = {"loss": quoted(sheet.loss), "rate": _rate(sheet, sheet.rate)}
        if sheet.later_answers or sheet.examples:
            update["steps"] = str(sheet.steps)
        if sheet.momentum:
            update["momentum"] = _number(sheet.momentum)
        yield from _section("update", update)
    if sheet.ask:
        yield from _asked(sheet.ask)
    if sheet.rounding:
        kind, digits = sheet.rounding
        yield from _section("rounding", {kind: str(digits)})


def _asked(ask: Ask) -> Iterator[str]:
    asked = {key: getattr(ask, key) for key in ASK_KEYS}
    yield from _section("ask", {key: _names(item) for key, item in asked.items() if item})
    if not any(asked.values()):
        yield from ["", "[ask]", "forward = false"]
    yield from _section("ask.points", {name: _number(x) for name, x in ask.points.items()})


def _names(asked: bool | tuple[str, ...]) -> str:
    return "true" if asked is True else f"[{', '.join(map(quoted, asked or ()))}]"


def _rate(sheet: Sheet, rate: float) -> str:
    name = name_of_rate(sheet)
    return quoted(name) if name else _number(rate)


def name_of_rate(sheet: Sheet) -> str:
    """Return the name of the learning rate: of an equal given number that no formula uses.

    A sheet that has been read holds the number, not the name. "" where no given number is it.
    """
    used = {name for expression in sheet.forward.values() for name in expression.names}
    changing = sheet.examples[0] if sheet.examples else {}
    used |= changing.keys()
    return next((n for n, x in sheet.given.items() if x == sheet.rate and n not in used), "")


def _answers(sheet: Sheet) -> Iterator[str]:
    yield from _section("answers", _revealed(sheet.answers))
    yield from _step("answers", sheet.answers)
    for k, answers in enumerate(sheet.later_answers, start=2):
        yield from _step(f"answers.step{k}", answers)
    yield from _section("answers.table", _texts(sheet.answers.table))


def _revealed(answers: Answers) -> dict[str, str]:
    return {"revealed": _names(answers.revealed)} if answers.revealed else {}


def _step(place: str, answers: Answers) -> Iterator[str]:
    yield from _section(f"{place}.forward", _texts(answers.forward))
    for name, answer in answers.partials.items():
        yield from ["", f"[{place}.partials.{_key(name)}]", *_partial(answer)]
    yield from _section(f"{place}.updated", _texts(answers.updated))


def _partial(answer: PartialAnswer) -> Iterator[str]:
    if len(answer.paths) == 1:
        yield f"factors = {_inline(answer.paths[0])}"
    elif answer.paths:
        yield from ["paths = [", *(f"  {_inline(path)}," for path in answer.paths), "]"]
    if answer.value is not None:
        yield f"value = {quoted(answer.value)}"
    if answer.struck:
        yield f"struck = [{', '.join(map(quoted, answer.struck))}]"


def _section(place: str, items: Mapping[str, str]) -> list[str]:
    lines = [f"{_key(name)} = {item}" for name, item in items.items()]
    return ["", f"[{place}]", *lines] if lines else []


def _texts(answers: Mapping[str, str]) -> dict[str, str]:
    return {name: quoted(text) for name, text in answers.items()}


def _inline(path: Mapping[str, str]) -> str:
    factors = [f"{_key(name)} = {quoted(text)}" for name, text in path.items()]
    return f"{{ {', '.join(factors)} }}" if factors else "{}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else quoted(name)


def _number(x: float) -> str:
    return str(int(x)) if x.is_integer() and abs(x) < 1e15 else repr(x)
