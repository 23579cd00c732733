"""What the tests of captured functions share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tinygrad_hw.engine.core.trace import PLAIN, current


@pytest.fixture
def loops_are_kept_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep compiled loops in a directory of the test's own."""
    monkeypatch.setenv("TINYGRAD_HW_CACHE", str(tmp_path))


@pytest.fixture
def no_mode_is_left_on() -> Iterator[None]:
    """Fail if a test leaves a mode on."""
    yield
    assert current().trace is PLAIN
    assert current().recording
    assert not current().nested
