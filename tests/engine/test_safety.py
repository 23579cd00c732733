"""No gradient is wrong because an array was changed between the forward and the backward pass."""

import copy
import ctypes
import gc
import pickle
import sys
import weakref
from array import array as integers
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_hw.engine import Pointwise, Value, backward_steps, grad, hvp, no_grad, vjp
from tinygrad_hw.engine.core.chain_rule import pull

START = np.array([1.0, 2.0, 3.0])


def overwrite(array: np.ndarray) -> None:
    array[...] = 100.0


def add_in_place(v: Value) -> None:
    v.data += 100.0


def set_new(v: Value) -> None:
    v.data = np.full(3, 100.0)


AFTERWARDS = {
    "v.data[...] =": lambda v: overwrite(v.data),
    "v.data +=": add_in_place,
    "v.data =": set_new,
    "a part": lambda v: overwrite(v.data[:2]),
    "a view of a view": lambda v: overwrite(v.data.reshape(3, 1)[1:]),
}


@pytest.mark.parametrize("change", AFTERWARDS)
@pytest.mark.parametrize(
    "function",
    [
        lambda v: v * v,
        lambda v: v**2,
        lambda v: v[:3] * v[::1],
        lambda v: v.reshape(3, 1) * v.reshape(3, 1),
        lambda v: (v @ v) * np.ones(3) / 3,
    ],
)
def test_a_change_after_the_forward_pass_has_no_effect(
    function: Callable[[Value], Value], change: str
) -> None:
    v = Value(START, label="v")
    total = function(v).sum()
    AFTERWARDS[change](v)
    total.backward()
    np.testing.assert_allclose(v.grad, 2 * START)


@pytest.mark.parametrize("view", [lambda a: a, lambda a: a[1:], lambda a: a.T, lambda a: a[None]])
def test_an_alias_taken_before_the_forward_pass_has_no_effect_on_it(
    view: Callable[[np.ndarray], np.ndarray],
) -> None:
    v = Value(START)
    alias = view(v.data)
    total = (v * v).sum()
    overwrite(alias)
    total.backward()
    np.testing.assert_allclose(v.grad, 2 * START)
    assert (v.data == 100.0).any()  # but the next pass sees it


def test_the_array_that_a_value_was_made_from_may_change() -> None:
    array = START.copy()
    v = Value(array)
    overwrite(array)
    (v * v).sum().backward()
    np.testing.assert_allclose(v.grad, 2 * START)


def test_a_result_cannot_be_changed() -> None:
    v = Value(START)
    y = v.exp()
    with pytest.raises(ValueError, match="read-only"):
        y.data[...] = 0.0
    with pytest.raises(ValueError, match="this Value was computed, by exp: its data cannot be set"):
        y.data = START
    y.sum().backward()
    np.testing.assert_allclose(v.grad, np.exp(START))


def test_a_scalar_given_new_data_keeps_the_old_in_earlier_graphs() -> None:
    w = Value(3.0)
    square = w * w
    w.data = 100.0
    square.backward()
    assert w.grad == 6.0


def test_a_view_made_without_recording_is_not_a_way_in() -> None:
    v = Value(START)
    total = (v * v).sum()
    with no_grad():
        part = v[:2]
    overwrite(part.data)
    total.backward()
    np.testing.assert_allclose(v.grad, 2 * START)


def test_a_gradient_changed_in_place_changes_nothing_else() -> None:
    a, b = Value(START), Value(START)
    (a + b).sum().backward()
    a.grad[...] = 7.0
    np.testing.assert_array_equal(b.grad, np.ones(3))


def test_differentiating_twice_after_a_change_is_an_error_that_names_it() -> None:
    v = Value(START, label="v")
    y = v * v
    v.data = 2 * START
    with pytest.raises(ValueError, match="v was given new data after mul had computed with it"):
        pull(y, Value(np.ones(3)))


def test_gradient_descent_in_place_works_and_learns() -> None:
    w, x = Value(START), np.eye(3)
    for _ in range(200):
        w.grad = None
        ((x @ w - 5) ** 2).sum().backward()
        w.data -= 0.1 * w.grad
    np.testing.assert_allclose(w.data, [5, 5, 5], atol=1e-12)


def test_an_optimizer_that_keeps_the_arrays_works() -> None:
    w = Value(START)
    array = w.data
    for _ in range(200):
        w.grad = None
        ((w - 5) ** 2).sum().backward()
        array -= 0.1 * w.grad
    np.testing.assert_allclose(w.data, [5, 5, 5], atol=1e-12)


def test_no_copy_is_made_where_nobody_holds_the_array() -> None:
    w = Value(np.zeros(1000))
    w.data += 1.0  # handed out, and handed back
    y = w * 2
    assert y.arguments[0] is w.raw


def test_an_array_handed_back_is_copied_as_long_as_others_may_reach_it() -> None:
    for hold in (lambda array: array, weakref.ref, lambda array: array[:1]):
        w = Value(START)
        array = w.data
        held = hold(array)
        w.data = array
        del array
        total = (w * w).sum()
        changed = held() if isinstance(held, weakref.ref) else held
        if changed is not None:
            overwrite(changed)
        total.backward()
        np.testing.assert_array_equal(w.grad, 2 * START)


def test_an_array_handed_back_twice_was_still_lent_once_more() -> None:
    w = Value(START)
    w.data = w.raw
    w.data = w.data
    address = w.data.ctypes.data
    total = (w * w).sum()
    overwrite_at(address)
    total.backward()
    np.testing.assert_array_equal(w.grad, 2 * START)


def test_memory_does_not_wait_for_the_collector() -> None:
    gc.disable()
    try:
        w = Value(START)
        refs = []
        for _ in range(100):
            y = (w.exp() * w).sum()
            y.backward()
            refs.append(weakref.ref(y))
            w.data -= 0.01 * w.grad
        del y
        assert not any(ref() for ref in refs)
    finally:
        gc.enable()


def scalars() -> None:
    w = Value(0.5)
    (w * w.exp() + w).backward()


def tensors() -> None:
    x = Value(START)
    (np.tanh(x[:2] @ np.ones((2, 3))) * x).sum().backward()


def second_order() -> None:
    hvp(lambda v: np.sum(v**3), START, START)


def failure() -> None:
    with suppress(ValueError):
        Value(START) * np.ones(START.size + 1)
    with suppress(ZeroDivisionError):
        grad(lambda v: v * (1 // 0))(1.0)


@pytest.mark.parametrize("one_pass", [scalars, tensors, second_order, failure])
def test_ten_thousand_passes_hold_memory_level(one_pass: Callable[[], None]) -> None:
    gc.collect()
    gc.disable()
    try:
        levels = []
        for _ in range(2):  # Python keeps up to 2000 tuples of each length: the first half's growth
            for _ in range(5_000):
                one_pass()
            levels.append(sys.getallocatedblocks())
    finally:
        gc.enable()
    assert levels[1] - levels[0] < 500  # a leak of one object a pass would be 5000


@pytest.mark.parametrize("kind", ["mask", "array", "list", "pair"])
def test_an_index_or_condition_changed_afterwards_has_no_effect(kind: str) -> None:
    index = {
        "mask": np.array([True, False, True]),
        "array": np.array([0, 2]),
        "list": [0, 2],
        "pair": (np.array([0, 2]),),
    }[kind]
    v = Value(START)
    total = v[index].sum()
    changed = index[0] if kind == "pair" else index
    changed[0] = 1
    changed[1] = 1
    total.backward()
    np.testing.assert_array_equal(v.grad, [1, 0, 1])


def test_a_condition_changed_afterwards_has_no_effect() -> None:
    v, condition = Value(START), np.array([True, False, True])
    total = np.where(condition, v, 0.0).sum()
    condition[...] = False
    total.backward()
    np.testing.assert_array_equal(v.grad, [1, 0, 1])


def test_a_copy_of_a_value_is_no_way_in() -> None:
    for duplicate in (copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))):
        a = Value([1.0, 2.0])
        b = duplicate(a)
        y = (a * a).sum()
        b.data[0] = 100.0
        y.backward()
        np.testing.assert_array_equal(a.grad, [2.0, 4.0])


# --- Attacks: ways to an array between the forward and the backward pass --------------------------


class FromInterface:
    """Object through which NumPy reaches memory by its address alone, without a reference."""

    def __init__(self, array: np.ndarray) -> None:
        self.__array_interface__ = array.__array_interface__ | {
            "data": (array.__array_interface__["data"][0], False)  # False: it may be written
        }


class HandsOut:
    """Object that hands out its own array, also where a copy is asked for."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self.array


class Exposes:
    """Object that exposes an array's memory by NumPy's older protocol."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    @property
    def __array_interface__(self) -> dict[str, object]:
        return self.array.__array_interface__


class Sequence:
    """Sequence that is no list."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, index: int) -> object:
        return self.array[index]


def overwrite_at(address: int) -> None:
    ctypes.memset(address, 1, START.nbytes)


def overwrite_referent(reference: weakref.ref[np.ndarray]) -> None:
    if (array := reference()) is not None:
        overwrite(array)


WAYS_TO_A_LEAF = {
    "a weak reference": (lambda v: weakref.ref(v.data), overwrite_referent),
    "a memoryview": (lambda v: memoryview(v.data), lambda held: overwrite(np.asarray(held))),
    "a buffer": (lambda v: np.frombuffer(v.data), overwrite),
    "DLPack": (lambda v: np.from_dlpack(v.data), overwrite),
    "a pointer": (
        lambda v: v.data.ctypes.data_as(ctypes.POINTER(ctypes.c_double)),
        lambda held: held.__setitem__(0, 100.0),
    ),
    "an address": (lambda v: v.data.ctypes.data, overwrite_at),
    "an interface": (
        lambda v: FromInterface(v.data),
        lambda held: overwrite(np.asarray(held)),
    ),
    "an array by its interface": (lambda v: np.asarray(FromInterface(v.data)), overwrite),
    "ctypes by a buffer": (
        lambda v: (ctypes.c_double * 3).from_buffer(v.data),
        lambda held: held.__setitem__(0, 100.0),
    ),
    "an iterator": (lambda v: v.data.flat, lambda held: held.__setitem__(slice(None), 100.0)),
    "a method": (lambda v: v.data.fill, lambda held: held(100.0)),
    "views of views": (lambda v: v.data[:].reshape(3, 1)[:, 0].view(), overwrite),
}


@pytest.mark.parametrize("way", WAYS_TO_A_LEAF)
@pytest.mark.parametrize("changed_in_place", [False, True])
def test_no_way_to_a_leaf_reaches_a_graph(way: str, changed_in_place: bool) -> None:
    hold, change = WAYS_TO_A_LEAF[way]
    v = Value(np.zeros(3))
    held = hold(v)
    v.data += START if changed_in_place else 0.0
    if not changed_in_place:
        v.data = START
        held = hold(v)
    total = (v * v).sum()
    change(held)
    total.backward()
    np.testing.assert_allclose(v.grad, 2 * START)


def unlock(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = True
    return array


WAYS_TO_A_RESULT = {
    "itself": lambda y: overwrite(y.data),
    "its base": lambda y: overwrite(y.data.base),
    "its base's": lambda y: overwrite(y.data.base.base),
    "unlocked": lambda y: overwrite(unlock(y.data)),
    "its base unlocked": lambda y: overwrite(unlock(y.data.base)),
    "an interface": lambda y: overwrite(np.asarray(FromInterface(y.data))),
    "an address": lambda y: overwrite_at(y.data.ctypes.data),
    "a memoryview": lambda y: overwrite(np.asarray(memoryview(y.data))),
    "a buffer's owner": lambda y: overwrite(memoryview(y.data).obj),
    "a part": lambda y: overwrite(y.data[:1].base),
}


@pytest.mark.parametrize("way", WAYS_TO_A_RESULT)
@pytest.mark.parametrize("function", [np.exp, lambda v: v.reshape(3, 1), lambda v: v[:3], np.sort])
def test_no_way_to_a_result_reaches_a_graph(function: Callable[[Value], Value], way: str) -> None:
    v, again = Value(START), Value(START)
    y, expected = function(v), function(again)
    total = (y * y).sum()
    with suppress(ValueError, TypeError, AttributeError):  # read-only, or there is no base
        WAYS_TO_A_RESULT[way](y)
    total.backward()
    (expected * expected).sum().backward()
    np.testing.assert_array_equal(v.grad, again.grad)
    np.testing.assert_array_equal(y.data, expected.data)


def test_what_a_backward_pass_yields_is_read_only() -> None:
    v = Value(START)
    y = np.exp(v)
    total = (y * y).sum()
    for edge in backward_steps(total):
        for array in (edge.upstream, edge.local, edge.contribution, edge.total):
            if isinstance(array, np.ndarray):
                with pytest.raises(ValueError, match="read-only"):
                    overwrite(array)
    np.testing.assert_allclose(edge.total, 2 * np.exp(2 * START))
    total.backward()
    np.testing.assert_allclose(v.grad, 2 * np.exp(2 * START))
    v.data += 1.0  # the leaf is as free as before


def test_gradients_of_results_are_read_only_since_they_share_memory() -> None:
    v = Value(START)
    y, z = v * 2, v * 3
    total = y + z
    total.reshape(3, 1).sum().backward()
    for result in (y, z, total):
        with pytest.raises(ValueError, match="read-only"):
            result.grad *= 0.5
    v.grad *= 0.5
    np.testing.assert_array_equal([y.grad, z.grad, total.grad], np.ones((3, 3)))


GIVEN = {
    "an array": lambda array: array,
    "__array__": HandsOut,
    "__array_interface__": Exposes,
    "a memoryview": memoryview,
    "a sequence": Sequence,
    "rows": lambda array: [array[:2], array[1:]],
    "a subclass": lambda array: array.view(type("Sub", (np.ndarray,), {})),
    "a memmap": lambda array: array.view(np.memmap),
}


@pytest.mark.parametrize("kind", GIVEN)
def test_data_are_copied_wherever_they_come_in(kind: str) -> None:
    array = START.copy()
    given = GIVEN[kind](array)
    start = np.array(np.asarray(given))
    v, w = Value(given), Value(np.zeros(start.shape))
    w.data = given
    product, seeded = v * given + w * given, v * 1.0
    back = vjp(lambda x: x * x, given[0] if kind == "rows" else given)[1]
    seeded.backward(given)
    overwrite(array)
    for data in (v.data, w.data, seeded.grad, v.grad):
        np.testing.assert_array_equal(data, start)
    np.testing.assert_array_equal(product.data, 2 * start**2)
    v.grad = None
    product.sum().backward()
    np.testing.assert_array_equal([v.grad, w.grad], [start, start])
    first = start[0] if kind == "rows" else start
    np.testing.assert_array_equal(back(np.ones(first.shape))[0], 2 * first)


class Number:
    """Integer that may change."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __index__(self) -> int:
        return self.number


def change(attribute: object) -> None:
    """Change an index, a condition or a shape in whatever it is kept."""
    match attribute:
        case Number():
            attribute.number = 1
        case slice():
            change(attribute.stop)
        case dict():
            attribute[0] = (1, 0)
        case tuple():
            change(attribute[0])
        case HandsOut() | Exposes() | Sequence():
            change(attribute.array)
        case _:
            attribute[0], attribute[1] = 1, 1


PAIR = np.array([0, 2])
ATTRIBUTES = {
    "array.array": lambda: integers("q", [0, 2]),
    "bytearray": lambda: bytearray([0, 2]),
    "memoryview": lambda: memoryview(PAIR.copy()),
    "__array__": lambda: HandsOut(PAIR.copy()),
    "__array_interface__": lambda: Exposes(PAIR.copy()),
    "a sequence": lambda: Sequence(PAIR.copy()),
    "a list": lambda: [0, 2],
    "an array": PAIR.copy,
    "a number": lambda: Number(2),
}
INDICES = ATTRIBUTES | {
    "a pair": lambda: (integers("q", [0, 2]),),
    "a slice": lambda: slice(0, Number(3)),
    "slices": lambda: (slice(0, Number(3)), ...),
}


@pytest.mark.parametrize(
    ("call", "make"),
    [(call, make) for call in (np.take, np.repeat) for make in ATTRIBUTES.values()]
    + [(Value.__getitem__, make) for make in INDICES.values()]
    + [(lambda v, width: np.pad(v, width, "edge"), lambda: {0: (1, 2)})]
    + [(lambda v, shape: v[:2].reshape(shape), lambda: integers("q", [2, 1]))]
    + [(lambda v, k: np.where(k, v[:2], 0.0), lambda: HandsOut(np.array([False, False])))],
)
def test_an_attribute_changed_afterwards_has_no_effect(
    call: Callable[..., Value], make: Callable[[], object]
) -> None:
    v, again = Value(START[:2] if call is np.repeat else START), Value(START)
    if call is np.repeat:
        again = Value(START[:2])
    attribute = make()
    total = call(v, attribute)
    change(attribute)
    total.sum().backward()
    call(again, make()).sum().backward()
    np.testing.assert_array_equal(v.grad, again.grad)


def test_the_arrays_among_a_nodes_attributes_are_read_only() -> None:
    index = PAIR.copy()
    for y in (Value(START)[index], Value(START)[(index,)], np.take(Value(START), index)):
        (kept,) = [x for x in y.attributes.values() if x is not None]
        with pytest.raises(ValueError, match="read-only"):
            (kept[0] if isinstance(kept, tuple) else kept)[...] = 1
    index[...] = 1  # the user's own is as it was


@pytest.mark.parametrize(
    "attribute", [np.float32, np.dtype(np.float32), "float32"], ids=["type", "dtype", "text"]
)
def test_an_attribute_that_is_no_number_stays_as_it_is(attribute: object) -> None:
    assert Value(START).astype(attribute).dtype == np.float32


# --- A law: random programs, with changes between their operations --------------------------------

STEPS: dict[str, Callable[[Value, Value], Value]] = {
    "product": lambda x, y: x * y,
    "sum": lambda x, y: x + y,
    "sine": lambda x, _: np.sin(x),
    "reversed": lambda x, _: x[::-1],
    "reshaped": lambda x, _: x.reshape(3, 1).reshape(3),
    "picked": lambda x, y: np.where([True, False, True], x, y),
    "joined": lambda x, y: np.concatenate([x[:1], y[1:]]),
    "maximum": np.maximum,
    "normalized": lambda x, _: x.softmax(),
}


def change_held(w: Value, held: list[np.ndarray]) -> None:
    held.append(w.data)
    for array in held:
        array[...] = -0.5 * array


def change_part(w: Value, _: object) -> None:
    w.data[1:] = 0.25


def change_by_address(w: Value, _: object) -> None:
    np.asarray(FromInterface(w.data))[0] = 0.75


def subtract(w: Value, _: object) -> None:
    w.data -= 0.5


def renew(w: Value, _: object) -> None:
    w.data = w.data * 0.9


CHANGES = [change_held, change_part, change_by_address, subtract, renew]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(list(STEPS)), st.integers(0, 9), st.integers(0, 9)),
            st.sampled_from(CHANGES),
        ),
        min_size=3,
        max_size=14,
    )
)
def test_random_programs_with_changes_have_the_gradients_of_fresh_leaves(program: list) -> None:
    start = np.array([0.3, -0.8, 0.5])
    w, fresh = Value(start), [Value(start)]  # a leaf that changes, and one for each of its states
    results, expected = [w], [fresh[0]]
    held: list[np.ndarray] = []
    for step in program:
        if callable(step):
            step(w, held)
            fresh.append(Value(w.raw))
            expected[0] = fresh[-1]
        else:
            name, i, j = step
            for pool in (results, expected):
                pool.append(STEPS[name](pool[i % len(pool)], pool[j % len(pool)]))
    totals = [np.sum(np.stack(pool) ** 2) for pool in (results, expected)]
    change_held(w, held)
    for total in totals:
        total.backward()
    np.testing.assert_allclose(w.grad, sum(leaf.grad for leaf in fresh if leaf.grad is not None))


# --- Own operations that write into what they are given -------------------------------------------


def clear_negative(x: np.ndarray) -> np.ndarray:
    x[x < 2] = 0.0
    return x * x


def test_an_own_operation_that_writes_into_its_operand_is_an_error() -> None:
    writes = Pointwise("writes", clear_negative, "2 * x")
    for operand in (Value(START), np.exp(Value(START)), Value(START)[:2]):
        operand.data  # noqa: B018 - handed out: then a copy is saved
        with pytest.raises(ValueError, match=r"writes\(unnamed \(\d,\)\): .*read-only"):
            writes(operand)
    v = Value(START)
    with pytest.raises(ValueError, match="read-only"):
        writes(v)
    np.testing.assert_array_equal(v.data, START)
    v.data += 1.0  # the user's array is as free as before


@pytest.mark.parametrize("held", [False, True])
def test_the_arrays_of_a_graph_are_read_only(held: bool) -> None:
    v = Value(START, label="v")
    array = v.data if held else None
    y = v.reshape(3, 1)
    z = y * y
    arrays = [z.raw, y.raw, *z.arguments, *y.arguments, y.raw.base, *([] if held else [v.raw])]
    for one in arrays:
        with pytest.raises(ValueError, match="read-only"):
            overwrite(one)
    z.sum().backward()
    np.testing.assert_array_equal(v.grad, 2 * START)
    assert array is None or array.flags.writeable
