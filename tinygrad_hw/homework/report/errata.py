"""The errata of the homework's worked examples, and the digits that their rounding costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from tinygrad_hw.formatting import (
    FIGURES,
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
    paragraph,
    partial,
    prose,
    rounded_figure,
    row,
    section,
    signed,
    symbol,
    table,
    typeset,
)
from tinygrad_hw.homework.report.side_by_side import write_like
from tinygrad_hw.worksheet import (
    FACTOR,
    FORWARD,
    PARTIAL,
    TABLE,
    UPDATED,
    MarkedNumber,
    Marks,
    read_number,
)


def tally(marks: Marks) -> str:
    """Write in words how many figures got each verdict; a verdict that none got is left out."""
    counts = marks.summary
    in_words = {
        "exact": "exact to the digits written",
        "rounded": "honestly rounded or cut",
        "follows": "right but for a slip before them",
        "wrong": "wrong",
    }
    return listed(
        [f"{counts[verdict]} are {text}" for verdict, text in in_words.items() if counts[verdict]]
    )


def errata(key: str, marks: Marks) -> Html:
    """Build the errata: a table of the wrong figures, then the others, grouped by verdict."""
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
        _wrong_table(key, by_verdict["wrong"], marks.sheet.parameters),
        _following_list(by_verdict["follows"]),
        _folded_list("exact: our value rounds to them", by_verdict["exact"]),
        _folded_list("honestly rounded: the rounding before them explains them", rounded),
        _folded_list("cut off, not rounded, which is honest too", cut),
    )


def _wrong_table(key: str, wrong: list[MarkedNumber], old: Mapping[str, float]) -> Html:
    if not wrong:
        return paragraph("Nothing is wrong.")
    rows = []
    for item in wrong:
        start = old[item.name] if item.part in (UPDATED, TABLE) else None
        exact = figure(write_like(item.printed, item.exact, start))
        place = _place(key, item)
        rows.append(row(place, figure(item.printed), exact, typeset(item.explanation)))
    columns = ["Where", "Printed", "Exact", "What happened"]
    return table(f"What is wrong: {counted(len(wrong), 'figure')}", columns, rows, class_="errata")


def _place(key: str, item: MarkedNumber) -> Html:
    """Write where a figure stands, with a link to it."""
    name = item.of or item.name
    if item.part == FORWARD:
        return symbol(item.name)
    if item.part == TABLE:
        return join([symbol(item.name), " in the ", link(f"{key}-table", "table")])
    if item.part == UPDATED:
        return link(f"{key}-{item.name}", join(["new ", symbol(item.name)]))
    card = link(f"{key}-{name.partition('/d')[2]}", partial(name))
    return join([partial(item.name), " in ", card]) if item.part == FACTOR else card


def _following_list(items: list[MarkedNumber]) -> Html:
    if not items:
        return NOTHING
    return paragraph("Right but for a slip before them: ", join(_each_once(items), "; "), ".")


def _folded_list(description: str, items: list[MarkedNumber]) -> Html:
    if not items:
        return NOTHING
    summary = element("summary", f"{counted(len(items), 'figure')} {description}")
    return element("details", summary, bullets(_each_once(items), class_="figures"))


def _each_once(items: Iterable[MarkedNumber]) -> list[Html]:
    """Write each figure once; a factor with the chains that it stands in."""
    chains: dict[tuple[str, str, str], list[str]] = {}
    for item in items:
        chains.setdefault((item.part, item.name, item.printed), []).append(item.of or "")
    texts = []
    for (part, name, printed), partials in chains.items():
        before = {UPDATED: "new ", TABLE: "in the table "}.get(part, "")
        typeset_name = partial(name) if part in (FACTOR, PARTIAL) else symbol(name)
        after = NOTHING
        if part == FACTOR:
            after = join([" in ", join(map(partial, partials), ", ")])
        texts.append(join([before, typeset_name, " = ", figure(printed), after]))
    return texts


# --- The cost of rounding a1 ----------------------------------------------------------------------

FAR_OFF = 0.05  # as a share of the exact value


@dataclass(frozen=True, slots=True)
class RoundingCost:
    """The error of the partials that comes from rounding a1 before 1 - a1 is taken.

    Attributes
    ----------
    a1, slope, partial
        The numbers that it is shown on, marked: a1, da1/dz1 and dE/dw1.
    digits_lost
        How many digits fewer the partial has than the numbers before it.
    partials_far_off
        The names of the partials that are off by more than ``FAR_OFF``.
    """

    a1: MarkedNumber
    slope: MarkedNumber
    partial: MarkedNumber
    digits_lost: int
    partials_far_off: list[str]

    @property
    def share_left(self) -> float:
        """The share of da1/dz1, and so of dE/dw1, that is left with a rounded a1."""
        rounded = Decimal(self.a1.printed)
        return float(rounded * (1 - rounded)) / self.slope.exact


def cost_of_rounding(marks: Marks) -> RoundingCost | None:
    """Find the cost of rounding a1; None where 1 - a1 is no difference of nearly equal numbers."""
    found = {
        (item.part, item.of, item.name): (item, lost)
        for item, lost in zip(marks.items, marks.digits_lost, strict=True)
    }
    a1, _ = found[FORWARD, None, "a1"]
    slope, _ = found[FACTOR, "dE/dw1", "da1/dz1"]
    gradient, lost = found[PARTIAL, None, "dE/dw1"]
    far_off = [item.name for item in marks.items if item.part == PARTIAL and _is_far_off(item)]
    return RoundingCost(a1, slope, gradient, lost, far_off) if slope.cancellation else None


def _is_far_off(item: MarkedNumber) -> bool:
    return bool(item.exact) and abs(read_number(item.printed).value / item.exact - 1) > FAR_OFF


def rounding_section(key: str, marks: Marks) -> Html:
    """Build the section on the cost of rounding a1, step by step; nothing where it is small."""
    cost = cost_of_rounding(marks)
    if cost is None:
        return NOTHING
    a1, share = cost.a1, cost.share_left
    slope, gradient = cost.slope.exact, cost.partial.exact
    rounded = Decimal(a1.printed)
    complement = 1 - rounded
    rows = [
        row(
            prose(name),
            rounded_figure(exact, figures),
            rounded_figure(with_rounded),
            _percent(with_rounded / exact - 1, signed),
        )
        for name, exact, with_rounded, figures in (
            ("`a1`", a1.exact, float(rounded), 2 * FIGURES),
            ("1 − `a1`", 1 - a1.exact, float(complement), FIGURES),
            ("`da1/dz1` = `a1` · (1 − `a1`)", slope, share * slope, FIGURES),
            ("`dE/dw1`", gradient, share * gradient, FIGURES),
        )
    ]
    columns = ["", "All digits carried", prose(f"`a1 = {a1.printed}` carried"), "Off by"]
    written, left = (len(x.as_tuple().digits) for x in (rounded, complement))
    return section(
        f"{key}-digits",
        3,
        "What rounding a1 costs",
        paragraph(
            prose(
                f"`a1`, the homework’s n1, is so near to 1 that 1 − `a1` keeps {left} of its "
                f"{written} figures. No step from there is wrong, and yet `dE/dw1` falls short by "
            ),
            _percent(1 - share),
            ":",
        ),
        table("", columns, rows, class_="numbers cost"),
        paragraph(
            f"So do all {len(cost.partials_far_off)} partials behind the hidden layer: ",
            join(map(partial, cost.partials_far_off), ", "),
            prose(
                f". To earn {FIGURES} figures of `dE/dw1`, carry {FIGURES + cost.digits_lost} in "
                "every number before it."
            ),
        ),
    )


def errata_summary(key: str, name: str, marks: Marks) -> Html:
    """Write a line on an example: how many figures are wrong, and what rounding costs there."""
    wrong, cost = marks.summary["wrong"], cost_of_rounding(marks)
    finding = f": {counted(wrong, 'figure')} wrong" if wrong else ": nothing but rounding"
    if cost is None:
        return join([link(f"{key}-errata", name), f"{finding}."])
    return join(
        [
            link(f"{key}-errata", name),
            f"{finding}; and {len(cost.partials_far_off)} partials fall short by some ",
            _percent(1 - cost.share_left),
            " since ",
            link(f"{key}-digits", "a1 was rounded"),
            ".",
        ]
    )


def _percent(share: float, write: Callable[[float, int], Html] = rounded_figure) -> Html:
    return join([write(100 * share, 3), NO_BREAK, "%"])
