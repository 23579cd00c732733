import pytest

from tinygrad_hw.nn.layers.process import reset_names


@pytest.fixture(autouse=True)
def _names_from_the_start():
    """Layers are numbered in a process; so each page's begin with no number."""
    reset_names()
