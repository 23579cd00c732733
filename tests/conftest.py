"""What all tests share.

Compiled loops are kept beside pytest's own cache, and not in the user's. An example of Hypothesis
may take as long as it takes: the machine may be busy.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import settings

os.environ.setdefault(
    "TINYGRAD_HW_CACHE", str(Path(__file__).parents[1] / ".pytest_cache" / "loops")
)
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture
def fifty_digits() -> Iterator[None]:
    """Compute with fifty digits, and let NumPy pass over what is not finite."""
    with mpmath.workdps(50), np.errstate(all="ignore"):
        yield
