"""What a captured program takes for granted about the world around its function.

A function reads more than its arguments: numbers in its closure, globals, settings of objects. They
are part of the program as they were when it was captured, so they are remembered here and compared
before every run. Values are not compared: a program reads their data anew each time.

Frozen, because nobody can tell that they change: attributes deeper than three objects down, what a
function of another library reads, files, the clock, random numbers of a generator of your own.
"""

from __future__ import annotations

import copy
import operator
import types
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from tinygrad_hw.engine.node import Node

DEPTH = 3  # objects from the function to an attribute that it reads
_PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic)
_LIBRARIES = ("tinygrad_hw", "numpy")


class Surroundings:
    """The plain values that a function, and those of its module that it calls, find around them."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._checks: list[tuple[Callable[[], Any], Any]] = []
        self._seen: set[int] = set()
        self._follow(function)

    def hold(self) -> bool:
        """Whether all of them are what they were."""
        try:
            return all(_same(read(), before) for read, before in self._checks)
        except (AttributeError, KeyError, ValueError):  # one of them is gone
            return False

    def _follow(self, function: Any) -> None:
        if (getattr(function, "__module__", "") or "").split(".")[0] in _LIBRARIES:
            return
        if isinstance(function, types.MethodType):
            self._object(function.__self__, _names(function.__func__.__code__), DEPTH)
            function = function.__func__
        function = getattr(function, "__wrapped__", function)
        if not isinstance(function, types.FunctionType) or id(function) in self._seen:
            return
        self._seen.add(id(function))
        names = _names(function.__code__)
        for cell in function.__closure__ or ():
            self._note(partial(getattr, cell, "cell_contents"), names)
        for name in names & function.__globals__.keys():
            self._note(partial(operator.getitem, function.__globals__, name), names)
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self._note(partial(_itself, default), names)

    def _note(self, read: Callable[[], Any], names: set[str], depth: int = DEPTH) -> None:
        try:
            found = read()
        except ValueError:  # a cell that is empty
            return
        if isinstance(found, types.ModuleType | type):
            return
        self._checks.append((read, _snapshot(found)))
        if callable(found) and not isinstance(found, Node):
            self._follow(found)
        self._object(found, names, depth)

    def _object(self, found: Any, names: set[str], depth: int) -> None:
        """The attributes of an object that the function's code has the names of."""
        attributes = getattr(found, "__dict__", None)
        if not depth or not isinstance(attributes, dict) or isinstance(found, types.FunctionType):
            return
        for name in names & attributes.keys():
            self._note(partial(operator.getitem, attributes, name), names, depth - 1)


def _itself(x: Any) -> Any:
    return x


def _names(code: types.CodeType) -> set[str]:
    """Every global and attribute that a function's code names, inner functions included."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _names(constant)
    return found


class _Identity:
    """An object of which only matters that it is the same one."""

    __slots__ = ("one",)

    def __init__(self, one: Any) -> None:
        self.one = one


def _is_plain(found: Any) -> bool:
    if isinstance(found, list | tuple):
        return all(map(_is_plain, found))
    return isinstance(found, _PLAIN)


class _Equal:
    """Nested lists of plain numbers and texts, compared as a whole."""

    __slots__ = ("one",)

    def __init__(self, one: Any) -> None:
        self.one = copy.deepcopy(one)


def _snapshot(found: Any) -> Any:
    if isinstance(found, list | tuple) and _is_plain(found):
        return _Equal(found)
    if isinstance(found, np.ndarray):
        return found.copy()
    if isinstance(found, list | tuple | set | frozenset):
        return type(found), [_snapshot(part) for part in found]
    if isinstance(found, dict):
        return dict, [(key, _snapshot(part)) for key, part in found.items()]
    return found if isinstance(found, _PLAIN) else _Identity(found)


def _same(found: Any, before: Any) -> bool:
    if isinstance(before, _Identity):
        return found is before.one
    if isinstance(before, _Equal):
        return type(found) is type(before.one) and bool(found == before.one)
    if isinstance(before, np.ndarray):
        return isinstance(found, np.ndarray) and _equal_arrays(found, before)
    if isinstance(before, tuple):
        kind, parts = before
        if not isinstance(found, kind) or len(found) != len(parts):
            return False
        if kind is dict:
            return all(k in found and _same(found[k], part) for k, part in parts)
        return all(map(_same, found, parts))
    return found is before or (type(found) is type(before) and bool(found == before))


def _equal_arrays(found: Any, before: Any) -> bool:
    if found.shape != before.shape or found.dtype != before.dtype:
        return False
    return np.array_equal(found, before, equal_nan=found.dtype.kind in "fc")


def signature(arguments: Any) -> tuple[Any, ...]:
    """What a program is for: the kind of every argument; the values of those that are no numbers.

    A float, an array of floats or integers and a Value stand for any of their kind; an integer, a
    text, a flag stands for itself, since it may be an axis or a length.
    """
    return tuple(_kinds(arguments))


def _kinds(tree: Any) -> Iterator[Any]:
    kind = type(tree)
    if kind is float:
        yield float
    elif isinstance(tree, np.ndarray):
        yield tree.shape, tree.dtype
        if not tree.flags.c_contiguous:
            yield tree.strides
    elif isinstance(tree, np.floating):
        yield kind
    elif isinstance(tree, Node):
        yield Node, tree.constant, tree.grad is None
        yield from _kinds(tree.raw)
    elif isinstance(tree, tuple | list):
        yield kind, len(tree)
        for part in tree:
            yield from _kinds(part)
    elif isinstance(tree, dict):
        yield dict, *tree
        for part in tree.values():
            yield from _kinds(part)
    elif isinstance(tree, _PLAIN):
        yield kind, tree
    else:
        yield kind, id(tree)
