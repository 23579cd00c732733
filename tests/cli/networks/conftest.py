"""Small data: bars of three classes, as bytes, and a table of two."""

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """Images of 6 × 6 bytes, dark but for one of three rows, which is the class."""
    random = np.random.default_rng(0)
    y = np.arange(60) % 3
    x = random.integers(0, 25, (60, 6, 6))
    for image, label in zip(x, y, strict=True):
        image[label + 1, 1:5] += 200
    x = x.astype(np.uint8)
    path = tmp_path / "bars.npz"
    np.savez(path, x_train=x, y_train=y, x_test=x[:30], y_test=y[:30])
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    rows = [f"{random.normal(100 * (i % 2), 5):.3f},{'=no' if i % 2 else 'yes'}" for i in range(40)]
    path = tmp_path / "table.csv"
    path.write_text("size,class\n" + "\n".join(rows) + "\n")
    return path
