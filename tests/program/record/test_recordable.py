"""The list of what may be recorded, against NumPy itself: memory, shapes and dtypes of results."""

import inspect
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_hw import capture
from tinygrad_hw.engine.transforms.pytree import leaves_of
from tinygrad_hw.program.record.recordable import (
    COMPOSED,
    ON_SHAPES,
    REASONS,
    RECORDABLE,
    named_arguments,
)

NAMES = {
    f"{module.__name__.replace('numpy', 'np')}.{function.__name__}": function
    for module in (np, np.linalg, np.fft, np.lib.stride_tricks)
    for function in vars(module).values()
    if hasattr(function, "_implementation")  # it asks stand-ins first, by __array_function__
}
NOT_NUMBERS = "busday_count busday_offset datetime_as_string is_busday packbits unpackbits".split()
OF_MEMORY = "may_share_memory shares_memory min_scalar_type savez_compressed sort_complex".split()


def test_each_function_of_numpy_is_recorded_or_refused():
    known = {*REASONS, *NOT_NUMBERS, *OF_MEMORY}
    missing = {
        name
        for name, function in NAMES.items()
        if function not in {*RECORDABLE, *ON_SHAPES, *COMPOSED}
        if function.__name__ not in known
    }
    assert missing == set()


@pytest.mark.parametrize("name", sorted(name for name in NAMES if NAMES[name] in RECORDABLE))
def test_parameters_are_numpys_own(name):
    function = NAMES[name]
    record = RECORDABLE[function]
    parameters = inspect.signature(function).parameters.values()
    names = {p.name for p in parameters}
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        assert record.data <= names
    assert record.sized_by <= record.data
    first = next(p.name for p in parameters)
    assert first in record.data


def test_arguments_by_position_and_by_name():
    def named(function, *inputs, **options):
        return list(named_arguments(function, inputs, options))

    assert named(np.dot, 1, 2, 3) == [("a", 1), ("b", 2), ("out", 3)]
    assert named(np.sum, 1, 0, None, 7) == [("a", 1), ("axis", 0), ("dtype", None), ("out", 7)]
    assert named(np.einsum, "i,i", 1, 2) == [("operands", "i,i"), ("operands", 1), ("operands", 2)]
    assert named(np.clip, 5, max=1) == [("a", 5), ("max", 1)]


# --- Drawn calls ----------------------------------------------------------------------------------

SHAPES = [(4,), (2, 3), (3, 2), (2, 2), (1, 3), (3, 1), (1, 1), (1,), (2, 1, 2), (0,), (0, 2), ()]
DTYPES = [np.float64, np.float32, np.int64, np.bool_]
LAYOUTS = ["C", "F", "every second", "reversed", "broadcast"]
INDICES = [0, [0], np.array([0, 0]), np.array([[0], [0]])]
OPTIONS = {  # of parameters by their names
    "axis": [None, 0, -1, 1, (0,), (), (0, 1)],
    "axes": [None, (1, 0), (0, 1), 1, 2],
    **{name: [0, 1] for name in ["axis1", "source"]},
    **{name: [1, 0] for name in ["axis2", "destination"]},
    **{name: [-1, 0] for name in ["axisa", "axisb", "axisc"]},
    **{name: [0, 1, -1] for name in ["k", "offset"]},
    **{name: [0, 1, 2] for name in ["n", "m"]},
    **{name: [False, True] for name in ["keepdims", "returned", "deg", "density", "endpoint"]},
    **{name: [False, True] for name in ["equal_nan", "increasing", "invert", "include_initial"]},
    **{name: [False, True] for name in ["hermitian", "assume_unique", "upper", "bias", "rowvar"]},
    "copy": [True, False, None],
    "order": ["C", "F", "A", "K"],
    "ord": [None, 1, 2, np.inf, "fro", "nuc"],
    "decimals": [0, 1, -1],
    "start": [0, 1, 2],
    "num": [3],
    "q": [0.3, [0.2, 0.5], 50],
    "shape": [-1, (-1,), (2, 3), (3, 2), (4, 1), (2, 2), (1,), ()],
    "new_shape": [(2, 2), 3, (4,)],
    **{name: [0, 1, 2, (1, 1)] for name in ["shift", "reps", "repeats"]},
    "pad_width": [0, 1, (0, 1)],
    "mode": ["clip", "raise", "wrap"],
    "window_shape": [1, 2, (1, 1)],
    "indices": [*INDICES, np.array([[0, 0], [0, 0]])],
    "initial": [0, 1.5],
    "base": [2.0],
    "obj": [0, [], [0]],
    "kth": [0, 1],
    "trim": ["fb", "f", "b"],
    "dtype": [np.float64, np.float32, np.int64],
    "dims": [(3, 3)],
    "multi_index": [(np.array([1, 2]), np.array([0, 1]))],
    "bins": [2, np.array([0.0, 0.5, 1.0])],
    "range": [None, (0.0, 1.0)],
    "ind": [1, 2],
    "s": [None, (2, 2)],
    "norm": [None, "ortho"],
    "p": [None, 1, 2, "fro"],
    "UPLO": ["L", "U"],
}
MODES = {
    np.pad: ["edge", "wrap", "reflect", "constant", "mean"],
    **{name: ["full", "same", "valid"] for name in [np.convolve, np.correlate]},
}
NUMBERS = "base bins indices initial multi_index n obj q repeats sections shift".split()
LISTS = {"arrays", "tup", "keys", "condlist", "choicelist", "choices"}
UNUSED = {"out", "overwrite_input", "kind", "casting", "subok", "writeable", "device", "like"}


def laid_out(base, layout):
    """Return the same numbers in another layout."""
    if layout == "F":
        return np.asfortranarray(base)
    if layout == "every second" and base.ndim:
        return np.repeat(base, 2, axis=-1)[..., ::2]
    if layout == "reversed" and base.ndim:
        return base[::-1].copy()[::-1]
    if layout == "broadcast" and base.ndim and base.size:
        return np.broadcast_to(base[:1], base.shape)
    return base.copy()


class Drawn:
    """A drawn call: makes the same call with other numbers again and again."""

    def __init__(self, pick, function):
        self.function = function
        self.record = RECORDABLE[function]
        self.shape, self.dtype = pick(SHAPES), pick(DTYPES)
        self.layout = pick(LAYOUTS)
        linear = function.__module__ == "numpy.linalg"
        if linear:
            shapes = (
                [(3,)]
                if function is np.linalg.outer
                else [(2, 2), (3, 3), (2, 2, 2), (1, 1), (2, 3)]
            )
            self.shape, self.dtype = pick(shapes), np.float64
        self.parts = []  # name, is it data, value or how many arrays
        for p in inspect.signature(function).parameters.values():
            is_data = p.name in self.record.data
            needed = p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
            if p.name in UNUSED or p.kind is p.VAR_KEYWORD:
                continue
            if not needed and p.kind is not p.VAR_POSITIONAL and not pick([False, True, True]):
                continue
            if function is np.nan_to_num and p.name == "copy":
                continue  # it would write into its operand
            if is_data and p.name not in NUMBERS:
                count = pick([1, 2]) if p.name in LISTS else 0
                self.parts.append((p, True, count))
            elif p.name in OPTIONS:
                choices = MODES.get(function) if p.name == "mode" else None
                value = pick([x for x in choices or OPTIONS[p.name] if x is not None or not needed])
                self.parts.append((p, False, value))
            elif needed:
                raise AssertionError(f"{function.__name__}: nothing to give {p.name}")

    def array(self, rng, name):
        """Return new numbers in the drawn shape, dtype and layout."""
        if name in ("initial", "fill_value", "rcond", "tol", "rtol", "atol", "dx", "default"):
            return 0.5
        if name in ("a_min", "min", "left", "nan", "posinf", "neginf", "constant_values"):
            return 0.25
        if name in ("a_max", "max", "right", "base"):
            return 2.0
        whole = self.function in (np.bincount, np.choose)
        if name in ("condition", "condlist", "where") or (name == "a" and whole):
            dtype = np.bool_
        else:
            dtype = np.int64 if name == "x" and whole else self.dtype
        numbers = rng.integers(0, 5, size=self.shape) if dtype == np.int64 else None
        if numbers is None:
            numbers = rng.normal(size=self.shape)
        if name in ("fweights", "aweights", "weights"):
            return np.ones(self.shape)
        numbers = numbers > 0 if dtype == np.bool_ else np.asarray(numbers).astype(dtype)
        if (
            self.function.__module__ == "numpy.linalg"
            and len(self.shape) > 1
            and self.shape[-1] == self.shape[-2]
        ):
            numbers = numbers @ np.swapaxes(numbers, -1, -2) + np.eye(self.shape[-1])
        if name in ("xp", "bins") and numbers.ndim:
            numbers = np.sort(numbers)
        return laid_out(np.asarray(numbers), self.layout)

    def arrays(self, seed):
        """Return the arrays that are computed with, new ones for each seed."""
        rng = np.random.default_rng(seed)
        data = [(p.name, many or 1) for p, is_data, many in self.parts if is_data]
        return [self.array(rng, name) for name, many in data for _ in range(many)]

    def apply(self, arrays):
        """Return the result of the drawn call on these arrays."""
        inputs, options, given = [], {}, iter(arrays)
        if self.function is np.einsum:
            letters = "ijk"[: len(self.shape)]
            terms = [f"{letters}->{letters[::-1]}", "...->...", "ii->i", "i...->...", "ii", "ij,jk"]
            inputs.append(terms[len(self.parts) + sum(map(ord, self.layout)) % 6 - 1])
        for p, is_data, value in self.parts:
            argument = value
            if is_data:
                argument = [next(given) for _ in range(value)] if value else next(given)
                argument = tuple(argument) if p.name == "keys" else argument
            needed = p.default is p.empty and p.kind < p.VAR_POSITIONAL
            if p.kind in (p.VAR_POSITIONAL, p.POSITIONAL_ONLY) or needed:
                inputs.append(argument)
            else:
                options[p.name] = argument
        with np.errstate(all="ignore"):
            return self.function(*inputs, **options)

    def call(self, seed):
        """Return the arrays, and the result, of the call with the numbers of a seed."""
        arrays = self.arrays(seed)
        result = self.apply(arrays)
        return [x for x in arrays if isinstance(x, np.ndarray)], result


def shared(arrays, result):
    return [np.shares_memory(x, result) for x in arrays]


INVALID = ValueError, TypeError, IndexError, ArithmeticError, AttributeError, RuntimeError


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(name for name in NAMES if NAMES[name] in RECORDABLE))
def test_what_a_result_depends_on(name):
    """Shape, dtype and memory of a result do not depend on numbers, but where the list says so."""
    function, record = NAMES[name], RECORDABLE[NAMES[name]]
    tried = []

    def check(seed):
        drawn = Drawn(random.Random(seed).choice, function)
        try:
            first, result = drawn.call(1)
            others, other = drawn.call(2)
        except INVALID:
            return
        if isinstance(result, tuple | list):
            return  # refused where it is recorded
        tried.append(name)
        for x, y in zip(first, drawn.call(1)[0], strict=True):
            np.testing.assert_array_equal(x, y)  # nothing was written into an operand
        if not isinstance(result, np.ndarray):
            return
        if not record.may_alias:
            assert not any(shared(first, result))
        assert not any(shared(first[1:], result))
        if not record.sized_by:
            assert (other.shape, other.dtype) == (result.shape, result.dtype)
            assert shared(others, other) == shared(first, result)
            if shared(first, result)[:1] == [True]:
                assert (result is first[0]) == (other is others[0])
                assert other.strides == result.strides

    settings(max_examples=20, deadline=None)(given(st.integers(0, 2**32))(check))()
    for seed in range(500):
        if not tried:  # few arguments are valid
            check(seed)
    assert tried, f"{name} was never called with arguments that it takes"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(name for name in NAMES if NAMES[name] in RECORDABLE))
def test_a_captured_call_beside_results_that_take_over_buffers(name):
    """What lies in the memory of a buffer is not written over while it is still looked at."""

    @settings(max_examples=2, deadline=None)
    @given(st.integers(0, 2**32))
    def check(seed):
        drawn = Drawn(random.Random(seed).choice, NAMES[name])

        def f(*arrays):
            result = drawn.apply([np.maximum(x, x) if np.ndim(x) else x for x in arrays])
            after = [np.minimum(np.minimum(x, x), np.minimum(x, x)) for x in arrays]
            return result, np.maximum(result, result), after

        program = capture(f, pure=True, jit=False)
        for numbers in range(5):
            arrays = drawn.arrays(numbers)
            try:
                expected = f(*arrays)
            except INVALID:
                return
            if isinstance(expected[0], tuple | list):
                return  # refused
            found = program(*arrays)
            for x, y in zip(leaves_of(found), leaves_of(expected), strict=True):
                np.testing.assert_array_equal(x, y)
                assert np.result_type(x) == np.result_type(y)

    check()


SEVERAL = {
    "split": lambda x: np.split(x, 2),
    "split at places": lambda x: np.split(x, [1, 3], axis=1),
    "array_split": lambda x: np.array_split(x, 3),
    "hsplit": lambda x: np.hsplit(x, 2),
    "vsplit": lambda x: np.vsplit(x, [1]),
    "dsplit": lambda x: np.dsplit(x[:, :, None], 1),
    "meshgrid": lambda x: np.meshgrid(x[0], x[1]),
    "meshgrid of matrices": lambda x: np.meshgrid(x[0], x[1], indexing="ij"),
    "broadcast_arrays": lambda x: np.broadcast_arrays(x, x[0], 1.0),
    "gradient": np.gradient,
    "gradient along one axis": lambda x: np.gradient(x, axis=0),
    "at least two dimensions": lambda x: np.atleast_2d(x[0], x),
}


@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_functions_that_give_several_arrays(name, dtype):
    def f(x):
        parts = SEVERAL[name](np.maximum(x, x))
        return parts, [x * 2, x * 3], [part + 1 for part in parts]

    program = capture(f, jit=False)
    for k in range(6):
        x = (np.arange(16).reshape(4, 4) * (k - 2)).astype(dtype)
        for found, right in zip(leaves_of(program(x)), leaves_of(f(x)), strict=True):
            np.testing.assert_allclose(found, right, rtol=1e-6)
            assert np.result_type(found) == np.result_type(right)
    assert program.captures == 3
