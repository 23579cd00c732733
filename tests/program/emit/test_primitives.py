"""Every spelling of an elementary operation means what NumPy's function means."""

import inspect
import math
from itertools import pairwise

import numpy as np
import pytest

from tinygrad_hw.program.emit.primitives import PRIMITIVES, REDUCTIONS

NUMBERS = [0.5, 0.75, 0.5, 2.0, -0.25, 1.0, -1.5, 3.0, 0.0]
PAIRS = list(pairwise(NUMBERS))


def arity(function):
    """The number of operands of a ufunc, or of np.where."""
    return function.nin if isinstance(function, np.ufunc) else 3


def kinds(primitive):
    """Operands that it takes: booleans for what is logical, arrays for matrix products."""
    function = primitive.numpy
    if arity(function) == 3:
        return [(c, x, y) for c in (True, False) for x, y in PAIRS]
    if "bitwise" in function.__name__ or function in (np.invert, np.logical_not):
        return [(c, d)[: arity(function)] for c in (True, False) for d in (True, False)]
    if function is np.matmul:
        return [(np.arange(4.0), np.arange(1.0, 5.0))]
    domain = PAIRS
    if function in (np.log, np.log2, np.log10, np.log1p, np.sqrt, np.power, np.arccosh):
        domain = [(abs(x) + 1.0, y) for x, y in PAIRS]
    if function in (np.arcsin, np.arccos, np.arctanh):
        domain = [(x / 4, y) for x, y in PAIRS]
    if function in (np.divide, np.floor_divide, np.remainder, np.reciprocal):
        domain = [(x or 1.0, y or 1.0) for x, y in PAIRS]
    return [pair[: arity(function)] for pair in domain]


def same(found, wanted):
    return np.allclose(found, wanted, rtol=1e-15, atol=0.0)


EACH = pytest.mark.parametrize("primitive", PRIMITIVES, ids=lambda p: p.numpy.__name__)


@EACH
def test_its_spellings_agree(primitive):
    for operands in kinds(primitive):
        with np.errstate(invalid="ignore"):  # the remainder of a division by 0 is nan
            wanted = primitive.numpy(*operands)
        names = dict(zip("abc"[: len(operands)], operands, strict=True))
        if primitive.python and "invert" not in primitive.numpy.__name__:  # ~True is -2
            assert same(primitive.python(*operands), wanted)
        if primitive.infix:
            assert same(eval(f"a {primitive.infix} b", names), wanted)
        if primitive.prefix:
            assert same(eval(f"{primitive.prefix}a", names), wanted)
        if primitive.loop:
            text = primitive.loop.format("a", "b", "c")
            assert same(eval(text, {"math": math, "np": np, **names}), wanted)


def columns_of(primitive, dtype):
    """Operands in arrays, as many as it takes; numbers in the dtype."""
    drawn = kinds(primitive)
    if primitive.numpy is not np.matmul:
        drawn = [[np.array(column) for column in zip(*drawn, strict=True)]]
    [columns] = drawn
    return [x if x.dtype == bool else x.astype(dtype) for x in columns]


@EACH
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_it_is_composed_of_others(primitive, dtype):
    """Within a few units of the last place; the arctangent begins with that of float32."""
    if primitive.composed is None or (primitive.onnx == "Atan" and dtype is np.float32):
        return
    operands = columns_of(primitive, dtype)
    found, wanted = primitive.composed(*operands), primitive.numpy(*operands)
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol=8 * np.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("reduction", REDUCTIONS, ids=lambda r: r.numpy.__name__)
def test_a_reduction_repeats_an_operation_of_two(reduction):
    numbers = np.array(NUMBERS[:-1])
    assert reduction.numpy(numbers) == reduction.ufunc.reduce(numbers)
    for x in numbers if reduction.numpy not in (np.all, np.any) else (True, False):
        assert reduction.ufunc(reduction.neutral, x) == x


def test_javascript_names_are_functions_of_one_kind_of_operand():
    """Patterns use the operands that there are, each of them, in order."""
    for primitive in PRIMITIVES:
        if primitive.javascript:
            used = {i for i in range(4) if f"{{{i}}}" in primitive.javascript}
            assert used == set(range(arity(primitive.numpy))), primitive


def test_no_operation_is_in_the_table_twice():
    functions = [p.numpy for p in PRIMITIVES] + [p.python for p in PRIMITIVES if p.python]
    assert len(functions) == len(set(functions))
    assert all(callable(f) and not inspect.isclass(f) for f in functions)
