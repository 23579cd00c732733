"""What is said of the trained network: each figure worked out by NumPy from its weights."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tinygrad_hw.data import Dataset, load
from tinygrad_hw.homework.experiments import TEN, Outcome, train
from tinygrad_hw.homework.report.watching import draw_section, learned, learned_figures
from tinygrad_hw.homework.results import Results
from tinygrad_hw.nn.pad import pad_parts


@pytest.fixture(scope="module")
def results() -> Results:
    """A small run of the network of ten digits alone."""
    whole = load()
    data = Dataset(*(getattr(whole, x)[::40] for x in ("x_train", "y_train", "x_test", "y_test")))
    outcome = train(replace(TEN, epochs=2), data, 0, lambda *_: None)
    return Results({}, {}, {}, {"ten": outcome}, data, (3, 6), seed=0, seconds=0.0)


@pytest.fixture(scope="module")
def network(results: Results) -> dict[str, Any]:
    """The network forward and backward on the test images, in float64."""
    w1, b1, w2, b2 = (w.astype(float) for w in results.outcomes["ten"].weights)
    data = results.data
    x = data.x_test.reshape(len(data.x_test), -1) / 255
    hidden = np.maximum(x @ w1 + b1, 0)
    z = hidden @ w2 + b2
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    back = (p - np.eye(10)[data.y_test]) / len(x)
    inner = back @ w2.T * (hidden > 0)
    first = np.abs(np.vstack([x.T @ inner, inner.sum(axis=0)]))
    last = np.abs(np.vstack([hidden.T @ back, back.sum(axis=0)]))
    return {"w1": w1, "w2": w2, "hidden": hidden, "p": p, "first": first, "last": last}


@pytest.fixture(scope="module")
def said(results: Results) -> str:
    html = learned(results, learned_figures(results))
    html = re.sub(r'<data [^>]*value="([^"]*)"[^>]*>.*?</data>', r"\1", html)
    text = re.sub(r"<svg.*?</svg>|<[^>]*>", "", html, flags=re.DOTALL)
    return text.replace("\u00a0", " ").replace(",", "")


def numbers(pattern: str, text: str) -> list[float]:
    found = re.search(pattern, text)
    assert found, f"{pattern} is not in {text}"
    return [float(x) for x in found.groups()]


def test_of_weights(results: Results, network: dict[str, Any], said: str) -> None:
    blank = ~results.data.x_train.any(axis=0).ravel()
    size = np.abs(network["w1"])
    wanted = [blank.sum(), 784, size[blank].mean(), size[~blank].mean()]
    found = numbers(
        r"([\d.]+) of the (\d+) pixels have ink in no .* mean size ([\d.]+); the others’ is "
        r"([\d.]+)\.",
        said,
    )
    assert found == pytest.approx(wanted, rel=5e-3)
    drawn = TEN.model((28, 28), 0).get_weights()[0]  # and those weights are as they were
    np.testing.assert_array_equal(network["w1"][blank], drawn[blank])


def test_of_activations_and_gradients(network: dict[str, Any], said: str) -> None:
    hidden, first, last = network["hidden"], network["first"], network["last"]
    [zeros] = numbers(r"On 250 test images ([\d.]+) % of the hidden", said)
    assert zeros == pytest.approx(100 * (hidden == 0).mean(), rel=5e-3)
    dead = int((hidden == 0).all(axis=0).sum())
    assert f"Of the 128 neurons {dead or 'none'} " in said
    found = numbers(r"the last layer is ([\d.]+) times .* and ([\d.]+) % of the hidden", said)
    wanted = [last.mean() / first.mean(), 100 * (first == 0).mean()]
    assert found == pytest.approx(wanted, rel=5e-3)


def test_of_classes(results: Results, network: dict[str, Any], said: str) -> None:
    true, guess = results.data.y_test, network["p"].argmax(axis=1)
    recall = [(guess[true == k] == k).mean() for k in range(10)]
    precision = [(true[guess == k] == k).mean() if (guess == k).any() else 1 for k in range(10)]
    found = numbers(
        r"A (\d) is missed most often \(recall ([\d.]+)\) a (\d) least often \(([\d.]+)\)\. The "
        r"answer (\d) is to be trusted least: ([\d.]+) %",
        said,
    )
    wanted = [
        *(np.argmin(recall), min(recall), np.argmax(recall), max(recall)),
        *(np.argmin(precision), 100 * min(precision)),
    ]
    assert found == pytest.approx(wanted, rel=1e-3)


def test_of_mistakes(results: Results, network: dict[str, Any], said: str) -> None:
    true, p = results.data.y_test, network["p"]
    wrong = np.flatnonzero(p.argmax(axis=1) != true)
    worst = wrong[p[wrong].max(axis=1).argmax()]
    found = numbers(
        r"(\d+) errors in 250\. In (\d+) of them .* image (\d+) a (\d) is taken for a (\d) with "
        r"probability ([\d.]+)\.",
        said,
    )
    sure = (p[wrong].max(axis=1) > 0.99).sum()
    wanted = [len(wrong), sure, worst, true[worst], p[worst].argmax(), p[worst].max()]
    assert found == pytest.approx(wanted, rel=1e-3)


def test_of_pixels(results: Results, network: dict[str, Any], said: str) -> None:
    active, best = network["hidden"][0] > 0, network["p"][0].argmax()
    size = np.abs(network["w1"] @ (active * network["w2"][:, best]))
    blank = results.data.x_test[0].ravel() == 0
    [label, share] = numbers(r"first test image a (\d) and .*\. ([\d.]+) % of the gradient", said)
    assert (label, share) == (
        results.data.y_test[0],
        pytest.approx(100 * size[blank].sum() / size.sum(), rel=5e-3),
    )


def test_a_network_that_makes_no_mistake_can_be_told_of(results: Results) -> None:
    model = results.network(TEN)
    guess = model.predict_classes(results.data.x_test)
    outcome: Outcome = results.outcomes["ten"]
    right = replace(
        results,
        outcomes={"ten": replace(outcome, confusion=np.diag(np.bincount(guess, minlength=10)))},
        data=replace(results.data, y_test=guess.astype(np.uint8)),
    )
    html = learned(right, learned_figures(right))
    assert "0 errors in 250. <" in html
    assert "no mistakes" in html


def test_the_pad_has_the_trained_weights(results: Results) -> None:
    pad = pad_parts(results.network(TEN))
    assert 'id="pad-draw"' in draw_section(pad)
    data = re.search(r'type="application/json">(.*?)</script>', pad.scripts)
    assert data
    weights = json.loads(data[1])["weights"].values()
    for text, wanted in zip(weights, results.outcomes["ten"].weights, strict=True):
        found = np.frombuffer(base64.b64decode(text), "<f4")
        np.testing.assert_array_equal(found, wanted.ravel())
