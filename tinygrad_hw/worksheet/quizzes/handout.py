"""A sheet to print and hand out: what is given and blank lines for the answers, no solution."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from string import Template

from tinygrad_hw.formatting import (
    NOTHING,
    Html,
    element,
    escaped,
    join,
    partial,
    row,
    symbol,
    table,
)
from tinygrad_hw.worksheet.feedback.statement import (
    carried,
    example,
    formulas,
    given,
    how_to_round,
    written,
)
from tinygrad_hw.worksheet.sheet.model import Answers, PartialAnswer, Sheet
from tinygrad_hw.worksheet.solution.blanks import blanks
from tinygrad_hw.worksheet.solution.dependencies import LEFT_OUT, with_gaps

# What the keys of [ask] are called.
KINDS = {
    "forward": "value",
    "factors": "factor",
    "partials": "partial derivative",
    "updated": "update",
    "table": "number at the end",
}
_BLANK = element("span", class_="blank")
_BREAK = element("span", class_="break")


def handout_page(sheets: Iterable[Sheet]) -> str:
    """Return sheets as one HTML page to print, each on paper of its own.

    Parameters
    ----------
    sheets
        The sheets. Their answers are left out; what their ``[ask]`` asks for has a blank line.

    Raises
    ------
    SheetError
        If a sheet cannot be solved, so that it is not known what it can ask for.
    """
    asked = [blanks(sheet) for sheet in sheets]
    folder = files(__package__).joinpath("templates")
    return Template(folder.joinpath("handout.html").read_text("utf-8")).substitute(
        title=escaped(asked[0].title or "A sheet") if asked else "",
        style=folder.joinpath("handout.css").read_text("utf-8"),
        sheets=join([element("article", *_sheet(sheet)) for sheet in asked], "\n"),
    )


def _sheet(sheet: Sheet) -> Iterator[Html]:
    date = element("span", class_="blank date")
    name = element("p", "Name ", _BLANK, " Date ", date, class_="name")
    yield element("header", element("h1", sheet.title or "A sheet"), name)
    yield element("section", *_content(sheet))


def _content(sheet: Sheet) -> Iterator[Html]:
    yield from given(sheet)
    yield formulas(sheet)
    yield element("p", how_to_round(sheet))
    if sheet.ask and sheet.ask.points:
        yield element(
            "p", "Points: ", join(_worth(sheet.ask.points), ", "), ", any other number 1."
        )
    for step, answers in enumerate(sheet.answers_by_step, start=1):
        if sheet.steps > 1:
            yield element("h2", f"Update {step} of {sheet.steps}")
        yield from example(sheet, step)
        yield from _step(sheet, step, answers)
    if sheet.answers.table:
        yield element("h2", "The new parameters at the end")
        yield _values(sheet.answers.table)


def _worth(points: Mapping[str, float]) -> Iterator[Html]:
    """Yield what is worth how many points; a sheet may say that by kind, or for one number."""
    for name, worth in points.items():
        if name in KINDS:
            what = Html(f"each {KINDS[name]}")
        else:
            what = partial(name) if "/" in name else symbol(name)
        yield join([what, f" {worth:g}"])


def _step(sheet: Sheet, step: int, answers: Answers) -> Iterator[Html]:
    if answers.forward:
        yield element("h2", "Values")
        yield _values(answers.forward)
    if answers.partials:
        yield element("h2", "Partial derivatives")
        yield from (_chain(name, answer) for name, answer in answers.partials.items())
    if answers.updated:
        yield element("h2", "Updates")
        rows = [
            row(join(["new ", symbol(name)]), _update(sheet, step, name), _BLANK)
            for name in answers.updated
        ]
        yield table("", NOTHING, rows)


def _update(sheet: Sheet, step: int, name: str) -> Html:
    """Write the rule for a new parameter, up to its result."""
    slope = [written(sheet.rate or 0.0), " · ", partial(f"d{sheet.loss}/d{name}")]
    more = [" + ", carried(sheet, symbol(name))] if sheet.momentum and step > 1 else []
    return join(["= ", symbol(name), " − ", *slope, *more, " ="])


def _values(names: Iterable[str]) -> Html:
    lines = [element("li", symbol(name), " = ", _BLANK) for name in names]
    return element("ul", *lines, class_="values")


def _chain(name: str, answer: PartialAnswer) -> Html:
    """Build a chain: each factor over its blank, and the result."""
    terms = [join([partial(name), " ="])]
    for i, path in enumerate(answer.paths):
        if i:
            terms += [_BREAK, Html("+")]
        factors = [
            Html(f) if f == LEFT_OUT else element("span", partial(f), _BLANK, class_="factor")
            for f in with_gaps(path, name)
        ]
        terms.append(join(factors, " · "))
    if answer.value is not None:
        terms += [Html("="), _BLANK] if answer.paths else [_BLANK]
    return element("div", *terms, class_="chain")
