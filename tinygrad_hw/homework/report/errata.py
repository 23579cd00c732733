"""What is wrong in the homework's worked examples, and what is only rounded, by their marks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from tinygrad_hw.formatting.html import (
    NO_BREAK,
    NOTHING,
    Html,
    bullets,
    counted,
    element,
    figure,
    join,
    link,
    listed,
    ours,
    paragraph,
    partial,
    prose,
    row,
    section,
    signed,
    symbol,
    table,
    typeset,
)
from tinygrad_hw.formatting.numbers import FIGURES
from tinygrad_hw.homework.report.side_by_side import beside
from tinygrad_hw.worksheet.marking.mark_sheet import Marks
from tinygrad_hw.worksheet.marking.marked_number import MarkedNumber
from tinygrad_hw.worksheet.rounding.written_number import read_number
from tinygrad_hw.worksheet.sheet.parts import FACTOR, FORWARD, PARTIAL, TABLE, UPDATED


def tally(marks: Marks) -> str:
    """Count the figures by their marks, in words; verdicts that no figure got are left out."""
    counts = marks.summary
    said = {
        "exact": "exact to the digits written",
        "rounded": "honestly rounded or cut",
        "follows": "right but for a slip before them",
        "wrong": "wrong",
    }
    return listed(
        [f"{counts[verdict]} are {text}" for verdict, text in said.items() if counts[verdict]]
    )


def errata(key: str, marks: Marks) -> Html:
    """Build the list of errata: what is wrong and why, what follows from it, and all the rest."""
    by_verdict = {
        verdict: [item for item in marks.items if item.verdict == verdict]
        for verdict in ("exact", "rounded", "follows", "wrong")
    }
    cut = [item for item in by_verdict["rounded"] if item.note == "truncated"]
    rounded = [item for item in by_verdict["rounded"] if item.note != "truncated"]
    return section(
        f"{key}-errata",
        3,
        "Errata",
        _wrong(key, by_verdict["wrong"], marks.sheet.parameters),
        _follows(by_verdict["follows"]),
        _folded("exact: our value rounds to them", by_verdict["exact"]),
        _folded("honestly rounded: the rounding before them explains them", rounded),
        _folded("cut off, not rounded, which is honest too", cut),
    )


def _wrong(key: str, wrong: list[MarkedNumber], old: Mapping[str, float]) -> Html:
    if not wrong:
        return paragraph("Nothing is wrong.")
    rows = []
    for item in wrong:
        start = old[item.name] if item.part in (UPDATED, TABLE) else None
        exact = figure(beside(item.printed, item.exact, start))
        rows.append(row(_where(key, item), figure(item.printed), exact, typeset(item.explanation)))
    columns = ["Where", "Printed", "Exact", "What happened"]
    return table(f"What is wrong: {counted(len(wrong), 'figure')}", columns, rows, class_="errata")


def _where(key: str, item: MarkedNumber) -> Html:
    of = item.of or item.name
    if item.part == FORWARD:
        return symbol(item.name)
    if item.part == TABLE:
        return join([symbol(item.name), " in the ", link(f"{key}-table", "table")])
    if item.part == UPDATED:
        return link(f"{key}-{item.name}", join(["new ", symbol(item.name)]))
    card = link(f"{key}-{of.partition('/d')[2]}", partial(of))
    return join([partial(item.name), " in ", card]) if item.part == FACTOR else card


def _follows(follows: list[MarkedNumber]) -> Html:
    if not follows:
        return NOTHING
    return paragraph("Right but for a slip before them: ", join(_alike(follows), "; "), ".")


def _folded(said: str, items: list[MarkedNumber]) -> Html:
    if not items:
        return NOTHING
    summary = element("summary", f"{counted(len(items), 'figure')} {said}")
    return element("details", summary, bullets(_alike(items), class_="figures"))


def _alike(items: Iterable[MarkedNumber]) -> list[Html]:
    """Show each figure once, with the chains that it stands in, where it is a factor."""
    chains: dict[tuple[str, str, str], list[str]] = {}
    for item in items:
        chains.setdefault((item.part, item.name, item.printed), []).append(item.of or "")
    shown = []
    for (part, name, printed), partials in chains.items():
        before = {UPDATED: "new ", TABLE: "in the table "}.get(part, "")
        written = partial(name) if part in (FACTOR, PARTIAL) else symbol(name)
        after = NOTHING
        if part == FACTOR:
            after = join([" in ", join(map(partial, partials), ", ")])
        shown.append(join([before, written, " = ", figure(printed), after]))
    return shown


# --- Where the digits went ------------------------------------------------------------------------

FAR = 0.05  # as a share of the exact value


@dataclass(frozen=True, slots=True)
class Cost:
    """What becomes of dE/dw1 where a1 was rounded before 1 - a1 was taken.

    ``lost`` is how many digits fewer the slope has than the numbers that are carried up to it.
    """

    a: MarkedNumber
    flat: MarkedNumber
    slope: MarkedNumber
    lost: int
    short: list[str]

    @property
    def share(self) -> float:
        """What is left of da1/dz1, and so of dE/dw1."""
        rounded = Decimal(self.a.printed)
        return float(rounded * (1 - rounded)) / self.flat.exact


def cost_of_rounding(marks: Marks) -> Cost | None:
    """Find what rounding a1 costs; None where 1 - a1 is no difference of nearly equal numbers."""
    found = {
        (item.part, item.of, item.name): (item, lost)
        for item, lost in zip(marks.items, marks.digits_lost, strict=True)
    }
    a, _ = found[FORWARD, None, "a1"]
    flat, _ = found[FACTOR, "dE/dw1", "da1/dz1"]
    slope, lost = found[PARTIAL, None, "dE/dw1"]
    short = [item.name for item in marks.items if item.part == PARTIAL and _is_far(item)]
    return Cost(a, flat, slope, lost, short) if flat.cancellation else None


def _is_far(item: MarkedNumber) -> bool:
    return bool(item.exact) and abs(read_number(item.printed).value / item.exact - 1) > FAR


def what_rounding_costs(key: str, marks: Marks) -> Html:
    """Show step by step what rounding a1 costs; nothing where it costs little."""
    cost = cost_of_rounding(marks)
    if cost is None:
        return NOTHING
    a, share = cost.a, cost.share
    rounded = Decimal(a.printed)
    left = 1 - rounded
    rows = [
        row(prose(name), ours(exact, figures), ours(short), _percent(short / exact - 1, signed))
        for name, exact, short, figures in (
            ("`a1`", a.exact, float(rounded), 2 * FIGURES),
            ("1 − `a1`", 1 - a.exact, float(left), FIGURES),
            ("`da1/dz1` = `a1` · (1 − `a1`)", cost.flat.exact, share * cost.flat.exact, FIGURES),
            ("`dE/dw1`", cost.slope.exact, share * cost.slope.exact, FIGURES),
        )
    ]
    columns = ["", "All digits carried", prose(f"`a1 = {a.printed}` carried"), "Off by"]
    written, kept = (len(x.as_tuple().digits) for x in (rounded, left))
    return section(
        f"{key}-digits",
        3,
        "What rounding a1 costs",
        paragraph(
            prose(
                f"`a1`, the homework’s n1, is so near to 1 that 1 − `a1` keeps {kept} of its "
                f"{written} figures. No step from there is wrong, and yet `dE/dw1` falls short by "
            ),
            _percent(1 - share),
            ":",
        ),
        table("", columns, rows, class_="numbers cost"),
        paragraph(
            f"So do all {len(cost.short)} partials behind the hidden layer: ",
            join(map(partial, cost.short), ", "),
            prose(
                f". To earn {FIGURES} figures of `dE/dw1`, carry {FIGURES + cost.lost} in every "
                "number before it."
            ),
        ),
    )


def in_short(key: str, name: str, marks: Marks) -> Html:
    """Say in a line what is wrong with an example, and what rounding costs there."""
    wrong, cost = marks.summary["wrong"], cost_of_rounding(marks)
    said = f": {counted(wrong, 'figure')} wrong" if wrong else ": nothing but rounding"
    if cost is None:
        return join([link(f"{key}-errata", name), f"{said}."])
    return join(
        [
            link(f"{key}-errata", name),
            f"{said}; and {len(cost.short)} partials fall short by some ",
            _percent(1 - cost.share),
            " since ",
            link(f"{key}-digits", "a1 was rounded"),
            ".",
        ]
    )


def _percent(share: float, write: Callable[[float, int], Html] = ours) -> Html:
    return join([write(100 * share, 3), NO_BREAK, "%"])
