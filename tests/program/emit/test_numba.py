"""Compiled loops: what they compute, where they are kept, and life without numba."""

import importlib.util
import stat
from pathlib import Path

import numpy as np
import pytest

from tinygrad_hw import Value, capture
from tinygrad_hw.errors import InputError
from tinygrad_hw.nn import Adam
from tinygrad_hw.program.emit import loading

X = np.linspace(-2, 2, 600).reshape(20, 30)


def f(x):
    return np.exp(np.tanh(x) * 2.0) / (1.0 + np.square(x))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setenv("TINYGRAD_HW_CACHE", str(tmp_path / "loops"))
    monkeypatch.delenv("TINYGRAD_HW_JIT", raising=False)
    loading._kernel.cache_clear()
    yield tmp_path / "loops"
    loading._kernel.cache_clear()


def captured(jit):
    program = capture(f, jit=jit)
    for _ in range(3):
        program(X)
    return program


def test_a_loop_is_kept_on_the_disk_and_found_again(folder):
    assert "@njit" in captured(True).source
    (text,) = folder.glob("*.py")
    machine_code = list(folder.rglob("*.nbc"))
    assert len(machine_code) == 1
    before = machine_code[0].stat().st_mtime_ns
    loading._kernel.cache_clear()  # as in a new process
    program = captured(True)
    np.testing.assert_allclose(program(X), f(X), rtol=1e-14)
    assert list(folder.glob("*.py")) == [text]
    assert [path.stat().st_mtime_ns for path in folder.rglob("*.nbc")] == [before]


def test_what_is_broken_on_the_disk_is_compiled_anew(folder):
    captured(True)
    for path in folder.rglob("*.nb[ci]"):
        path.write_bytes(b"broken")
    loading._kernel.cache_clear()
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
    monkeypatch.setattr(loading.sys, "platform", platform)
    folder = loading.cache_folder()
    assert folder.name == "tinygrad_hw"
    assert folder.is_relative_to(Path.home())


# --- What they compute ----------------------------------------------------------------------------

CUBE = np.random.default_rng(3).normal(size=(12, 8, 16))
AXES = [None, 0, 1, 2, -1, (0, 1), (1, 2), (0, 2), (0, 1, 2)]


def replayed(function, *arguments):
    """The result of a replay in compiled loops, and the program's text."""
    pytest.importorskip("numba")
    program = capture(function, jit=True)
    for _ in range(3):
        program(*arguments)
    return program(*arguments), program.source


REDUCTIONS = [np.sum, np.max, np.min]


@pytest.mark.parametrize(("dtype", "keepdims"), [(np.float32, True), (np.float64, False)])
def test_a_reduction_is_numpy_s(dtype, keepdims):
    forms = [(reduce, axis) for reduce in REDUCTIONS for axis in AXES]

    def function(x):
        y = 2.0 * x
        return [reduce(y, axis=axis, keepdims=keepdims) for reduce, axis in forms], y + 1.0

    x = CUBE.astype(dtype)
    (found, _), source = replayed(function, x)
    assert "@njit" in source
    for (reduce, axis), a, b in zip(forms, found, function(x)[0], strict=True):
        assert type(a) is type(b)
        assert a.dtype == dtype
        assert np.shape(a) == np.shape(b)
        scale = np.abs(x).sum() if reduce is np.sum else 0.0
        atol = 4 * np.finfo(dtype).eps * scale
        np.testing.assert_allclose(a, b, rtol=0, atol=atol, err_msg=f"{reduce} {axis}")


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, -0.0])
def test_a_reduction_keeps_what_is_not_finite(odd):
    x = CUBE.copy()
    x[3, 2, 5] = odd
    x[7] = odd
    x[:, 1] = odd
    forms = [(reduce, axis) for reduce in (np.sum, np.max, np.min) for axis in (0, 2)]
    found, source = replayed(lambda x: [f(x * 1.5, axis=axis) for f, axis in forms], x)
    assert "@njit" in source
    for (reduce, axis), a in zip(forms, found, strict=True):
        expected = reduce(x * 1.5, axis=axis)
        np.testing.assert_allclose(a, expected, rtol=1e-14)
        np.testing.assert_array_equal(np.signbit(a), np.signbit(expected))


def test_a_long_sum_loses_no_more_digits_than_numpy_s():
    x = np.full((2, 100_000), 0.1, np.float32)
    found, _ = replayed(lambda x: (np.sum(x * np.float32(1.0), axis=1), np.sum(x + x)), x)
    np.testing.assert_allclose(found[0], 1e4, rtol=1e-6)
    np.testing.assert_allclose(found[1], 4e4, rtol=1e-6)


def test_masks_are_summed_and_counted():
    def function(x):
        over = x > 0.3
        return np.sum(over, axis=1, dtype=np.float64), np.count_nonzero(over), over * x

    found, _ = replayed(function, CUBE)
    for a, b in zip(found, function(CUBE), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)
        assert type(a) is type(b)


def test_softmax_and_its_gradient_are_one_compiled_function_before_exp_and_one_after():
    from tinygrad_hw import value_and_grad

    def loss(x):
        powers = np.exp(x - np.max(x, axis=-1, keepdims=True))
        shares = powers / np.sum(powers, axis=-1, keepdims=True)
        return np.sum(shares * shares)

    x = np.random.default_rng(0).normal(size=(300, 10))
    (value, gradient), source = replayed(value_and_grad(loss), x)
    expected, slope = value_and_grad(loss)(x)
    assert value == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(gradient, slope, rtol=1e-10, atol=1e-13)
    assert source.count("@njit\ndef loop") == 2


def test_numbers_that_loops_return_are_used_and_guarded():
    def function(x, y):
        total = np.sum(x * y)
        if np.max(x) > 10.0:
            return total * 2.0
        return total / np.sqrt(np.sum(y * y))

    program = capture(function, jit=True)
    x, y = CUBE[0], CUBE[1]
    for k in range(6):
        assert program(x + k, y) == pytest.approx(function(x + k, y), rel=1e-12)
    assert program(x + 20.0, y) == pytest.approx(function(x + 20.0, y), rel=1e-12)


def random_program(seed):
    """A function of two arrays: pointwise steps, broadcasts, reductions and views, at random."""
    generator = np.random.default_rng(seed)
    choices = generator.integers(0, 1 << 30, size=(14, 4))

    def function(x, y):
        made = [x, y, np.max(x, axis=0, keepdims=True)]
        for kind, i, j, axis in choices:
            a, b = made[i % len(made)], made[j % len(made)]
            step = kind % 8
            if step == 0:
                new = a * 0.5 + b
            elif step == 1:
                new = np.where(a > b, a, 0.25 * b)
            elif step == 2:
                new = np.sum(a, axis=axis % 3, keepdims=True) * 0.1
            elif step == 3:
                new = a - np.max(a, axis=axis % 3, keepdims=True)
            elif step == 4:
                new = np.exp(-np.abs(a)) * b
            elif step == 5:
                new = np.swapaxes(np.swapaxes(a, 0, 2) + 1.0, 0, 2) * b
            elif step == 6:
                new = np.mean(np.maximum(a, b), axis=(1, 2), keepdims=True) + a
            else:
                new = np.sum(a) * 1e-4 - b
            made.append(new)
        return made[3:]

    return function


@pytest.mark.parametrize("seed", range(3))
def test_random_programs_are_numpy_s(seed):
    function = random_program(seed)
    x, y = np.random.default_rng(seed).normal(size=(2, 5, 6, 13))
    found, source = replayed(function, x, y)
    assert "@njit" in source
    for a, b in zip(found, function(x, y), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)


def test_copies_that_a_reshape_makes_of_transposed_arrays():
    def function(x):
        y = np.exp(x)
        rows = np.reshape(np.transpose(y, (2, 0, 1)), (16, 96))
        flat = np.reshape(np.swapaxes(y[:, :1], 0, 2), -1)
        return rows, np.reshape(rows.T, (64, 24)) * 1.5, flat + 1.0, np.sum(rows, axis=0)

    found, source = replayed(function, CUBE)
    assert "reshape(-1)" in source
    for a, b in zip(found, function(CUBE), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)


@pytest.mark.parametrize("odd", [np.inf, np.nan])
def test_an_update_of_what_is_not_finite_does_not_begin(odd):
    """The loop that changes the arrays looks first; the function itself is run then."""
    pytest.importorskip("numba")

    def made():
        parameters = Value(np.linspace(-1, 1, 600)), Value(np.zeros(40))
        return parameters, Adam(0.1)

    def training_step(parameters, optimizer):
        def step(x):
            for p in parameters:
                p.grad = None
            loss = (np.maximum(parameters[0], 0.0) * x).sum() + (parameters[1] * x[:40]).sum()
            loss.backward()
            optimizer.apply(parameters)
            return loss

        return step

    ours, expected = made(), made()
    step, plain = capture(training_step(*ours), jit=True), training_step(*expected)
    for k in range(8):
        x = np.full(600, 1.0 + k)
        if k == 6:
            assert "if not loop" in step.source
            x[57] = odd  # the parameter is below 0: its slope is 0, and 0 · inf is 0
        with np.errstate(all="ignore"):
            step(x)
            plain(x)
        for a, b in zip(ours[0], expected[0], strict=True):
            assert np.isfinite(b.data).all()
            np.testing.assert_allclose(a.data, b.data, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8])
def test_integers_are_compared_in_loops(dtype):
    def function(x, labels):
        hot = labels[:, None] == np.arange(16, dtype=dtype)
        return np.sum(hot * x, axis=1), np.count_nonzero(
            labels[:, None] >= np.arange(16, dtype=dtype)
        )

    labels = np.random.default_rng(0).integers(0, 16, 96).astype(dtype)
    found, source = replayed(function, CUBE.reshape(96, 16), labels)
    assert "np.equal" not in source
    for a, b in zip(found, function(CUBE.reshape(96, 16), labels), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)


def test_sums_of_numbers_and_reshapes_of_numbers_among_loops():
    number = Value(np.float64(1.5))

    def function(x):
        total = np.sum(number)
        y = x * 2.0
        return np.max(y, axis=0), total, np.reshape(number, (1, 1)) * y[:1]

    x = CUBE.reshape(96, 16)
    found, source = replayed(function, x)
    assert "@njit" in source
    for a, b in zip(found, function(x), strict=True):
        np.testing.assert_allclose(*(getattr(v, "data", v) for v in (a, b)), rtol=1e-14)
        assert np.shape(a) == np.shape(b)
