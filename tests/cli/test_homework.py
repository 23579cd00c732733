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


@pytest.mark.parametrize("name", ["report.html", "results.json", "pages/q1a.html"])
def test_a_folder_of_somebody_else_s_is_refused_before_the_work(run: Run, name: str) -> None:
    path = Path("out", name)
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    status, out, error = run("homework", "--out", "out")
    assert (status, out) == (2, "")
    assert error == (
        f"tinygrad-hw: {path} is there already; give another name, or --force to replace it\n"
    )
    assert [file for file in Path("out").rglob("*") if file.is_file()] == [path]
    assert path.read_text() == "mine"


@pytest.mark.parametrize("options", [(), ("--force",)])
def test_data_are_never_written_to(run: Run, options: tuple[str, ...]) -> None:
    Path("out").mkdir()
    Path("out/mnist.npz").write_text("data")
    Path("out/report.html").symlink_to("mnist.npz")
    for data in ("out/mnist.npz", "out"):
        status, _, error = run("homework", "--out", "out", "--data", data, *options)
        assert status == 2
        assert "out/report.html is read by this command" in error
    assert Path("out/mnist.npz").read_text() == "data"


def test_a_loop_of_links_is_one_line(run: Run) -> None:
    Path("loop").symlink_to("pool")
    Path("pool").symlink_to("loop")
    status, out, error = run("homework", "--out", "loop")
    assert (status, out, error.count("\n")) == (2, "", 1)
    assert error.startswith("tinygrad-hw: cannot write to loop: ")
