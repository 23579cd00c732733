"""Guards: what a captured program assumes about the world around its function.

A function reads more than its arguments: numbers in its closure, globals, settings of objects. They
are part of the program as they were when it was captured, so they are noted here and compared
before every run. Values are not compared: a program reads their data anew each time.

Not guarded, so that a change of them goes unseen: attributes deeper than three objects down; what a
function of an installed library reads, and what a class derived from one of this package does; what
is in containers other than lists, tuples, sets, dicts and deques; what is looked up by a computed
name; what a function asks of an argument's type, or of its text; a random generator that is made
inside; files, the environment variables, the clock.
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

LONGEST = 1000  # elements of a list that is searched for objects
MOST = 20_000  # guards; more would take longer than most programs
DEPTH = 3  # objects on the way from the function to an attribute that it reads
_PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic)
_FUNCTIONS = (types.FunctionType, types.MethodType, partial)
_METHODS = (types.FunctionType, staticmethod, classmethod)
_OF_CLASSES = (property, *_METHODS)
_UNUSED = {"__init__", "__new__", "__repr__", "__str__", "__del__", "__init_subclass__"}
_STORES = {"STORE_ATTR", "STORE_GLOBAL"}
_LIBRARIES = ("tinygrad_hw", "numpy")


class Environment:
    """The plain data that a function, and the functions that it calls, find around them.

    Attributes
    ----------
    values
        The Values that they find: a program reads them, and may set their gradients.
    """

    def __init__(self, function: Callable[..., Any], call: Any = ()) -> None:
        self._own = str(getattr(function, "__module__", "")).partition(".")[0]
        self._names: set[str] = set()  # globals and attributes in all the code that is found
        self._stored: set[str] = set()  # those of them that the code assigns
        known = -1
        while len(self._names) > known:  # new names lead to new code, and that to new names
            known = len(self._names)
            self._collect(function, call)

    def _collect(self, function: Callable[..., Any], call: Any) -> None:
        """Collect the guards, for the names that are known by now."""
        self._guards: list[tuple[Callable[[], Any], Any]] = []  # how to read it, and what it was
        self._visited: dict[int, int] = {}  # ids of objects, with the depth searched below each
        self._kept_alive: list[Any] = []  # what is known by its id
        self._generators: list[Any] = []
        self.values: list[Node] = []
        self._visit_function(function)
        for leaf in leaves_of(call):
            if not isinstance(leaf, Node):
                self._visit(leaf, DEPTH)

    def unchanged(self) -> bool:
        """Return whether all that is guarded is what it was."""
        try:
            return all([_is_unchanged(read(), before) for read, before in self._guards])
        except (AttributeError, KeyError, ValueError):  # one of them is gone
            return False

    def leaked_tracer(self) -> bool:
        """Return whether the run left a stand-in for a number in a global, closure or attribute."""
        for read, _ in self._guards:
            with suppress(AttributeError, KeyError, ValueError):
                if isinstance(read(), Traced):
                    return True
        return False

    def random_states(self) -> list[str]:
        """Return the states of the random generators that were found."""
        return [
            repr(g.getstate() if isinstance(g, random.Random) else _state_of(g))
            for g in self._generators
        ]

    def _visit_function(self, function: Any) -> None:
        """Guard what a function finds around it, and collect the names in its code."""
        if isinstance(function, partial):
            for arguments in (function.args, function.keywords):
                self._guard(partial(_itself, arguments))
            self._visit_function(function.func)
        elif isinstance(function, types.MethodType):
            self._visit_function(function.__func__)
            self._visit(function.__self__, DEPTH)
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
        self._visited[id(function)] = DEPTH
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
            self._guard(partial(_itself, default))
        self._attributes(function, vars(function), DEPTH)

    def _guard(self, read: Callable[[], Any], depth: int = DEPTH) -> None:
        """Guard what ``read()`` returns, and visit it."""
        if len(self._guards) >= MOST:
            raise CaptureError(
                f"more than {MOST:,} things around the function would be compared before every "
                "run; pass it what it needs as arguments"
            )
        try:
            found = read()
        except (ValueError, AttributeError):  # a cell or a slot that is empty
            return
        if not isinstance(found, types.ModuleType):
            self._guards.append((read, _snapshot(found)))
        self._visit(found, depth)

    def _visit(self, found: Any, depth: int) -> None:
        """Guard the attributes of an object that the code names; search containers for objects."""
        if isinstance(found, Node):
            self.values.append(found)
        elif isinstance(found, list | tuple | set | frozenset | deque):
            for part in found if len(found) <= LONGEST else ():
                self._visit(part, depth)
        elif isinstance(found, dict):
            for part in found.values() if len(found) <= LONGEST else ():
                self._visit(part, depth)
        elif isinstance(found, np.random.Generator | np.random.RandomState | random.Random):
            self._generators.append(found)
        elif isinstance(found, (*_PLAIN, np.ndarray, np.ufunc)):
            return
        elif isinstance(found, _FUNCTIONS) or inspect.getattr_static(found, "__wrapped__", None):
            self._visit_function(found)
        elif self._visited.get(id(found), 0) < depth:
            self._visited[id(found)] = depth
            self._kept_alive.append(found)
            self._visit_object(found, depth)

    def _visit_object(self, found: Any, depth: int) -> None:
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
            member = inspect.getattr_static(found, name, _itself)
            if member is _itself:
                if name in self._stored:  # assigned in a run, so the next run finds it
                    self._guard(partial(own.get, name), 0)
            elif name in own or not isinstance(member, _OF_CLASSES):
                self._guard(partial(getattr, found, name), depth - 1)

    def _methods(self, members: Any) -> None:
        """Guard the methods of a class, which may be replaced, and visit those that are used."""
        for name, member in list(members.items()):
            is_special = name.startswith("__") and name not in _UNUSED
            if name in self._names or is_special:
                if isinstance(member, property) and member.fget:
                    self._visit_function(member.fget)
                elif isinstance(member, _METHODS):
                    self._guard(partial(members.get, name))
                    self._visit_function(getattr(member, "__func__", member))

    def _attributes(self, found: Any, members: dict[str, Any], depth: int) -> None:
        for name in sorted(self._names & members.keys()):
            if not isinstance(members[name], types.ModuleType):
                self._guard(partial(operator.getitem, members, name), depth - 1)

    def _is_library(self, thing: Any) -> bool:
        """Return whether it is of a library whose functions are not visited."""
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


def _itself(x: Any) -> Any:
    return x


def _names_in(code: types.CodeType) -> tuple[set[str], set[str]]:
    """Return every global and attribute that a function's code names, and those it assigns.

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
    """An object that is compared by identity."""

    __slots__ = ("one",)

    def __init__(self, one: Any) -> None:
        self.one = one


def _is_plain(found: Any) -> bool:
    if isinstance(found, list | tuple):
        return all(map(_is_plain, found))
    return isinstance(found, _PLAIN)


class _PlainList:
    """Nested lists of plain numbers and texts, compared as a whole."""

    __slots__ = ("one",)

    def __init__(self, one: Any) -> None:
        self.one = copy.deepcopy(one)


def _snapshot(found: Any) -> Any:
    """Return what is needed to tell later whether something has changed."""
    if isinstance(found, list | tuple) and len(found) > 4 and _is_plain(found):
        return _PlainList(found)
    if isinstance(found, np.ndarray):
        return found.copy()
    if isinstance(found, list | tuple | set | frozenset | deque):
        return type(found), [_snapshot(part) for part in found]
    if isinstance(found, dict):
        return dict, [(key, _snapshot(part)) for key, part in found.items()]
    return found if isinstance(found, _PLAIN) else _Identity(found)


def _is_unchanged(found: Any, before: Any) -> bool:
    """Return whether something is still what its snapshot says."""
    if isinstance(before, _Identity):
        return found is before.one
    if isinstance(before, _PlainList):
        return type(found) is type(before.one) and bool(found == before.one)
    if isinstance(before, np.ndarray):
        return isinstance(found, np.ndarray) and _equal_arrays(found, before)
    if isinstance(before, tuple):
        kind, parts = before
        if not isinstance(found, kind) or len(found) != len(parts):
            return False
        if kind is dict:
            return all(k in found and _is_unchanged(found[k], part) for k, part in parts)
        return all(map(_is_unchanged, found, parts))
    if type(found) is float:  # nan is itself, 0.0 is not -0.0
        return type(before) is float and repr(found) == repr(before)
    return found is before or (type(found) is type(before) and bool(found == before))


def _equal_arrays(found: Any, before: Any) -> bool:
    if found.shape != before.shape or found.dtype != before.dtype:
        return False
    return np.array_equal(found, before, equal_nan=found.dtype.kind in "fc")


def signature(arguments: Any) -> tuple[Any, ...]:
    """Return what a program is for: the kinds of floats, arrays and Values, the value of the rest.

    A float, an array of floats or integers and a Value stand for any of their kind; an integer, a
    text, a flag stands for itself, since it may be an axis or a length.
    """
    return tuple(_signature_parts(arguments, []))


class _ById:
    """An object as a part of a key: equal to itself alone, and kept alive by the key."""

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
        yield tree.shape, tree.dtype
        if not tree.flags.c_contiguous:
            yield tree.strides
    elif isinstance(tree, np.floating):
        yield kind
    elif isinstance(tree, Node):
        same = [i for i, node in enumerate(nodes) if node is tree]  # given twice
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
