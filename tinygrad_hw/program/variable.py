"""Variable: one value of a program, as plain data.

A program is a list of Variables: inputs, constants, and results of instructions. What the numbers
of the recorded run were is not kept, but for constants.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

LARGE = 1 << 16  # bytes; an array above is neither copied nor compared, but read where it is
FORWARD, BACKWARD, AFTER = "forward", "backward", "after"  # the phases of a program


class Site(NamedTuple):
    """Line of the user's program that a Variable comes from."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Kind:
    """Kind of a number or array: all that a program may depend on.

    Attributes
    ----------
    python
        ``float``, ``int`` or ``bool`` for one of Python's numbers, None for NumPy's.
    dtype, shape
        NumPy's dtype for it, and its shape.
    strides
        The strides of an array in bytes; None for a number.
    """

    python: type | None
    dtype: np.dtype[Any]
    shape: tuple[int, ...] = ()
    strides: tuple[int, ...] | None = None

    @property
    def is_array(self) -> bool:
        """Return whether it is an array, of any number of dimensions."""
        return self.strides is not None

    @property
    def is_scalar(self) -> bool:
        """Return whether it is one of NumPy's numbers, whose dtype is strong."""
        return self.python is None and self.strides is None

    @property
    def is_c_contiguous(self) -> bool:
        """Return whether an array is contiguous in C's order."""
        return self.is_array and _contiguity(self)[0]

    @property
    def is_f_contiguous(self) -> bool:
        """Return whether an array is contiguous in Fortran's order."""
        return self.is_array and _contiguity(self)[1]

    def __str__(self) -> str:
        if self.python is not None:
            return self.python.__name__
        return f"{self.dtype.name} {self.shape}" if self.is_array else self.dtype.name


@lru_cache(maxsize=4096)
def _contiguity(kind: Kind) -> tuple[bool, bool]:
    nowhere = np.empty(0, kind.dtype)  # its memory is not looked at
    flags = np.lib.stride_tricks.as_strided(nowhere, kind.shape, kind.strides).flags
    return flags.c_contiguous, flags.f_contiguous


@lru_cache(maxsize=4096)
def _array_kind(dtype: np.dtype[Any], shape: tuple[int, ...], strides: tuple[int, ...]) -> Kind:
    return Kind(None, dtype, shape, strides)


_OF_PYTHON = {kind: Kind(kind, np.dtype(kind)) for kind in (float, int, bool)}


def kind_of(value: Any) -> Kind:
    """Return the kind of a number or an array."""
    if isinstance(value, np.ndarray):
        return _array_kind(value.dtype, value.shape, value.strides)
    known = _OF_PYTHON.get(type(value))
    return known or Kind(None, np.result_type(value))


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Variable:
    """One value of a program: an input, a constant, or the result of an instruction.

    Attributes
    ----------
    number
        Its number in the order of the program.
    kind
        What it is: see ``Kind``.
    function, operands, options
        The instruction: an operation of the table (on Python's numbers), or one of NumPy's
        functions. ``function`` is None for an input and for a constant.
    constant, value
        Whether it is the same in every run, and what it is then.
    phase
        ``forward``, ``backward``, or ``after`` the backward pass.
    origin
        The operation of the table that it is a part of, for a comment in the source.
    site
        The line of the user's program that it comes from.
    needs
        The Variables among the operands and in the options.
    view_of
        The operand that it is a view of, or None.
    guarded
        Whether it is a product of the chain rule, in which 0 · inf is 0. A program either computes
        it so, or as a plain product, and checks that what it gives is finite.
    names
        The user's labels for it, if any.
    """

    number: int
    kind: Kind
    function: Any = None
    operands: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    constant: bool = False
    value: Any = None
    phase: str = FORWARD
    origin: str | None = None
    site: Site | None = None
    needs: tuple[Variable, ...] = ()
    view_of: Variable | None = None
    guarded: bool = False
    names: list[str] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the lengths of the dimensions."""
        return self.kind.shape

    @property
    def ndim(self) -> int:
        """Return the number of dimensions."""
        return len(self.kind.shape)

    @property
    def size(self) -> int:
        """Return the number of elements."""
        size = 1
        for length in self.kind.shape:
            size *= length
        return size

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the dtype; for one of Python's numbers, that which NumPy gives it."""
        return self.kind.dtype

    def __repr__(self) -> str:
        name = f"%{self.number}" + (f" ({', '.join(self.names)})" if self.names else "")
        if self.constant:
            return f"{name}: {self.kind} = {self.value!r:.60}"
        if self.function is None:
            return f"{name}: {self.kind} = input"
        called = getattr(self.function, "__name__", None) or getattr(self.function, "name", "?")
        operands = [_text(x) for x in self.operands]
        operands += [f"{option}={_text(x)}" for option, x in self.options.items()]
        return f"{name}: {self.kind} = {called}({', '.join(operands)})"


def _text(operand: Any) -> str:
    """Return an operand as text, its Variables by their numbers."""
    if isinstance(operand, Variable):
        return f"%{operand.number}" if not operand.constant else f"{operand.value!r:.30}"
    if isinstance(operand, tuple | list):
        return f"({', '.join(map(_text, operand))})"
    return f"{operand!r:.30}"


def variables(tree: Any, kind: type = Variable) -> list[Any]:
    """Return every Variable in operands and options, nested in an index too."""
    if isinstance(tree, kind):
        return [tree]
    if isinstance(tree, tuple | list):
        return [
            found
            for part in tree
            if part.__class__ not in _WITHOUT_VARIABLES
            for found in variables(part, kind)
        ]
    if isinstance(tree, dict):
        return [found for part in tree.values() for found in variables(part, kind)]
    if isinstance(tree, slice):
        return variables((tree.start, tree.stop, tree.step), kind)
    return []


_WITHOUT_VARIABLES = {float, int, str, bool, type(None), np.ndarray}
