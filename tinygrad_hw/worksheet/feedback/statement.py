"""What a sheet asks, as HTML: what is given, the formulas, the update, and how to round."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tinygrad_hw.formatting import (
    FIGURES,
    NOTHING,
    Html,
    element,
    formula,
    join,
    number,
    partial,
    symbol,
)
from tinygrad_hw.worksheet.sheet.model import Sheet
from tinygrad_hw.worksheet.sheet.writer import name_of_rate


def problem(sheet: Sheet) -> Html:
    """Return all that a sheet says before it asks: what a student needs to answer it."""
    taken = enumerate(map(sheet.example, range(1, sheet.steps + 1)), start=1)
    parts = [
        *given(sheet),
        *(element("p", f"Step {k}: ", join(_numbers(x), ", "), ".") for k, x in taken if x),
        formulas(sheet),
        *update_rule(sheet),
        element("p", how_to_round(sheet)),
    ]
    return join(parts, "\n")


def given(sheet: Sheet) -> Iterator[Html]:
    """Yield a paragraph on what is given throughout, and one on the parameters."""
    rate = name_of_rate(sheet)
    apart = {name for example in sheet.examples for name in example} | {rate}
    numbers = {name: x for name, x in sheet.given.items() if name not in apart}
    update = []
    if sheet.rate is not None:
        named = _numbers({rate: sheet.rate}) if rate else [written(sheet.rate)]
        update.append(join(["learning rate ", *named]))
    if sheet.momentum:
        update.append(join(["momentum ", written(sheet.momentum)]))
    for title, parts in [
        ("Given: ", [*_numbers(numbers), *update]),
        ("Parameters: ", _numbers(sheet.parameters)),
    ]:
        if parts:
            yield element("p", title, join(parts, ", "), ".")


def formulas(sheet: Sheet, names: Iterable[str] | None = None) -> Html:
    """Return the formulas of some names as a list, or all."""
    lines = [
        element("li", symbol(name), " = ", formula_of(sheet, name))
        for name in (sheet.sources if names is None else names)
    ]
    return element("ul", *lines, class_="formulas") if lines else NOTHING


def formula_of(sheet: Sheet, name: str) -> Html:
    """Typeset the formula of a value; partials are in that of a defined one."""
    partials = sheet.define[name].partials if name in sheet.define else ()
    return formula(sheet.sources[name], partials)


def update_rule(sheet: Sheet) -> Iterator[Html]:
    """Yield a paragraph on how a parameter is updated, if any is."""
    if sheet.rate is None or not sheet.parameters:
        return
    first, *others = sheet.parameters
    slope = partial(f"d{sheet.loss}/d{first}")
    parts = ["new ", symbol(first), " = ", symbol(first), f" − {written(sheet.rate)} · ", slope]
    if sheet.momentum:
        parts += [" + ", carried(sheet, symbol(first)), " from the second step on"]
    yield element("p", *parts, ", and so for every parameter." if others else ".")


def carried(sheet: Sheet, name: Html) -> Html:
    """Write what momentum adds to a new parameter."""
    return join([written(sheet.momentum), " · (", name, " − ", name, " before)"])


def example(sheet: Sheet, step: int) -> Iterator[Html]:
    """Yield a paragraph on the example that an update takes, if the sheet has examples."""
    if taken := sheet.example(step):
        yield element("p", "Example: ", join(_numbers(taken), ", "), ".")


def how_to_round(sheet: Sheet) -> str:
    """Say how many digits the sheet asks for."""
    kind, count = sheet.rounding or ("figures", FIGURES)
    return f"Work with and give {count} {'significant figures' if kind == 'figures' else kind}."


def _numbers(numbers: dict[str, float]) -> list[Html]:
    # With blanks at which no line is broken.
    return [join([symbol(name), "\u00a0=\u00a0", written(x)]) for name, x in numbers.items()]


def written(x: float) -> Html:
    """Write a given number with all its digits."""
    text = number(x, 15)
    return Html(f"−{text[1:]}" if text[0] == "-" else text)
