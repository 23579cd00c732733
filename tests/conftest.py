"""Compiled loops are kept beside pytest's own cache, and not in the user's."""

import os
from pathlib import Path

os.environ.setdefault(
    "TINYGRAD_HW_CACHE", str(Path(__file__).parents[1] / ".pytest_cache" / "loops")
)
