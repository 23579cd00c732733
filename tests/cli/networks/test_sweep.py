"""The verb that trains a grid of networks and compares them."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import pytest

Run = Callable[..., tuple[int, str, str]]
RunApart = Callable[..., subprocess.Popen[str]]
OPTIONS = ("--layers", "36-4-3", "--epochs", "1", "-o", "runs.csv")
GRID = ("--initializer", "HeNormal,Zeros", "--seed", "0:3", *OPTIONS)


@pytest.fixture
def sweep(run: Run, bars: Path) -> Callable[..., str]:
    def call(*options: str) -> str:
        status, out, error = run("sweep", "--data", str(bars), *options, "--jobs", "1")
        assert (status, error) == (0, "")
        return out

    return call


def test_a_sweep_and_its_table(sweep: Callable[..., str]) -> None:
    lines = sweep(*GRID, "--lr", "0.05").splitlines()
    table = pandas.read_csv("runs.csv")
    assert lines[0] == "6 runs: 6 trained now. All are in runs.csv."
    assert lines[1] == "Accuracy on 30 test examples"
    means = table.groupby("initializer")["accuracy"]
    for line in lines[3:5]:
        name, runs, *figures = line.split()
        found = [means.agg(how)[name] for how in ("mean", "std", "min", "max")]
        assert runs == "3"
        assert [float(figure) for figure in figures] == pytest.approx(found, abs=6e-6)
    assert lines[6] == "Against HeNormal, seed by seed"
    assert re.fullmatch(
        r"  Zeros: [-+]0\.\d+, p (0\.25|0\.5|0\.75|1): 3 seeds can show no difference, however "
        r"large; give more",
        lines[7],
    )
    assert (table["correct"] / table["examples"] == table["accuracy"]).all()
    assert set(table["learning_rate"]) == {0.05}
    assert set(table["epochs_trained"]) == {1}


def test_what_has_finished_is_not_done_again(
    sweep: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sweep(*GRID)
    lines = Path("runs.csv").read_text().splitlines(keepends=True)
    Path("runs.csv").write_text("".join(lines[:4]) + lines[4][:20])  # cut off within a line
    again = sweep(*GRID)
    assert again.startswith("6 runs: 3 trained now, 3 taken from runs.csv. All are in runs.csv.\n")
    assert again.splitlines()[1:] == whole.splitlines()[1:]  # the same runs give the same figures
    monkeypatch.setattr("tinygrad_hw.runs.sweep.train", None)
    assert sweep(*GRID).startswith("6 runs: 0 trained now, 6 taken")
    fewer = sweep("--initializer", "Zeros", "--seed", "1,2", *OPTIONS)
    assert fewer.startswith("2 runs: 0 trained now, 2 taken")
    assert "Against" not in fewer


def test_kinds_are_named_after_what_differs(sweep: Callable[..., str]) -> None:
    out = sweep("--lr", "0.1,0.01", "--batch", "32,60", "--seed", "0", *OPTIONS)
    assert [" ".join(line.split()[:4]) for line in out.splitlines()[3:7]] == [
        "lr 0.1, batch 32",
        "lr 0.1, batch 60",
        "lr 0.01, batch 32",
        "lr 0.01, batch 60",
    ]
    assert "with Holm's correction for 3 comparisons" in out


def test_two_processes_find_what_one_does(run: Run, bars: Path, sweep: Callable[..., str]) -> None:
    assert run("sweep", "--data", str(bars), *GRID, "--jobs", "2")[0] == 0
    columns = ["seed", "initializer", "correct", "loss"]
    two = pandas.read_csv("runs.csv")[columns].sort_values(["seed", "initializer"])
    Path("runs.csv").unlink()
    sweep(*GRID)
    one = pandas.read_csv("runs.csv")[columns].sort_values(["seed", "initializer"])
    pandas.testing.assert_frame_equal(
        one.reset_index(drop=True), two.reset_index(drop=True), check_exact=True
    )


def test_ctrl_c_keeps_what_has_finished(
    tmp_path: Path, bars: Path, run_apart: RunApart, own_job: dict[str, Any]
) -> None:
    path = tmp_path / "runs.csv"
    options = ["--data", str(bars), "--layers", "36-3", "--epochs", "1"]
    arguments = ["sweep", *options, "--seed", "0:9999", "-o", str(path), "--jobs", "2"]
    with run_apart(*arguments, **own_job) as process:
        while not path.exists() or path.read_text().count("\n") < 4:
            assert process.poll() is None
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        out, error = process.communicate(timeout=60)
    assert (process.returncode, out, error) == (130, "", "\ntinygrad-hw: stopped\n")
    table = pandas.read_csv(path)
    assert 3 <= len(table) < 9999
    assert set(table["epochs_trained"]) == {1}
    assert not table["seed"].duplicated().any()
    assert path.read_text().endswith("\n")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("", "required: -o/--out"),
        ("-o runs.txt", "-o is runs.txt; give the name of a .csv file"),
        ("-o mine.csv", "mine.csv is there already, and no record of a sweep; give another name"),
        ("-o a.csv --jobs 0", "--jobs is 0; give at least 1"),
        ("-o a.csv --seed 3:1", "--seed is '3:1'; give FIRST:END, as 0:10 for 0 to 9"),
        ("-o a.csv --seed 1,1", "--seed has 1 twice; give it once"),
        ("-o a.csv --batch 8,x", "--batch is '8,x'; give whole numbers, as 1,2"),
        ("-o a.csv --lr 0.1,fast", "--lr is '0.1,fast'; give numbers, as 1,2"),
        ("-o a.csv --initializer HeNormal,He", "--initializer is 'He': unknown initializer 'He'"),
        ("-o a.csv --layers 36-3,36-4", "has 3 classes: end with 3"),
        ("-o a.csv --dask nowhere", "--dask is 'nowhere': no scheduler answers there"),
        ("-o no/a.csv --jobs 1 --dask tcp://127.0.0.1:1 --seed 0", "no scheduler answers"),
    ],
)
def test_what_is_wrong_is_one_line(
    run: Run, bars: Path, arguments: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tinygrad_hw.workers.CONNECT_SECONDS", 0.1)
    Path("mine.csv").write_text("mine")
    status, out, error = run("sweep", "--data", str(bars), *arguments.split())
    assert (status, out) == (2, "")
    assert error.startswith("tinygrad-hw: ")
    assert reason in error
    assert error.count("\n") == 1
    assert Path("mine.csv").read_text() == "mine"
