"""Checks: comparisons of what is with what was, compiled to one expression.

They are exact: an object is the same object; a number or a text has the same type and bits; a
container has the same elements in the same order; an array the same bytes.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from operator import is_
from types import CellType, MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from tinygrad_hw.program.variable import LARGE

_BITS = (float, complex)
_PLAIN = (bool, int, str, bytes, type(None))
_BY_CONTENT = (np.generic, np.ndarray, tuple, list, dict)  # an equal one will do
_MISSING = object()


class Check(NamedTuple):
    """One comparison: a Python expression over names, and what it is about."""

    expression: str
    name: str


class Checks:
    """A list of comparisons."""

    def __init__(self) -> None:
        self._checks: list[Check] = []
        self._space: dict[str, Any] = {"same": same, "missing": _MISSING, "len": len, "all": all}
        self._space |= {"map": map, "is_": is_, "type": type, "state_of": state_of, "vars": vars}
        self._space |= {"lacks": _lacks}
        self._names: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._checks)

    def _name(self, thing: Any) -> str:
        """Return the name that stands for an object in the expressions."""
        if id(thing) not in self._names:
            name = self._names[id(thing)] = f"x{len(self._space)}"
            self._space[name] = thing
        return self._names[id(thing)]

    def _value(self, read: str, value: Any, name: str) -> None:
        known = self._name(value)
        if type(value) in _BITS or type(value) in _PLAIN or isinstance(value, _BY_CONTENT):
            self._add(f"((v := {read}) is {known} or same(v, {known}))", name)
        else:
            self._add(f"{read} is {known}", name)

    def _add(self, expression: str, name: str) -> None:
        self._checks.append(Check(expression, name))

    def cell(self, cell: CellType, name: str) -> None:
        """Compare the variable of a closure."""
        with suppress(ValueError):  # it is empty; reading it is an error in the function, too
            self._value(f"{self._name(cell)}.cell_contents", cell.cell_contents, name)

    def item(self, members: dict[str, Any], key: str, name: str) -> None:
        """Compare a global, or an attribute in an object's own dict."""
        self._value(f"{self._name(members)}[{key!r}]", members[key], name)

    def absent(self, members: dict[str, Any], key: str) -> None:
        """Check that a global is not there, so that a builtin is read in its place."""
        self._add(f"{key!r} not in {self._name(members)}", key)

    def lacking(self, thing: Any, attribute: str, name: str) -> None:
        """Check that an object still lacks an attribute."""
        self._add(f"lacks({self._name(thing)}, {attribute!r})", name)

    def attribute(self, thing: Any, attribute: str, name: str) -> None:
        """Compare an attribute that every object of the kind has."""
        value = getattr(thing, attribute)
        self._value(f"{self._name(thing)}.{attribute}", value, f"{name}.{attribute}")

    def slot(self, thing: Any, attribute: str, name: str) -> None:
        """Compare an attribute that is in a slot."""
        read = f"getattr({self._name(thing)}, {attribute!r}, missing)"
        self._space["getattr"] = getattr
        self._value(read, getattr(thing, attribute, _MISSING), name)

    def member(self, kind: type, name: str) -> None:
        """Compare a member of a class."""
        self._value(
            f"vars({self._name(kind)})[{name!r}]", vars(kind)[name], f"{kind.__name__}.{name}"
        )

    def kind(self, thing: Any, name: str) -> None:
        """Compare an object's class."""
        self._add(f"type({self._name(thing)}) is {self._name(type(thing))}", name)

    def result(self, read: Callable[[], Any], name: str, value: Any) -> None:
        """Compare what a weak reference, or a variable of the context, gives."""
        self._value(f"{self._name(read)}()", value, name)

    def state(self, generator: Any, name: str) -> None:
        """Compare the state of a random generator."""
        state = self._name(_Kept(state_of(generator)))
        self._add(f"state_of({self._name(generator)}) == {state}.value", name)

    def contents(self, thing: Any, name: str) -> None:
        """Compare the elements of a container or of an array."""
        one = self._name(thing)
        if isinstance(thing, np.ndarray):
            form = _form(thing)
            self._add(
                f"({one}.shape, {one}.dtype, {one}.strides) == {self._name(_Kept(form))}.value",
                name,
            )
            if thing.nbytes <= LARGE:
                self._add(f"{one}.tobytes() == {self._name(_Kept(thing.tobytes()))}.value", name)
        elif isinstance(thing, dict | MappingProxyType):
            self._elements(f"{one}", tuple(thing), name)
            self._elements(f"{one}.values()", tuple(thing.values()), name)
        else:
            self._elements(one, tuple(thing), name)
            if isinstance(thing, deque):
                self._add(f"{one}.maxlen == {thing.maxlen}", name)

    def _elements(self, read: str, before: tuple[Any, ...], name: str) -> None:
        known = self._name(_Kept(before))
        self._space[f"{known}_"] = before
        self._add(
            f"(len({read}) == {len(before)} and (all(map(is_, {read}, {known}_)) or "
            f"all(map(same, {read}, {known}_))))",
            name,
        )

    def compiled(self) -> Callable[[], bool]:
        """Return a function that makes all comparisons, the cheap ones first."""
        parts = [check.expression for check in self._checks]
        groups = [parts[i : i + 500] for i in range(0, len(parts), 500)]
        body = "\n".join(
            f"    if not ({' and '.join(group)}):\n        return False" for group in groups
        )
        exec(f"def unchanged():\n{body or '    pass'}\n    return True\n", self._space)
        unchanged: Callable[[], bool] = self._space["unchanged"]
        return unchanged

    def first_changed(self) -> str | None:
        """Return the name of what a comparison fails for; None if none fails."""
        for check in self._checks:
            try:
                if not eval(check.expression, self._space):
                    return check.name
            except (AttributeError, KeyError, ValueError, ReferenceError):
                return check.name
        return None


class _Kept:
    """A snapshot, which has an id of its own."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def same(now: Any, before: Any) -> bool:
    """Return whether two objects are one, or plain data of the same type and bits."""
    if now is before:
        return True
    kind = type(before)
    if type(now) is not kind:
        return False
    if kind in _BITS:
        return repr(now) == repr(before)
    if kind in _PLAIN:
        return bool(now == before)
    if isinstance(before, np.generic):
        return bool(now.dtype == before.dtype) and now.tobytes() == before.tobytes()
    if kind is np.ndarray:
        is_alike = _form(now) == _form(before)
        return is_alike and now.nbytes <= LARGE and now.tobytes() == before.tobytes()
    if kind in (tuple, list, frozenset):
        return len(now) == len(before) and all(map(same, now, before))
    if kind is dict:
        return len(now) == len(before) and all(
            same(x, y)
            for pair in zip(now.items(), before.items(), strict=True)
            for x, y in zip(*pair, strict=True)
        )
    return False


def _form(array: Any) -> tuple[Any, ...]:
    return array.shape, array.dtype, array.strides


def _lacks(thing: Any, attribute: str) -> bool:
    own = getattr(thing, "__dict__", None)
    return (own is None or attribute not in own) and not hasattr(type(thing), attribute)


def state_of(generator: Any) -> str:
    """Return the state of a random generator, to compare."""
    if isinstance(generator, random.Random):
        return "" if isinstance(generator, random.SystemRandom) else repr(generator.getstate())
    if isinstance(generator, np.random.Generator):
        return repr(generator.bit_generator.state)
    state: Any = generator.get_state()
    return repr((state[1].tobytes(), state[2:]))
