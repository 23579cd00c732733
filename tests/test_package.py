"""What ``import tinygrad_hw`` gives."""

import subprocess
import sys
from xml.etree import ElementTree

import tinygrad_hw
from tinygrad_hw import Value


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


def test_the_names_are_there() -> None:
    assert all(hasattr(tinygrad_hw, name) for name in tinygrad_hw.__all__)
    assert tinygrad_hw.__version__.count(".") == 2
