"""Guards: the assumptions of a captured program about the data around its function.

A function reads more than its arguments: numbers in its closure, globals, settings of objects. A
program contains them as they were when it was captured, so they are saved here and compared before
every run. Values are not compared: a program reads their data in every run.

Not guarded, so that a change goes unnoticed, are

- attributes more than three objects away from the function;
- the data that functions of installed libraries read, and the methods of classes derived from this
  package's;
- the elements of containers other than lists, tuples, sets, dicts and deques;
- attributes and globals whose names are computed;
- an argument's type and its text, where the function asks for them;
- random generators that the function creates;
- files, environment variables and the clock.
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

from tinygrad_hw.engine.core.data import StandIn, refuse_other_rules
from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.engine.transforms.pytree import leaves_of
from tinygrad_hw.program.record.tracer import CaptureError

MAX_ELEMENTS = 1000  # of a container that is searched for objects
MAX_GUARDS = 20_000  # more would take longer to compare than most programs to run
MAX_DEPTH = 3  # objects between the function and an attribute that it reads
_PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic)
_FUNCTIONS = (types.FunctionType, types.MethodType, partial)
_METHODS = (types.FunctionType, staticmethod, classmethod)
_OF_CLASSES = (property, *_METHODS)
_UNUSED = {"__init__", "__new__", "__repr__", "__str__", "__del__", "__init_subclass__"}
_STORES = {"STORE_ATTR", "STORE_GLOBAL"}
_LIBRARIES = ("tinygrad_hw", "numpy")
_MISSING = object()  # stands for an attribute that is not there


class Environment:
    """The plain data outside a function that it, and the functions that it calls, read.

    Attributes
    ----------
    values
        The Values among them: a program reads their data, and may set their gradients.
    """

    def __init__(self, function: Callable[..., Any], call: Any = ()) -> None:
        self._own = str(getattr(function, "__module__", "")).partition(".")[0]
        self._names: set[str] = set()  # of globals and attributes in all visited code
        self._stored: set[str] = set()  # those that the code assigns
        self._guards: list[tuple[Callable[[], Any], Any]] = []
        self.values: list[Node] = []
        if function == ():
            return
        known = -1
        while len(self._names) > known:  # new names lead to new code, and that to new names
            known = len(self._names)
            self._collect(function, call)

    def _collect(self, function: Callable[..., Any], call: Any) -> None:
        """Collect the guards for the names found so far."""
        self._guards = []  # a reader, a snapshot
        self._visited: dict[int, int] = {}  # ids of objects, and the depth searched below
        self._kept_alive: list[Any] = []  # objects known by their ids
        self._generators: list[Any] = []
        self.values = []
        self._visit_function(function)
        for leaf in leaves_of(call):
            if not isinstance(leaf, Node):
                self._visit(leaf, MAX_DEPTH)

    def unchanged(self) -> bool:
        """Return whether all guarded data equal their snapshots."""
        try:
            return all([_is_unchanged(read(), before) for read, before in self._guards])
        except (AttributeError, KeyError, ValueError):  # one of them is gone
            return False

    def what_changed(self) -> str:
        """Return the name of what has changed."""
        return "something around it"

    def leaked_tracer(self) -> bool:
        """Return whether the run left a stand-in for a number in a global, closure or attribute."""
        for read, _ in self._guards:
            with suppress(AttributeError, KeyError, ValueError):
                if isinstance(read(), StandIn):
                    return True
        return False

    def random_states(self) -> list[str]:
        """Return the states of the random generators among the data."""
        return [
            repr(g.getstate() if isinstance(g, random.Random) else _state_of(g))
            for g in self._generators
        ]

    def _visit_function(self, function: Any) -> None:
        """Guard the data that a function reads from outside, and collect the names in its code."""
        if isinstance(function, partial):
            for arguments in (function.args, function.keywords):
                self._guard(partial(_identity, arguments))
            self._visit_function(function.func)
        elif isinstance(function, types.MethodType):
            self._visit_function(function.__func__)
            self._visit(function.__self__, MAX_DEPTH)
        elif isinstance(function, types.FunctionType):
            self._visit_code(function)
        elif wrapped := inspect.getattr_static(function, "__wrapped__", None):
            self._visit_function(wrapped)  # another captured one, or a cache
        elif not self._is_library(type(function)):
            call = inspect.getattr_static(type(function), "__call__", None)
            if isinstance(call, types.FunctionType):
                self._visit_function(types.MethodType(call, function))

    def _visit_code(self, function: types.FunctionType) -> None:
        if id(function) in self._visited or self._is_library(function):
            return
        self._visited[id(function)] = MAX_DEPTH
        self._kept_alive.append(function)
        read, stored = _names_in(function.__code__)
        self._names |= read
        self._stored |= stored
        if hasattr(function, "__wrapped__"):
            self._visit_function(function.__wrapped__)
        for cell in function.__closure__ or ():
            self._guard(partial(getattr, cell, "cell_contents"))
        for name in sorted(read & function.__globals__.keys()):
            self._guard(partial(operator.getitem, function.__globals__, name))
        for name in sorted(stored - function.__globals__.keys()):
            self._guard(partial(dict.get, function.__globals__, name))
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self._guard(partial(_identity, default))
        self._guard_items(vars(function), MAX_DEPTH)

    def _guard(self, read: Callable[[], Any], depth: int = MAX_DEPTH) -> None:
        """Guard the object that ``read()`` returns, and visit it."""
        if len(self._guards) >= MAX_GUARDS:
            raise CaptureError(
                f"more than {MAX_GUARDS:,} things around the function would be compared before "
                "every run; pass it what it needs as arguments"
            )
        try:
            thing = read()
        except (ValueError, AttributeError):  # a cell or a slot that is empty
            return
        if not isinstance(thing, types.ModuleType):
            self._guards.append((read, _snapshot(thing)))
        self._visit(thing, depth)

    def _visit(self, thing: Any, depth: int) -> None:
        """Guard the attributes of an object that the code names; search containers for objects."""
        if isinstance(thing, Node):
            self.values.append(thing)
        elif isinstance(thing, list | tuple | set | frozenset | deque):
            for part in thing if len(thing) <= MAX_ELEMENTS else ():
                self._visit(part, depth)
        elif isinstance(thing, dict):
            for part in thing.values() if len(thing) <= MAX_ELEMENTS else ():
                self._visit(part, depth)
        elif isinstance(thing, np.random.Generator | np.random.RandomState | random.Random):
            self._generators.append(thing)
        elif isinstance(thing, (*_PLAIN, np.ndarray, np.ufunc)):
            return
        elif isinstance(thing, _FUNCTIONS) or inspect.getattr_static(thing, "__wrapped__", None):
            self._visit_function(thing)
        elif self._visited.get(id(thing), 0) < depth:
            self._visited[id(thing)] = depth
            self._kept_alive.append(thing)
            self._visit_object(thing, depth)

    def _visit_object(self, thing: Any, depth: int) -> None:
        kind = thing if isinstance(thing, type | types.ModuleType) else type(thing)
        if self._is_library(kind):
            return
        if isinstance(thing, types.ModuleType):
            self._guard_items(vars(thing), depth)
            return
        for owner in kind.__mro__:
            if not self._is_library(owner):
                self._guard_methods(vars(owner))
        own = getattr(thing, "__dict__", {})
        for name in sorted(self._names):
            member = inspect.getattr_static(thing, name, _MISSING)
            if member is _MISSING:
                if name in self._stored:  # assigned in a run, so the next run finds it
                    self._guard(partial(own.get, name), 0)
            elif name in own or not isinstance(member, _OF_CLASSES):
                self._guard(partial(getattr, thing, name), depth - 1)

    def _guard_methods(self, members: Any) -> None:
        """Guard the methods of a class, which may be replaced, and visit those that are used."""
        for name, member in list(members.items()):
            is_special = name.startswith("__") and name not in _UNUSED
            if name in self._names or is_special:
                if isinstance(member, property) and member.fget:
                    self._visit_function(member.fget)
                elif isinstance(member, _METHODS):
                    self._guard(partial(members.get, name))
                    self._visit_function(getattr(member, "__func__", member))

    def _guard_items(self, members: dict[str, Any], depth: int) -> None:
        """Guard the members that the code names."""
        for name in sorted(self._names & members.keys()):
            if not isinstance(members[name], types.ModuleType):
                self._guard(partial(operator.getitem, members, name), depth - 1)

    def _is_library(self, thing: Any) -> bool:
        """Return whether an object belongs to a library whose functions are not visited."""
        name = getattr(thing, "__module__", None) or getattr(thing, "__name__", "")
        top = str(name).partition(".")[0]
        if not isinstance(thing, types.FunctionType | types.ModuleType):
            return top in _LIBRARIES
        is_of_python = top in sys.stdlib_module_names and top != "__main__"
        return top in _LIBRARIES or is_of_python or (top != self._own and _is_installed(top))


@cache
def _is_installed(top: str) -> bool:
    """Return whether a package was installed, rather than being the user's own file."""
    file = getattr(sys.modules.get(top), "__file__", None) or ""
    return file.startswith((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))


def _state_of(generator: Any) -> Any:
    is_new = isinstance(generator, np.random.Generator)
    return generator.bit_generator.state if is_new else generator.get_state()


def _identity(x: Any) -> Any:
    return x


def _names_in(code: types.CodeType) -> tuple[set[str], set[str]]:
    """Return the names of globals and attributes in a function's code, and those it assigns.

    Inner functions are included, and names in strings, as in ``getattr(x, "scale")``.
    """
    read = set(code.co_names)
    stored = {x.argval for x in dis.get_instructions(code) if x.opname in _STORES}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            inner = _names_in(constant)
            read |= inner[0]
            stored |= inner[1]
        elif isinstance(constant, str) and constant.isidentifier():
            read.add(constant)
    return read, stored


class _Identity:
    """Snapshot of an object that is compared by identity."""

    __slots__ = ("one",)

    def __init__(self, one: Any) -> None:
        self.one = one


def _is_plain(thing: Any) -> bool:
    if isinstance(thing, list | tuple):
        return all(map(_is_plain, thing))
    return isinstance(thing, _PLAIN)


class _PlainList:
    """Snapshot of nested lists of plain numbers and texts, compared as a whole."""

    __slots__ = ("one",)

    def __init__(self, one: Any) -> None:
        self.one = copy.deepcopy(one)


def _snapshot(thing: Any) -> Any:
    """Return a copy, or the object itself, to tell later whether an object has changed."""
    if isinstance(thing, list | tuple) and len(thing) > 4 and _is_plain(thing):
        return _PlainList(thing)
    if isinstance(thing, np.ndarray):
        return thing.copy()
    if isinstance(thing, list | tuple | set | frozenset | deque):
        return type(thing), [_snapshot(part) for part in thing]
    if isinstance(thing, dict):
        return dict, [(key, _snapshot(part)) for key, part in thing.items()]
    return thing if isinstance(thing, _PLAIN) else _Identity(thing)


def _is_unchanged(now: Any, before: Any) -> bool:
    """Return whether an object equals its snapshot."""
    if isinstance(before, _Identity):
        return now is before.one
    if isinstance(before, _PlainList):
        return type(now) is type(before.one) and bool(now == before.one)
    if isinstance(before, np.ndarray):
        return isinstance(now, np.ndarray) and _equal_arrays(now, before)
    if isinstance(before, tuple):
        kind, parts = before
        if not isinstance(now, kind) or len(now) != len(parts):
            return False
        if kind is dict:
            return all(k in now and _is_unchanged(now[k], part) for k, part in parts)
        return all(map(_is_unchanged, now, parts))
    if type(now) is float:  # nan is itself, 0.0 is not -0.0
        return type(before) is float and repr(now) == repr(before)
    return now is before or (type(now) is type(before) and bool(now == before))


def _equal_arrays(now: Any, before: Any) -> bool:
    if now.shape != before.shape or now.dtype != before.dtype:
        return False
    return np.array_equal(now, before, equal_nan=now.dtype.kind in "fc")


def signature(arguments: Any) -> tuple[Any, ...]:
    """Return the key of the arguments that a program is valid for.

    Floats, arrays and Values count by their kind (type, shape, dtype); integers, texts and flags by
    their value, since they may be axes or lengths; other objects by identity.
    """
    return tuple(_signature_parts(arguments, []))


class _ById:
    """Part of a key that stands for one object, which the key keeps alive."""

    __slots__ = ("one",)

    def __init__(self, one: Any) -> None:
        self.one = one

    def __hash__(self) -> int:
        return id(self.one)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and other.one is self.one


def _signature_parts(tree: Any, nodes: list[Any]) -> Iterator[Any]:
    kind = type(tree)
    if kind is float:
        yield float
    elif isinstance(tree, np.ndarray):
        if kind is not np.ndarray:
            refuse_other_rules(tree)
        yield tree.shape, tree.dtype
        if not tree.flags.c_contiguous:
            yield tree.strides
    elif isinstance(tree, np.floating):
        yield kind
    elif isinstance(tree, Node):
        same = [i for i, node in enumerate(nodes) if node is tree]  # passed twice
        nodes.append(tree)
        yield Node, tree.constant, tree.grad is None, *same[:1]
        yield from _signature_parts(tree.raw, nodes)
    elif isinstance(tree, tuple | list):
        yield kind, len(tree)
        for part in tree:
            yield from _signature_parts(part, nodes)
    elif isinstance(tree, dict):
        yield dict, *tree
        for part in tree.values():
            yield from _signature_parts(part, nodes)
    elif isinstance(tree, _PLAIN):
        yield kind, tree
    else:
        yield _ById(tree)
