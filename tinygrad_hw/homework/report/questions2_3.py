"""Questions 2, 2 B and 3 in the report: the networks, in the homework's order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from tinygrad_hw.formatting import (
    NOTHING,
    Html,
    count,
    counted,
    element,
    figure,
    join,
    listed,
    number,
    paragraph,
    rounded_figure,
    row,
    section,
    table,
)
from tinygrad_hw.homework.experiments import (
    BATCH,
    BINARY,
    INITIALIZERS,
    TEN,
    Outcome,
)
from tinygrad_hw.homework.initializer_sweep import seeds_section, verdict
from tinygrad_hw.homework.report import charts, network_sections, original_figures
from tinygrad_hw.homework.report.image_printout import print_out
from tinygrad_hw.homework.report.page_elements import claims, confusion, figure_box
from tinygrad_hw.homework.results import Results, error_count, test_image_count
from tinygrad_hw.nn.metrics import report_of_matrix

TEN_LABELS = [str(digit) for digit in range(10)]
CHANCE = (
    "Weights and order of examples are drawn at random, and NumPy draws other numbers from a seed "
    "than TensorFlow does: the figures of a training are not expected to agree digit for digit."
)


# --- Question 2 -----------------------------------------------------------------------------------


def binary(results: Results, drawn: Mapping[str, str]) -> Html:
    """Build the section of Question 2: two digits."""
    outcome, labels = results.outcomes["binary"], results.labels
    two = results.data.only(*results.digits)
    first, second = labels
    theirs = original_figures.BINARY
    return section(
        "q2",
        2,
        f"Question 2: {first} or {second}",
        paragraph(
            f"Only the images of {first} and {second} are kept; {first} becomes class 0 and "
            f"{second} class 1, and the bytes 0 to 255 are divided by 255. {CHANCE}"
        ),
        _other_digits(results),
        section("q2-image", 3, "One image in numbers", print_out(results.data)),
        section("q2-summary", 3, "The model", *network_sections.summary(theirs, outcome)),
        section("q2-training", 3, "Training", *network_sections.training(theirs, outcome)),
        section("q2-test", 3, "Test", network_sections.test(theirs, outcome)),
        section(
            "q2-confusion",
            3,
            "Confusion matrix",
            network_sections.matrices(
                theirs.confusion,
                list(map(str, original_figures.DIGITS)),
                outcome,
                labels,
            ),
        ),
        section(
            "q2-curves", 3, "Learning curves", network_sections.learning_curves("binary", drawn)
        ),
        section(
            "q2-examples",
            3,
            "Ten predictions",
            *network_sections.examples(theirs, outcome, two.x_test, labels, "Greys"),
        ),
        section(
            "q2-settings",
            3,
            "Hyperparameters",
            network_sections.settings(theirs, [outcome], [BINARY]),
        ),
    )


def _other_digits(results: Results) -> Html:
    if results.digits == original_figures.DIGITS:
        return NOTHING
    a, b = original_figures.DIGITS
    first, second = results.labels
    if results.same_digits:
        text = f"Here {first} is class 0 and {second} class 1: the other way round."
    else:
        text = (
            f"The homework’s figures in this part are for {a} and {b}, ours for {first} and "
            f"{second}: they stand beside each other, but say little about each other."
        )
    return paragraph(text, class_="notice")


# --- Question 2 B ---------------------------------------------------------------------------------


def initializers(results: Results, drawn: Mapping[str, str]) -> Html:
    """Build the section of Question 2 B: four ways to draw the first weights."""
    outcomes = results.initializers
    outcome = next(iter(outcomes.values()))
    theirs = original_figures.INITIALIZERS
    return section(
        "q2b",
        2,
        "Question 2 B: four initializers",
        paragraph(
            "The network of Question 2, its hidden weights drawn in four ways. The homework’s code "
            f"trains for {original_figures.INITIALIZERS_EPOCHS} epochs without stopping early, "
            "while its table of hyperparameters says 20; we follow the code."
        ),
        _other_digits(results),
        section("q2b-summary", 3, "The model", *network_sections.summary(theirs, outcome)),
        section("q2b-accuracy", 3, "Accuracies", *_accuracies(outcomes, drawn)),
        section("q2b-confusion", 3, "Confusion matrices", *_four_matrices(results)),
        section("q2b-curves", 3, "Learning curves together", *_curves_together(outcomes, drawn)),
        section("q2b-seeds", 3, "Is HeNormal best? Ten seeds of each", *seeds_section()),
        section("q2b-claims", 3, "What the homework concludes", _initializer_claims(outcomes)),
        section(
            "q2b-settings",
            3,
            "Hyperparameters",
            network_sections.settings(theirs, list(outcomes.values()), INITIALIZERS),
        ),
    )


def _accuracies(outcomes: Mapping[str, Outcome], drawn: Mapping[str, str]) -> list[Html]:
    first = next(iter(outcomes.values()))
    rows = [
        row(
            name,
            figure(original_figures.INITIALIZERS_ACCURACY.get(name, "")),
            rounded_figure(outcome.test_accuracy, 5),
            f"{count(error_count(outcome))} of {count(test_image_count(outcome))}",
            rounded_figure(outcome.test_loss),
            original_figures.INITIALIZERS_TEST_TIMES[name],
        )
        for name, outcome in outcomes.items()
    ]
    columns = ["", "Homework", "Ours", "Our errors", "Our test loss", "Homework, test time"]
    return [
        paragraph(
            "The homework compares the four in a picture and writes one of them out. Its test took "
            f"{original_figures.INITIALIZERS.test_batches} batches of {BATCH} each time; ours "
            f"makes {network_sections.test_batches(first)}."
        ),
        table("Test accuracy of the four", columns, rows, class_="numbers"),
        figure_box(
            network_sections.chart(
                drawn, "initializers-test.svg", "Test accuracies of the four initializers"
            ),
            "Our test accuracies. The line through each dot is the range that chance alone "
            "explains (Wilson, 95 %).",
        ),
    ]


def _four_matrices(results: Results) -> list[Html]:
    matrices = [
        confusion(
            f"{name}: {counted(error_count(outcome), 'error')}", outcome.confusion, results.labels
        )
        for name, outcome in results.initializers.items()
    ]
    return [
        paragraph("The homework’s are pictures, which its text does not keep. Ours:"),
        element("div", *matrices, class_="side four"),
        network_sections.how_to_read_matrices(),
    ]


def _curves_together(outcomes: Mapping[str, Outcome], drawn: Mapping[str, str]) -> list[Html]:
    drawings = [
        network_sections.chart(
            drawn,
            f"initializers-{metric}.svg",
            f"{charts.TITLES[metric]} by epoch, of all four initializers",
        )
        for metric in original_figures.METRICS
    ]
    rows = [
        row(
            name,
            rounded_figure(_restlessness(outcome), 3),
            rounded_figure(_restlessness(outcome, LATE), 3),
        )
        for name, outcome in outcomes.items()
    ]
    columns = ["", "All epochs", f"After epoch {LATE}"]
    return [
        figure_box(
            element("div", *drawings, class_="charts"),
            "The four together. They see the examples in the same order, so they rise and fall "
            "together.",
            class_="wide",
        ),
        table(
            "How restless: the mean change of the validation loss from an epoch to the next",
            columns,
            rows,
            class_="numbers",
        ),
    ]


LATE = 10  # the epoch after which the homework compares how smooth the curves are


def _restlessness(outcome: Outcome, after: int = 0) -> float:
    """Return the mean absolute change of the validation loss between epochs; nan if none."""
    losses = np.array(outcome.history["val_loss"][max(after - 1, 0) :])
    return float(np.mean(np.abs(np.diff(losses)))) if len(losses) > 1 else float("nan")


def _initializer_claims(outcomes: Mapping[str, Outcome]) -> Html:
    wrong = {name: float(error_count(outcome)) for name, outcome in outcomes.items()}
    restless = {name: _restlessness(outcome) for name, outcome in outcomes.items()}
    late = {name: _restlessness(outcome, LATE) for name, outcome in outcomes.items()}
    he = outcomes["HeNormal"]
    total = test_image_count(he)
    low, high = charts.wilson_interval(total - error_count(he), total)
    return claims(
        [
            (
                "HeNormal does best, with 100 % accuracy; RandomNormal and GlorotUniform follow.",
                f"HeNormal makes {counted(error_count(he), 'error')} in {count(total)}: "
                f"`{number(100 * he.test_accuracy, 5)}` %. By errors: {ranking(wrong)}. Chance "
                f"alone would put HeNormal anywhere from `{number(100 * low, 4)}` % to "
                f"`{number(100 * high, 4)}` %, so a difference of an error or two tells nothing. "
                f"{verdict().partition('. ')[0]}.",
            ),
            (
                "HeNormal is less erratic than Glorot and RandomNormal; RandomNormal is the most "
                "erratic throughout.",
                f"From the calmest to the most restless: {ranking(restless)}.",
            ),
            (
                "After 10 epochs HeNormal is the smoothest.",
                f"After epoch {LATE}: {ranking(late)}."
                if all(map(np.isfinite, late.values()))
                else f"This run has no epochs after {LATE}.",
            ),
            (
                "All four draw from a normal distribution around 0, with different deviations.",
                "Three do. GlorotUniform draws evenly from an interval around 0, with the same "
                "deviation as GlorotNormal.",
            ),
        ]
    )


def ranking(scores: Mapping[str, float]) -> str:
    """Write names in ascending order of their scores, those with equal scores together.

    >>> ranking({"a": 2.0, "b": 1.0, "c": 1.0})
    'b and c (`1`), a (`2`)'
    """
    places: dict[str, list[str]] = {}
    for name in sorted(scores, key=lambda name: scores[name]):
        places.setdefault(number(scores[name], 3), []).append(name)
    return ", ".join(f"{listed(names)} (`{score}`)" for score, names in places.items())


# --- Question 3 -----------------------------------------------------------------------------------


def ten(results: Results, drawn: Mapping[str, str]) -> Html:
    """Build the section of Question 3: all ten digits."""
    outcome = results.outcomes["ten"]
    theirs = original_figures.TEN
    return section(
        "q3",
        2,
        "Question 3: ten digits",
        paragraph(f"All ten classes, with ten softmax neurons at the end. {CHANCE}"),
        section("q3-summary", 3, "The model", *network_sections.summary(theirs, outcome)),
        section("q3-training", 3, "Training", *network_sections.training(theirs, outcome)),
        section("q3-test", 3, "Test", network_sections.test(theirs, outcome)),
        section(
            "q3-confusion",
            3,
            "Confusion matrix",
            network_sections.matrices(theirs.confusion, TEN_LABELS, outcome, TEN_LABELS),
            _ten_claims(outcome),
        ),
        section("q3-report", 3, "Classification report", *_report(outcome)),
        section("q3-curves", 3, "Learning curves", network_sections.learning_curves("ten", drawn)),
        section(
            "q3-examples",
            3,
            "Ten predictions",
            *network_sections.examples(theirs, outcome, results.data.x_test, TEN_LABELS, "gray"),
        ),
        section(
            "q3-settings", 3, "Hyperparameters", network_sections.settings(theirs, [outcome], [TEN])
        ),
    )


def _ten_claims(outcome: Outcome) -> Html:
    matrix = outcome.confusion
    recall = {
        label: scores["recall"]
        for label, scores in report_of_matrix(matrix).items()
        if label.isdigit() and scores["support"]
    }
    best = sorted(recall, key=lambda label: -recall[label])[:2]
    confusions = [(int(n), i, j) for (i, j), n in np.ndenumerate(matrix) if i != j and n]
    confusions.sort(key=lambda item: (-item[0], item[1:]))
    largest = "; ".join(f"{i} taken for {j}, {n} times" for n, i, j in confusions[:3])
    theirs = [(5, 3), (7, 2), (8, 3)]
    same_three = ", ".join(f"{i} for {j}: {matrix[i, j]}" for i, j in theirs)
    return claims(
        [
            ("Nearly all images are classified correctly.", _share_right(outcome)),
            (
                "Classes 0 and 1 are misclassified least.",
                "Here "
                + " and ".join(f"{label} (recall `{number(recall[label])}`)" for label in best)
                + ".",
            ),
            (
                "5 is taken for 3, 17 times; 7 for 2, 12 times; 8 for 3, 11 times.",
                f"The same three here: {same_three}. Our largest: {largest or 'none'}.",
            ),
        ]
    )


def _share_right(outcome: Outcome) -> str:
    right = test_image_count(outcome) - error_count(outcome)
    return f"{count(right)} of {count(test_image_count(outcome))}."


def _report(outcome: Outcome) -> list[Html]:
    report = report_of_matrix(outcome.confusion)
    rows = [
        row(label, *_report_cells(label, report), class_=None if label.isdigit() else "result")
        for label in original_figures.REPORT
    ]
    names = [
        element("th", name, colspan=2, scope="colgroup") for name in original_figures.REPORT_COLUMNS
    ]
    halves = [element("th", who, scope="col") for _ in names for who in ("hw.", "ours")]
    head = join([element("tr", element("td", "", rowspan=2), *names), element("tr", *halves)])
    return [
        paragraph(
            "To two decimals, as the homework printed it (hw.). Ours is marked where it differs."
        ),
        table("Precision, recall and F1 by class", head, rows, class_="numbers report"),
    ]


def _report_cells(label: str, report: Mapping[str, object]) -> Iterator[Html]:
    scores = report[label]
    total = sum(report[digit]["support"] for digit in TEN_LABELS)  # type: ignore[index]
    if not isinstance(scores, dict):  # accuracy is one number, in the column of F1
        scores = {"f1-score": scores, "support": total}
    for name, theirs in zip(
        original_figures.REPORT_COLUMNS, original_figures.REPORT[label], strict=True
    ):
        yield figure(theirs) if theirs else NOTHING
        if not theirs:
            yield NOTHING
            continue
        text = f"{scores[name]:.2f}" if name != "support" else str(scores[name])
        yield figure(text, "" if text == theirs else "other")
