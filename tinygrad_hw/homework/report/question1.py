"""Question 1 in the report: two worked examples, each printed figure with its mark and ours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from tinygrad_hw.explain import Chain
from tinygrad_hw.formatting import (
    Html,
    element,
    figure,
    formula,
    join,
    link,
    number,
    paragraph,
    partial,
    prose,
    rounded_figure,
    row,
    section,
    symbol,
    table,
    with_sign,
)
from tinygrad_hw.homework.report import original_figures
from tinygrad_hw.homework.report.errata import errata, rounding_section, tally
from tinygrad_hw.homework.report.page_elements import chain_lines, claims, figure_box, inline_svg
from tinygrad_hw.homework.report.side_by_side import distance, write_like
from tinygrad_hw.worksheet import (
    FACTOR,
    FORWARD,
    PARTIAL,
    TABLE,
    UPDATED,
    MarkedNumber,
    Marks,
    Solution,
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A printed figure and our value.

    Attributes
    ----------
    name
        The name that both are values of.
    printed
        The figure as it was printed; "" where there is none.
    ours
        Our value at full precision.
    mark
        The mark of the figure; None where it is not in the sheet, since it was written twice.
    old
        For an updated parameter, the value before the update.
    struck
        Figures that the writer crossed out: shown, not marked.
    """

    name: str
    printed: str
    ours: float
    mark: MarkedNumber | None
    old: float | None = None
    struck: tuple[str, ...] = ()


@dataclass(frozen=True)
class Example:
    """A worked example, by its key "q1a" or "q1b": its solution and its marks."""

    key: str
    solution: Solution
    marks: Marks

    @cached_property
    def items(self) -> dict[tuple[str, str | None, str], MarkedNumber]:
        """The marked numbers by part, by the partial that a factor stands in, and by name."""
        return {(item.part, item.of, item.name): item for item in self.marks.items}

    def pair(
        self,
        part: str,
        name: str,
        ours: float,
        of: str | None = None,
        old: float | None = None,
        struck: tuple[str, ...] = (),
    ) -> Pair:
        """Pair the figure that was printed for a name with our value."""
        item = self.items.get((part, of, name))
        return Pair(name, item.printed if item else "", ours, item, old, struck)


def pairs(example: Example) -> list[Pair]:
    """List every printed figure of a worked example with our value."""
    found = [*_forward_pairs(example)]
    for name in _partials_in_order(example.solution):
        found += _factor_pairs(example, name)
        found += [_product_pair(example, name), _update_pair(example, name)]
    return [pair for pair in [*found, *_table_pairs(example)] if pair.printed]


def worked_example(example: Example, letter: str, drawing: str) -> Html:
    """Build the section of one worked example.

    Parameters
    ----------
    letter
        Its letter in headings.
    drawing
        Its graph, as SVG text.
    """
    key, solution = example.key, example.solution
    label = f"The graph of {solution.sheet.title}: neurons, weights, values and gradients"
    graph = figure_box(
        element("div", inline_svg(drawing, key, label), class_="scroll graph"),
        "The graph: forward from left to right, gradients back from right to left.",
        class_="wide",
    )
    return section(
        key,
        2,
        f"Question 1 ({letter}): worked by hand",
        paragraph(_task(solution)),
        paragraph(
            f"Of {len(example.marks.items)} printed figures, {tally(example.marks)}: see the ",
            link(f"{key}-errata", "errata"),
            ".",
        ),
        graph,
        paragraph(
            "Step through it, forward and back, or change a weight and see what follows: ",
            element("a", f"question ({letter}) as a page", href=f"pages/{key}.html"),
            ".",
        ),
        section(f"{key}-forward", 3, "Forward", _forward_table(example)),
        section(f"{key}-partials", 3, "Thirteen partials", *_partial_cards(example)),
        section(f"{key}-table", 3, "Old and new values", _closing_table(example)),
        errata(key, example.marks),
        rounding_section(key, example.marks),
        section(f"{key}-claims", 3, "What the homework concludes", CLAIMS[key](solution)),
    )


# --- The printed figures --------------------------------------------------------------------------


def _forward_pairs(example: Example) -> Iterator[Pair]:
    again = original_figures.WRITTEN_AGAIN.get(example.key, {})
    for name, value in example.solution.forward.items():
        yield example.pair(FORWARD, name, value)
        if name in again:
            yield Pair(name, again[name], value, None)


def _partials_in_order(solution: Solution) -> list[str]:
    """Return the partials' names: those that were written down, in that order, then the rest."""
    return list(dict.fromkeys([*solution.sheet.answers.partials, *solution.partials]))


def _factor_pairs(example: Example, name: str) -> Iterator[Pair]:
    struck = original_figures.STRUCK_FACTORS.get(example.key, {})
    for path in _chain_of(example.solution, name).paths:
        for factor in path:
            crossed_out = struck.get((name, str(factor)))
            yield example.pair(
                FACTOR,
                str(factor),
                factor.value,
                of=name,
                struck=(crossed_out,) if crossed_out else (),
            )


def _product_pair(example: Example, name: str) -> Pair:
    answer = example.solution.sheet.answers.partials.get(name)
    value = example.solution.partials[name]
    return example.pair(PARTIAL, name, value, struck=answer.struck if answer else ())


def _update_pair(example: Example, name: str) -> Pair:
    parameter = name.partition("/d")[2]
    old = example.solution.sheet.parameters[parameter]
    return example.pair(UPDATED, parameter, example.solution.updated[parameter], old=old)


def _table_pairs(example: Example) -> Iterator[Pair]:
    for name, old in example.solution.sheet.parameters.items():
        yield example.pair(TABLE, name, example.solution.updated[name], old=old)


def _chain_of(solution: Solution, name: str) -> Chain:
    return solution.chains[name.partition("/d")[2]]


# --- Tables and cards -----------------------------------------------------------------------------


def _task(solution: Solution) -> Html:
    """Write the given numbers and the rule of the update."""
    sheet = solution.sheet
    given = ", ".join(f"`{name} = {number(value)}`" for name, value in sheet.given.items())
    return prose(
        f"Given {given}. {len(sheet.parameters)} parameters, each moved one step downhill: new = "
        f"old − `{number(sheet.rate or 0.0)}` × its slope. "
        "The old values stand in the closing table."
    )


def _cells(pair: Pair) -> list[Html]:
    """Build the three cells of every row: the printed figure, our value, the verdict."""
    crossed_out = [
        element("del", figure(struck), " ", title="crossed out in the homework")
        for struck in pair.struck
    ]
    theirs = join([*crossed_out, figure(pair.printed)])
    return [theirs, figure(write_like(pair.printed, pair.ours, pair.old)), _verdict(pair)]


def _verdict(pair: Pair) -> Html:
    """Write a figure's verdict and its distance from ours; a sign shows the verdict, too."""
    if not pair.printed:
        return element("span", "not written", class_="none")
    off = distance(pair.printed, pair.ours, pair.old).replace("-", "−")
    if pair.mark is None:
        return element("span", ", ".join(filter(None, ["written again", off])), class_="none")
    verdict = pair.mark.verdict
    text = with_sign(verdict) if verdict in ("follows", "wrong") else verdict
    if pair.mark.note == "truncated":
        text = "cut"
    return element("span", ", ".join(filter(None, [text, off])), class_=verdict)


def _forward_table(example: Example) -> Html:
    rows = [
        row(
            symbol(pair.name),
            formula(example.solution.sheet.forward[pair.name].source),
            *_cells(pair),
        )
        for pair in _forward_pairs(example)
    ]
    columns = ["", "Formula", "Homework", "Ours", "Marked"]
    return table("From the inputs to the error", columns, rows, class_="compared formulas")


def _partial_cards(example: Example) -> list[Html]:
    cards = [_card(example, name) for name in _partials_in_order(example.solution)]
    explained = paragraph(
        "In the homework’s order. Ours are multiplied with all digits; four figures are shown. "
        "Below each chain stand its factors, their product and the updated value."
    )
    return [explained, element("div", *cards, class_="cards")]


def _card(example: Example, name: str) -> Html:
    update = _update_pair(example, name)
    rows = [row(partial(pair.name), *_cells(pair)) for pair in _factor_pairs(example, name)]
    product = _product_pair(example, name)
    for heading, pair in ((partial(name), product), (join(["new ", symbol(update.name)]), update)):
        rows.append(row(heading, *_cells(pair), class_="result"))
    anchor = f"{example.key}-{update.name}"
    return element(
        "article",
        element("h4", partial(name), id=anchor),
        chain_lines(_chain_of(example.solution, name)),
        table("", ["", "Homework", "Ours", "Marked"], rows, class_="compared"),
        class_="card",
        aria_labelledby=anchor,
    )


def _closing_table(example: Example) -> Html:
    rows = [
        row(symbol(pair.name), rounded_figure(pair.old or 0.0), *_cells(pair))
        for pair in _table_pairs(example)
    ]
    columns = ["", "Old", "Homework, new", "Ours, new", "Marked"]
    return table(
        "Every parameter after one step, as copied out at the end", columns, rows, class_="compared"
    )


# --- The homework's conclusions -------------------------------------------------------------------


def _claims_a(solution: Solution) -> Html:
    old, new = solution.sheet.parameters, solution.updated
    steps = {name: abs(new[name] - old[name]) for name in new}
    largest, smallest = max(steps, key=lambda n: steps[n]), min(steps, key=lambda n: steps[n])
    gain = (solution.sheet.rate or 0.0) * sum(slope**2 for slope in solution.partials.values())
    share = 100 * gain / solution.forward["E"]
    a1, a4 = solution.forward["a1"], solution.forward["a4"]
    return claims(
        [
            (
                "Parameters that all start equal are hardly changed by an update, so that learning "
                "is extremely slow.",
                f"The largest step is that of `{largest}`, `{number(steps[largest])}`, the "
                f"smallest that of `{smallest}`, `{number(steps[smallest])}`; together they take "
                f"about `{number(share, 2)}` % off `E`. Equal parameters get equal steps, so the "
                "three hidden neurons stay copies of each other. That the steps are so small is "
                f"more the doing of flat sigmoids: at `a1 = {number(a1)}` and `a4 = {number(a4)}` "
                f"their slopes are `{number(a1 * (1 - a1))}` and `{number(a4 * (1 - a4))}`, of at "
                "most `0.25`.",
            )
        ]
    )


def _claims_b(solution: Solution) -> Html:
    def partials(*names: str) -> str:
        values = (f"`dE/d{name} = {number(solution.partials[f'dE/d{name}'])}`" for name in names)
        return ", ".join(values)

    return claims(
        [
            (
                "As `x1 = 0`, there is no learning for `w1`, `w3` and `w5`.",
                f"Yes, exactly: {partials('w1', 'w3', 'w5')}.",
            ),
            (
                "As `w9 = 0`, nothing comes from `w5` and `w6`, and they do not change.",
                f"Yes: {partials('w5', 'w6')}. But `w9` itself becomes "
                f"`{number(solution.updated['w9'])}`, so that `w6` learns from the next step on.",
            ),
            ("The same for `b3`.", f"Yes: {partials('b3')}, in this step."),
            (
                "Weights are to change only when the whole backward pass is done; here they are "
                "changed beside each partial for ease.",
                "No difference here: every partial, theirs and ours, is taken at the old values.",
            ),
        ]
    )


CLAIMS = {"q1a": _claims_a, "q1b": _claims_b}
