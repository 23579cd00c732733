"""Run the command line in this process, or apart."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tinygrad_hw.cli import main

Run = Callable[..., tuple[int, str, str]]
RunApart = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        out, error = capsys.readouterr()
        return status, out, error

    return call


@pytest.fixture
def sheet() -> str:
    """The text of a small sheet, with a place for its only formula."""
    return """
[given]
x = 2
[parameters]
w = 0.5
[forward]
z = "{}"
[update]
loss = "z"
rate = 0.1
"""


@pytest.fixture
def run_apart() -> RunApart:
    def start(*arguments: str, **options: Any) -> subprocess.Popen[str]:
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        command = [sys.executable, "-m", "tinygrad_hw", *arguments]
        return subprocess.Popen(command, text=True, **{**pipes, **options})

    return start


def hear_ctrl_c() -> None:
    """Undo what a shell does to a job in the background: it is deaf to Ctrl-C, its children too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def own_job() -> dict[str, Any]:
    """Options for a process of its own group, which hears Ctrl-C."""
    return {"start_new_session": True, "preexec_fn": hear_ctrl_c}
