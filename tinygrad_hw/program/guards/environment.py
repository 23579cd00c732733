"""Environment: the data outside a function that one run of it has read."""

from __future__ import annotations

import array
import builtins
import functools
import random
import sys
import threading
import types
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import numpy as np

from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.program.guards.calls import is_library
from tinygrad_hw.program.guards.checks import Checks
from tinygrad_hw.program.guards.reading import Names, names_in

MAX_CHECKS = 20_000  # more would take longer than most programs run
_ARITHMETIC = (
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor"),
)
_PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic, np.dtype, np.ufunc)
_CONTAINERS = (list, tuple, set, frozenset, deque, dict, types.MappingProxyType)
_WEAK_CONTAINERS = (weakref.WeakSet, weakref.WeakKeyDictionary, weakref.WeakValueDictionary)
_GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)
_OPERATORS = {  # special methods that code calls without their names
    *("__call__", "__getitem__", "__len__", "__iter__", "__next__", "__contains__", "__bool__"),
    *("__enter__", "__exit__", "__getattr__", "__getattribute__", "__hash__", "__get__", "__new__"),
    *("__init__", "__float__", "__int__", "__index__", "__neg__", "__abs__", "__invert__"),
    *("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__array__", "__post_init__"),
    *(f"__{reflected}{name}__" for reflected in ("", "r", "i") for name in _ARITHMETIC),
}
_MISSING = object()  # stands for an attribute that is not there


class Environment:
    """The data outside a function that one run of it has read, with checks that they are the same.

    What a run has read is told by the functions that it called: their globals, closures and
    defaults, and, of every object that is reached from there or from the arguments, the attributes
    that their code names. Containers count whole, in order. Values are told apart but not compared:
    a program reads their data in every run.

    Parameters
    ----------
    function, call
        The captured function, and its positional and keyword arguments.
    codes
        The code of the functions that ran; None where that is not known: then any may have run.
    pure
        Whether all counts as unchanged: what is reached is asked for, and nothing compared.

    Attributes
    ----------
    values, arrays
        The ids of the Values and of the arrays that are reached.
    iterator
        The name of an iterator that is reached, whose state cannot be compared; None if none is.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        call: Any,
        codes: set[types.CodeType] | None,
        pure: bool = False,
    ) -> None:
        self.values: set[int] = set()
        self.arrays: set[int] = set()
        self.iterator: str | None = None
        self._codes = codes
        names = [names_in(code) for code in codes or ()]
        self._attributes = sorted({name for one in names for name in one.attributes})
        own = [names_in(code) for code in codes or () if not is_library(code.co_filename)]
        self._probed = sorted({name for one in own for name in one.probed})
        self._is_computed = any(one.is_computed for one in names)
        self._visited: dict[int, Any] = {}  # objects by their ids
        self._checks = Checks()
        self._waiting: list[tuple[Any, str]] = [(function, "the function")]
        self._waiting += [(x, "an argument") for x in _objects_in(call)]
        while self._waiting and len(self._checks) < MAX_CHECKS:
            self._visit(*self._waiting.pop())
        self._is_pure = pure
        self._unchanged = self._checks.compiled()

    @property
    def obstacle(self) -> str | None:
        """Return why what the function reads cannot be compared; None if it can."""
        if self._is_pure:
            return None
        if self.iterator:
            return f"it reaches {self.iterator} and may draw from it; pass an argument instead"
        if len(self._checks) >= MAX_CHECKS:
            return (
                f"more than {MAX_CHECKS:,} things around it would be compared before every call: "
                "pass what it needs as arguments, or use capture(pure=True)"
            )
        return None

    def unchanged(self) -> bool:
        """Return whether all that was read is the same."""
        try:
            return self._is_pure or self._unchanged()
        except (AttributeError, KeyError, ValueError, ReferenceError):  # one of them is gone
            return False

    def what_changed(self) -> str:
        """Return the name of the first thing that is not the same."""
        return self._checks.first_changed() or "what is around it"

    # --- Objects that are reached -----------------------------------------------------------------

    def _reach(self, value: Any, name: str) -> None:
        if not _is_plain(value):
            self._waiting.append((value, name))

    def _visit(self, thing: Any, name: str) -> None:
        if id(thing) in self._visited or _is_plain(thing):
            return
        self._visited[id(thing)] = thing
        if isinstance(thing, Node):
            self.values.add(id(thing))
        elif isinstance(thing, types.FunctionType):
            self._visit_function(thing, name)
        elif isinstance(thing, types.MethodType):
            self._reach(thing.__func__, name)
            self._reach(thing.__self__, name)
        elif isinstance(thing, types.BuiltinMethodType):  # draw = rng.random
            self._reach(thing.__self__, name)
        elif isinstance(thing, functools.partial):
            for part in (thing.func, thing.args, thing.keywords):
                self._reach(part, name)
        elif isinstance(thing, bytearray | array.array):
            self._checks.result(functools.partial(bytes, thing), name, bytes(thing))
        elif isinstance(thing, np.ndarray):
            self.arrays.add(id(thing))
            self._checks.contents(thing, name)
        elif isinstance(thing, _CONTAINERS):
            self._visit_container(thing, name)
        elif isinstance(thing, _WEAK_CONTAINERS):
            self._checks.result(lambda: tuple(thing), name, tuple(thing))
            for part in thing.values() if isinstance(thing, Mapping) else thing:
                self._reach(part, name)
        elif isinstance(thing, _GENERATORS):
            self._checks.state(thing, name)
        elif isinstance(thing, types.ModuleType):
            self._visit_module(thing)
        elif isinstance(thing, type):
            self._visit_class(thing)
        elif isinstance(thing, weakref.ref):
            self._checks.result(thing, name, thing())
            self._reach(thing(), name)
        elif isinstance(thing, ContextVar):
            value = thing.get(_MISSING)
            self._checks.result(functools.partial(thing.get, _MISSING), name, value)
            self._reach(value, name)
        else:
            self._visit_object(thing, name)

    def _visit_container(self, thing: Any, name: str) -> None:
        self._checks.contents(thing, name)
        if isinstance(thing, dict | types.MappingProxyType):
            for key, part in thing.items():
                self._reach(key, f"a key of {name}")
                self._reach(part, f"{name}[{key!r:.20}]")
        else:
            for part in thing:
                self._reach(part, f"an element of {name}")
        if type(thing) not in _CONTAINERS and not isinstance(thing, np.ndarray):
            self._visit_object(thing, name)

    def _visit_function(self, function: types.FunctionType, name: str) -> None:
        code, own = function.__code__, function.__name__
        if hasattr(function, "__wrapped__"):
            self._reach(function.__wrapped__, own)
        if is_library(code.co_filename):  # which may call a function of the user's
            for part in (*vars(function).values(), *map(_contents, function.__closure__ or ())):
                self._reach(part, own)
            return
        self._checks.attribute(function, "__code__", own)
        for attribute in self._named(vars(function)):
            self._checks.item(vars(function), attribute, f"{own}.{attribute}")
            self._reach(vars(function)[attribute], f"{own}.{attribute}")
        if self._codes is not None and code not in self._codes:
            return
        for attribute in ("__defaults__", "__kwdefaults__"):
            self._checks.attribute(function, attribute, own)
            self._reach(getattr(function, attribute), f"{own}.{attribute}")
        for variable, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            self._checks.cell(cell, variable)
            self._reach(_contents(cell), variable)
        self._visit_globals(function, _with_inner(code))

    def _visit_globals(self, function: types.FunctionType, parts: Iterable[Names]) -> None:
        space = function.__globals__
        for names in parts:
            for name in sorted(space.keys() if names.is_any_global else names.globals):
                if name in space:
                    self._checks.item(space, name, name)
                    self._reach(space[name], name)
                else:  # a builtin, or what is not there yet
                    self._checks.absent(space, name)
            for module in names.modules:
                if module in sys.modules:
                    self._reach(sys.modules[module], module)

    def _visit_module(self, module: types.ModuleType) -> None:
        if is_library(getattr(module, "__file__", None) or "") or _is_built_in(module):
            return
        for name in self._named(vars(module)):
            self._checks.item(vars(module), name, f"{module.__name__}.{name}")
            self._reach(vars(module)[name], f"{module.__name__}.{name}")

    def _visit_class(self, kind: type) -> None:
        """Check the members of a class that are read; a method's code says what it reads."""
        if _is_of_library(kind):
            return
        self._checks.attribute(kind, "__bases__", kind.__name__)
        for base in kind.__bases__:
            self._reach(base, base.__name__)
        for name, member in list(vars(kind).items()):
            is_special = isinstance(member, types.FunctionType) and name in _OPERATORS
            if name in self._attributes or is_special or self._is_computed:
                self._checks.member(kind, name)
                self._visit_member(member, f"{kind.__name__}.{name}")
        for name in self._named(_members(*kind.__bases__) - vars(kind).keys()):
            self._checks.absent(vars(kind), name)  # type: ignore[arg-type]
        if type(kind) is not type:
            self._reach(type(kind), kind.__name__)

    def _visit_member(self, member: Any, name: str) -> None:
        if isinstance(member, property):
            for function in (member.fget, member.fset):
                self._reach(function, name)
        elif isinstance(member, staticmethod | classmethod):
            self._reach(member.__func__, name)
        elif not isinstance(member, types.MemberDescriptorType | types.GetSetDescriptorType):
            self._reach(member, name)

    def _visit_object(self, thing: Any, name: str) -> None:
        kind = type(thing)
        if (wrapped := _found(thing, "__wrapped__")) is not _MISSING:
            self._reach(wrapped, name)  # another captured function, or a cache
        if isinstance(thing, Iterator) and not _is_written_in_python(kind, "__next__"):
            self.iterator = self.iterator or f"{name}, a {kind.__name__},"
            return
        members = getattr(thing, "__dict__", {})
        if kind.__module__.startswith("tinygrad_hw."):
            # Its arrays are memory of Values, which a program reads and changes.
            own = {
                x
                for x, value in members.items()
                if not (x.startswith("_") or isinstance(value, np.ndarray))
            }
        else:
            own = set(members)
            self._checks.kind(thing, name)
            self._reach(kind, kind.__name__)
        if (self._is_computed and not kind.__module__.startswith("tinygrad_hw.")) or (
            kind.__module__ == "collections"  # whose code is Python's own, a ChainMap's say
        ):
            self._reach(members, f"{name}.__dict__")
        for attribute in self._named(own):
            if isinstance(thing, threading.local):  # each thread has members of its own
                self._checks.slot(thing, attribute, f"{name}.{attribute}")
            else:
                self._checks.item(members, attribute, f"{name}.{attribute}")
            self._reach(members[attribute], f"{name}.{attribute}")
        if own or hasattr(thing, "__dict__"):
            for attribute in self._named(_members(kind)):
                if attribute not in own:  # nothing of the object's own comes before it
                    self._checks.absent(vars(thing), attribute)
        self._visit_slots(thing, name)
        for attribute in self._probed:
            if _found(thing, attribute) is _MISSING:
                self._checks.lacking(thing, attribute, f"{name}.{attribute}")

    def _visit_slots(self, thing: Any, name: str) -> None:
        for base in _own(type(thing)):
            for attribute, member in vars(base).items():
                if isinstance(member, types.MemberDescriptorType) and (
                    attribute in self._attributes or self._is_computed
                ):
                    value = getattr(thing, attribute, _MISSING)
                    self._checks.slot(thing, attribute, f"{name}.{attribute}")
                    self._reach(value, f"{name}.{attribute}")

    def _named(self, members: Iterable[str]) -> list[str]:
        """Return those of the members that the code names."""
        return [name for name in self._attributes if name in members]


def _is_plain(value: Any) -> bool:
    """Return whether nothing hangs on a number, a text or the like."""
    return isinstance(value, _PLAIN) and type(value).__module__ in ("builtins", "numpy")


def _objects_in(call: Any) -> Iterator[Any]:
    """Yield the arguments that are neither numbers, arrays, Values nor containers of these."""
    if type(call) in (tuple, list):
        for part in call:
            yield from _objects_in(part)
    elif type(call) is dict:
        for part in call.values():
            yield from _objects_in(part)
    elif not (_is_plain(call) or isinstance(call, np.ndarray | Node)):
        yield call


def _with_inner(code: types.CodeType) -> Iterator[Names]:
    """Yield the names of a code object and of those inside of it."""
    yield names_in(code)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _with_inner(constant)


def _contents(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return None


def _own(kind: type) -> list[type]:
    """Return the classes of an object that are the user's, in the order of lookup."""
    return [base for base in kind.__mro__ if not _is_of_library(base)]


def _is_written_in_python(kind: type, method: str) -> bool:
    """Return whether a class has a method whose code, and so what it reads, is known."""
    found = [vars(base)[method] for base in kind.__mro__ if method in vars(base)]
    return bool(found) and isinstance(found[0], types.FunctionType)


def _found(thing: Any, attribute: str) -> Any:
    """Return an attribute without running code of the object's; _MISSING if it has none.

    Of ``inspect.getattr_static`` Python 3.12 remembers the classes, which then stay alive.
    """
    for members in (getattr(thing, "__dict__", {}), *map(vars, type(thing).__mro__)):
        if attribute in members:
            return members[attribute]
    return _MISSING


def _members(*kinds: type) -> set[str]:
    """Return the names of the members that the user's classes give an object."""
    return {name for kind in kinds for base in _own(kind) for name in vars(base)}


def _is_of_library(kind: type) -> bool:
    return _is_library_module(kind.__module__)


@functools.lru_cache(maxsize=4096)  # by name: the classes themselves would be kept alive
def _is_library_module(name: str) -> bool:
    module = sys.modules.get(name)
    if module is None or name == "__main__":
        return False
    return _is_built_in(module) or is_library(getattr(module, "__file__", None) or "")


def _is_built_in(module: types.ModuleType) -> bool:
    return module.__name__ in sys.builtin_module_names or module is builtins
