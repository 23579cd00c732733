"""Read what a sheet asks for, and the answers that were written on it."""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Mapping
from typing import Any

from tinygrad_hw.worksheet.sheet.arrays import scalar_names, with_scalar_names
from tinygrad_hw.worksheet.sheet.content import Content
from tinygrad_hw.worksheet.sheet.messages import abbreviate, printable
from tinygrad_hw.worksheet.sheet.model import Answers, Ask, PartialAnswer
from tinygrad_hw.worksheet.sheet.parts import ASK_KEYS

STEP_SECTIONS = ("forward", "partials", "updated")
MOST_POINTS = 1000
MOST_ASKED = 5_000  # numbers of one part of a sheet, or with points of their own
_STEP = re.compile(r"step\d+")
_FACTOR = re.compile(r"d(\w{1,100})/d(\w{1,100})")


class _Partials:
    """The names dP/dQ of all partials of a sheet: P is computed, Q another name."""

    def __init__(self, tops: Container[str], bottoms: Container[str]) -> None:
        self.tops, self.bottoms = tops, bottoms

    def __contains__(self, name: object) -> bool:
        """Return whether a name is one of a partial."""
        found = _FACTOR.fullmatch(str(name))
        return bool(
            found and found[1] != found[2] and found[1] in self.tops and found[2] in self.bottoms
        )


def read_answers(
    content: Content,
    parameters: Collection[str],
    forward: Collection[str],
    asked: Collection[str],
    steps: int,
) -> list[Answers]:
    """Read the answers to each step; the closing table stands with the first."""
    section = content.content.get("answers", {})
    later = [f"step{k}" for k in range(2, steps + 1)]
    for name in section:
        if _STEP.fullmatch(name) and name not in later:
            reason = f"{abbreviate(name)} is not asked for: [update] has steps = {steps}"
            raise content.error(reason, "answers", name)
    content.check_keys("answers", section, (*STEP_SECTIONS, "table", "revealed", *later))
    if content.shapes:
        section = with_scalar_names(content, "answers", section)
    partials = _Partials(forward, content.names)
    return [_step(content, "answers", section, asked, partials, parameters)] + [
        _step(content, f"answers.{name}", section.get(name, {}), asked, partials, parameters)
        for name in later
    ]


def _step(
    content: Content,
    place: str,
    section: Any,
    forward: Collection[str],
    partials: Container[str],
    parameters: Collection[str],
) -> Answers:
    if not isinstance(section, dict):
        reason = f"{place} should be sections, such as [{place}.forward]"
        raise content.error(reason, *place.rsplit(".", 1))
    if place != "answers":
        content.check_keys(place, section, STEP_SECTIONS)
    written = content.known(f"{place}.partials", section.get("partials", {}), partials)
    return Answers(
        forward=content.texts(f"{place}.forward", section.get("forward", {}), forward),
        partials={name: _partial(content, place, name, item) for name, item in written},
        updated=content.texts(f"{place}.updated", section.get("updated", {}), parameters),
        table=content.texts(f"{place}.table", section.get("table", {}), parameters),
        revealed=_revealed(content, section.get("revealed", [])),
    )


def _revealed(content: Content, names: Any) -> tuple[str, ...]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise content.error("revealed should be a list of names in quotes", "answers", "revealed")
    return tuple(map(printable, names))


def _partial(content: Content, place: str, name: str, written: Any) -> PartialAnswer:
    place = f'{place}.partials."{name}"'
    if not isinstance(written, dict):
        raise content.error(f"{name} should be a section with factors and value", place)
    content.check_keys(place, written, ("factors", "paths", "value", "struck"))
    if "factors" in written and "paths" in written:
        raise content.error(f"{name} has both factors and paths; one path needs no paths", place)
    paths = written.get("paths", [written["factors"]] if "factors" in written else [])
    struck = written.get("struck", [])
    for what, items in (("paths", paths), ("struck", struck)):
        if not isinstance(items, list):
            raise content.error(f"{what} of {name} should be a list, in [ ]", place, what)
    return PartialAnswer(
        paths=tuple(content.texts(place, path, None) for path in paths),
        value=content.text(place, "value", written["value"]) if "value" in written else None,
        struck=tuple(content.text(place, "struck", item) for item in struck),
    )


def read_ask(
    content: Content,
    parameters: Collection[str],
    forward: Collection[str],
    asked_forward: Collection[str],
) -> Ask | None:
    """Read what is asked for and what it is worth; None where the sheet does not say."""
    if "ask" not in content.content:
        return None
    section = content.content["ask"]
    content.check_keys("ask", section, (*ASK_KEYS, "points"))
    known: Mapping[str, Container[str] | None] = {
        "forward": asked_forward,
        "factors": None,
        "partials": _Partials(forward, content.names),
        "updated": parameters,
        "table": parameters,
    }
    whole = not section.keys() & set(ASK_KEYS)
    asked = {key: _asked(content, key, section.get(key, whole), known[key]) for key in ASK_KEYS}
    return Ask(**asked, points=_points(content, section.get("points", {}), known))


def _asked(
    content: Content, key: str, asked: Any, known: Container[str] | None
) -> bool | tuple[str, ...]:
    if isinstance(asked, bool):
        return asked
    if not isinstance(asked, list) or not all(isinstance(name, str) for name in asked):
        reason = f"{key} should be true, false or a list of names in quotes"
        raise content.error(reason, "ask", key)
    names: dict[str, None] = {}
    for text in dict.fromkeys(asked):
        for name in scalar_names(text, content.shapes):
            if not (_FACTOR.fullmatch(name) if known is None else name in known):
                reason = f"{key} has {abbreviate(name)}, which this sheet cannot ask for"
                raise content.error(reason, "ask", key)
            names[name] = None
        if len(names) > MOST_ASKED:
            reason = f"{key} asks for more than {MOST_ASKED:,} numbers"
            raise content.error(reason, "ask", key)
    return tuple(names) or False


def _points(
    content: Content, section: Any, known: Mapping[str, Container[str] | None]
) -> dict[str, float]:
    if not isinstance(section, dict):
        raise content.error("points should be a section, [ask.points]", "ask", "points")
    points = {}
    for text, given in section.items():
        worth = content.number("ask.points", text, given)
        if not 0 <= worth <= MOST_POINTS:
            reason = f"{text} should be worth 0 to {MOST_POINTS} points"
            raise content.error(reason, "ask.points", text)
        for name in scalar_names(text, content.shapes):
            is_known = any(name in names for names in known.values() if names is not None)
            if not (is_known or name in ASK_KEYS or _FACTOR.fullmatch(name)):
                reason = f"{abbreviate(name)} has no points; give some to {', '.join(ASK_KEYS)} or "
                raise content.error(reason + "to a name that is asked for", "ask.points", text)
            points[name] = worth
        if len(points) > MOST_ASKED:
            reason = f"more than {MOST_ASKED:,} numbers have points of their own"
            raise content.error(reason, "ask.points", text)
    return points
