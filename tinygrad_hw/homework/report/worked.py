"""Question 1 in the report: two worked examples, each printed figure with ours beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tinygrad_hw.explain.chain import Chain
from tinygrad_hw.explain.text import number
from tinygrad_hw.homework.report import printed
from tinygrad_hw.homework.report.compare import Comparison, beside, compare
from tinygrad_hw.homework.report.markup import (
    NO_BREAK,
    Html,
    bullets,
    chain,
    claims,
    element,
    figure,
    figure_box,
    formula,
    inline_svg,
    join,
    ours,
    paragraph,
    partial,
    prose,
    row,
    section,
    symbol,
    table,
)
from tinygrad_hw.worksheet.solve import Solution


@dataclass(frozen=True, slots=True)
class Pair:
    """A printed figure, or "" where there is none, and our value.

    ``old`` is the value before the update, for an updated parameter. ``struck`` are figures that
    the writer crossed out: shown, not compared.
    """

    name: str
    printed: str
    ours: float
    old: float | None = None
    struck: tuple[str, ...] = ()

    @property
    def comparison(self) -> Comparison:
        """How the two compare."""
        return compare(self.printed, self.ours, self.old)


def pairs(key: str, solution: Solution) -> list[Pair]:
    """List every printed figure of a worked example, ours beside it."""
    listed = [*_forward_pairs(key, solution)]
    for name in _partials_in_order(solution):
        listed += [*_factor_pairs(key, solution, name), _product(solution, name)]
        listed.append(_update(solution, name))
    return [pair for pair in [*listed, *_table_pairs(solution)] if pair.printed]


NEAR = 0.01


def tally(key: str, solution: Solution) -> str:
    """Count the printed figures that are the same as ours, near ours and further off, in words."""
    comparisons = [pair.comparison for pair in pairs(key, solution)]
    same = sum(c.same is True for c in comparisons)
    near = sum(c.same is False and c.off <= NEAR for c in comparisons)
    return (
        f"{same} are the same to the digits printed, {near} within {number(100 * NEAR)} %, "
        f"{len(comparisons) - same - near} further off"
    )


def worked_example(key: str, letter: str, solution: Solution, drawing: str) -> Html:
    """Build the section of one worked example.

    Parameters
    ----------
    key
        "q1a" or "q1b": its name in anchors and in what was printed.
    letter
        Its letter in headings.
    drawing
        Its graph, as SVG text.
    """
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
        paragraph(_setting(solution)),
        paragraph(
            f"Of {len(pairs(key, solution))} printed figures, {tally(key, solution)}. Those that "
            "are not the same are marked ≠."
        ),
        graph,
        section(f"{key}-forward", 3, "Forward", _forward(key, solution)),
        section(f"{key}-partials", 3, "Thirteen partials", *_partials(key, solution)),
        section(f"{key}-table", 3, "Old and new values", _closing_table(solution)),
        section(
            f"{key}-remarks",
            3,
            "What differs, and what the homework concludes",
            bullets(map(prose, REMARKS[key]), class_="remarks"),
            CLAIMS[key](solution),
        ),
    )


# --- The printed figures --------------------------------------------------------------------------


def _forward_pairs(key: str, solution: Solution) -> Iterator[Pair]:
    written = solution.sheet.answers.forward
    again = printed.WRITTEN_AGAIN.get(key, {})
    for name, value in solution.forward.items():
        yield Pair(name, written.get(name, ""), value)
        if name in again:
            yield Pair(name, again[name], value)


def _partials_in_order(solution: Solution) -> list[str]:
    """Names of the partials: first those that were written down, in that order, then the rest."""
    return list(dict.fromkeys([*solution.sheet.answers.partials, *solution.partials]))


def _factor_pairs(key: str, solution: Solution, name: str) -> Iterator[Pair]:
    answer = solution.sheet.answers.partials.get(name)
    struck = printed.STRUCK_FACTORS.get(key, {})
    for i, path in enumerate(_chain_of(solution, name).paths):
        written = answer.paths[i] if answer and i < len(answer.paths) else {}
        for factor in path:
            crossed_out = struck.get((name, str(factor)))
            yield Pair(
                str(factor),
                written.get(str(factor), ""),
                factor.value,
                struck=(crossed_out,) if crossed_out else (),
            )


def _product(solution: Solution, name: str) -> Pair:
    answer = solution.sheet.answers.partials.get(name)
    value = solution.partials[name]
    return Pair(
        name, (answer.value or "") if answer else "", value, None, answer.struck if answer else ()
    )


def _update(solution: Solution, name: str) -> Pair:
    parameter = name.partition("/d")[2]
    written = solution.sheet.answers.updated.get(parameter, "")
    old = solution.sheet.parameters[parameter]
    return Pair(parameter, written, solution.updated[parameter], old)


def _table_pairs(solution: Solution) -> Iterator[Pair]:
    written = solution.sheet.answers.table
    for name, old in solution.sheet.parameters.items():
        yield Pair(name, written.get(name, ""), solution.updated[name], old)


def _chain_of(solution: Solution, name: str) -> Chain:
    return solution.chains[name.partition("/d")[2]]


# --- How they are shown ---------------------------------------------------------------------------


def _setting(solution: Solution) -> Html:
    sheet = solution.sheet
    given = ", ".join(f"`{name} = {number(value)}`" for name, value in sheet.given.items())
    return prose(
        f"Given {given}. {len(sheet.parameters)} parameters, each moved one step downhill: new = "
        f"old − `{number(sheet.rate)}` × its slope. The old values stand in the closing table."
    )


def _cells(pair: Pair) -> list[Html]:
    """Printed, ours, compared: the three cells of every row."""
    crossed_out = [
        element("del", figure(struck), " ", title="crossed out in the homework")
        for struck in pair.struck
    ]
    return [join([*crossed_out, figure(pair.printed)]), _our_value(pair), verdict(pair.comparison)]


def _our_value(pair: Pair) -> Html:
    return figure(beside(pair.printed, pair.ours, pair.old))


def verdict(comparison: Comparison) -> Html:
    """Say how two figures compare; the sign says it without colour."""
    if comparison.same is None:
        return element("span", comparison.note, class_="none")
    if comparison.same:
        return element("span", "same", class_="same")
    return element("span", f"≠{NO_BREAK}", comparison.note.replace("-", "−"), class_="differs")


def _differs(pair: Pair) -> str | None:
    return "differs" if pair.comparison.same is False else None


def _forward(key: str, solution: Solution) -> Html:
    rows = []
    for pair in _forward_pairs(key, solution):
        source = solution.sheet.forward[pair.name].source
        rows.append(row(symbol(pair.name), formula(source), *_cells(pair), class_=_differs(pair)))
    columns = ["", "Formula", "Homework", "Ours", "Compared"]
    return table("From the inputs to the error", columns, rows, class_="compared formulas")


def _partials(key: str, solution: Solution) -> list[Html]:
    cards = [_card(key, solution, name) for name in _partials_in_order(solution)]
    explained = paragraph(
        "In the homework’s order. Ours are multiplied with all digits; four figures are shown. "
        "Below each chain stand its factors, their product and the updated value."
    )
    return [explained, element("div", *cards, class_="cards")]


def _card(key: str, solution: Solution, name: str) -> Html:
    update = _update(solution, name)
    rows = [
        row(partial(pair.name), *_cells(pair), class_=_differs(pair))
        for pair in _factor_pairs(key, solution, name)
    ]
    product = _product(solution, name)
    for heading, pair in ((partial(name), product), (join(["new ", symbol(update.name)]), update)):
        classes = " ".join(filter(None, ["result", _differs(pair)]))
        rows.append(row(heading, *_cells(pair), class_=classes))
    return element(
        "article",
        element("h4", partial(name), id=f"{key}-{update.name}"),
        chain(_chain_of(solution, name)),
        table("", ["", "Homework", "Ours", "Compared"], rows, class_="compared"),
        class_="card",
        aria_labelledby=f"{key}-{update.name}",
    )


def _closing_table(solution: Solution) -> Html:
    rows = [
        row(symbol(pair.name), ours(pair.old or 0.0), *_cells(pair), class_=_differs(pair))
        for pair in _table_pairs(solution)
    ]
    columns = ["", "Old", "Homework, new", "Ours, new", "Compared"]
    return table(
        "Every parameter after one step, as copied out at the end", columns, rows, class_="compared"
    )


# --- What it concludes ----------------------------------------------------------------------------


def _claims_a(solution: Solution) -> Html:
    old, new = solution.sheet.parameters, solution.updated
    steps = {name: abs(new[name] - old[name]) for name in new}
    largest, smallest = max(steps, key=lambda n: steps[n]), min(steps, key=lambda n: steps[n])
    gain = solution.sheet.rate * sum(slope**2 for slope in solution.partials.values())
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
    def zero(*names: str) -> str:
        values = (f"`dE/d{name} = {number(solution.partials[f'dE/d{name}'])}`" for name in names)
        return ", ".join(values)

    return claims(
        [
            (
                "As `x1 = 0`, there is no learning for `w1`, `w3` and `w5`.",
                f"Yes, exactly: {zero('w1', 'w3', 'w5')}.",
            ),
            (
                "As `w9 = 0`, nothing comes from `w5` and `w6`, and they do not change.",
                f"Yes: {zero('w5', 'w6')}. But `w9` itself becomes "
                f"`{number(solution.updated['w9'])}`, so that `w6` learns from the next step on.",
            ),
            ("The same for `b3`.", f"Yes: {zero('b3')}, in this step."),
            (
                "Weights are to change only when the whole backward pass is done; here they are "
                "changed beside each partial for ease.",
                "No difference here: every partial, theirs and ours, is taken at the old values.",
            ),
        ]
    )


CLAIMS = {"q1a": _claims_a, "q1b": _claims_b}

REMARKS = {
    "q1a": [
        "`da1/dz1` and its two equals are some 10.5 % short, and with them all nine partials "
        "behind the hidden layer. No step is wrong in itself: but 1 − 0.9997 keeps a single digit "
        "of 1 − `a1` = `3.354e-04`, the rest having been rounded away before.",
        "`da4/dz4` is written `0.17679` in the last four chains, ten times too large; their "
        "products fit `0.017679`. In the last of them `da3/dz3` has lost its decimal point too.",
        "`dE/dw4` has two digits the other way round: `-9.5345e-8` where its equals have "
        "`-9.5435e-8`.",
        "The new `b4` is written out with the crossed-out slope, and its result has the digits of "
        "the other one, one place too far to the left: a step ten times too large. The closing "
        "table has the value of `w7` in its place.",
        "Beside their partials, the new `b1` has one zero too many and the new `w4` does not move "
        "at all. The closing table puts both right, but gives `w1` a zero too many, and `b3` a 5 "
        "where a 1 was worked out.",
    ],
    "q1b": [
        "Nearly all of the 0.1 % between the homework’s partials and ours comes from "
        "`a1 = 0.0522`, which has three figures.",
        "`dE/dw2` and `dE/dw4` are equal but for their sign; one was rounded to three figures, the "
        "other to four.",
        "The new `b2` is `0.099413` where it is worked out, and `0.099414` below that and in the "
        "table. The second is right.",
    ],
}
"""What stands out where the figures differ. Each is held to the numbers by a test."""
