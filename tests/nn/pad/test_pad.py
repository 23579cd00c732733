"""The pad in a real browser, beside ``predict``, NumPy and MNIST; Chromium is started once."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tinygrad_hw.data import load
from tinygrad_hw.errors import InputError
from tinygrad_hw.nn import Dense, Flatten, Input, Model, Rescaling, Sequential
from tinygrad_hw.nn.layers import Concatenate, Conv2D, GlobalAveragePooling2D, Layer, Reshape, add
from tinygrad_hw.nn.pad import PAD_OPENING, pad_page

DATA = load()
CHROMIUM = shutil.which("chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
NORMALIZED = """([rows, h, w]) => {
  const ink = JSON.parse(rows).map((row) => [...row, ...Array(w - row.length).fill(0)]).flat();
  return [...pad.normalized([...ink, ...Array(h * w - ink.length).fill(0)], h, w)];
}"""
SHOW = """(pixels) => {
  const shown = pad.show(Float32Array.from(pixels));
  return [[...shown.probabilities], [...shown.gradient]];
}"""


@pytest.fixture(scope="module")
def tab() -> Iterator[tuple[Page, list[str]]]:
    """A page of Chromium, and what has gone wrong in it: messages, and what it asked for."""
    if CHROMIUM is None:
        pytest.skip("the pad is tested in Chromium: apt-get install chromium")
    wrong: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(has_touch=True)
        page.set_default_timeout(15_000)
        page.on("request", lambda r: None if r.is_navigation_request() else wrong.append(r.url))
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        yield page, wrong
        browser.close()


Open = Callable[[str], Page]


@pytest.fixture
def opened(tab: tuple[Page, list[str]], tmp_path: Path) -> Iterator[Open]:
    """Open a text of HTML as a file; nothing must go wrong, and nothing be asked for."""
    page, wrong = tab

    def open_(text: str) -> Page:
        path = tmp_path / "pad.html"
        path.write_text(text, encoding="utf-8")
        page.set_viewport_size({"width": 1200, "height": 800})
        page.goto(path.as_uri())
        return page

    yield open_
    found = [*wrong]
    wrong.clear()
    assert found == []


@pytest.fixture(scope="module")
def model() -> Sequential:
    """The homework's network, trained a little."""
    layers = [Rescaling(1 / 255, input_shape=(28, 28)), Flatten(), Dense(128, "relu")]
    model = Sequential([*layers, Dense(10, "softmax")], seed=0)
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    model.fit(DATA.x_train[:6000], DATA.y_train[:6000], epochs=1, verbose=0)
    return model


@pytest.fixture(scope="module")
def html(model: Sequential) -> str:
    return pad_page(model)


# --- The network ----------------------------------------------------------------------------------


def test_probabilities_are_those_of_predict_and_the_gradient_is_numpy_s(
    model: Sequential, html: str, opened: Open
) -> None:
    page = opened(html)
    images = DATA.x_test[:12]
    predicted = model.predict(images, verbose=0)
    w1, b1, w2, _ = model.get_weights()
    found = page.evaluate(SHOWN, images.reshape(len(images), -1).tolist())
    for image, row, shown in zip(images, predicted, found, strict=True):
        np.testing.assert_allclose(shown["probabilities"], row, rtol=0, atol=2e-6)
        active = image.ravel() / 255 @ w1 + b1 > 0
        by_hand = w1 @ (active * w2[:, row.argmax()]) / 255
        error = np.abs(shown["gradient"] - by_hand)
        assert error.max() < 1e-6 * np.abs(by_hand).max()
        said = re.fullmatch(r"It says (\d), with probability ([\d.]+)\.", shown["said"])
        assert said
        assert int(said[1]) == row.argmax()
        assert float(said[2]) == pytest.approx(row.max(), abs=6e-5)
        np.testing.assert_allclose([float(x) for x in shown["bars"]], row, rtol=0, atol=6e-5)
        assert shown["best"] == [str(row.argmax())]


SHOWN = """(images) => images.map((pixels) => {
  const { probabilities, gradient } = pad.show(Float32Array.from(pixels));
  const texts = (selector) => [...document.querySelectorAll(selector)].map((e) => e.textContent);
  return {
    probabilities: [...probabilities],
    gradient: [...gradient],
    said: document.getElementById("pad-says").textContent,
    bars: texts("#pad .probability"),
    best: texts("#pad .best th"),
  };
})"""


def says(page: Page) -> str:
    return page.locator("#pad-says").text_content() or ""


def model_of(*layers: Layer) -> Sequential:
    return Sequential(layers, seed=1)


def activated(k: int, activation: str | None, *shape: int) -> Sequential:
    return model_of(Flatten(input_shape=shape), Dense(7, "tanh"), Dense(k, activation))


def softmax(z: np.ndarray) -> np.ndarray:
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


class OfOne(Model):
    """A model whose last layer is not known."""

    def __init__(self) -> None:
        super().__init__(seed=0)
        self.first, self.second = Flatten(), Dense(1, "sigmoid")

    def call(self, inputs: Any) -> Any:
        return self.second(self.first(inputs))


def branched() -> Model:
    """A model of two branches, with one layer in both."""
    pixels, shared = Input((7, 5)), Dense(5, "relu")
    once = shared(pixels)
    both = Concatenate()([Flatten()(once), Flatten()(shared(once))])
    return Model(pixels, Dense(4, "softmax")(both), seed=0)


def of_one() -> Model:
    model = OfOne()
    model.build((None, 6, 5))
    return model


MODELS: dict[str, tuple[Callable[[], Any], Callable[[np.ndarray], np.ndarray]]] = {
    "one sigmoid": (lambda: activated(1, "sigmoid", 81), lambda p: np.hstack([1 - p, p])),
    "one logit": (
        lambda: activated(1, None, 9, 9),
        lambda z: np.hstack([1 / (1 + np.exp(z)), 1 / (1 + np.exp(-z))]),
    ),
    "logits": (lambda: activated(5, None, 8, 20), softmax),
    "many": (lambda: activated(40, "softmax", 20, 8, 1), lambda p: p),
    "branches": (branched, lambda p: p),
    "unknown": (of_one, lambda p: np.hstack([1 - p, p])),
    "convolutions": (
        lambda: model_of(
            Reshape((12, 16, 1), input_shape=(12, 16)),
            Conv2D(4, 3, padding="same", activation="relu"),
            Conv2D(3, 3, strides=2),
            GlobalAveragePooling2D(),
            Dense(3, "softmax"),
        ),
        lambda p: p,
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_networks_of_any_size(name: str, opened: Open) -> None:
    make, wanted_of = MODELS[name]
    model = make()
    labels = [weight.label for weight in model.weights]
    page = opened(pad_page(model))
    assert [weight.label for weight in model.weights] == labels
    x = np.random.default_rng(0).random((1, *model.input_shape[1:])).astype(np.float32)
    [wanted] = wanted_of(model.predict(x, verbose=0))
    probabilities, gradient = page.evaluate(SHOW, x.ravel().tolist())
    np.testing.assert_allclose(probabilities, wanted, rtol=0, atol=2e-6)
    assert len(gradient) == x.size
    assert np.abs(gradient).max() > 0
    listed = page.locator("#pad tbody th").all_text_contents()
    likeliest = [str(i) for i in np.argsort(-wanted)[:20]]
    assert listed == (likeliest if len(wanted) > 20 else [str(i) for i in range(len(wanted))])
    page.mouse.click(*center(page))
    expect(page.locator("#pad-says")).to_contain_text("It says")


# --- The form of an image of MNIST ----------------------------------------------------------------


def normalized(page: Page, ink: np.ndarray, size: tuple[int, int], shape: tuple[int, int]) -> Any:
    """What the page makes of ink at the upper left of a drawing of some size."""
    found = page.evaluate(NORMALIZED, [json.dumps(ink.tolist()), *size])
    return np.reshape(found, shape)


def test_the_form_is_mnist_s_own(html: str, opened: Open) -> None:
    """An image of MNIST is in the form already: it stays as it is, to the pixel."""
    page = opened(html)
    for image in DATA.x_test[:20]:
        found = normalized(page, image / 255, (28, 28), (28, 28))
        np.testing.assert_allclose(found, image, atol=1e-3)


def test_ink_is_averaged_and_centered(html: str, opened: Open) -> None:
    """Ink of 60 × 30 dots becomes 20 × 10 pixels, each the mean of nine."""
    page = opened(html)
    dots = np.random.default_rng(0).random((60, 30)) * np.linspace(0.1, 1, 30)
    for top, left in ((0, 0), (17, 111)):  # wherever it was drawn
        ink = np.pad(dots, ((top, 0), (left, 0)))
        found = normalized(page, ink, (280, 280), (28, 28))
        ys, xs = np.nonzero(found)
        box = found[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
        means = dots.reshape(20, 3, 10, 3).mean(axis=(1, 3))
        np.testing.assert_allclose(box, 255 * means, rtol=1e-6)
        for axis in (0, 1):
            mass = found.sum(axis=1 - axis)
            assert abs(mass @ np.arange(28) / mass.sum() - 14) <= 0.5


def test_a_drawing_of_another_shape_is_not_distorted(opened: Open) -> None:
    page = opened(pad_page(activated(3, "softmax", 14, 30)))
    assert page.evaluate(f"() => [{DRAW}.width, {DRAW}.height]") == [280, 131]
    ink = np.zeros((30, 260))
    ink[10:30, 200:260] = 1  # 1 : 3, in a box of 10 × 10
    found = normalized(page, ink, (131, 280), (14, 30))
    assert found.sum() == pytest.approx(30)
    ys, xs = np.nonzero(found)
    assert (np.ptp(ys), np.ptp(xs)) == (2, 9)
    assert abs(ys.mean() - 7) <= 0.5
    assert abs(xs.mean() - 15) <= 0.5
    assert not normalized(page, np.zeros((2, 3)), (20, 20), (14, 30)).any()


DRAW = "document.getElementById('pad-draw')"


# --- Drawing --------------------------------------------------------------------------------------


def center(page: Page) -> tuple[float, float]:
    box = page.locator("#pad-draw").bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def stroke(page: Page, points: list[tuple[float, float]]) -> None:
    """Draw a line through points, in shares of the square."""
    box = page.locator("#pad-draw").bounding_box()
    assert box
    for i, (x, y) in enumerate(points):
        page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y, steps=2)
        if i == 0:
            page.mouse.down()
    page.mouse.up()


CIRCLE = [(0.5 + 0.22 * np.sin(t), 0.5 - 0.3 * np.cos(t)) for t in np.linspace(0, 2 * np.pi, 17)]
SEEN = "() => document.getElementById('pad-seen').toDataURL()"


def test_a_stroke_changes_the_answer_while_one_draws(html: str, opened: Open) -> None:
    page = opened(html)
    heard = page.locator("#pad-says")
    assert says(page) == "Draw in the first square."
    stroke(page, [(0.5, 0.2), (0.5, 0.8)])
    expect(heard).to_contain_text("It says 1,")
    one = page.evaluate(SEEN)
    page.locator("#pad-clear").click()
    expect(heard).to_have_text("Draw in the first square.")
    assert page.locator("#pad .probability").all_text_contents() == ["–"] * 10
    stroke(page, CIRCLE)
    expect(heard).to_contain_text("It says 0,")
    assert page.evaluate(SEEN) != one
    expect(heard).to_have_attribute("aria-live", "polite")
    page.mouse.move(*center(page))
    page.mouse.down()
    before = says(page)
    page.mouse.move(center(page)[0] + 60, center(page)[1] + 60, steps=5)
    expect(heard).not_to_have_text(before)  # the button is still down
    expect(heard).to_have_attribute("aria-live", "off")
    page.keyboard.press("Delete")  # the button is still down
    expect(heard).to_have_text("Draw in the first square.")
    page.mouse.move(*center(page))
    page.mouse.up()
    expect(heard).to_have_attribute("aria-live", "polite")
    expect(heard).to_have_text("Draw in the first square.")


def test_it_can_be_drawn_on_by_keyboard_and_by_finger(html: str, opened: Open) -> None:
    page = opened(html)
    heard = page.locator("#pad-says")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.id") == "pad-draw"
    for key in (*["ArrowUp"] * 9, "Space", *["ArrowDown"] * 18, "Space"):
        page.keyboard.press(key)
    expect(heard).to_contain_text("It says 1,")
    page.keyboard.press("Delete")
    expect(heard).to_have_text("Draw in the first square.")
    page.touchscreen.tap(*center(page))
    expect(heard).to_contain_text("It says")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(heard).to_have_text("Draw in the first square.")


def test_what_it_looks_at_lies_over_the_drawing_and_can_be_put_away(
    html: str, opened: Open
) -> None:
    page = opened(html)
    image = DATA.x_test[0]
    _, gradient = page.evaluate(SHOW, image.ravel().tolist())
    dots = """() => [...document.getElementById("pad-seen").getContext("2d").getImageData(
      0, 0, 28, 28).data]"""
    red, _, blue, opaque = np.reshape(page.evaluate(dots), (28, 28, 4)).transpose(2, 0, 1)
    slope = np.reshape(gradient, (28, 28)) / np.abs(gradient).max()
    assert opaque.min() == 255
    blank = image == 0
    assert (blue > red)[blank & (slope > 0.2)].all()
    assert (red > blue)[blank & (slope < -0.2)].all()
    page.get_by_role("checkbox", name="Gradient").uncheck()
    plain = np.reshape(page.evaluate(dots), (28, 28, 4))
    assert np.corrcoef(plain[..., 0].ravel(), image.ravel())[0, 1] < -0.999
    assert (plain[image == 0] == plain[0, 0]).all()


def test_it_has_names_and_colors_in_both_lights_and_fits_a_telephone(
    html: str, opened: Open
) -> None:
    page = opened(html)
    paper = "() => getComputedStyle(document.documentElement).backgroundColor"
    page.emulate_media(color_scheme="dark")  # while the page is open
    dark = sum(map(int, re.findall(r"\d+", page.evaluate(paper))))
    page.emulate_media(color_scheme="light")
    light = sum(map(int, re.findall(r"\d+", page.evaluate(paper))))
    assert dark < 3 * 64 < 3 * 192 < light
    page.set_viewport_size({"width": 360, "height": 640})
    assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0
    for role, name in NAMES:
        expect(page.get_by_role(role, name=name)).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("Draw in the first square.")


NAMES: list[tuple[Any, str]] = [
    ("application", "Drawing area"),
    ("button", "Clear"),
    ("img", "Nothing drawn yet"),
    ("checkbox", "Gradient"),
    ("table", "Probability of each class"),
]


# --- The text of the page -------------------------------------------------------------------------


def test_the_page_says_what_is_done_to_a_drawing(html: str) -> None:
    text = re.sub(r"<[^>]*>", "", html)
    assert "a box of 20 × 20 pixels" in text
    assert "28 × 28 pixels, its center of mass in the middle" in text
    assert "nothing is fetched from anywhere" in text
    assert not re.search(r"https?:", html)
    assert PAD_OPENING.match(html.encode())
    assert len(html) < 600_000  # the weights are 543 kB


def test_names_of_classes_are_text(model: Sequential, opened: Open) -> None:
    names = ["</script><b>", "W" * 300, "ü名", "&amp;", '"', *"56789"]
    page = opened(pad_page(model, names))
    page.set_viewport_size({"width": 360, "height": 640})
    assert page.locator("#pad tbody th").all_text_contents() == names
    assert page.locator("b").count() == 0
    before = center(page)
    image = [0.0] * 784
    for i in range(0, 784, 37):  # one name or another
        page.evaluate(SHOW, [*image[:i], 255.0, *image[i + 1 :]])
        assert center(page) == before  # the drawing does not move under the pen
    assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0


def two_images() -> Model:
    both = [Input((4, 4)), Input((4, 4))]
    return Model(both, Dense(3, "softmax")(Flatten()(add(both))))


class Odd(Layer):
    def call(self, inputs: Any) -> Any:
        return np.linalg.inv(inputs @ np.swapaxes(inputs, -1, -2) + np.eye(4, dtype=np.float32))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: activated(3, "softmax", 8, 8, 3),
            "takes colored images, and the pad's ink is gray",
        ),
        (lambda: activated(3, "softmax", 12), r"expected images of shape .*, got \(12,\)"),
        (lambda: model_of(Flatten(), Dense(3)), r"is not built: its images have no size yet"),
        (lambda: model_of(Dense(3, input_shape=(4, 5))), r"outputs of shape \(None, 4, 3\)"),
        (lambda: activated(1, "tanh", 4, 4), r"ends with one tanh; expected a sigmoid"),
        (lambda: model_of(Odd(input_shape=(4, 4)), Flatten(), Dense(2)), r"no word in JavaScript"),
        (two_images, "takes several inputs at once, and the pad draws one image"),
    ],
    ids=[
        "colors",
        "no square",
        "not built",
        "no classes",
        "one tanh",
        "no JavaScript",
        "two inputs",
    ],
)
def test_a_model_without_a_pad_is_refused_in_one_line(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(InputError, match=f"^there is no pad for this model: .*{said}") as caught:
        pad_page(make())
    assert "\n" not in str(caught.value)


def test_as_many_names_as_classes(model: Sequential) -> None:
    with pytest.raises(InputError, match=r"^got 2 names for 10 classes: a, b$"):
        pad_page(model, ["a", "b"])


def level_texts(model: Any, **options: Any) -> tuple[str, str]:
    text = pad_page(model, **options)
    found = re.search(r'"paper":([\d.-]+),"ink":([\d.-]+),', text)
    assert found
    return found[1], found[2]


@pytest.mark.parametrize(
    ("scaling", "trained_on", "levels"),
    [
        (None, None, ("0.0", "1.0")),
        (Rescaling(1 / 255), None, ("0.0", "255.0")),
        (Rescaling(1 / 127.5, -1), None, ("0.0", "255.0")),
        (Rescaling(1 / 255), {"bytes": True, "background": 0}, ("0.0", "255.0")),
        (Rescaling(1 / 255), {"bytes": True, "background": 255}, ("255.0", "0.0")),
        (Rescaling(3.25, -0.3), {"bytes": False, "background": None}, ("0.0", "1.0")),
    ],
    ids=["nothing", "bytes", "from -1 to 1", "dark", "light", "deviations"],
)
def test_ink_is_what_the_network_was_trained_with(
    scaling: Layer | None, trained_on: Any, levels: tuple[str, str]
) -> None:
    layers = [] if scaling is None else [Rescaling.from_config(scaling.get_config())]
    model = model_of(*layers, Flatten(), Dense(2))
    model.build((None, 4, 4))
    model.trained_on = trained_on
    assert level_texts(model) == levels
    assert level_texts(model, ink=-1.5) == (levels[0], "-1.5")
    with pytest.raises(InputError, match=rf"and not {levels[0][:-2]}, which is one without ink$"):
        pad_page(model, ink=float(levels[0]))


def test_a_model_that_was_trained_on_a_light_background(opened: Open) -> None:
    model = activated(2, "softmax", 10, 10)
    model.trained_on = {"class_names": ["a", "b"], "bytes": True, "background": 255}
    page = opened(pad_page(model))
    assert page.locator("#pad tbody th").all_text_contents() == ["a", "b"]
    found = normalized(page, np.ones((4, 4)), (20, 20), (10, 10))
    assert (found < 0.001).sum() == 49  # a box of 7
    assert (found == 255).sum() == 51
