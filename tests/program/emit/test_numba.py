"""Compiled loops: where they are kept, and life without numba."""

import importlib.util
import stat
from pathlib import Path

import numpy as np
import pytest

from tinygrad_hw import capture
from tinygrad_hw.errors import InputError
from tinygrad_hw.program.emit import numba as emit_numba

X = np.linspace(-2, 2, 600).reshape(20, 30)


def f(x):
    return np.exp(np.tanh(x) * 2.0) / (1.0 + np.square(x))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setenv("TINYGRAD_HW_CACHE", str(tmp_path / "loops"))
    monkeypatch.delenv("TINYGRAD_HW_JIT", raising=False)
    emit_numba._kernel.cache_clear()
    yield tmp_path / "loops"
    emit_numba._kernel.cache_clear()


def captured(jit):
    program = capture(f, jit=jit)
    program(X)
    return program


def test_a_loop_is_kept_on_the_disk_and_found_again(folder):
    assert "@njit" in captured(True).source
    (text,) = folder.glob("*.py")
    machine_code = list(folder.rglob("*.nbc"))
    assert len(machine_code) == 1
    before = machine_code[0].stat().st_mtime_ns
    emit_numba._kernel.cache_clear()  # as in a new process
    program = captured(True)
    np.testing.assert_allclose(program(X), f(X), rtol=1e-14)
    assert list(folder.glob("*.py")) == [text]
    assert [path.stat().st_mtime_ns for path in folder.rglob("*.nbc")] == [before]


def test_what_is_broken_on_the_disk_is_compiled_anew(folder):
    captured(True)
    for path in folder.rglob("*.nb[ci]"):
        path.write_bytes(b"broken")
    emit_numba._kernel.cache_clear()
    np.testing.assert_allclose(captured(True)(X), f(X), rtol=1e-14)


def test_a_folder_in_which_others_may_write_is_not_trusted(folder):
    folder.mkdir()
    folder.chmod(stat.S_IRWXU | stat.S_IWOTH)
    np.testing.assert_allclose(captured(True)(X), f(X), rtol=1e-14)
    assert not list(folder.rglob("*.nb[ci]"))


@pytest.mark.parametrize("jit", [None, True])
def test_the_switch_in_the_environment(folder, monkeypatch, jit):
    assert "@njit" in captured(jit).source
    monkeypatch.setenv("TINYGRAD_HW_JIT", "0")
    program = captured(jit)
    assert "@njit" not in program.source
    np.testing.assert_array_equal(program(X), f(X))


def test_without_numba(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "numba" else found(name)
    )
    monkeypatch.delenv("TINYGRAD_HW_JIT", raising=False)
    np.testing.assert_array_equal(captured(None)(X), f(X))
    with pytest.raises(InputError) as refused:
        captured(True)
    assert str(refused.value) == (
        "jit needs numba, which is not installed: pip install 'tinygrad_hw[fast]'"
    )


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_the_user_s_own_folder(monkeypatch, platform):
    for name in ("TINYGRAD_HW_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(emit_numba.sys, "platform", platform)
    folder = emit_numba.cache_folder()
    assert folder.name == "tinygrad_hw"
    assert folder.is_relative_to(Path.home())
