"""What ``import tinygrad_hw`` gives."""

import subprocess
import sys
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import tinygrad_hw
from tinygrad_hw import Value, capture


def test_the_core_imports_numpy_and_nothing_heavier() -> None:
    program = "import sys, tinygrad_hw; print(*{name.partition('.')[0] for name in sys.modules})"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(run.stdout.split())
    heavy = {
        "rich",
        "graphviz",
        "wasmtime",
        "matplotlib",
        "multiprocessing",
        "threadpoolctl",
        "argparse",
    }
    assert "numpy" in loaded
    assert not loaded & heavy


def test_a_scalar_shows_its_picture_in_a_notebook() -> None:
    w = Value(0.5, label="w")
    bundle = (w * 3)._repr_mimebundle_(include=None, exclude=None)
    assert bundle["text/plain"] == "Value(1.5)"
    picture = ElementTree.fromstring(bundle["image/svg+xml"])
    assert "w" in "".join(picture.itertext())


def test_what_is_too_large_to_draw_shows_as_text() -> None:
    w = Value(0.5)
    for _ in range(2000):
        w = w + 1
    assert list(w._repr_mimebundle_()) == ["text/plain"]


@pytest.mark.parametrize("x", [2.0, np.ones(3)])
def test_what_was_kept_from_a_captured_run_shows_without_a_traceback(x: Any) -> None:
    kept: list[Value] = []

    @capture
    def program(x: Any) -> Value:
        kept.append(Value(x) * 2.0)
        assert "text/plain" in kept[0]._repr_mimebundle_()  # type: ignore[attr-defined]
        return np.sum(kept[0])  # type: ignore[no-any-return]

    program(x)
    assert "text/plain" in kept[0]._repr_mimebundle_()  # type: ignore[attr-defined]


def test_the_names_are_there() -> None:
    assert all(hasattr(tinygrad_hw, name) for name in tinygrad_hw.__all__)
    assert set(tinygrad_hw.__all__) <= set(dir(tinygrad_hw))
    assert tinygrad_hw.__version__.count(".") == 2
