"""What all tests share.

Compiled loops are kept beside pytest's own cache, and not in the user's. An example of Hypothesis
may take as long as it takes: the machine may be busy.
"""

import functools
import gc
import os
from collections.abc import Iterator
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import settings

from tinygrad_hw.program.replay import Replay

os.environ.setdefault(
    "TINYGRAD_HW_CACHE", str(Path(__file__).parents[1] / ".pytest_cache" / "loops")
)
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def pytest_collection_finish() -> None:
    """Keep modules and tests out of Python's collections of garbage, which they made slow."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def fifty_digits() -> Iterator[None]:
    """Compute with fifty digits, and let NumPy pass over what is not finite."""
    with mpmath.workdps(50), np.errstate(all="ignore"):
        yield


@pytest.fixture
def something_is_replayed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail if a test never replays a program: it would test the plain function alone."""
    replays = []

    def counted(method):
        @functools.wraps(method)
        def run(self, *arguments):
            result = method(self, *arguments)
            replays.append(method)
            return result

        return run

    for name in ("run", "map_threads"):
        monkeypatch.setattr(Replay, name, counted(getattr(Replay, name)))
    yield
    assert replays
