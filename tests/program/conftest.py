"""What the tests of captured functions share."""

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tinygrad_hw.engine.core.trace import PLAIN, current
from tinygrad_hw.program.replay import Replay


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
