"""The report: one HTML page that needs nothing else, the figures, and the numbers as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from string import Template
from typing import Any

from tinygrad_hw.explain import font_face
from tinygrad_hw.formatting import (
    Html,
    bullets,
    count,
    counted,
    element,
    figure,
    ink_and_paper,
    join,
    link,
    listed,
    number,
    paragraph,
    row,
    section,
    table,
    with_sign,
)
from tinygrad_hw.homework.experiments import BINARY, INITIALIZERS, TEN, Outcome
from tinygrad_hw.homework.report import charts, original_figures
from tinygrad_hw.homework.report.errata import errata_summary, tally
from tinygrad_hw.homework.report.question1 import Example, worked_example
from tinygrad_hw.homework.report.questions2_3 import binary, initializers, ten
from tinygrad_hw.homework.report.watching import draw_section, learned, learned_figures
from tinygrad_hw.homework.results import Results, error_count, test_image_count
from tinygrad_hw.nn.metrics import report_of_matrix
from tinygrad_hw.nn.pad import pad_parts
from tinygrad_hw.worksheet import Marks, as_json

TITLE = "The homework, done again"
CONTENTS = {
    "summary": "Summary",
    "q1a": "Question 1 (a)",
    "q1b": "Question 1 (b)",
    "q2": "Question 2: two digits",
    "q2b": "Question 2 B: initializers",
    "q3": "Question 3: ten digits",
    "learned": "What it has learned",
    "draw": "Draw a digit",
}
CONTENT = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; font-src data:; "
    "img-src data:"
)


def report(results: Results, drawn: Mapping[str, str] | None = None) -> str:
    """Return the report as one page of HTML: the homework's figures in their order, ours beside.

    The page refers to nothing outside itself but the pages of the worked examples; every text in it
    is escaped.

    Parameters
    ----------
    results
        The results of the homework.
    drawn
        The drawings by file name, where ``figures(results)`` has been called already.
    """
    drawn = figures(results) if drawn is None else drawn
    pad = pad_parts(results.network(TEN))
    body = [
        _summary(results),
        *(
            worked_example(
                Example(key, results.solutions[key], results.marks[key]),
                letter,
                drawn[f"{key}-graph.svg"],
            )
            for key, letter in (("q1a", "a"), ("q1b", "b"))
        ),
        binary(results, drawn),
        initializers(results, drawn),
        ten(results, drawn),
        learned(results, drawn),
        draw_section(pad),
    ]
    page = files(__package__).joinpath("templates")
    own_style = page.joinpath("report.css").read_text("utf-8")
    return Template(page.joinpath("report.html").read_text("utf-8")).substitute(
        title=TITLE,
        content=CONTENT,
        style=join([font_face(), ink_and_paper(), Html(own_style), pad.style]),
        lead=_lead(results),
        contents=element(
            "ol", *(element("li", link(anchor, text)) for anchor, text in CONTENTS.items())
        ),
        body=join(body, "\n"),
        scripts=pad.scripts,
        footer=paragraph("Written by tinygrad_hw. The numbers, with all digits: results.json."),
    )


def figures(results: Results) -> dict[str, str]:
    """Draw the figures; return the SVG text of each by its file name."""
    two = results.data.only(*results.digits)
    drawn = {f"{name}-graph.svg": drawing for name, drawing in results.drawings.items()}
    for name in ("binary", "ten"):
        outcome = results.outcomes[name]
        for metric in ("loss", "accuracy"):
            drawn[f"{name}-{metric}.svg"] = charts.learning_curve(outcome.history, metric)
        binary_images = name == "binary"
        images = two.x_test if binary_images else results.data.x_test
        labels = results.labels if binary_images else [str(digit) for digit in range(10)]
        drawn[f"{name}-examples.svg"] = charts.examples(
            [images[i] for i, *_ in outcome.examples],
            [f"true {labels[t]}, predicted {labels[p]}" for _, t, p, _ in outcome.examples],
        )
    four = results.initializers
    for metric in original_figures.METRICS:
        histories = {name: outcome.history for name, outcome in four.items()}
        drawn[f"initializers-{metric}.svg"] = charts.compared_curve(histories, metric)
    right = {
        name: test_image_count(outcome) - error_count(outcome) for name, outcome in four.items()
    }
    drawn["initializers-test.svg"] = charts.accuracies(
        right, test_image_count(next(iter(four.values())))
    )
    return drawn | learned_figures(results)


def results_as_json(results: Results) -> dict[str, Any]:
    """Return all numbers, ready for ``json.dumps``; a number that is not finite is None."""
    outcomes = results.outcomes
    by_class = {"report": report_of_matrix(outcomes["ten"].confusion)}
    numbers = {
        "digits": list(results.digits),
        "seed": results.seed,
        "epochs": results.epochs,
        "q1a": results.solutions["q1a"].as_json(),
        "q1b": results.solutions["q1b"].as_json(),
        "marks": {key: _marks(marks) for key, marks in results.marks.items()},
        "binary": _network(outcomes["binary"]),
        "initializers": {name: _network(outcome) for name, outcome in results.initializers.items()},
        "ten": _network(outcomes["ten"]) | by_class,
        "seconds": results.seconds,
    }
    finite: dict[str, Any] = _without_infinities(numbers)
    return finite


def _marks(marks: Marks) -> dict[str, Any]:
    marked = as_json(marks)
    wrong = [item for item in marked["items"] if item["verdict"] == "wrong"]
    return {"summary": marked["summary"], "wrong": wrong}


def _network(outcome: Outcome) -> dict[str, Any]:
    return {
        "test_accuracy": outcome.test_accuracy,
        "test_loss": outcome.test_loss,
        "confusion": outcome.confusion.tolist(),
        "epochs": outcome.epochs,
        "best_epoch": outcome.best_epoch,
        "batches": outcome.batches,
        "parameters": outcome.parameters,
        "seconds": outcome.seconds,
        "history": outcome.history,
    }


def _without_infinities(content: Any) -> Any:
    """Return the same content with None for every number that is not finite."""
    if isinstance(content, float):
        return content + 0.0 if math.isfinite(content) else None  # -0.0 becomes 0.0
    if isinstance(content, Mapping):
        return {name: _without_infinities(item) for name, item in content.items()}
    if isinstance(content, Sequence) and not isinstance(content, str):
        return [_without_infinities(item) for item in content]
    return content


# --- The head of the page -------------------------------------------------------------------------


def _lead(results: Results) -> Html:
    first, second = results.digits
    facts = [
        f"digits {first} and {second}",
        f"seed {results.seed}",
        results.source or "MNIST, as shipped",
        f"done in {number(round(results.seconds))} s",
    ]
    lead = "Every figure that the homework printed, in its order, with ours beside it."
    return join([paragraph(lead, class_="lead"), paragraph(" · ".join(facts), class_="facts")])


def _summary(results: Results) -> Html:
    rows = [
        *_worked_rows(results),
        _binary_row(results),
        _initializers_row(results),
        _ten_row(results),
    ]
    headline = table("What came out", ["", "The homework", "Ours"], rows, class_="headline")
    return section(
        "summary",
        2,
        "Summary",
        *_notices(results),
        headline,
        section("differences", 3, "Where the numbers differ", bullets(_differences(results))),
        section("marking", 3, "How figures are marked", *_how_marked()),
    )


def _notices(results: Results) -> Iterator[Html]:
    """Say how this run differs from the homework: fewer epochs, or other images."""
    if results.cut_short:
        yield paragraph(
            "This run was cut short: its networks were trained for at most "
            f"{counted(results.epochs or 0, 'epoch')}, where the homework allows {BINARY.epochs}, "
            f"and {INITIALIZERS[0].epochs} for the initializers.",
            class_="notice",
        )
    if results.source is not None:
        yield paragraph(
            f"The images are those of {results.source}; the homework’s figures are for MNIST.",
            class_="notice",
        )


def _worked_rows(results: Results) -> list[Html]:
    rows = []
    for key in ("q1a", "q1b"):
        marks = results.marks[key]
        figures_printed = f"{len(marks.items)} printed figures"
        rows.append(row(link(key, CONTENTS[key]), figures_printed, tally(marks)))
    return rows


def _binary_row(results: Results) -> Html:
    a, b = original_figures.DIGITS
    outcome = results.outcomes["binary"]
    theirs = join([figure("0.99898"), " on the test images: 2 errors in 1,968"])
    if results.digits != original_figures.DIGITS:
        theirs = join([theirs, f" (digits {a} and {b})"])
    return row(
        link("q2", f"Question 2: {results.digits[0]} or {results.digits[1]}"),
        theirs,
        _accuracy(outcome),
    )


def _accuracy(outcome: Outcome) -> Html:
    return join(
        [
            figure(number(outcome.test_accuracy, 5)),
            f": {counted(error_count(outcome), 'error')} in {count(test_image_count(outcome))}",
        ]
    )


def _initializers_row(results: Results) -> Html:
    four = results.initializers
    fewest = min(map(error_count, four.values()))
    best = [name for name, outcome in four.items() if error_count(outcome) == fewest]
    return row(
        link("q2b", CONTENTS["q2b"]),
        "HeNormal best, with 100 %",
        join([f"{listed(best)} best, with ", _accuracy(four[best[0]])]),
    )


def _ten_row(results: Results) -> Html:
    return row(
        link("q3", CONTENTS["q3"]),
        join([figure("0.9781"), ": 219 errors in 10,000"]),
        _accuracy(results.outcomes["ten"]),
    )


def _differences(results: Results) -> list[Html]:
    return [
        *(errata_summary(key, CONTENTS[key], results.marks[key]) for key in ("q1a", "q1b")),
        join(
            [
                link("q2", "Questions 2"),
                ", ",
                link("q2b", "2 B"),
                " and ",
                link("q3", "3"),
                ": other random weights and another order of the examples",
                "" if results.same_digits else ", other digits in the first two",
                ", and fewer epochs" if results.cut_short else "",
                ".",
                " Layers, parameters and batches are the same." if _same_networks(results) else "",
            ]
        ),
    ]


def _same_networks(results: Results) -> bool:
    return all(
        count(results.outcomes[name].parameters) == theirs.parameters
        and str(results.outcomes[name].batches) == theirs.batches
        for name, theirs in (("binary", original_figures.BINARY), ("ten", original_figures.TEN))
    )


def _how_marked() -> list[Html]:
    follows = element("span", with_sign("follows"), class_="follows")
    wrong = element("span", with_sign("wrong"), class_="wrong")
    return [
        paragraph(
            "In Question 1 every figure is marked, as a teacher would. It is exact where our value "
            "rounds to it, and rounded, or cut, where that is honest work from the figures before "
            "it. It ",
            follows,
            " where it is right but for a slip before it. Else it is ",
            wrong,
            ". Where ours, rounded or cut to as many digits, is another figure, the distance is "
            "told, relative to ours; for an updated parameter, relative to its step from the old "
            "value.",
        ),
        paragraph(
            "A figure that the homework’s author struck out is shown ",
            element("del", "so"),
            " and not marked. A dash stands where nothing was printed.",
        ),
    ]
