"""The page to draw on, from a file of a model."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tinygrad_hw.nn import Dense, Flatten, Sequential
from tinygrad_hw.nn.pad import pad_page

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def model(run: Run) -> Sequential:
    """A model, and the file m.safetensors."""
    model = Sequential([Flatten(input_shape=(5, 6)), Dense(3, "softmax")], seed=0)
    model.save("m.safetensors")
    return model


def test_it_writes_the_page_of_a_model(run: Run, model: Sequential) -> None:
    assert run("pad", "m.safetensors", "-o", "pad.html") == (0, "Page: pad.html\n", "")
    assert Path("pad.html").read_text("utf-8") == pad_page(model)
    assert run("pad", "m.safetensors", "--classes", "cat,dog,ü", "--ink", "255")[0] == 0
    text = Path("m.html").read_text("utf-8")
    assert text == pad_page(model, ["cat", "dog", "ü"], 255)
    assert run("pad", "m.safetensors")[0] == 0  # over an earlier page, without a question
    assert Path("m.html").read_text("utf-8") == pad_page(model)


def test_nothing_of_the_user_s_is_written_over(run: Run, model: Sequential) -> None:
    Path("mine.html").write_text("mine")
    status, _, error = run("pad", "m.safetensors", "-o", "mine.html")
    assert (status, error.count("\n")) == (2, 1)
    assert "mine.html is there already" in error
    assert Path("mine.html").read_text() == "mine"
    before = Path("m.safetensors").read_bytes()
    assert run("pad", "m.safetensors", "-o", "m.safetensors", "--force")[0] == 2
    assert Path("m.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("gone.safetensors",), "gone.safetensors"),
        (("broken.safetensors",), "broken.safetensors"),
        (("m.safetensors", "--classes", "a,b"), "got 2 names for 3 classes: a, b"),
        (("m.safetensors", "--ink", "nan"), "ink is nan; give what a wholly inked pixel is"),
        (
            ("m.safetensors", "--ink", "0"),
            "ink is 0.0; give what a wholly inked pixel is to the model, and not 0",
        ),
    ],
    ids=["no file", "no model", "names", "nan", "no ink"],
)
def test_mistakes_are_one_line(
    run: Run, model: Sequential, arguments: tuple[str, ...], said: str
) -> None:
    Path("broken.safetensors").write_bytes(b"\x00" * 20)
    status, out, error = run("pad", *arguments, "-o", "out.html")
    assert (status, out, error.count("\n")) == (2, "", 1)
    assert error.startswith("tinygrad-hw: ")
    assert said in error
    assert not Path("out.html").exists()
