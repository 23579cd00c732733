"""The parts of a network's section in the report: the homework's print-outs beside ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher

import numpy as np
import numpy.typing as npt

from tinygrad_hw.formatting import (
    Html,
    count,
    counted,
    element,
    figure,
    join,
    number,
    paragraph,
    prose,
    rounded_figure,
    row,
    signed,
    table,
)
from tinygrad_hw.homework.experiments import BATCH, HIDDEN, PATIENCE, RATE, Experiment, Outcome
from tinygrad_hw.homework.report import charts, original_figures
from tinygrad_hw.homework.report.page_elements import confusion, figure_box, inline_svg, picture
from tinygrad_hw.homework.results import error_count, test_image_count
from tinygrad_hw.nn.models import LayerSummary


def summary(theirs: original_figures.Network, outcome: Outcome) -> list[Html]:
    """Build the table of the homework's ``model.summary()`` beside ours, and the sums by hand."""
    rows = [
        row(*_their_layer(their_layer), *_our_layer(our_layer))
        for their_layer, our_layer in _aligned(theirs.summary, outcome.layers)
    ]
    total = (figure(theirs.parameters), "", "", figure(count(outcome.parameters)))
    rows.append(row("Total", "", *total, class_="result"))
    rows.append(row("Trainable", "", *total))
    rows.append(row("Not trainable", "", figure("0"), "", "", figure("0")))
    columns = ["Homework’s layer", "Output", "Parameters", "Our layer", "Output", "Parameters"]
    whole = table("Layers and parameters", columns, rows, class_="numbers layers")
    return [whole, *_counted_by_hand(theirs, outcome)]


TheirLayer = tuple[str, str, str]
NO_LAYER = (figure(""),) * 3


def _aligned(
    theirs: Sequence[TheirLayer], ours: Sequence[LayerSummary]
) -> Iterator[tuple[TheirLayer | None, LayerSummary | None]]:
    """Pair layers of the same kind in their order; a layer without a counterpart has None."""
    their_kinds = [name[name.rindex("(") + 1 : -1] for name, _, _ in theirs]  # "dense (Dense)"
    matcher = SequenceMatcher(None, their_kinds, [layer.kind for layer in ours], autojunk=False)
    for tag, start, stop, our_start, our_stop in matcher.get_opcodes():
        if tag == "equal":
            yield from zip(theirs[start:stop], ours[our_start:our_stop], strict=True)
        else:
            yield from ((layer, None) for layer in theirs[start:stop])
            yield from ((None, layer) for layer in ours[our_start:our_stop])


def _their_layer(layer: TheirLayer | None) -> tuple[str, str, str]:
    if layer is None:
        return NO_LAYER
    name, shape, parameters = layer
    return name, shape, figure(parameters)


def _our_layer(layer: LayerSummary | None) -> tuple[str, str, str]:
    if layer is None:
        return NO_LAYER
    name = f"{layer.name} ({layer.kind})"
    return name, layer.output_shape, figure(count(layer.parameters))


def _counted_by_hand(theirs: original_figures.Network, outcome: Outcome) -> list[Html]:
    if not theirs.counted:
        return []
    sums = [
        f"{layer} `{weights} + {biases} = {total}`"
        for layer, weights, biases, total in theirs.counted
    ]
    inputs = (outcome.parameters - 2 * HIDDEN - 1) // HIDDEN
    hidden = inputs * HIDDEN
    return [
        paragraph(
            prose(
                f"Counted by hand in the homework, weights + biases: {'; '.join(sums)}. Here: "
                f"hidden layer `{inputs} × {HIDDEN} = {count(hidden)}` and "
                f"`{count(hidden)} + {HIDDEN} = {count(hidden + HIDDEN)}`; output layer "
                f"`{HIDDEN} + 1 = {HIDDEN + 1}`."
            )
        )
    ]


def training(theirs: original_figures.Network, outcome: Outcome) -> list[Html]:
    """Build the table of both trainings by epoch, with the differences."""
    milliseconds = 1000 * outcome.seconds / max(outcome.epochs * outcome.batches, 1)
    batches = element(
        "p",
        f"An epoch has {theirs.batches} batches of {BATCH} in the homework, {outcome.batches} "
        f"here. {_how_it_ended(outcome)} A step took ",
        rounded_figure(milliseconds, 2),
        " ms on average here, with several networks trained side by side.",
    )
    rows = [line for epoch in range(outcome.epochs) for line in _epoch(theirs, outcome, epoch)]
    rows += [_their_epoch(theirs, epoch, 1) for epoch in range(outcome.epochs, len(theirs.epochs))]
    columns = ["Epoch", "", "loss", "accuracy", "val_loss", "val_accuracy", "time"]
    whole = table("Metrics by epoch", columns, rows, class_="numbers epochs")
    return [batches, *_cut_off(theirs, outcome), whole]


def _how_it_ended(outcome: Outcome) -> str:
    if outcome.epochs - outcome.best_epoch >= PATIENCE:
        return (
            f"Training stopped after epoch {outcome.epochs}, since the validation loss had not "
            f"improved for {PATIENCE} epochs, and the weights of epoch {outcome.best_epoch} were "
            "put back."
        )
    return (
        f"Training ran for {counted(outcome.epochs, 'epoch')}, and the weights of epoch "
        f"{outcome.best_epoch} were kept."
    )


def _cut_off(theirs: original_figures.Network, outcome: Outcome) -> list[Html]:
    """Remark on the validation accuracies that the page cut off, if there are any."""
    if not any("…" in value for epoch in theirs.epochs for value in epoch):
        return []
    theirs_first = dict(zip(original_figures.METRICS, theirs.epochs[0], strict=True))
    first = {metric: outcome.history[metric][0] for metric in original_figures.METRICS}
    return [
        paragraph(
            prose(
                "The page cuts off the homework’s val_accuracy after three decimals, and its lines "
                f"after epoch {len(theirs.epochs)}. Its `{theirs_first['val_accuracy']}` in the "
                f"first epoch sits oddly beside a val_loss of `{theirs_first['val_loss']}` (ours: "
                f"`{number(first['val_accuracy'])}` beside `{number(first['val_loss'])}`); the "
                "scan may have lost a digit."
            )
        )
    ]


def _epoch(theirs: original_figures.Network, outcome: Outcome, epoch: int) -> Iterator[Html]:
    """Yield the rows of an epoch: the homework's, if it was printed, ours, and the difference."""
    values = [outcome.history[metric][epoch] for metric in original_figures.METRICS]
    label = str(epoch + 1)
    who = "ours, kept" if epoch + 1 == outcome.best_epoch else "ours"
    cells = [element("td", rounded_figure(value)) for value in values]
    if epoch >= len(theirs.epochs):
        heading = element("th", label, scope="row")
        yield element("tr", heading, element("td", who), *cells, element("td"), class_="only")
        return
    yield _their_epoch(theirs, epoch, 3)
    yield element("tr", element("td", who), *cells, element("td"))
    differences = [
        "cut off" if text.endswith("…") else signed(value - float(text))
        for text, value in zip(theirs.epochs[epoch], values, strict=True)
    ]
    yield element(
        "tr",
        element("td", "difference"),
        *(element("td", difference) for difference in differences),
        element("td"),
        class_="difference",
    )


def _their_epoch(theirs: original_figures.Network, epoch: int, rows: int) -> Html:
    return element(
        "tr",
        element("th", str(epoch + 1), scope="rowgroup" if rows > 1 else "row", rowspan=rows),
        element("td", "homework"),
        *(element("td", figure(text)) for text in theirs.epochs[epoch]),
        element("td", theirs.epoch_times[epoch]),
        class_="first",
    )


def test_batches(outcome: Outcome) -> int:
    """Return the number of batches that the test images would fill."""
    return -(-test_image_count(outcome) // BATCH)


def test(theirs: original_figures.Network, outcome: Outcome) -> Html:
    """Build the table of both evaluations on the test images."""
    matrix = np.array(theirs.confusion)
    their_total = int(matrix.sum())
    their_errors = their_total - int(np.trace(matrix))
    accuracy = outcome.test_accuracy
    rows = [
        row(
            f"Batches of {BATCH}",
            figure(theirs.test_batches),
            figure(str(test_batches(outcome))),
            figure("0")
            if theirs.test_batches == str(test_batches(outcome))
            else signed(test_batches(outcome) - int(theirs.test_batches)),
        ),
        _difference_row("Loss", theirs.test_loss, outcome.test_loss, 4),
        _difference_row("Accuracy", theirs.test_accuracy_rounded, accuracy, 5),
        _difference_row("Accuracy, all digits", theirs.test_accuracy, accuracy, 10),
        row(
            "Errors",
            f"{count(their_errors)} of {count(their_total)}",
            f"{count(error_count(outcome))} of {count(test_image_count(outcome))}",
            signed(error_count(outcome) - their_errors, 6),
        ),
        row("Time", theirs.test_time, "not taken", ""),
    ]
    precision = paragraph(
        f"The homework’s last digits are those of single precision: {count(their_total)} images "
        f"less {counted(their_errors, 'error')} make ",
        figure(number(1 - their_errors / their_total, 10)),
        ".",
    )
    columns = ["", "Homework", "Ours", "Difference"]
    return join([table("On the test images", columns, rows, class_="numbers"), precision])


def _difference_row(name: str, theirs: str, value: float, digits: int) -> Html:
    return row(name, figure(theirs), rounded_figure(value, digits), signed(value - float(theirs)))


def matrices(
    theirs: Sequence[Sequence[int]],
    their_labels: Sequence[str],
    outcome: Outcome,
    labels: Sequence[str],
) -> Html:
    """Build the homework's confusion matrix beside ours."""
    matrix = np.array(theirs)
    wrong = int(matrix.sum() - np.trace(matrix))
    both = [
        confusion(f"The homework: {counted(wrong, 'error')}", matrix, their_labels),
        confusion(f"Ours: {counted(error_count(outcome), 'error')}", outcome.confusion, labels),
    ]
    return join([element("div", *both, class_="side"), how_to_read_matrices()])


def how_to_read_matrices() -> Html:
    """Build the note on how to read a confusion matrix."""
    return paragraph(
        "Rows are the true digits, columns the predicted ones. What is right stands framed; an "
        "error’s tint is the stronger, the larger its share of the true digit.",
        class_="note",
    )


def learning_curves(name: str, drawn: Mapping[str, str]) -> Html:
    """Build the charts of loss and accuracy of the network ``name``, in training and validation."""
    drawings = [
        chart(
            drawn,
            f"{name}-{metric}.svg",
            f"{charts.TITLES[metric]} by epoch, in training and in validation",
        )
        for metric in ("loss", "accuracy")
    ]
    return figure_box(
        element("div", *drawings, class_="charts"),
        "Ours. The loss has a logarithmic scale, so that small losses can be told apart; the "
        "homework’s curves are pictures, which its text does not keep.",
        class_="wide",
    )


def chart(drawn: Mapping[str, str], file: str, label: str) -> Html:
    """Build the element of a chart, in the page's colors."""
    return inline_svg(charts.with_page_colors(drawn[file]), file.removesuffix(".svg"), label)


def examples(
    theirs: original_figures.Network,
    outcome: Outcome,
    images: npt.NDArray[np.uint8],
    labels: Sequence[str],
    colors: str,
) -> list[Html]:
    """Build the list of the examples, each with its true and its predicted label.

    Parameters
    ----------
    theirs, outcome
        What the homework printed of its network; the outcome of ours.
    images
        The test images, which the outcome's examples are among.
    labels
        The labels of the classes.
    colors
        The color map of the homework's pictures, "Greys" or "gray".
    """
    captions = "; ".join(f"true {true}, predicted {guess}" for true, guess in theirs.examples)
    items = [
        _example(images[i], labels[true], labels[predicted], probability, i)
        for i, true, predicted, probability in outcome.examples
    ]
    coded = " (coded: 0 and 1)" if len(labels) == 2 else ""
    return [
        paragraph(
            f"Drawn at random from the test images, so these are others than the homework’s. The "
            f"captions that its text keeps: {captions}{coded}."
        ),
        element("ul", *items, class_=f"examples {colors.lower()}"),
    ]


def _example(
    image: npt.NDArray[np.uint8], true: str, guess: str, probability: float, index: int
) -> Html:
    right = true == guess
    text = join(["predicted ", guess] if right else [element("strong", f"≠ predicted {guess}")])
    return element(
        "li",
        picture(image, f"Test image {index}: a {true}, taken for a {guess}"),
        element("span", f"true {true}, ", text),
        element("small", "probability ", rounded_figure(probability)),
        class_=None if right else "wrong",
    )


def settings(
    theirs: original_figures.Network, outcomes: Sequence[Outcome], experiments: Sequence[Experiment]
) -> Html:
    """Build the homework's table of hyperparameters beside those of our experiments."""
    binary = experiments[0].classes == 2
    here = {
        "Activation, hidden layer": "ReLU",
        "Activation, output layer": "Sigmoid" if binary else "Softmax",
        "Weight initializer": ", ".join(map(_initializer, experiments)),
        "Hidden layers": "1 (2 including the output layer)",
        "Neurons in the hidden layer": str(HIDDEN),
        "Neurons in the output layer": "1" if binary else "10",
        "Loss": "binary_crossentropy" if binary else "sparse_categorical_crossentropy",
        "Optimiser": "Adam",
        "Epochs": _epochs(outcomes, experiments[0]),
        "Batch size": str(BATCH),
        "Learning rate": number(RATE, 1),
        "Metric": "Accuracy",
    }
    rows = [row(name, printed_value, here[name]) for name, printed_value in theirs.table]
    return table(
        "As the homework lists them, and as used here",
        ["", "Homework", "Here"],
        rows,
        class_="settings",
    )


def _initializer(experiment: Experiment) -> str:
    return repr(experiment.initializer).removesuffix("(seed=None)")


def _epochs(outcomes: Sequence[Outcome], experiment: Experiment) -> str:
    ran = max(outcome.epochs for outcome in outcomes)
    if experiment.patience is None:
        return f"{ran}"
    return f"{ran} of at most {experiment.epochs}, patience {experiment.patience}"
