"""What a captured function keeps elsewhere than in its result would stay what it is in one run."""

import asyncio
import collections
import functools
import inspect
import re
import sys
import threading
import types
import weakref

import numpy as np
import pytest

from tinygrad_hw.engine import Value
from tinygrad_hw.engine.core.trace import PLAIN, current
from tinygrad_hw.program import CaptureError, capture
from tinygrad_hw.program.record import leaks


def captured(function):
    return capture(function, jit=False)


class Slot:
    __slots__ = ("last",)


def a_list(keep, x):
    keep.list.append(x * 2)


def a_nested_list(keep, x):
    keep.list.append({"deep": [(x * 2,)]})


def a_dict(keep, x):
    keep.dict["last"] = x * 2


def a_key_of_a_dict(keep, x):
    keep.dict[x * 2] = 1.0


def a_set(keep, x):
    keep.set.add(x * 2)


def a_deque(keep, x):
    keep.deque.append(x * 2)


def a_global(keep, x):
    global LAST  # noqa: PLW0603 - that is what is tried
    LAST = x * 2


def an_attribute(keep, x):
    keep.last = x * 2


def a_slot(keep, x):
    keep.slot.last = x * 2


def an_attribute_of_a_class(keep, x):
    Slot.shared = x * 2


def an_attribute_of_a_function(keep, x):
    a_list.last = x * 2


def an_attribute_of_a_thread(keep, x):
    keep.local.last = x * 2


def a_closure(keep, x):
    y = x * 2
    keep.list.append(lambda: y)


def a_default(keep, x):
    def function(y=x * 2):
        return y

    keep.list.append(function)


def a_method(keep, x):
    y = x * 2
    keep.list.append(y.__add__)


def an_iterator(keep, x):
    keep.list.append(iter([x * 2]))


def a_generator(keep, x):
    def numbers():
        y = x * 2
        yield 1.0
        yield y

    generator = numbers()
    next(generator)
    keep.list.append(generator)


def a_coroutine(keep, x):
    async def number(y):
        return y

    keep.list.append(number(x * 2))


def an_exception(keep, x):
    try:
        raise ValueError(x * 2)
    except ValueError as error:
        keep.list.append(error)


def a_value(keep, x):
    keep.list.append(keep.w * (x * 2))


def a_gradient(keep, x):
    keep.w.grad = None
    (keep.w * (x * 2)).backward()
    keep.list.append(keep.w.grad)


def an_attribute_of_an_argument(keep, x):
    keep.last = [x * 2]


def a_loss(keep, x):
    keep.w.grad = None
    keep.loss = (keep.w * (x * 2)) ** 2
    keep.loss.backward()


LEAKS = [
    a_list,
    a_nested_list,
    a_dict,
    a_key_of_a_dict,
    a_set,
    a_deque,
    a_global,
    an_attribute,
    a_slot,
    an_attribute_of_a_class,
    an_attribute_of_a_function,
    an_attribute_of_a_thread,
    a_closure,
    a_default,
    a_method,
    an_iterator,
    a_generator,
    a_coroutine,
    an_exception,
    a_value,
    a_gradient,
    an_attribute_of_an_argument,
    a_loss,
]


FOR_NUMBERS = [a_key_of_a_dict, a_set, a_gradient, a_loss]  # no array is a key, or a loss


def world():
    return types.SimpleNamespace(
        list=[],
        dict={},
        set=set(),
        deque=collections.deque(maxlen=3),
        slot=Slot(),
        local=threading.local(),
        w=Value(0.5, "w"),
    )


@pytest.mark.filterwarnings("ignore:coroutine")
@pytest.mark.parametrize(
    ("leak", "x"),
    [
        *((leak, 1.5) for leak in LEAKS),
        *((leak, np.array([1.5, 2.5])) for leak in LEAKS if leak not in FOR_NUMBERS),
    ],
)
def test_what_is_kept_elsewhere_is_an_error_that_names_the_line(leak, x):
    keep = world()

    def f(x):
        leak(keep, x)
        return x * keep.w

    c = captured(f)
    c(x)  # runs the function as it is
    before = keep.w.raw, keep.w.grad
    first, length = inspect.getsourcelines(leak)[1], len(inspect.getsourcelines(leak)[0])
    for _ in range(2):
        with pytest.raises(CaptureError, match=re.escape("test_leaks.py:")) as caught:
            c(x)
        line = int(re.search(r"test_leaks\.py:(\d+)", str(caught.value))[1])
        if leak not in (a_generator, an_exception):  # they keep the argument
            assert first <= line < first + length, str(caught.value)
        assert (keep.w.raw, keep.w.grad) == before
        assert current().trace is PLAIN
    for coroutine in filter(inspect.iscoroutine, keep.list):
        coroutine.close()  # or Python warns that nobody has awaited it


def test_a_list_in_the_caller_is_searched_whether_its_frame_is_an_object_or_not():
    def caller(use):
        log = []
        use()
        c = captured(lambda x: log.append(x) or x)
        c(1.0)
        with pytest.raises(CaptureError, match=r"keeps what .* in a list, where"):
            c(1.0)

    caller(lambda: None)
    caller(sys._getframe)


def a_list_of_constants(keep, x):
    keep.list.append(1.0)


def a_list_that_is_dropped(keep, x):
    kept = [x * 2]
    kept.append(kept)


def an_object_that_is_dropped(keep, x):
    one = types.SimpleNamespace(y=x * 2)
    one.self = one


def an_exception_that_is_caught(keep, x):
    try:
        raise ValueError(x * 2)
    except ValueError:
        pass


def a_generator_that_is_used_up(keep, x):
    assert len(list(y * 2 for y in [x, x])) == 2


def a_traceback(keep, x):
    try:
        y = x * 2
        raise ValueError("no")
    except ValueError as error:
        keep.list.append((error.__traceback__, y is None))


def a_frame(keep, x):
    y = x * 2
    keep.list.append(sys._getframe())
    return y


def a_weak_reference(keep, x):
    y = Value(1.0) * x
    keep.list.append(weakref.ref(y))


def what_is_put_and_taken_back(keep, x):
    keep.list.append(x * 2)
    keep.list.pop()


def a_group_of_graphs_that_are_dropped(keep, x):
    loss = (keep.w * np.sum(x)) ** 2
    loss.backward()
    keep.w.grad = None


DROPPED = [
    a_list_that_is_dropped,
    an_object_that_is_dropped,
    an_exception_that_is_caught,
    a_generator_that_is_used_up,
    a_traceback,
    a_frame,
    a_weak_reference,
    what_is_put_and_taken_back,
    a_group_of_graphs_that_are_dropped,
    a_list_of_constants,
]


@pytest.mark.parametrize(
    "leak", [x for x in LEAKS if x is not an_exception], ids=lambda x: x.__name__
)
def test_what_is_kept_before_an_exception_is_an_error_that_names_the_line(leak):
    keep = world()

    def f(x):
        leak(keep, x)
        (keep.w * 2.0).backward()
        raise KeyError("of the function's own")

    c = captured(f)
    with pytest.raises(KeyError):
        c(1.5)  # runs the function as it is
    before = keep.w.raw, keep.w.grad
    with pytest.raises(CaptureError, match=r"keeps what .*test_leaks\.py:\d+ has computed"):
        c(1.5)
    assert (keep.w.raw, keep.w.grad) == before
    for coroutine in filter(inspect.iscoroutine, keep.list):
        coroutine.close()


def test_an_exception_has_the_numbers_of_the_run():
    class RefusedError(Exception):
        pass

    def f(x):
        y = x * 2.0
        error = RefusedError(y, [y + 1.0, "text"])
        error.numbers = {"y": y}
        raise error

    c = captured(f)
    for x in (1.0, 2.0, 3.0, 4.0, 5.0):
        with pytest.raises(RefusedError) as caught:
            c(x)
        assert caught.value.args == (x * 2.0, [x * 2.0 + 1.0, "text"])
        assert caught.value.numbers == {"y": x * 2.0}
        assert {type(n) for n in (caught.value.args[0], *caught.value.numbers.values())} == {float}


@pytest.mark.parametrize(
    "local",
    [
        lambda x: [x * 2],
        lambda x: {"a": ([x], x)},
        lambda x: Value(1.0) * x,
        lambda x: (Value(1.0) * x).backward() or (lambda: x),
        lambda x: types.SimpleNamespace(x=x),
        lambda x: iter([x, x * 3]),
        lambda x: [x * k for k in range(40)],
        lambda x: np.sum(Value(x) * [1.0, 2.0]) / 2,
    ],
    ids=["list", "dict", "Value", "closure", "object", "iterator", "many", "array"],
)
def test_local_variables_behind_an_exception_are_no_leak(local, monkeypatch):
    def f(x):
        y = local(x)
        raise KeyError(y is None)

    c = captured(f)
    kept = []
    with pytest.raises(KeyError):
        c(1.5)
    searched = []  # all objects there are, which takes seconds
    monkeypatch.setattr(leaks, "_referrers", searched.append)
    monkeypatch.setattr(leaks, "_stand_ins", searched.append)
    for _ in range(5):
        with pytest.raises(KeyError, match="False") as caught:
            c(1.5)
        kept.append(caught.value)
    assert searched == []


def test_nothing_is_searched_where_nothing_is_kept(monkeypatch):
    searched = []
    monkeypatch.setattr(leaks, "_stand_ins", searched.append)
    w = Value(np.ones(3), "w")

    def step(x):
        w.grad = None
        loss = np.sum((w * x - 1.0) ** 2)
        loss.backward()
        return loss

    c = captured(step)
    for x in (1.0, 2.0, 3.0, 4.0, 5.0):
        c(x)
    assert searched == []


@pytest.mark.parametrize("x", [1.5, np.array([1.5, 2.5])], ids=["number", "array"])
def test_an_error_of_the_engine_is_as_cheap(x, monkeypatch):
    """It is raised in place of NumPy's, whose frames have the stand-ins, too."""
    w = Value(np.ones((2, 3)), "w")
    c = captured(lambda x: np.matmul(w * 2.0, w * x))
    searched = []
    monkeypatch.setattr(leaks, "_referrers", searched.append)
    monkeypatch.setattr(leaks, "_stand_ins", searched.append)
    for _ in range(4):
        with pytest.raises(ValueError, match="mul"):
            c(x)
    assert searched == []


@pytest.mark.filterwarnings("ignore:captured f")  # a list that grows is worth a word
@pytest.mark.parametrize("drop", DROPPED, ids=lambda drop: drop.__name__)
def test_what_is_dropped_is_no_leak(drop):
    keep = world()

    def f(x):
        drop(keep, x)
        return x * keep.w

    c = captured(f)
    for x in (1.5, 2.5, -1.0, 2.0, 3.0):
        assert c(x).raw == x * 0.5
    assert keep.w.grad is None


RESULTS = {
    "deque": lambda x: collections.deque([x * 2]),
    "closure": lambda x: functools.partial(lambda y: y, x * 2),
    "namespace with a list": lambda x: types.SimpleNamespace(parts=[x * 2]),
    "exception": lambda x: ValueError(x * 2),
    "iterator": lambda x: iter([x * 2]),
    "generator": lambda x: (y for y in [x * 2]),
    "set": lambda x: {x * 2},
}


@pytest.mark.parametrize("name", RESULTS)
def test_results_in_other_than_tuples_lists_and_dicts_are_refused_or_right(name):
    c = captured(RESULTS[name])
    for x in (1.0, 2.0, 3.0, 4.0, 5.0):
        try:
            result = c(x)
        except CaptureError:
            continue
        if name == "closure":
            found = result()
        elif name.startswith("namespace"):
            found = result.parts[0]
        else:
            found = next(iter(result.args if name == "exception" else result))
        assert type(found) is float
        assert found == 2 * x


@pytest.mark.filterwarnings("ignore:captured .* is a coroutine or a generator")
def test_coroutines_and_generators_are_run_as_they_are():
    async def later(x):
        await asyncio.sleep(0)
        return x * 2

    def some(x):
        yield x * 2
        yield x * 3

    c, d = captured(later), captured(some)
    for x in (1.0, 2.0, 3.0, 4.0, 5.0):
        assert asyncio.run(c(x)) == x * 2
        assert list(d(x)) == [x * 2, x * 3]


def test_a_frame_that_another_thread_lets_go_of_during_the_search_is_no_leak(monkeypatch):
    held = []

    def released(objects):
        held.clear()
        return search(objects)

    search = leaks._referrers
    monkeypatch.setattr(leaks, "_referrers", released)

    @capture(jit=False)
    def program(x):
        parts = [x * 2.0, x * 3.0]
        held.append(sys._getframe())  # as a profiler does
        return np.sum(parts[0] + parts[1])

    for i in range(5):
        assert program(Value(np.arange(3.0) + i)).data == 15 + 15 * i
