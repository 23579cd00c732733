"""Every demo runs by itself, from beginning to end, and prints something."""

import subprocess
import sys
from pathlib import Path

import pytest

DEMOS = sorted((Path(__file__).parents[1] / "demos").glob("[0-9]*.py"))


@pytest.mark.parametrize("demo", DEMOS, ids=lambda path: path.stem)
def test_demo_runs(demo: Path, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", demo],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout
    assert demo.read_text().startswith("# %% [markdown]\n# # ")
