"""What an operation is: one record that says how to compute it and how it is differentiated.

There are three kinds, told apart by their derivative. Everything else (the backward pass, forward
mode, second order, the sentence on an edge, the gradient check) is derived from the record.

- ``Pointwise``: one partial derivative an operand, an array that is *multiplied* by the upstream
  gradient. Products, sigmoids; but also a maximum along an axis, since its derivative is a mask.
- ``Multilinear``: linear in each operand, so the derivative by an operand is the *transpose* of
  that linear map, applied to the upstream gradient. Sums, matrix products, indexing.
- ``Composite``: written with other operations. Needs no rule; has a name, so that it can be folded.

A rule is written once, in NumPy notation, on operands that may be arrays or nodes. On arrays it
computes; on nodes it records, because calling an operation on a node records it. That is how the
derivative of a derivative comes from the same line as the derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, TypeAlias

import numpy as np

from tinygrad_hw.engine.modes import group, state
from tinygrad_hw.engine.node import TO_GRAPH, Data, Node, to_data

Partial: TypeAlias = Callable[..., Any] | int
Transpose: TypeAlias = Callable[..., Any]
Interval: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """The part that all kinds share. Calling it computes on arrays and records on nodes.

    Attributes
    ----------
    name
        What it is called in messages.
    compute
        ``compute(*operands, **attributes)`` on plain numbers and arrays.
    symbol
        What a drawing shows; the name where nothing else is said.
    numpy
        The NumPy function that this operation stands for, so that ``np.exp(v)`` finds it; where
        ``compute`` is one of NumPy's ufuncs, that.
    defaults
        The attributes with their default values, in order; they may be given by position too.
    domain
        An interval for each operand from which the tests draw numbers.
    """

    name: str
    compute: Callable[..., Any]
    _: KW_ONLY
    symbol: str = ""
    numpy: Callable[..., Any] | None = None
    defaults: dict[str, Any] = field(default_factory=dict)
    domain: tuple[Interval, ...] = ((-2.0, 2.0), (-2.0, 2.0))

    def __post_init__(self) -> None:
        if not self.symbol:
            object.__setattr__(self, "symbol", self.name)
        if self.numpy is None and isinstance(self.compute, np.ufunc):
            object.__setattr__(self, "numpy", self.compute)

    @property
    def arity(self) -> int:
        """Number of operands that are differentiated."""
        raise NotImplementedError

    def __call__(self, *operands: Any, **attributes: Any) -> Any:
        """Apply to arrays (and get an array), or to at least one node (and get a node)."""
        if self.defaults or attributes:
            operands, attributes = self._bind(operands, attributes)
        for operand in operands:
            if isinstance(operand, Node):
                return self._record(type(operand), operands, attributes)
        return self._evaluate(operands, attributes)

    def _bind(
        self, operands: tuple[Any, ...], attributes: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Tell operands from attributes given by position, and fill in the defaults."""
        bound = {**self.defaults, **attributes}
        by_position = operands[self.arity :]
        if len(bound) > len(self.defaults) or len(by_position) > len(self.defaults):
            what = (
                ", ".join(sorted(bound.keys() - self.defaults.keys())) or f"{len(operands)} values"
            )
            known = ", ".join(self.defaults) or "nothing"
            raise TypeError(f"{self.name}() does not take {what}; beside its operands: {known}")
        if by_position:
            if twice := attributes.keys() & set(list(self.defaults)[: len(by_position)]):
                raise TypeError(f"{self.name}() got {min(twice)} twice, by position and by name")
            bound.update(zip(self.defaults, by_position, strict=False))
            operands = operands[: self.arity]
        return operands, bound

    def _record(
        self, node_class: type[Node], operands: tuple[Any, ...], attributes: dict[str, Any]
    ) -> Node:
        inputs = tuple(
            [
                operand
                if isinstance(operand, Node)
                else node_class.leaf(to_data(operand), constant=True)
                for operand in operands
            ]
        )
        attributes = {name: _own(given) for name, given in attributes.items()}
        arguments = tuple(
            [node.raw if node.lent == TO_GRAPH else node.for_graph() for node in inputs]
        )
        try:
            data = self._evaluate(arguments, attributes)
        except (ValueError, IndexError) as error:
            raise type(error)(f"{self._call_text(inputs, attributes)}: {error}") from None
        node = node_class.leaf(data, constant=True)
        node.lent = TO_GRAPH  # its own rule may use it, and it may be a view of an operand
        if state.recording:
            node.operation = self
            node.inputs = inputs
            node.arguments = arguments
            node.attributes = attributes
            for operand in inputs:
                if not operand.constant:
                    node.constant = False
                    break
        return node

    def _evaluate(self, arguments: tuple[Any, ...], attributes: dict[str, Any]) -> Data:
        """Compute, with Python floats treated as NumPy treats its own: inf or nan and a warning."""
        try:
            data = self.compute(*arguments, **attributes)
            if type(data) is float:
                if data - data == 0.0:  # finite: nothing to warn of
                    return data
                data = self.compute(*map(np.float64, arguments), **attributes)
        except (ZeroDivisionError, OverflowError):
            data = self.compute(*map(np.float64, arguments), **attributes)
        if isinstance(data, np.ndarray):
            if data.ndim:
                return data
            data = data[()]
        if all(type(argument) is float for argument in arguments):
            return float(data)  # Python numbers in, a Python number out: it stays weak
        result: Data = data
        return result

    def _call_text(self, inputs: tuple[Node, ...], attributes: dict[str, Any]) -> str:
        """Write the call down for a message: ``matmul(X (32, 784), W (128, 10))``."""
        operands = [f"{node.label or 'unnamed'} {node.shape}" for node in inputs]
        options = [f"{name}={value!r}" for name, value in attributes.items()]
        return f"{self.name}({', '.join(operands + options)})"


def _own(attribute: Any) -> Any:
    """Copy the arrays of an index or a condition: the caller may change them before backward."""
    if isinstance(attribute, np.ndarray):
        return attribute.copy()
    if isinstance(attribute, tuple):
        return tuple(_own(part) for part in attribute)
    return [_own(part) for part in attribute] if isinstance(attribute, list) else attribute


@dataclass(frozen=True, slots=True, eq=False)
class Pointwise(Operation):
    """An operation whose derivative by an operand is a factor.

    Attributes
    ----------
    partials
        One for each operand: ``partial(out, *operands, **attributes)``, which broadcasts against
        both the result and its operand; or the number 1 or -1, so that a sum allocates nothing.
    formulas
        The same as a student writes it: Python expressions over the operands ``x``, ``y``, the
        result ``out`` and the attributes. Evaluated by a test: what is shown is what is used.
    reduces
        True where the result has lost the dimensions of attribute ``axis`` (unless ``keepdims``).
        ``out`` and the upstream gradient then reach the partial with those dimensions put back.
    """

    partials: tuple[Partial, ...]
    formulas: tuple[str, ...]
    reduces: bool = field(default=False, kw_only=True)

    @property
    def arity(self) -> int:
        """Number of operands that are differentiated."""
        return len(self.partials)


@dataclass(frozen=True, slots=True, eq=False)
class Multilinear(Operation):
    """An operation that is linear in each of its operands.

    Attributes
    ----------
    transposes
        One for each operand: ``transpose(upstream, *operands, **attributes)``, the contribution to
        that operand, of its shape. Forward mode needs no more: it is ``compute`` itself with a
        tangent in the operand's place.
    formulas
        The transposes as expressions over ``upstream``, the operands and the attributes.
    """

    transposes: tuple[Transpose, ...]
    formulas: tuple[str, ...]

    @property
    def arity(self) -> int:
        """Number of operands that are differentiated."""
        return len(self.transposes)


@dataclass(frozen=True, slots=True, eq=False)
class Composite(Operation):
    """An operation written with other operations, recorded inside a group of its name."""

    operands: int = field(default=1, kw_only=True)
    formulas: tuple[str, ...] = ()

    @property
    def arity(self) -> int:
        """Number of operands that are differentiated."""
        return self.operands

    def __call__(self, *operands: Any, **attributes: Any) -> Any:
        """Run the body; the group is what a drawing folds."""
        operands, attributes = self._bind(operands, attributes)
        with group(self.name):
            return self.compute(*operands, **attributes)
