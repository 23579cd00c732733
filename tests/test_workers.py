"""Tasks side by side: none is lost and none is done twice, whatever becomes of the workers."""

import contextlib
import os
import subprocess
import sys
import threading
import time

import pytest

from tinygrad_hw.errors import InputError
from tinygrad_hw.workers import in_order, side_by_side

CLUSTER = """
import os, signal, sys, time
from distributed import LocalCluster
from tinygrad_hw.errors import InputError
from tinygrad_hw.workers import side_by_side

def task(folder, number):
    time.sleep(0.1)
    open(f"{folder}/{number}-{os.getpid()}", "w").close()
    return number * number, os.getpid()

def fail(shared, task):
    raise ModuleNotFoundError("No module named\\n 'tinygrad_hw'")

if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        found = []
        address = cluster.scheduler_address
        for place, (square, pid) in side_by_side(task, sys.argv[1], range(5, 21), address=address):
            found.append((place, square))
            if len(found) == 6:
                os.kill(pid, signal.SIGKILL)
        try:
            list(side_by_side(fail, None, [1], address=address))
        except InputError as error:
            print(error, file=sys.stderr)
        print(sorted(found) == [(i, (i + 5) ** 2) for i in range(16)], len(found))
"""


KILLED = """
import contextlib, fcntl, os, sys, time
from tinygrad_hw.workers import side_by_side

def task(shared, number):
    folder, parent = shared
    file = open(f"{folder}/{os.getpid()}", "w")
    fcntl.flock(file, fcntl.LOCK_EX)  # until this process ends, by whatever
    while len(os.listdir(folder)) < 2:
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.kill(parent, 9)
    time.sleep(1000)

if __name__ == "__main__":
    list(side_by_side(task, (sys.argv[1], os.getpid()), range(4), jobs=2))
"""


def double(shared, task):
    return shared * task


def test_one_process_needs_no_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "joblib", None)
    assert list(side_by_side(double, 3, [1, 2], jobs=1)) == [(0, 3), (1, 6)]
    assert list(side_by_side(double, 3, [])) == []
    with pytest.raises(InputError, match=r"pip install 'tinygrad_hw\[sweep\]', or give --jobs 1"):
        list(side_by_side(double, 3, [1, 2], jobs=2))


def test_two_processes():
    # Functions of this module would be sent by name, and the processes do not know it.
    def twice(shared, task):
        return shared * task

    def die(shared, task):
        os.abort()

    assert sorted(side_by_side(twice, 3, [5, 6, 7], jobs=2)) == [(0, 15), (1, 18), (2, 21)]
    with pytest.raises(InputError, match="a process of the work has been killed"):
        list(side_by_side(die, None, [1, 2, 3], jobs=2))


@pytest.mark.skipif(os.name != "posix", reason="a process on Windows knows nothing of its parent")
def test_workers_end_with_the_process_that_was_killed(tmp_path):
    import fcntl  # not on Windows

    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    pids = tmp_path / "pids"
    pids.mkdir()
    subprocess.run(
        [sys.executable, str(script), str(pids)],
        timeout=100,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    files = list(pids.iterdir())
    assert len(files) == 2
    for path in files:
        with path.open("w") as file:
            for _ in range(1000):  # a second is enough; on a busy machine it may be a minute
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                time.sleep(0.1)
            else:
                pytest.fail("a worker is still there")


def test_a_cluster_of_which_a_worker_is_killed_loses_nothing(tmp_path):
    script = tmp_path / "cluster.py"
    script.write_text(CLUSTER)
    done = tmp_path / "done"
    done.mkdir()
    command = [sys.executable, str(script), str(done)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert run.stdout.split() == ["True", "16"], run.stderr
    failed = "has failed at a task (ModuleNotFoundError: No module named 'tinygrad_hw'); it needs"
    assert failed in run.stderr
    numbers = {int(path.name.split("-")[0]) for path in done.iterdir()}
    assert numbers == set(range(5, 21))


def test_a_cluster_that_does_not_answer_is_one_line(monkeypatch):
    monkeypatch.setattr("tinygrad_hw.workers.CONNECT_SECONDS", 0.2)
    for address in ("tcp://127.0.0.1:1", "xyz://1:2"):
        with pytest.raises(InputError) as raised:
            list(side_by_side(double, 3, [1], address=address))
        assert f"--dask is {address!r}: no scheduler answers there" in str(raised.value)
        del raised
        assert "IO loop" not in {thread.name for thread in threading.enumerate()}
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'tinygrad_hw\[cluster\]'"):
        list(side_by_side(double, 3, [1], address="tcp://127.0.0.1:1"))


CLASS = """
import sys
from distributed import LocalCluster
from tinygrad_hw.cli import main

if __name__ == "__main__":
    with LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster:
        dask = ["--dask", cluster.scheduler_address]
        make = ["exercise", "--net", "1-1", "--count", "5", "-o"]
        print(main([*make, "a", "--key", "b", *dask]))
        print(main(["check", "b", "--csv", "b.csv", *dask]))
        print(main([*make, "c", "--key", "d"]))
        print(main(["check", "d", "--csv", "d.csv"]))
        grid = ["--layers", "2-2", "--data", "x.csv", "--seed", "0:2", "--epochs", "1"]
        print(main(["sweep", *grid, "-o", "runs.csv", *dask]))
"""


def test_a_class_s_sheets_and_a_sweep_on_a_cluster_are_those_of_one_machine(tmp_path):
    (tmp_path / "class.py").write_text(CLASS)
    lines = [f"{i},{i * i},{i % 2}" for i in range(20)]
    (tmp_path / "x.csv").write_text("\n".join(["a,b,label", *lines]))
    command = [sys.executable, "class.py"]
    run = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False
    )
    assert run.stdout.count("\n0\n") == 5, run.stderr
    assert "5 of 5 sheets marked" in run.stdout
    assert "2 runs: 2 trained now. All are in runs.csv." in run.stdout
    assert (tmp_path / "b.csv").read_text() == (tmp_path / "d.csv").read_text()
    for here, there in [("a", "c"), ("b", "d")]:
        texts = [[p.read_text() for p in sorted((tmp_path / x).iterdir())] for x in (here, there)]
        assert texts[0] == texts[1]
        assert len(texts[0]) == 5


def test_results_are_put_in_order():
    assert list(in_order([(2, "c"), (0, "a"), (1, "b"), (3, "d")])) == ["a", "b", "c", "d"]


INTERRUPTED = """
import os, signal
from tinygrad_hw.workers import side_by_side

def interrupt(shared, task):
    os.kill(os.getpid(), signal.SIGINT)
    return shared * task

if __name__ == "__main__":
    print(sorted(side_by_side(interrupt, 3, [1, 2, 3], jobs=2)))
"""


def test_ctrl_c_is_for_the_process_that_asked(tmp_path):
    script = tmp_path / "interrupted.py"  # a process that starts its first workers
    script.write_text(INTERRUPTED)
    command = [sys.executable, str(script)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert run.stdout == "[(0, 3), (1, 6), (2, 9)]\n", run.stderr
