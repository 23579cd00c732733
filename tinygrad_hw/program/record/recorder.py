"""The recorder: records the instructions of one run of a function.

While a recorder is on, the data of Values are ``Tracer``s. The engine runs on them unchanged, so
the backward pass and an optimizer's update are recorded as they are computed, with the very same
calls. No rule of the table of operations is repeated here.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.array_operations import WINDOWED
from tinygrad_hw.engine.call_site import user_site
from tinygrad_hw.engine.core.chain_rule import TIMES
from tinygrad_hw.engine.core.data import refuse_other_rules, shape_of
from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.engine.core.operation import Multilinear, Operation
from tinygrad_hw.engine.core.trace import PLAIN, setting
from tinygrad_hw.program.emit.primitives import ON_ARRAYS
from tinygrad_hw.program.record.gathers import Gathers
from tinygrad_hw.program.record.simplify import (
    as_kind,
    call_key,
    evaluate,
    evaluate_guarded,
    has_data_dependent_shape,
    normalized_call,
    on_arrays,
    simplified,
    viewed_operand,
)
from tinygrad_hw.program.record.tracer import CaptureError, Tracer, concrete, refusal
from tinygrad_hw.program.record.twin import TwinTrace
from tinygrad_hw.program.variable import (
    AFTER,
    BACKWARD,
    FORWARD,
    LARGE,
    Site,
    Variable,
    kind_of,
    variables,
)

RAISING = {operator.truediv, operator.floordiv, operator.mod, operator.pow}
_SIMPLE = (Variable, float, int)  # operands without parts
# Operations whose function makes an array and fills it: recorded as one instruction each.
_OPAQUE = {
    *(ops.broadcast_to, ops.astype, ops.scatter, ops.einsum, ops.getitem, ops.concatenate),
    *WINDOWED,
}


class Recorder(TwinTrace):
    """Recorder of the instructions of one run, and of the data that they depend on.

    Parameters
    ----------
    without_gradients
        Whether to record as if no Value had a gradient yet.

    Attributes
    ----------
    phase
        The part of the run that is recorded now: ``forward``, ``backward``, or ``after`` that.
    origin
        The operation of the table that is recorded now.
    branches
        Each condition whose truth was asked for, with the answer.
    data_dependent
        The Variables whose shapes depend on data, so they may differ in another run; and those for
        which Python may raise.
    guarded, guarded_forward
        Whether there are products in which 0 · inf is 0, at all and outside of backward passes.
    """

    def __init__(self, *, without_gradients: bool = False) -> None:
        super().__init__(without_gradients)
        self.phase = FORWARD
        self.origin: str | None = None
        self.branches: list[tuple[Variable, bool]] = []
        self.data_dependent: list[Variable] = []
        self.guarded = self.guarded_forward = False
        self._in_product = False  # of matrices, whose derivative is recorded now
        self.negated: dict[Variable, Tracer] = {}  # the operand of each negation
        self.gathers = Gathers(self)
        self._last_number = 0
        self._memo: dict[Any, Tracer] = {}  # results by the key of their call
        self._constant_arrays: dict[Any, Tracer] = {}
        self._kept_alive: list[Any] = []  # objects in keys, by id

    def input(self, value: Any) -> Tracer:
        """Return the Tracer of a new input."""
        return self._tracer(value)

    def constant(self, value: Any) -> Tracer:
        """Return a Tracer that is the same in every run."""
        return self._tracer(value, constant=True, value=value)

    def _tracer(self, of: Any, function: Any = None, **parts: Any) -> Tracer:
        self._last_number += 1
        variable = Variable(
            self._last_number,
            kind_of(of),
            function,
            phase=self.phase,
            origin=self.origin,
            site=Site(*user_site()),
            **parts,
        )
        return Tracer(self, variable, of)

    def release(self) -> None:
        """Drop the recorded run's graph and the tables for recording further."""
        self._registered.clear()
        self.given.clear()
        self._memo.clear()
        self.gathers = Gathers(self)
        self.negated.clear()
        self.twins.clear()
        self._arrays.clear()
        self._constant_arrays.clear()
        self._kept_alive.clear()

    # --- Instructions -----------------------------------------------------------------------------

    def call(
        self,
        function: Any,
        inputs: tuple[Any, ...],
        options: dict[str, Any] | None = None,
        guarded: bool = False,
    ) -> Any:
        """Compute a call and record it, unless an equal call is recorded already."""
        if self.gathers:
            inputs, options = self.gathers.recognized((inputs, options))
        inputs, options = normalized_call(self, function, inputs, options or {})
        operands = concrete(inputs)
        guarded |= self._in_product and function in (np.matmul, operator.matmul)
        by_engine = self.origin is not None or self.phase == BACKWARD
        compute = evaluate_guarded if guarded else evaluate if by_engine else self._as_the_user
        with setting(trace=PLAIN):
            value = compute(function, operands, concrete(options))
        is_0d = isinstance(value, np.ndarray) and not value.ndim
        value = value[()] if is_0d else value
        if isinstance(value, complex) and not isinstance(value, np.generic):
            self.only_this_run = "one of its numbers is complex"
            return value
        if not isinstance(value, np.ndarray | np.generic | float | bool | int):
            raise refusal(f"{function.__name__} gives {type(value).__name__}: not one array")
        if shape_of(value) or any(map(shape_of, operands)):
            function, inputs = on_arrays(function, inputs, operands, value)
        equal = simplified(self, function, inputs, value)
        if equal is not None:
            return equal.as_array(is_0d) if isinstance(equal, Tracer) else equal
        result = self._instruction(function, inputs, options, value, guarded)
        if function in (operator.neg, np.negative):
            self.negated[result.variable] = inputs[0]
        return result.as_array(is_0d)

    def _as_the_user(self, function: Any, operands: Any, options: Any) -> Any:
        """Compute a call that is not the engine's: results and errors are those of the call alone.

        The function may catch the error, and in another run there may be none.
        """
        try:
            return function(*operands, **options)
        except Exception as error:
            self.only_this_run = f"{type(error).__name__} is raised in it"
            raise

    def evaluate(
        self, operation: Operation, operands: tuple[Any, ...], attributes: dict[str, Any]
    ) -> Any:
        """Record an operation of the table: on Python's numbers whole, else as it computes."""
        if self.gathers:
            operands, attributes = self.gathers.recognized((operands, attributes))
        if not variables((operands, attributes), Tracer):
            with setting(trace=PLAIN):
                return operation.evaluate(operands, attributes)
        values, concrete_attributes = concrete(operands), concrete(attributes)
        origin, self.origin = self.origin, self.origin or operation.name
        try:
            if operation is TIMES:
                return self.call(operator.mul, operands, guarded=True)
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
                refused = self.refused
                with suppress(CaptureError):  # its function needs real arrays: record it whole
                    return operation.compute(*operands, **attributes)
                self.refused = refused
            guarded = self._in_product and operation is ops.einsum
            with setting(trace=PLAIN):
                value = operation.evaluate(values, concrete_attributes)
                if guarded and not np.isfinite(value).all():
                    value = evaluate_guarded(operation.compute, values, concrete_attributes)
            return self._instruction(operation, operands, attributes, value, guarded)
        finally:
            self.origin = origin

    def _instruction(
        self,
        function: Any,
        inputs: tuple[Any, ...],
        options: dict[str, Any],
        value: Any,
        guarded: bool = False,
    ) -> Tracer:
        operands: tuple[Any, ...] = tuple(
            [x if type(x) is float else self._as_operand(x) for x in inputs]
        )
        options = self._as_variables(options) if options else {}
        key = (function, guarded, call_key(operands), call_key(options), kind_of(value))
        known = self._memo.get(key)
        if known is not None:
            return known
        simple = not options and all([type(x) in _SIMPLE for x in operands])
        needs = (
            tuple([x for x in operands if type(x) is Variable])
            if simple
            else tuple(variables((operands, options)))
        )
        if all(x.constant for x in needs):
            result = self.constant(value)
        else:
            result = self._tracer(
                value,
                function,
                operands=operands,
                options=options,
                needs=needs,
                view_of=viewed_operand(function, value, inputs),
                guarded=guarded,
            )
            self.guarded |= guarded
            self.guarded_forward |= guarded and self.phase != BACKWARD
            if has_data_dependent_shape(result.variable) or self._may_raise(result.variable):
                self.data_dependent.append(result.variable)
        self._memo[key] = result
        self._kept_alive.append((operands, options))
        return result

    def _may_raise(self, variable: Variable) -> bool:
        """Return whether Python raises for some numbers, which the function may want to catch."""
        is_python = variable.kind.python is not None and variable.origin is None
        return is_python and self.phase != BACKWARD and variable.function in RAISING

    def _as_operand(self, operand: Any) -> Any:
        """Return an operand of an instruction: Variables for Tracers, a constant for an array."""
        if type(operand) is Tracer and operand.recorder is self:
            return operand.variable
        if isinstance(operand, np.ndarray) and type(operand) is not np.ndarray:
            refuse_other_rules(operand)
        if isinstance(operand, np.ndarray) and operand.nbytes > LARGE:
            return self.array_input(operand).variable  # not copied: read as it is in every run
        if isinstance(operand, np.ndarray):
            key = operand.shape, operand.dtype, operand.strides, operand.tobytes()
            if key not in self._constant_arrays:
                self._constant_arrays[key] = self.constant(operand.copy(order="K"))
            return self._constant_arrays[key].variable
        return self._as_variables(operand)

    def _as_variables(self, tree: Any) -> Any:
        """Return operands with Variables in place of Tracers, and copies of arrays in an index."""
        if isinstance(tree, Tracer):
            if tree.recorder is not self:
                raise refusal(
                    "a stand-in of an earlier recording is used here: something that the function "
                    f"had computed in {tree.variable.site} was kept; return it instead"
                )
            return tree.variable
        if isinstance(tree, np.ndarray):
            return tree.copy()
        if type(tree) in (tuple, list):
            return type(tree)([self._as_variables(part) for part in tree])
        if isinstance(tree, dict):
            return {name: self._as_variables(part) for name, part in tree.items()}
        if isinstance(tree, slice):
            return slice(*map(self._as_variables, (tree.start, tree.stop, tree.step)))
        return tree

    def cast(self, tracer: Tracer, dtype: Any) -> Any:
        """Record a conversion to another dtype; return a Tracer of that dtype itself."""
        if tracer.dtype == np.dtype(dtype) and (
            dtype is not float or not isinstance(tracer.value, float)
        ):
            return tracer
        if dtype is float and not tracer.shape:
            return self.call(float, (tracer,))
        if np.dtype(dtype).kind != "f":
            return self.call(as_kind, (tracer, np.dtype(dtype)))
        return self.evaluate(ops.astype, (tracer,), {"dtype": dtype})

    # --- Plain arrays that an index has picked from -----------------------------------------------

    def gather(self, tracer: Tracer) -> bool:
        """Record the gather from a plain array that asks for numbers; return whether it is one."""
        if self.origin is not None or self.phase == BACKWARD or tracer.dtype.kind not in "iub":
            return False
        return self.gathers.record(tracer, sys._getframe(2))

    def add(self, node: Node) -> None:
        """Register a Value that the function creates; its plain data become a constant."""
        if self.gathers:
            node.raw = self.gathers.recognized(node.raw)
        super().add(node)

    # --- Conditions on the numbers of this run ----------------------------------------------------

    def branch(self, condition: Tracer) -> bool:
        """Return the truth of a condition, and make it a guard of the program."""
        truth = bool(condition.value)
        if not condition.variable.constant:
            self.branches.append((condition.variable, truth))
        return truth

    # --- Backward passes --------------------------------------------------------------------------

    def pulling(self, pull: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``pull`` for one backward pass, with names for its results."""
        self.phase = BACKWARD

        def pulled(node: Node, upstream: Any, wanted: Any = None) -> Any:
            if not isinstance(node.raw, Tracer):
                raise refusal(
                    f"a gradient goes back into {node.label or 'a result'} that was computed "
                    "outside the captured function; compute it inside, or pass it on with detach()"
                )
            self.add_label(node)
            with self._through(node):
                edges = pull(node, upstream, wanted)
            for operand, edge in zip(node.inputs, edges, strict=True):
                if edge is None:
                    continue
                self.add_label(operand)
                if node.label and operand.label and isinstance(edge[0], Tracer):
                    edge[0].variable.names.append(f"d{node.label}_d{operand.label}")
            return edges

        return pulled

    def pushing(self, push: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``push``, which knows where 0 · inf is 0."""

        def pushed(node: Node, *tangents: Any) -> Any:
            with self._through(node):
                return push(node, *tangents)

        return pushed

    @contextmanager
    def _through(self, node: Node) -> Iterator[None]:
        """Record the derivative of a node: in its products of matrices, 0 · inf is 0."""
        before = self._in_product, self.origin
        self._in_product = isinstance(node.operation, Multilinear)
        self.origin = node.operation.name
        try:
            yield
        finally:
            self._in_product, self.origin = before

    def end_pass(self) -> None:
        """Begin the phase after a backward pass: an optimizer's update, or a result."""
        self.phase = AFTER

    def name_gradients(self, root: Node, order: Sequence[Node]) -> None:
        """Name the gradients that a backward pass has left on its nodes."""
        for node in reversed(order):  # dE_dz before dE_db, where they are the same
            if node.label and isinstance(node.grad, Tracer):
                node.grad.variable.names.append(f"d{root.label or 'loss'}_d{node.label}")

    def add_label(self, node: Node) -> None:
        """Add a node's label to the names of its Variable."""
        if node.label and isinstance(node.raw, Tracer):
            names = node.raw.variable.names
            if node.label not in names:
                names.append(node.label)


def _has_dtype(value: Any, dtype: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == np.dtype(dtype)
