"""What a captured program takes for granted about the world around its function.

A function reads more than its arguments: numbers in its closure, globals, settings of objects. They
are part of the program as they were when it was captured, so they are remembered here and compared
before every run. Values are not compared: a program reads their data anew each time.

Frozen, because nobody can tell that they change: attributes deeper than three objects down; what a
function of an installed library reads, and what a class derived from one of ours does; what stands
in containers other than lists, tuples, sets, dicts and deques; what is found by a name that is
computed; what a function asks of an argument's type, or of its text; a random generator that is
made inside; files, the environment, the clock.
"""

from __future__ import annotations

import copy
import dis
import inspect
import operator
import random
import sys
import sysconfig
import types
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache, partial
from typing import Any

import numpy as np

from tinygrad_hw.engine.core.data import Traced
from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.engine.transforms.pytree import leaves_of
from tinygrad_hw.program.variable import CaptureError

LONGEST = 1000  # elements of a list that are looked into for objects
MOST = 20_000  # things that are compared before every run; it would take longer than most programs
DEPTH = 3  # objects from the function to an attribute that it reads
_PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic)
_FUNCTIONS = (types.FunctionType, types.MethodType, partial)
_METHODS = (types.FunctionType, staticmethod, classmethod)
_OF_CLASSES = (property, *_METHODS)
_UNUSED = {"__init__", "__new__", "__repr__", "__str__", "__del__", "__init_subclass__"}
_STORES = {"STORE_ATTR", "STORE_GLOBAL"}
_LIBRARIES = ("tinygrad_hw", "numpy")


class Environment:
    """The plain values that a function, and the functions that it calls, find around them.

    Attributes
    ----------
    values
        The Values that are found there: a program reads them, and may set their gradients.
    """

    def __init__(self, function: Callable[..., Any], given: Any = ()) -> None:
        self._own = str(getattr(function, "__module__", "")).partition(".")[0]
        self._names: set[str] = set()  # in all the code that is found
        self._stored: set[str] = set()  # of these, what is given a value
        known = -1
        while len(self._names) > known:  # new names lead to new code, and that to new names
            known = len(self._names)
            self._look_around(function, given)

    def _look_around(self, function: Callable[..., Any], given: Any) -> None:
        self._checks: list[tuple[Callable[[], Any], Any]] = []
        self._seen: dict[int, int] = {}  # how deep what stands below an object has been looked into
        self._held: list[Any] = []  # what is known by its identity
        self._generators: list[Any] = []
        self.values: list[Node] = []
        self._follow(function)
        for leaf in leaves_of(given):
            if not isinstance(leaf, Node):
                self._look_into(leaf, DEPTH)

    def unchanged(self) -> bool:
        """Whether all of them are what they were."""
        try:
            return all([_same(read(), before) for read, before in self._checks])
        except (AttributeError, KeyError, ValueError):  # one of them is gone
            return False

    def leaked_tracer(self) -> bool:
        """Whether a stand-in for a number was put where the function will not put one again."""
        for read, _ in self._checks:
            with suppress(AttributeError, KeyError, ValueError):
                if isinstance(read(), Traced):
                    return True
        return False

    def random_states(self) -> list[str]:
        """The states of the random generators that are found there."""
        return [
            repr(g.getstate() if isinstance(g, random.Random) else _state_of(g))
            for g in self._generators
        ]

    def _follow(self, function: Any) -> None:
        """Note what a function finds around it, and the names in its code."""
        if isinstance(function, partial):
            for given in (function.args, function.keywords):
                self._note(partial(_itself, given))
            self._follow(function.func)
        elif isinstance(function, types.MethodType):
            self._follow(function.__func__)
            self._look_into(function.__self__, DEPTH)
        elif isinstance(function, types.FunctionType):
            self._code(function)
        elif wrapped := inspect.getattr_static(function, "__wrapped__", None):
            self._follow(wrapped)  # another captured one, or a cache
        elif not self._is_library(type(function)):
            call = inspect.getattr_static(type(function), "__call__", None)
            if isinstance(call, types.FunctionType):
                self._follow(types.MethodType(call, function))

    def _code(self, function: types.FunctionType) -> None:
        if id(function) in self._seen or self._is_library(function):
            return
        self._seen[id(function)] = DEPTH
        self._held.append(function)
        read, stored = _names(function.__code__)
        self._names |= read
        self._stored |= stored
        if hasattr(function, "__wrapped__"):
            self._follow(function.__wrapped__)
        for cell in function.__closure__ or ():
            self._note(partial(getattr, cell, "cell_contents"))
        for name in sorted(read & function.__globals__.keys()):
            self._note(partial(operator.getitem, function.__globals__, name))
        for name in sorted(stored - function.__globals__.keys()):
            self._note(partial(dict.get, function.__globals__, name))
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self._note(partial(_itself, default))
        self._attributes(function, vars(function), DEPTH)

    def _note(self, read: Callable[[], Any], depth: int = DEPTH) -> None:
        if len(self._checks) >= MOST:
            raise CaptureError(
                f"more than {MOST:,} things around the function would be compared before every "
                "run; pass it what it needs as arguments"
            )
        try:
            found = read()
        except (ValueError, AttributeError):  # a cell or a slot that is empty
            return
        if not isinstance(found, types.ModuleType):
            self._checks.append((read, _snapshot(found)))
        self._look_into(found, depth)

    def _look_into(self, found: Any, depth: int) -> None:
        """Note the attributes of an object that some code has the names of."""
        if isinstance(found, Node):
            self.values.append(found)
        elif isinstance(found, list | tuple | set | frozenset | deque):
            for part in found if len(found) <= LONGEST else ():
                self._look_into(part, depth)
        elif isinstance(found, dict):
            for part in found.values() if len(found) <= LONGEST else ():
                self._look_into(part, depth)
        elif isinstance(found, np.random.Generator | np.random.RandomState | random.Random):
            self._generators.append(found)
        elif isinstance(found, (*_PLAIN, np.ndarray, np.ufunc)):
            return
        elif isinstance(found, _FUNCTIONS) or inspect.getattr_static(found, "__wrapped__", None):
            self._follow(found)
        elif self._seen.get(id(found), 0) < depth:
            self._seen[id(found)] = depth
            self._held.append(found)
            self._object(found, depth)

    def _object(self, found: Any, depth: int) -> None:
        kind = found if isinstance(found, type | types.ModuleType) else type(found)
        if self._is_library(kind):
            return
        if isinstance(found, types.ModuleType):
            self._attributes(found, vars(found), depth)
            return
        for owner in kind.__mro__:
            if not self._is_library(owner):
                self._methods(vars(owner))
        own = getattr(found, "__dict__", {})
        for name in sorted(self._names):
            kept = inspect.getattr_static(found, name, _itself)
            if kept is _itself:
                if name in self._stored:  # made by a run: the next one then finds it
                    self._note(partial(own.get, name), 0)
            elif name in own or not isinstance(kept, _OF_CLASSES):
                self._note(partial(getattr, found, name), depth - 1)

    def _methods(self, members: Any) -> None:
        """Note the methods of a class, which may be exchanged, and follow those that are used."""
        for name, kept in list(members.items()):
            is_special = name.startswith("__") and name not in _UNUSED
            if name in self._names or is_special:
                if isinstance(kept, property) and kept.fget:
                    self._follow(kept.fget)
                elif isinstance(kept, _METHODS):
                    self._note(partial(members.get, name))
                    self._follow(getattr(kept, "__func__", kept))

    def _attributes(self, found: Any, members: dict[str, Any], depth: int) -> None:
        for name in sorted(self._names & members.keys()):
            if not isinstance(members[name], types.ModuleType):
                self._note(partial(operator.getitem, members, name), depth - 1)

    def _is_library(self, thing: Any) -> bool:
        """Whether it is of a library whose functions are not looked into."""
        name = getattr(thing, "__module__", None) or getattr(thing, "__name__", "")
        top = str(name).partition(".")[0]
        if not isinstance(thing, types.FunctionType | types.ModuleType):
            return top in _LIBRARIES
        is_of_python = top in sys.stdlib_module_names and top != "__main__"
        return top in _LIBRARIES or is_of_python or (top != self._own and _is_installed(top))


@cache
def _is_installed(top: str) -> bool:
    """Whether a package was installed, and is not the user's own file."""
    file = getattr(sys.modules.get(top), "__file__", None) or ""
    return file.startswith((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))


def _state_of(generator: Any) -> Any:
    is_new = isinstance(generator, np.random.Generator)
    return generator.bit_generator.state if is_new else generator.get_state()


def _itself(x: Any) -> Any:
    return x


def _names(code: types.CodeType) -> tuple[set[str], set[str]]:
    """Every global and attribute that a function's code names, and those that it gives a value.

    Inner functions included; and what stands in quotation marks, as in ``getattr(x, "scale")``.
    """
    read = set(code.co_names)
    stored = {x.argval for x in dis.get_instructions(code) if x.opname in _STORES}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            inner = _names(constant)
            read |= inner[0]
            stored |= inner[1]
        elif isinstance(constant, str) and constant.isidentifier():
            read.add(constant)
    return read, stored


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
    if isinstance(found, list | tuple) and len(found) > 4 and _is_plain(found):
        return _Equal(found)
    if isinstance(found, np.ndarray):
        return found.copy()
    if isinstance(found, list | tuple | set | frozenset | deque):
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
    if type(found) is float:  # nan is itself, 0.0 is not -0.0
        return type(before) is float and repr(found) == repr(before)
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
    return tuple(_kinds(arguments, []))


class _Same:
    """An object as a part of a key: equal to itself alone, and kept alive by it."""

    __slots__ = ("one",)

    def __init__(self, one: Any) -> None:
        self.one = one

    def __hash__(self) -> int:
        return id(self.one)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.one is self.one


def _kinds(tree: Any, nodes: list[Any]) -> Iterator[Any]:
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
        same = [i for i, node in enumerate(nodes) if node is tree]  # given twice
        nodes.append(tree)
        yield Node, tree.constant, tree.grad is None, *same[:1]
        yield from _kinds(tree.raw, nodes)
    elif isinstance(tree, tuple | list):
        yield kind, len(tree)
        for part in tree:
            yield from _kinds(part, nodes)
    elif isinstance(tree, dict):
        yield dict, *tree
        for part in tree.values():
            yield from _kinds(part, nodes)
    elif isinstance(tree, _PLAIN):
        yield kind, tree
    else:
        yield _Same(tree)
