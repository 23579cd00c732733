"""The sections of what the network of ten digits has learned, and of the pad to draw on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tinygrad_hw.formatting import (
    Html,
    count,
    counted,
    element,
    number,
    paragraph,
    prose,
    section,
)
from tinygrad_hw.homework.experiments import HIDDEN, TEN
from tinygrad_hw.homework.report import charts
from tinygrad_hw.homework.report.page_elements import figure_box, inline_svg
from tinygrad_hw.homework.report.watching.pictures import NEURONS, WATCHED
from tinygrad_hw.homework.results import Results, error_count, test_image_count
from tinygrad_hw.nn import Sequential
from tinygrad_hw.nn.metrics import report_of_matrix
from tinygrad_hw.nn.pad import Pad
from tinygrad_hw.nn.pictures import (
    class_gradient,
    layer_activity,
    layer_gradients,
    surest_mistakes,
)


def learned(results: Results, drawn: Mapping[str, str]) -> Html:
    """Build the section of what the network of ten digits has learned."""
    model = results.network(TEN)
    return section(
        "learned",
        2,
        "What it has learned",
        paragraph("The network of Question 3, looked into after its training."),
        section("learned-weights", 3, "Weights", *_weights(results, model, drawn)),
        section("learned-layers", 3, "Activations and gradients", *_layers(results, model, drawn)),
        section("learned-classes", 3, "Errors by class", *_classes(results, drawn)),
        section("learned-mistakes", 3, "The surest mistakes", *_mistakes(results, model, drawn)),
        section("learned-pixels", 3, "What an answer hangs on", *_pixels(results, model, drawn)),
    )


def draw_section(pad: Pad) -> Html:
    """Build the section of the pad."""
    return section(
        "draw",
        2,
        "Draw a digit",
        paragraph("The network of Question 3 answers while you draw."),
        pad.body,
    )


def _weights(results: Results, model: Sequential, drawn: Mapping[str, str]) -> list[Html]:
    kernel = np.abs(model.get_layer("dense").get_weights()[0])
    has_ink = results.data.x_train.any(axis=0).ravel()
    is_blank = np.logical_not(has_ink)
    blank, pixels = int(is_blank.sum()), is_blank.size
    text = f"The first {NEURONS} of the {HIDDEN} hidden neurons. "
    if 0 < blank < pixels:
        text += (
            f"{count(blank)} of the {count(pixels)} pixels have ink in no training image: nothing "
            "is learned there, and those weights are what was drawn before training, of the mean "
            f"size `{number(kernel[is_blank].mean(), 3)}`; the others’ is "
            f"`{number(kernel[has_ink].mean(), 3)}`."
        )
    return [
        paragraph(prose(text)),
        _on_light(
            drawn,
            "ten-weights.svg",
            f"Weights of {NEURONS} hidden neurons as images",
            "Each square has a neuron’s weights, pixel by pixel: where it is blue, ink excites the "
            "neuron, where it is orange, ink holds it back.",
        ),
    ]


def _layers(results: Results, model: Sequential, drawn: Mapping[str, str]) -> list[Html]:
    x, y = results.data.x_test[:WATCHED], results.data.y_test[:WATCHED]
    hidden, _ = layer_activity(model, x)
    inner, last = layer_gradients(model, x, y)
    ratio = last.mean / inner.mean if inner.mean else float("inf")
    text = (
        f"On {counted(len(x), 'test image')} `{number(100 * hidden.zeros, 3)}` % of the hidden "
        f"activations are 0: ReLU cuts them off. {_dead(hidden.dead)}. The gradient by a weight of "
        f"the last layer is `{number(ratio, 3)}` times as large as by one of the hidden layer, on "
        f"average, and `{number(100 * inner.zeros, 3)}` % of the hidden layer’s are exactly 0: the "
        "weights of pixels without ink, and of neurons that are cut off."
    )
    charts_ = element(
        "div",
        _chart(drawn, "ten-activations.svg", "Activations by layer, with dead units counted"),
        _chart(drawn, "ten-gradients.svg", "Gradients by layer, with units without any counted"),
        class_="charts",
    )
    caption = (
        "A box has the middle half of the numbers, its line is the median, and the lines beside it "
        "reach from 5 to 95 %. Dead is a neuron that gives 0 for all images. The gradients have a "
        "logarithmic scale, whose left edge is 0."
    )
    return [paragraph(prose(text)), figure_box(charts_, caption, class_="wide")]


def _dead(n: int) -> str:
    return f"Of the {HIDDEN} neurons {n or 'none'} {'is' if n < 2 else 'are'} dead"


def _classes(results: Results, drawn: Mapping[str, str]) -> list[Html]:
    matrix = results.outcomes["ten"].confusion
    report = report_of_matrix(matrix)
    seen = [i for i, support in enumerate(matrix.sum(axis=1)) if support]
    named = [i for i, answers in enumerate(matrix.sum(axis=0)) if answers]
    most, least = (f(seen, key=lambda i: report[str(i)]["recall"]) for f in (min, max))
    doubted = min(named, key=lambda i: report[str(i)]["precision"])
    right = report[str(doubted)]["precision"]
    worst, best = (number(report[str(i)]["recall"]) for i in (most, least))
    text = (
        f"A {most} is missed most often (recall `{worst}`), a {least} least often (`{best}`). The "
        f"answer {doubted} is to be trusted least: `{number(100 * right)}` % of its uses are right."
    )
    chart = _chart(drawn, "ten-classes.svg", "Precision and recall of each class")
    caption = (
        "Precision is the share of the right ones among the answers that name a digit, recall the "
        "share of a digit’s images that are recognized."
    )
    return [paragraph(prose(text)), figure_box(chart, caption)]


SURE = 0.99


def _mistakes(results: Results, model: Sequential, drawn: Mapping[str, str]) -> list[Html]:
    found = surest_mistakes(model, results.data.x_test, results.data.y_test)
    outcome = results.outcomes["ten"]
    text = f"{counted(error_count(outcome), 'error')} in {count(test_image_count(outcome))}. "
    if found:
        sure = sum(mistake.probability > SURE for mistake in found)
        first = found[0]
        text += (
            f"In {count(sure)} of them the network is more than {100 * SURE:.0f} % sure. The "
            f"surest: test image {first.example}, a {first.true}, is taken for a {first.predicted} "
            f"with probability `{number(first.probability)}`."
        )
    return [
        paragraph(prose(text)),
        _on_light(
            drawn,
            "ten-mistakes.svg",
            "The test images that the network is surest of and wrong about",
            "Above each: what it is, what it was taken for, and the probability of that.",
        ),
    ]


def _pixels(results: Results, model: Sequential, drawn: Mapping[str, str]) -> list[Html]:
    image, true = results.data.x_test[0], int(results.data.y_test[0])
    size = np.abs(class_gradient(model, image[None])[0])
    share = size[image == 0].sum() / (size.sum() or 1.0)
    text = (
        f"The first test image, a {true}, and the gradient of its likeliest class’s logit by each "
        f"pixel. `{number(100 * share, 3)}` % of the gradient’s size lies on pixels without ink: "
        "an answer hangs on what is not drawn, too."
    )
    return [
        paragraph(prose(text)),
        _on_light(
            drawn,
            "ten-saliency.svg",
            "A digit, and over it the gradient of its class by the pixels",
            "Where it is blue, more ink speaks for the answer, where it is orange, against it.",
        ),
    ]


def _chart(drawn: Mapping[str, str], file: str, label: str) -> Html:
    return inline_svg(charts.with_page_colors(drawn[file]), file.removesuffix(".svg"), label)


def _on_light(drawn: Mapping[str, str], file: str, label: str, caption: str) -> Html:
    """Build a picture with colors of its own, which has a light ground in the dark, too."""
    drawing = inline_svg(drawn[file], file.removesuffix(".svg"), label)
    return figure_box(drawing, caption, class_="on-light")
