"""The whole homework from cold: a process that starts, does everything and ends."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import Result

SCRIPT = Path(__file__).with_name("keras_homework.py")


def ours(threads: int) -> Result:
    """``tinygrad-hw homework``, report and figures included."""
    with tempfile.TemporaryDirectory() as folder:
        return _cold("-m", "tinygrad_hw", "homework", "--out", folder)


def keras_on_jax(threads: int) -> Result:
    """The trainings alone, in one process, one after the other."""
    import jax  # noqa: F401 - missing, they are to be named here
    import keras  # noqa: F401

    return _cold(str(SCRIPT))


def _cold(*arguments: str) -> Result:
    start = time.perf_counter()
    run = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if run.returncode:
        raise RuntimeError(run.stderr.strip().splitlines()[-1])
    return Result(seconds)
