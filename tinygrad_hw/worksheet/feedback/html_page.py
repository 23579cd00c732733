"""The page to hand back: a marked sheet with hints, as one HTML page that needs nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from string import Template

from tinygrad_hw.formatting import (
    FIGURES,
    MEANINGS,
    NOTHING,
    SIGNS,
    Html,
    bullets,
    element,
    escaped,
    figure,
    formula,
    ink_and_paper,
    join,
    number,
    paragraph,
    partial,
    row,
    symbol,
    table,
    typeset,
    updated_number,
)
from tinygrad_hw.worksheet.feedback.statement import (
    example,
    formula_of,
    formulas,
    given,
    how_to_round,
)
from tinygrad_hw.worksheet.feedback.text import (
    ANSWER,
    NUDGE,
    PLACE,
    RESERVATIONS,
    UNKNOWN,
    WRONG_AGAIN,
    nudges,
    shortfalls,
    without_place,
)
from tinygrad_hw.worksheet.marking.mark_sheet import Marks
from tinygrad_hw.worksheet.marking.marked_number import MarkedNumber
from tinygrad_hw.worksheet.rounding.written_number import LONGEST, read_number, round_number
from tinygrad_hw.worksheet.sheet.model import Answers, PartialAnswer
from tinygrad_hw.worksheet.sheet.parts import FACTOR, FORWARD, PARTIAL, TABLE, UPDATED
from tinygrad_hw.worksheet.solution.dependencies import LEFT_OUT, with_gaps

# How every page begins, by which an earlier one is known: see ``files.Output``.
MARKED_PAGE_OPENING = re.compile(
    rb'<!DOCTYPE html>\n<html lang="en">\n<head>\n.*\n<style>\n'
    rb"/\* The report's ink and paper; green, brown and red for the marks",
    re.DOTALL,
)


def marked_page(
    marks: Marks,
    hints: int = ANSWER,
    points: str | None = None,
    changes: Sequence[str] = (),
) -> str:
    """Return a marked sheet as an HTML page; every text in it is escaped.

    Parameters
    ----------
    marks
        The marked sheet.
    hints
        How much is given away: 1, the kinds of slips; 2, also the numbers that are wrong; 3, also
        the explanations and the right numbers.
    points
        The points in words, such as "92 of 104".
    changes
        In words, how the sheet differs from what was handed out.
    """
    sheet = marks.sheet
    folder = files(__package__).joinpath("templates")
    title = sheet.title or "A marked sheet"
    return Template(folder.joinpath("handback.html").read_text("utf-8")).substitute(
        title=escaped(" · ".join(filter(None, [title, sheet.student]))),
        style=folder.joinpath("handback.css").read_text("utf-8") + ink_and_paper(),
        head=join([element("h1", title), *_head(marks, hints, points, changes)], "\n"),
        body=join(_Body(marks, hints).sections(), "\n"),
    )


# --- The head -------------------------------------------------------------------------------------

# Beside a sign, by the note.
_SMALL = {"truncated": "cut", "turned": "sign", "figures": "few figures", "again": "again"}
_BOX = element("span", class_="box", role="img", aria_label="missing", title="missing")


def _sign(verdict: str, note: str = "") -> Html:
    sign: str | Html
    sign, meaning = SIGNS[verdict], MEANINGS[verdict]
    if note in _SMALL:
        sign = join([sign, element("small", f" {_SMALL[note]}")])
        meaning = "right" if note == "truncated" else meaning
        meaning = WRONG_AGAIN if note == "again" else f"{meaning}, {RESERVATIONS[note]}"
    elif verdict == "exact":
        meaning += " to the digits written"
    elif verdict == "rounded":
        sign += "≈"
    return element("span", sign, class_="sign", role="img", aria_label=meaning, title=meaning)


def _head(marks: Marks, hints: int, points: str | None, changes: Sequence[str]) -> Iterator[Html]:
    if marks.sheet.student:
        yield paragraph(marks.sheet.student, class_="student")
    yield element("ul", *_tally(marks, points), class_="tally")
    yield from _legend(marks, hints)
    if revealed := marks.sheet.answers.revealed:
        names = join([partial(name) if "/" in name else symbol(name) for name in revealed], ", ")
        yield paragraph("Revealed on the sheet’s page before it was saved: ", names, ".")
    if changes:
        yield paragraph("Not as it was handed out:")
        yield bullets(changes)
    if hints == NUDGE:
        yield from _nudges(marks)


def _tally(marks: Marks, points: str | None) -> Iterator[Html]:
    counts = marks.summary
    right = counts["exact"] + counts["rounded"]
    yield element("li", _sign("exact"), f"{right} of {len(marks.items)} right", class_="exact")
    for verdict, text in (("follows", "follow from a slip"), ("wrong", "wrong")):
        if counts[verdict]:
            yield element("li", _sign(verdict), f"{counts[verdict]} {text}", class_=verdict)
    if counts["missing"]:
        yield element("li", _BOX, f"{counts['missing']} missing")
    if points:
        yield element("li", f"Points: {points}")


def _legend(marks: Marks, hints: int) -> Iterator[Html]:
    """Explain the signs that occur on the page."""
    if hints == NUDGE:
        return
    occurring = {(item.verdict, item.note) for item in marks.items}
    if ("exact", "figures") in occurring:  # that says it for both
        occurring.discard(("rounded", "figures"))
    meanings = [
        ("exact", "", MEANINGS["exact"]),
        ("rounded", "", MEANINGS["rounded"]),
        ("rounded", "truncated", "right, but cut where it should be rounded"),
        ("follows", "", f"{MEANINGS['follows']}, which is charged there"),
        *(
            (verdict, "figures", f"right, {RESERVATIONS['figures']}")
            for verdict in ("exact", "rounded")
        ),
        ("follows", "turned", f"{MEANINGS['follows']}, {RESERVATIONS['turned']}"),
        ("follows", "figures", f"{MEANINGS['follows']}, {RESERVATIONS['figures']}"),
        ("wrong", "", MEANINGS["wrong"]),
        ("follows", "again", WRONG_AGAIN),
    ]
    parts = [
        element("span", _sign(verdict, note), f" {meaning}", class_=verdict)
        for verdict, note, meaning in meanings
        if (verdict, note) in occurring
    ]
    if "missing" in {verdict for verdict, _ in occurring}:
        parts.append(join([_BOX, " missing"]))
    yield element("p", join(parts, "; "), ".", class_="legend")


def _nudges(marks: Marks) -> Iterator[Html]:
    lines = [f"{nudge} ({n} times)" if n > 1 else nudge for nudge, n in nudges(marks).items()]
    if lines:
        heading = element("h2", "Somewhere on this sheet")
        yield element("section", heading, bullets(lines), class_="nudges")


# --- The sheet, in its own order ------------------------------------------------------------------


class _Body:
    """The body of the page: the sheet, each number with its mark."""

    def __init__(self, marks: Marks, hints: int) -> None:
        self.marks, self.sheet, self.hints = marks, marks.sheet, hints
        self.old_parameters = [step.sheet.parameters for step in marks.solution.steps]
        self.step = 1
        self.items: dict[tuple[int, str, str | None, str], list[MarkedNumber]] = {}
        for item in marks.items:
            self.items.setdefault((item.step, item.part, item.of, item.name), []).append(item)

    def sections(self) -> Iterator[Html]:
        sheet = self.sheet
        yield self.given()
        for self.step, answers in enumerate(sheet.answers_by_step, start=1):
            if sheet.steps > 1:
                yield element("h2", f"Step {self.step} of {sheet.steps}", class_="step")
            if sheet.examples:
                yield element("div", *example(sheet, self.step), class_="given")
            yield from self.answers(answers)
        if sheet.answers.table:
            yield self.values("The closing table", TABLE, sheet.answers.table)
        yield from self.digits()

    def given(self) -> Html:
        """Build what the sheet says before it asks; a formula that is asked for stands below."""
        sheet = self.sheet
        asked = {x for step in sheet.answers_by_step for x in step.forward}
        others = formulas(sheet, [name for name in sheet.sources if name not in asked])
        rounding = [paragraph(how_to_round(sheet))] if sheet.rounding else []
        return element("div", *given(sheet), others, *rounding, class_="given")

    def answers(self, answers: Answers) -> Iterator[Html]:
        if answers.forward:
            yield self.forward(answers.forward)
        if answers.partials:
            partials = [self.partial(name, answer) for name, answer in answers.partials.items()]
            yield self.section("Partials", *partials)
        if answers.updated:
            yield self.values("Updates", UPDATED, answers.updated)

    def section(self, title: str, *content: Html) -> Html:
        return element("section", element("h3" if self.sheet.steps > 1 else "h2", title), *content)

    def next_number(self, part: str, name: str, of: str | None = None) -> MarkedNumber:
        """Return the next marked number of a name; a factor has one in each of its paths."""
        return self.items[self.step, part, of, name].pop(0)

    def forward(self, answers: Mapping[str, str]) -> Html:
        items = [self.next_number(FORWARD, name) for name in self.sheet.sources if name in answers]
        rows = [
            row(
                symbol(item.name),
                element("span", formula_of(self.sheet, item.name), class_="formula"),
                self.number(item),
            )
            for item in items
        ]
        return self.section("Forward", table("", NOTHING, rows), self.notes(items))

    def values(self, title: str, part: str, answers: Iterable[str]) -> Html:
        items = [self.next_number(part, name) for name in answers]
        lines = [element("li", symbol(i.name), " = ", self.number(i)) for i in items]
        return self.section(title, element("ul", *lines, class_="values"), self.notes(items))

    def partial(self, name: str, answer: PartialAnswer) -> Html:
        """Build a chain: the factors of its paths, each under its name, and the result."""
        items: list[MarkedNumber] = []
        terms: list[Html] = []
        for path in answer.paths:
            if terms:
                terms.append(_BREAK)
            for i, factor in enumerate(with_gaps(path, name)):
                operator = "×" if i else "+" if terms else ""
                if factor == LEFT_OUT:
                    terms.append(_term(operator, Html(LEFT_OUT), NOTHING))
                    continue
                item = self.next_number(FACTOR, factor, name)
                items.append(item)
                terms.append(_term(operator, partial(factor), self.number(item)))
        results = [
            element("del", figure(_shortened(text)), title="crossed out") for text in answer.struck
        ]
        if answer.value is not None:
            items.append(self.next_number(PARTIAL, name))
            results.append(self.number(items[-1]))
        if results:
            operator = "=" if terms else ""
            terms += [_BREAK] * (len(answer.paths) > 1)
            terms.append(_term(operator, partial(name), join(results), class_="result"))
        chain = element("div", *terms, class_="chain")
        return element("div", chain, self.notes(items), class_="partial")

    # --- One number ---

    def number(self, item: MarkedNumber) -> Html:
        if item.verdict == "missing":
            right = figure(self.right(item), "answer") if self.hints == ANSWER else NOTHING
            written = element("del", figure(item.printed)) if item.printed else NOTHING
            return join([written, _BOX, right])
        if self.hints == NUDGE:
            return figure(item.printed)
        sign = _sign(item.verdict, item.note)
        return element("span", figure(item.printed), sign, class_=f"marked {item.verdict}")

    def notes(self, items: Iterable[MarkedNumber]) -> Html:
        wrong = [item for item in items if item.verdict == "wrong" or item.note == "unreadable"]
        if self.hints == NUDGE:
            return NOTHING
        return bullets(map(self.note, wrong), class_="notes")

    def note(self, item: MarkedNumber) -> Html:
        if item.note == "unreadable":
            return element("span", without_place(item.explanation, self.marks))
        if self.hints == PLACE:
            return join([_name(item), ": ", item.hint or UNKNOWN])
        right = [_worked_out(item), " = ", figure(self.right(item))]
        exactly = element("span", "With all digits: ", *right, class_="exactly")
        return join([typeset(item.explanation), exactly])

    def right(self, item: MarkedNumber) -> str:
        """Write the exact number; a missing one in as many digits as the sheet asks for."""
        if item.verdict == "missing" and self.sheet.rounding:
            return str(round_number(item.exact, *self.sheet.rounding))
        if item.part in (UPDATED, TABLE):
            return updated_number(self.old_parameters[item.step - 1][item.name], item.exact)
        shown = read_number(item.printed).figures if item.verdict != "missing" else 0
        return number(item.exact, max(FIGURES, shown))

    # --- Digits ---

    def digits(self) -> Iterator[Html]:
        """Build the section on numbers that show more figures than can be trusted.

        There is none beside nudges: a slip could be guessed from the numbers that are not listed.
        """
        reasons: dict[tuple[int, str], list[Html]] = {}
        for short in shortfalls(self.marks) if self.hints > NUDGE else ():
            names = join(dict.fromkeys(map(_name, short.items)), ", ")
            line = join([names, f": {short}."])
            reasons.setdefault((short.step, short.reason), []).append(line)
        if not reasons:
            return
        explained = paragraph(
            "These numbers show more figures than the work before them supports: the last ones say "
            "nothing, even where every step is right."
        )
        parts = []
        for (step, reason), lines in reasons.items():
            where = f"Step {step}: " if self.sheet.steps > 1 else ""
            heading = paragraph(where, typeset(reason), ".", class_="reason")
            parts.append(element("div", heading, bullets(lines)))
        all_parts = element("div", *parts, class_="digits")
        yield element("section", element("h2", "Digits"), explained, all_parts)


_BREAK = element("span", class_="break")


def _term(operator: str, name: Html, value: Html, class_: str = "") -> Html:
    factor = element("span", name, element("span", value), class_=f"factor {class_}".strip())
    before = element("span", operator, class_="operator") if operator else NOTHING
    return element("span", before, factor, class_="term")


def _name(item: MarkedNumber) -> Html:
    if item.part in (FACTOR, PARTIAL):
        return partial(item.name)
    return join(["new " if item.part in (UPDATED, TABLE) else "", symbol(item.name)])


_SLOPE = re.compile(r"(d\w+/d\w+)′*")


def _worked_out(item: MarkedNumber) -> Html:
    """Typeset the formula that a number is worked out by, without primes."""
    parts = _SLOPE.split(item.formula)
    return join(partial(text) if i % 2 else formula(text) for i, text in enumerate(parts))


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
