"""The recorder: records the instructions of one run of a function.

While a recorder is on, the data of Values are ``Variable``s. The engine runs on them unchanged, so
the backward pass and an optimizer's update are recorded as they are computed, with the very same
calls. No rule of the table of operations is repeated here.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.data import StandIn, shape_of
from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.engine.core.trace import PLAIN, Trace, setting
from tinygrad_hw.program.emit.primitives import ON_ARRAYS
from tinygrad_hw.program.simplify import (
    as_kind,
    call_key,
    evaluate,
    has_data_dependent_shape,
    normalized_call,
    on_arrays,
    simplified,
)
from tinygrad_hw.program.variable import (
    AFTER,
    BACKWARD,
    FORWARD,
    BoundValue,
    CaptureError,
    Variable,
    concrete,
    variables,
)

# Operations whose function makes an array and fills it: recorded as one instruction each.
_OPAQUE = {ops.broadcast_to, ops.astype, ops.scatter, ops.einsum, ops.getitem, ops.concatenate}


class NotReady(Exception):  # noqa: N818 - not an error: this call runs the function itself
    """Signal that the function sets up state in its first run, which no program may repeat."""


class Recorder(Trace):
    """Recorder of the instructions of one run, and of the data that they depend on.

    Parameters
    ----------
    had_gradients
        Ids of the Values that had a gradient in earlier programs. If one of them has none in this
        run, the program assumes that it is set to None before every run.
    assume_finite
        Whether to assume that numbers which are finite in this run are so in every run. A program
        that assumes it checks its results; else the rule 0 · inf = 0 is recorded in every product.
    without_gradients
        Whether to record as if no Value had a gradient yet.

    Attributes
    ----------
    phase
        The part of the run that is recorded now: ``forward``, ``backward``, or ``after`` that.
    origin
        The operation of the table that is recorded now.
    bound_values
        The Values that the run uses, by their ids.
    branches
        Each condition whose truth was asked for, with the answer.
    data_dependent
        The Variables whose shapes depend on data, so they may differ in another run.
    assumed_finite, assumed_forward
        Whether the program assumes that numbers are finite, at all and outside of backward passes.
    """

    def __init__(
        self,
        had_gradients: Collection[int] = (),
        *,
        assume_finite: bool = True,
        without_gradients: bool = False,
    ) -> None:
        self._had_gradients = had_gradients
        self._assume_finite = assume_finite
        self._without_gradients = without_gradients
        self.phase = FORWARD
        self.origin: str | None = None
        self.bound_values: dict[int, BoundValue] = {}
        self.branches: list[tuple[Variable, bool]] = []
        self.data_dependent: list[Variable] = []
        self.assumed_finite = False
        self.assumed_forward = False
        self._last_number = 0
        self._memo: dict[Any, Variable] = {}  # results by the key of their call
        self._base_arrays: dict[int, tuple[Any, Variable]] = {}
        self._constant_arrays: dict[Any, Variable] = {}
        self._registered: dict[int, Node] = {}  # Values that the function creates, by id
        self._kept_alive: list[Any] = []  # objects in keys, by id

    def next_number(self) -> int:
        """Return the next number in the order of the program."""
        self._last_number += 1
        return self._last_number

    # --- Values that the function uses ------------------------------------------------------------

    def bind(self, node: Node) -> None:
        """Replace the data and the gradient of a Value that is used by stand-ins."""
        is_bound = isinstance(node.raw, StandIn) or id(node) in self.bound_values
        if is_bound or node.operation is not None:
            return
        cleared = node.grad is None and id(node) in self._had_gradients
        bound = BoundValue(node, gradient_cleared=cleared)
        self.bound_values[id(node)] = bound
        bound.variable = self._leaf_variable(node)
        node.raw = bound.variable  # type: ignore[assignment]
        if self._without_gradients:
            node.grad = None
        elif node.grad is not None:
            bound.gradient = Variable(self, node.grad)
            node.grad = bound.gradient

    def use(self, operands: Sequence[Any]) -> None:
        """Bind the Values among operands that are going to be used."""
        for operand in operands:
            if isinstance(operand, Node):
                self.bind(operand)

    def add(self, node: Node) -> None:
        """Register a Value that the function creates; its plain data become a constant."""
        self._registered[id(node)] = node
        if not isinstance(node.raw, StandIn):
            node.raw = self.constant(node.raw)  # type: ignore[assignment]

    def read(self, node: Node, by: str) -> Any:
        """Raise TypeError: a number that the user's program takes out stays what it is."""
        raise TypeError(
            f"{by} of {node.label or 'a Value'} is read while a program is captured: the program "
            "would hold this one number for ever; compute with the Value itself, return it and "
            "look at it outside, and let an optimiser change parameters"
        )

    def clear_gradient(self, node: Node) -> None:
        """Record that a Value's gradient is set to None, which the program repeats in every run."""
        self.bind(node)
        if id(node) in self.bound_values:
            self.bound_values[id(node)].gradient_cleared = True
        node.grad = node.no_gradient

    def store(self, leaf: Node, data: Any) -> None:
        """Record that a leaf gets new data."""
        self.bind(leaf)
        new = data if isinstance(data, StandIn) else self.constant(data)
        leaf.raw = new  # type: ignore[assignment]

    def data_before(self, leaf: Node) -> Any:
        """Return the data that a Value had before the function ran."""
        return self.bound_values[id(leaf)].raw if id(leaf) in self.bound_values else leaf.raw

    def set_up(self) -> None:
        """Raise NotReady, which ends this recording: a first run sets up state."""
        raise NotReady

    def _leaf_variable(self, node: Node) -> Variable:
        """Return the input for a Value's data, or the part of a larger array's input."""
        data = node.raw
        base = getattr(data, "base", None)
        if not isinstance(data, np.ndarray):
            variable = Variable(self, data)
        elif isinstance(base, np.ndarray) and base.ndim == 1 and data.flags.c_contiguous:
            start = (data.ctypes.data - base.ctypes.data) // data.itemsize
            variable = self.array_input(base)[start : start + data.size].reshape(data.shape)
        else:
            variable = self.array_input(data)
        if node.label:
            variable.names.append(node.label)
        return variable

    def array_input(self, array: Any) -> Variable:
        """Return the input for an array in memory, one for all its views."""
        if id(array) not in self._base_arrays:
            self._base_arrays[id(array)] = (array, Variable(self, array))
        return self._base_arrays[id(array)][1]

    @property
    def array_inputs(self) -> list[tuple[Any, Variable]]:
        """Return the arrays that Values hold or view, with their inputs."""
        return list(self._base_arrays.values())

    def is_registered(self, node: Node) -> bool:
        """Return whether the function has created a Value, and did not get it from outside."""
        return id(node) in self._registered

    def restore(self) -> None:
        """Give every Value its own data back; ``bound_values`` holds the new data."""
        for bound in self.bound_values.values():
            bound.restore()
        for node in self._registered.values():  # the caller may have stored one
            node.raw = concrete(node.raw)
            node.grad = concrete(node.grad)
            node.call = concrete(node.call)

    def release(self) -> None:
        """Drop the recorded run's graph and the tables for recording further."""
        self._registered.clear()
        self._memo.clear()
        self._constant_arrays.clear()
        self._kept_alive.clear()

    # --- Instructions -----------------------------------------------------------------------------

    def constant(self, value: Any) -> Variable:
        """Return a Variable that is the same in every run."""
        return Variable(self, value, constant=True)

    def call(
        self, function: Any, inputs: tuple[Any, ...], options: dict[str, Any] | None = None
    ) -> Any:
        """Compute a call and record it, unless an equal call is recorded already."""
        inputs, options = normalized_call(self, function, inputs, options or {})
        operands = concrete(inputs)
        with setting(trace=PLAIN):
            value = evaluate(function, operands, concrete(options))
        if not isinstance(value, np.ndarray | np.generic | float | bool | int):
            raise CaptureError(f"{function.__name__} gives {type(value).__name__}: not one array")
        if shape_of(value) or any(map(shape_of, operands)):
            function, inputs = on_arrays(function, inputs, operands)
        equal = simplified(self, function, inputs, value)
        return self._instruction(function, inputs, options, value) if equal is None else equal

    def evaluate(
        self, operation: Operation, operands: tuple[Any, ...], attributes: dict[str, Any]
    ) -> Any:
        """Record an operation of the table: on Python's numbers whole, else as it computes."""
        if not variables((operands, attributes)):
            with setting(trace=PLAIN):
                return operation.evaluate(operands, attributes)
        values, concrete_attributes = concrete(operands), concrete(attributes)
        origin, self.origin = self.origin, self.origin or operation.name
        try:
            if all([type(x) in (float, int, bool) for x in values]):
                if operation.compute in ON_ARRAYS:
                    return self.call(operation.compute, operands)
                if operation is ops.pow:
                    return self.call(operator.pow, operands)
                if operation is ops.select:
                    return self.call(np.where, (attributes["condition"], *operands))
                with setting(trace=PLAIN):
                    value = operation.evaluate(values, concrete_attributes)
                if type(value) is float:
                    return self._instruction(operation, operands, attributes, value)
            elif operation is ops.astype and _has_dtype(values[0], attributes["dtype"]):
                return operands[0]
            elif operation not in _OPAQUE:
                with suppress(CaptureError):  # its function needs real arrays: record it whole
                    return operation.compute(*operands, **attributes)
            with setting(trace=PLAIN):
                value = operation.evaluate(values, concrete_attributes)
            return self._instruction(operation, operands, attributes, value)
        finally:
            self.origin = origin

    def _instruction(
        self, function: Any, inputs: tuple[Any, ...], options: dict[str, Any], value: Any
    ) -> Variable:
        inputs = tuple([self._as_constant(x) for x in inputs])
        key = (function, call_key(inputs), call_key(options))
        known = self._memo.get(key)
        if known is not None:
            return known
        if all(x.constant for x in variables((inputs, options))):
            result = self.constant(value)
        else:
            result = Variable(self, value, function, inputs, options)
            if has_data_dependent_shape(result):
                self.data_dependent.append(result)
        self._memo[key] = result
        self._kept_alive.append((inputs, options))
        return result

    def _as_constant(self, operand: Any) -> Any:
        """Return a plain array as a constant copy; any other operand unchanged."""
        if isinstance(operand, np.ndarray):
            key = operand.shape, operand.dtype, operand.strides, operand.tobytes()
            if key not in self._constant_arrays:
                self._constant_arrays[key] = self.constant(operand.copy(order="K"))
            return self._constant_arrays[key]
        if isinstance(operand, tuple | list):  # an index
            parts = [x.copy() if isinstance(x, np.ndarray) else x for x in operand]
            return tuple(parts) if isinstance(operand, tuple) else parts
        return operand

    def cast(self, variable: Variable, dtype: Any) -> Any:
        """Record a conversion to another dtype; return a Variable of that dtype itself."""
        if variable.dtype == np.dtype(dtype) and (
            dtype is not float or not isinstance(variable.value, float)
        ):
            return variable
        if dtype is float and not variable.shape:
            return self.call(float, (variable,))
        if np.dtype(dtype).kind != "f":
            return self.call(as_kind, (variable, np.dtype(dtype)))
        return self.evaluate(ops.astype, (variable,), {"dtype": dtype})

    # --- Conditions on the numbers of this run ----------------------------------------------------

    def branch(self, condition: Variable) -> bool:
        """Return the truth of a condition, and make it a guard of the program."""
        truth = bool(condition.value)
        if not condition.constant:
            self.branches.append((condition, truth))
        return truth

    def is_finite(self, variable: Variable) -> bool:
        """Return whether all elements are finite; if so, the program assumes and checks it."""
        is_finite = bool(np.isfinite(variable.value).all())
        if np.result_type(variable.value).kind != "f" or variable.constant:
            return is_finite
        is_finite &= self._assume_finite
        self.assumed_finite |= is_finite
        self.assumed_forward |= is_finite and self.phase != BACKWARD
        return is_finite

    # --- Backward passes --------------------------------------------------------------------------

    def pulling(self, pull: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``pull`` for one backward pass, with names for its results."""
        self.phase = BACKWARD

        def pulled(node: Node, upstream: Any, wanted: Any = None) -> Any:
            if not self.is_registered(node):
                raise CaptureError(
                    f"a gradient goes back into {node.label or 'a result'} that was computed "
                    "outside the captured function; compute it inside, or pass it on with detach()"
                )
            self.add_label(node)
            self.origin = node.operation.name
            edges = pull(node, upstream, wanted)
            self.origin = None
            for operand, edge in zip(node.inputs, edges, strict=True):
                if edge is None:
                    continue
                self.add_label(operand)
                if node.label and operand.label and isinstance(edge[0], Variable):
                    edge[0].names.append(f"d{node.label}_d{operand.label}")
            return edges

        return pulled

    def end_pass(self) -> None:
        """Begin the phase after a backward pass: an optimizer's update, or a result."""
        self.phase = AFTER

    def name_gradients(self, root: Node, order: Sequence[Node]) -> None:
        """Name the gradients that a backward pass has left on its nodes."""
        for node in reversed(order):  # dE_dz before dE_db, where they are the same
            if node.label and isinstance(node.grad, Variable):
                node.grad.names.append(f"d{root.label or 'loss'}_d{node.label}")

    def add_label(self, node: Node) -> None:
        """Add a node's label to the names of its Variable."""
        if node.label and isinstance(node.raw, Variable) and node.label not in node.raw.names:
            node.raw.names.append(node.label)


def _has_dtype(value: Any, dtype: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == np.dtype(dtype)
