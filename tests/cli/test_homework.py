"""What can go wrong with the whole homework leaves nothing."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., tuple[int, str, str]]
RunApart = Callable[..., subprocess.Popen[str]]


def test_a_cut_off_data_set_is_named_and_leaves_nothing(run: Run) -> None:
    Path("data").mkdir()
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        kind = 3 if "idx3" in name else 1
        Path(f"data/{name}-ubyte").write_bytes(bytes([0, 0, 8, kind, 0, 0, 0, 9]) + b"\0\0")
    status, _, error = run("homework", "--data", "data", "--out", "out")
    assert status == 2
    assert error.count("\n") == 1
    assert "idx" in error
    assert not Path("out").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["at once", "while training"])
def test_ctrl_c_and_kill_leave_nothing(
    tmp_path: Path,
    moment: str,
    number: signal.Signals,
    run_apart: RunApart,
    own_job: dict[str, Any],
) -> None:
    out = tmp_path / "out"
    arguments = "homework", "--out", str(out)
    with run_apart(*arguments, **own_job) as process:
        if moment == "while training":
            assert process.stdout is not None
            assert "Training" in process.stdout.readline()
            assert "test accuracy" in process.stdout.readline()  # the first network is done
        while not out.exists():
            assert process.poll() is None
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does: to every process of the job
        else:
            process.terminate()
        _, error = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert error.split() == (["tinygrad-hw:", "stopped"] if number == signal.SIGINT else [])
    assert not out.exists()
