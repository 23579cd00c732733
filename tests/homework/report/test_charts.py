"""The charts: small, deterministic, able to draw whatever a run may bring."""

import math
import re
import xml.etree.ElementTree as ET

import matplotlib
import numpy as np
import pytest

from tinygrad_hw.homework.report import charts

SVG = "{http://www.w3.org/2000/svg}"
HISTORY = {
    "loss": [0.3, 0.1, 0.03],
    "accuracy": [0.9, 0.95, 0.99],
    "val_loss": [0.2, 0.15, 0.16],
    "val_accuracy": [0.93, 0.96, 0.96],
}


def texts(drawing: str) -> list[str]:
    return ["".join(t.itertext()).strip() for t in ET.fromstring(drawing).iter(f"{SVG}text")]


def markers(drawing: str, color: str) -> int:
    return sum(
        f"fill: {color}" in use.get("style", "") for use in ET.fromstring(drawing).iter(f"{SVG}use")
    )


@pytest.mark.parametrize("metric", ["loss", "accuracy"])
def test_a_learning_curve_has_training_and_validation(metric: str) -> None:
    drawing = charts.learning_curve(HISTORY, metric)
    assert {"training", "validation", "epoch"} <= set(texts(drawing))
    for color in charts.LINE_COLORS[:2]:  # three epochs, and the mark in the legend
        assert markers(drawing, color) == 3 + 1


def test_four_histories_are_told_apart_by_more_than_color() -> None:
    names = ["one", "two", "three", "four"]
    drawing = charts.compared_curve(dict.fromkeys(names, HISTORY), "val_loss")
    assert set(names) <= set(texts(drawing))
    dashes = set(re.findall(r"stroke-dasharray: ([^;\"]+)", drawing))
    assert len(dashes) >= 3  # and the line without dashes


def test_drawings_are_the_same_each_time_and_leave_no_trace() -> None:
    before = dict(matplotlib.rcParams)
    drawing = charts.learning_curve(HISTORY, "loss")
    assert charts.learning_curve(HISTORY, "loss") == drawing
    assert dict(matplotlib.rcParams) == before
    assert "metadata" not in drawing


def test_one_epoch_and_numbers_that_are_none_can_be_drawn() -> None:
    one = {name: values[:1] for name, values in HISTORY.items()}
    assert markers(charts.learning_curve(one, "loss"), charts.LINE_COLORS[0]) == 1 + 1
    strange = {**HISTORY, "loss": [math.nan, math.inf, 0.1], "val_loss": [math.nan] * 3}
    assert "epoch" in texts(charts.learning_curve(strange, "loss"))
    nothing = {**HISTORY, "loss": [math.nan] * 3, "val_loss": [0.0] * 3}
    assert "epoch" in texts(charts.learning_curve(nothing, "loss"))


def test_thirty_epochs_of_four_stay_small() -> None:
    long = {
        name: [x / (i + 1) for i in range(30) for x in values[:1]]
        for name, values in HISTORY.items()
    }
    drawing = charts.compared_curve(dict.fromkeys("abcd", long), "loss")
    assert len(drawing) < 60_000


def test_accuracies_name_every_network_and_its_accuracy() -> None:
    drawing = charts.accuracies({"A": 1966, "B": 1968}, 1968)
    assert {"A", "B", "0.99898", "1", "test accuracy"} <= set(texts(drawing))


@pytest.mark.parametrize(("right", "total"), [(1968, 1968), (1966, 1968), (5, 10), (0, 7)])
def test_wilson_bounds_lie_where_the_share_is_1_96_deviations_off(right: int, total: int) -> None:
    share = right / total
    for bound in charts.wilson_interval(right, total):
        assert abs(share - bound) == pytest.approx(
            1.96 * math.sqrt(bound * (1 - bound) / total), abs=1e-9
        )


def test_wilson_of_nothing_is_everything() -> None:
    assert charts.wilson_interval(0, 0) == (0, 1)


@pytest.mark.parametrize(("n", "shape"), [(10, (28, 28)), (3, (5, 9)), (0, (28, 28))])
def test_examples_have_their_captions(n: int, shape: tuple[int, int]) -> None:
    images = [np.full(shape, 20 * i, np.uint8) for i in range(n)]
    captions = [f"true {i}, predicted {i}" for i in range(n)]
    drawing = charts.examples(images, captions)
    assert [text for text in texts(drawing) if text] == captions
    assert drawing.count("data:image/png") == n


def test_a_page_may_choose_the_colors() -> None:
    drawing = charts.with_page_colors(charts.learning_curve(HISTORY, "loss"))
    left = re.findall(r"(?<!, )#[0-9a-f]{6}", drawing)
    assert left == []
    assert f"var(--line-0, {charts.LINE_COLORS[0]})" in drawing
