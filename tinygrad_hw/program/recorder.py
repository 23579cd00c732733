"""The tape: what a function computes, taken down while it runs once.

While a tape is on, the data of Values are ``Variable``s. The engine runs on them unchanged, so the
backward pass and an optimiser's update are taken down as they are computed, with the very same
calls. Nothing that a rule of the table does is repeated here.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

import numpy as np

from tinygrad_hw.engine.core import numerics, ops
from tinygrad_hw.engine.core.node import Node, Traced, shape_of
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.engine.core.state import setting, state
from tinygrad_hw.program.variable import CaptureError, Variable, plainly, variables

FORWARD, BACKWARD, AFTER = "forward", "backward", "after"
# NumPy's own name for an operator's work on arrays; Python's is kept for Python's numbers.
ON_ARRAYS: dict[Any, Any] = {
    operator.add: np.add,
    operator.sub: np.subtract,
    operator.mul: np.multiply,
    operator.truediv: np.divide,
    operator.floordiv: np.floor_divide,
    operator.mod: np.remainder,
    operator.pow: np.power,
    operator.matmul: np.matmul,
    operator.and_: np.bitwise_and,
    operator.or_: np.bitwise_or,
    operator.lt: np.less,
    operator.le: np.less_equal,
    operator.gt: np.greater,
    operator.ge: np.greater_equal,
    operator.eq: np.equal,
    operator.ne: np.not_equal,
    operator.neg: np.negative,
    operator.pos: np.positive,
    operator.abs: np.absolute,
    operator.invert: np.invert,
    np.sum: np.add.reduce,
    np.max: np.maximum.reduce,
    np.min: np.minimum.reduce,
}
REDUCTIONS = {f: inspect.signature(f) for f in (np.sum, np.max, np.min)}
IN_PYTHON = {numpy: python for python, numpy in ON_ARRAYS.items() if isinstance(numpy, np.ufunc)}
# What ``array ** p`` does for these.
_POWERS: dict[Any, Any] = {2: np.square, 0.5: np.sqrt, 1: np.positive, -1: np.reciprocal}
# Operations whose function makes an array and fills it: one instruction, not looked into.
_WHOLE = {ops.broadcast_to, ops.astype, ops.scatter, ops.einsum, ops.getitem, ops.concatenate}
_SHAPED_BY_SHAPES = frozenset(
    "all any argmax argmin argsort as_kind clip concatenate cumprod cumsum dot einsum max mean min "
    "moveaxis outer prod ravel reshape round sort squeeze stack std sum swapaxes take "
    "take_along_axis tensordot transpose tril triu var where".split()
)


class NotReady(Exception):  # noqa: N818 - no error: the function is run as it is, this once
    """The function sets something up in its first run, which a program must not do again."""


class Tape:
    """The instructions of one run, and what they depend on."""

    def __init__(
        self, had_gradients: Collection[int] = (), careful: bool = False, fresh: bool = False
    ) -> None:
        self.fresh = fresh  # as if no Value had a gradient yet
        self._had_gradients = had_gradients  # of the Values that an earlier program used
        self.careful = careful  # leave no number to be finite by luck: there is no second try
        self.phase = FORWARD
        self.origin: str | None = None
        self.entered: dict[int, Entered] = {}
        self.branches: list[tuple[Variable, bool]] = []
        self.shaped: list[Variable] = []  # whose shapes may be others in another run
        self.assumes_finite = False
        self.assumes_forward = False  # in forward mode too, whose results have no phase
        self._count = 0
        self._known: dict[Any, Variable] = {}
        self._bases: dict[int, tuple[Any, Variable]] = {}
        self._constants: dict[Any, Variable] = {}
        self._inside: dict[int, Node] = {}  # Values that the function makes, by their ids
        self._held: list[Any] = []  # what is known by its identity, which must stay its own

    def count(self) -> int:
        """The next place in the order."""
        self._count += 1
        return self._count

    # --- Values that the function finds -----------------------------------------------------------

    def enter(self, node: Node) -> None:
        """Have a Value that the function uses stand for its data from now on."""
        if isinstance(node.raw, Traced) or node.operation is not None or id(node) in self.entered:
            return
        cleared = node.grad is None and id(node) in self._had_gradients
        before = Entered(node, forgotten=cleared)
        self.entered[id(node)] = before
        before.variable = self._of_leaf(node)
        node.raw = before.variable  # type: ignore[assignment]
        if self.fresh:
            node.grad = None
        elif node.grad is not None:
            before.gradient = Variable(self, node.grad)
            node.grad = before.gradient  # type: ignore[assignment]

    def made_inside(self, node: Node) -> None:
        """Take note of a Value that the function makes; one of plain numbers is always the same."""
        self._inside[id(node)] = node
        if not isinstance(node.raw, Traced):
            node.raw = self.constant(node.raw)  # type: ignore[assignment]

    def forget(self, node: Node) -> None:
        """Set a Value's gradient to None, as the program will in every run."""
        self.enter(node)
        if id(node) in self.entered:
            self.entered[id(node)].forgotten = True

    def before(self, node: Node) -> Any:
        """The data that a Value had before the function ran."""
        return self.entered[id(node)].raw if id(node) in self.entered else node.raw

    def not_ready(self) -> Exception:
        """What stops the recording, for this time: something is set up in a first run."""
        return NotReady()

    def _of_leaf(self, node: Node) -> Variable:
        data = node.raw
        base = getattr(data, "base", None)
        if not isinstance(data, np.ndarray):
            variable = Variable(self, data)
        elif isinstance(base, np.ndarray) and base.ndim == 1 and data.flags.c_contiguous:
            start = (data.ctypes.data - base.ctypes.data) // data.itemsize
            variable = self.of_array(base)[start : start + data.size].reshape(data.shape)
        else:
            variable = self.of_array(data)
        if node.label:
            variable.names.append(node.label)
        return variable

    def of_array(self, array: Any) -> Variable:
        """The input that an array in memory is, the same one whoever has a view of it."""
        if id(array) not in self._bases:
            self._bases[id(array)] = (array, Variable(self, array))
        return self._bases[id(array)][1]

    @property
    def arrays(self) -> list[tuple[Any, Variable]]:
        """The arrays that Values are, or are views of, with their inputs."""
        return list(self._bases.values())

    def is_made_inside(self, node: Node) -> bool:
        """Whether the function has made a Value, and not found or been given it."""
        return id(node) in self._inside

    def leave(self) -> None:
        """Give every Value its own data back; what became of it stays in ``entered``."""
        for before in self.entered.values():
            before.leave()
        for node in self._inside.values():  # somebody may have kept one
            node.raw = plainly(node.raw)
            node.grad = plainly(node.grad)
            node.arguments = plainly(node.arguments)

    def release(self) -> None:
        """Let go of the recorded run: its graph, and what it takes to record further."""
        self._inside.clear()
        self._known.clear()
        self._constants.clear()
        self._held.clear()

    # --- Instructions -----------------------------------------------------------------------------

    def constant(self, value: Any) -> Variable:
        """A number that is the same in every run."""
        return Variable(self, value, constant=True)

    def call(
        self, function: Any, inputs: tuple[Any, ...], options: dict[str, Any] | None = None
    ) -> Any:
        """Compute, and take it down, unless the same has been computed before."""
        inputs, options = _spelled_out(self, function, inputs, options or {})
        plain, plain_options = plainly(inputs), plainly(options)
        with setting(tape=None):
            try:
                value = _computed(function, plain, plain_options)
            except ArithmeticError:  # Python's numbers; NumPy's have an inf for it
                value = _computed(function, tuple([np.float64(x) for x in plain]), plain_options)
                value = float(value)
        if not isinstance(value, np.ndarray | np.generic | float | bool | int):
            raise CaptureError(f"{function.__name__} gives {type(value).__name__}: not one array")
        if shape_of(value) or any(map(shape_of, plain)):
            function, inputs = _on_arrays(function, inputs, plain)
        kept = _simplified(self, function, inputs, value)
        return self._instruction(function, inputs, options, value) if kept is None else kept

    def apply(
        self, operation: Operation, operands: tuple[Any, ...], attributes: dict[str, Any]
    ) -> Any:
        """Take down an operation of the table: whole on Python's numbers, else as it computes."""
        if not variables((operands, attributes)):
            with setting(tape=None):
                return operation._evaluate(operands, attributes)
        plain, plain_attributes = plainly(operands), plainly(attributes)
        before, self.origin = self.origin, self.origin or operation.name
        try:
            if all([type(x) in (float, int, bool) for x in plain]):
                if operation.compute in ON_ARRAYS:
                    return self.call(operation.compute, operands)
                if operation is ops.pow:
                    return self.call(operator.pow, operands)
                if operation is ops.select:
                    return self.call(np.where, (attributes["condition"], *operands))
                with setting(tape=None):
                    value = operation._evaluate(plain, plain_attributes)
                if type(value) is float:
                    return self._instruction(operation, operands, attributes, value)
            elif operation is ops.astype and _is_of_kind(plain[0], attributes["dtype"]):
                return operands[0]
            elif operation not in _WHOLE:
                with suppress(CaptureError):  # its function wants real arrays: it is taken whole
                    return operation.compute(*operands, **attributes)
            with setting(tape=None):
                value = operation._evaluate(plain, plain_attributes)
            return self._instruction(operation, operands, attributes, value)
        finally:
            self.origin = before

    def _instruction(
        self, function: Any, inputs: tuple[Any, ...], options: dict[str, Any], value: Any
    ) -> Variable:
        inputs = tuple([self._frozen(x) for x in inputs])
        key = (function, _key(inputs), _key(options))
        known = self._known.get(key)
        if known is None:
            constant = all(x.constant for x in variables((inputs, options)))
            if constant:
                known = self.constant(value)
            else:
                known = Variable(self, value, function, inputs, options)
                if _is_shaped_by_values(known):
                    self.shaped.append(known)
            self._known[key] = known
            self._held.append((inputs, options))
        return known

    def _frozen(self, operand: Any) -> Any:
        """A plain array as a constant: as it is now, whatever becomes of it."""
        if isinstance(operand, np.ndarray):
            key = operand.shape, operand.dtype, operand.strides, operand.tobytes()
            if key not in self._constants:
                self._constants[key] = self.constant(operand.copy(order="K"))
            return self._constants[key]
        if isinstance(operand, tuple | list):  # an index
            parts = [x.copy() if isinstance(x, np.ndarray) else x for x in operand]
            return tuple(parts) if isinstance(operand, tuple) else parts
        return operand

    def cast(self, given: Variable, dtype: Any) -> Any:
        """The same numbers of another kind."""
        if given.dtype == np.dtype(dtype) and (
            dtype is not float or not isinstance(given.value, float)
        ):
            return given
        if dtype is float and not given.shape:
            return self.call(float, (given,))
        if np.dtype(dtype).kind != "f":
            return self.call(as_kind, (given, np.dtype(dtype)))
        return self.apply(ops.astype, (given,), {"dtype": dtype})

    # --- What depends on the numbers of this run --------------------------------------------------

    def branch(self, condition: Variable) -> bool:
        """The truth of a value, which the program will check."""
        truth = bool(condition.value)
        if not condition.constant:
            self.branches.append((condition, truth))
        return truth

    def is_finite(self, given: Traced) -> bool:
        """Whether this is finite, which the program takes for granted until its results are not."""
        if np.result_type(given.value).kind != "f" or given.constant:  # type: ignore[attr-defined]
            return bool(np.isfinite(given.value).all())
        finite = not self.careful and bool(np.isfinite(given.value).all())
        self.assumes_finite |= finite
        self.assumes_forward |= finite and self.phase != BACKWARD
        return finite

    # --- Backward passes --------------------------------------------------------------------------

    def watched(self, pull: Callable[..., Any]) -> Callable[..., Any]:
        """``pull``, as long as a backward pass lasts, with names for what it computes."""
        self.phase = BACKWARD

        def pulled(node: Node, upstream: Any, wanted: Any = None) -> Any:
            if not self.is_made_inside(node):
                raise CaptureError(
                    f"a gradient goes back into {node.label or 'a result'} that was computed "
                    "outside the captured function; compute it inside, or pass it on with detach()"
                )
            self.name(node)
            self.origin = node.operation.name
            edges = pull(node, upstream, wanted)
            self.origin = None
            for operand, edge in zip(node.inputs, edges, strict=False):
                if edge is None:
                    continue
                self.name(operand)
                if node.label and operand.label and isinstance(edge[0], Variable):
                    edge[0].names.append(f"d{node.label}_d{operand.label}")
            return edges

        return pulled

    def end_of_backward(self) -> None:
        """What comes now is an optimiser's work, or a result."""
        self.phase = AFTER

    def written(self, root: Node, order: list[Node]) -> None:
        """Every gradient of a backward pass is in its place: they get names."""
        for node in reversed(order):  # dE_dz before dE_db, where they are the same
            if node.label and isinstance(node.grad, Variable):
                node.grad.names.append(f"d{root.label or 'loss'}_d{node.label}")

    def name(self, node: Node) -> None:
        """Have a node's variable bear its label."""
        if node.label and isinstance(node.raw, Variable) and node.label not in node.raw.names:
            node.raw.names.append(node.label)


class Entered:
    """A Value that the function uses: what it was before, and what became of it."""

    __slots__ = (
        *(
            "constant",
            "forgotten",
            "grad",
            "gradient",
            "kept",
            "new",
            "new_gradient",
            "node",
            "raw",
        ),
        "variable",
    )

    def __init__(self, node: Node, forgotten: bool) -> None:
        self.node = node
        self.raw, self.grad, self.kept = node.raw, node.grad, node.kept
        self.constant = node.constant
        self.gradient: Variable | None = None
        self.forgotten = forgotten
        self.variable: Variable
        self.new: Any = None
        self.new_gradient: Any = None

    @property
    def is_array(self) -> bool:
        """Whether it is not a number."""
        return isinstance(self.raw, np.ndarray)

    @property
    def is_differentiated(self) -> bool:
        """Whether the function gives it a gradient."""
        return isinstance(self.new_gradient, Variable) and self.new_gradient is not self.gradient

    def leave(self) -> None:
        """Take down what it is now, and give it back what it was."""
        node = self.node
        self.new, self.new_gradient = node.raw, node.grad
        node.raw, node.grad, node.kept = self.raw, self.grad, self.kept


def tracing(tape: Tape) -> Any:
    """Take down what is computed inside the block; only one program is captured at a time."""
    if state.tape is not None:
        raise CaptureError("a captured function calls another one: capture the outer one alone")
    return setting(tape=tape, recording=True)


def as_kind(x: Any, dtype: Any) -> Any:
    """Whole numbers or truths made of others, which no derivative passes."""
    return np.asarray(x).astype(dtype)[()]


def _computed(function: Any, plain: Any, options: Any) -> Any:
    """The value, with Python's numbers giving one of Python's, as in an operation."""
    if function is operator.pow and type(plain[0]) is float and not shape_of(plain[1]):
        value = ops.pow._evaluate((plain[0], float(plain[1])), {})
    elif function in numerics.ON_FLOATS and all([type(x) is float for x in plain]):
        value = numerics.ON_FLOATS[function](*plain)
    else:
        value = function(*plain, **options)
    if isinstance(value, np.ndarray) and not value.ndim:
        value = value[()]
    numbers = [x for x in plain if not isinstance(x, str | type | None)]
    if isinstance(value, np.floating | np.bool_) and all(
        [type(x) in (float, int, bool) for x in numbers]
    ):
        return value.item()
    return value


def _is_of_kind(plain: Any, dtype: Any) -> bool:
    """Whether an array has that dtype."""
    return isinstance(plain, np.ndarray) and plain.dtype == np.dtype(dtype)


def _spelled_out(
    tape: Tape, function: Any, inputs: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The same call with nothing left to what NumPy's function and its ufunc understand apart.

    ``np.add.reduce`` is along the first axis where ``np.sum`` is over all; a condition is a truth.
    """
    if function in REDUCTIONS:
        given = REDUCTIONS[function].bind(*inputs, **options).arguments
        if given.pop("out", None) is not None:
            raise CaptureError(f"np.{function.__name__} writes into an array; leave out= away")
        return (given.pop("a"),), {"axis": None, **given}
    if function is np.where and isinstance(inputs[0], Variable) and inputs[0].dtype != bool:
        return (tape.call(operator.ne, (inputs[0], 0)), *inputs[1:]), options
    return inputs, options


def _is_shaped_by_values(variable: Variable) -> bool:
    """Whether its shape may depend on its operands' values, and not on their shapes alone."""
    function = variable.function
    if not variable.shape or variable.source is not None:
        return False
    if function in (operator.getitem, ops.getitem):
        return any(x.dtype == bool for x in variable.needs[1:])
    owner = getattr(function, "__self__", function)
    if isinstance(function, Operation) or isinstance(owner, np.ufunc):
        return False
    return getattr(function, "__name__", "") not in _SHAPED_BY_SHAPES


def _on_arrays(function: Any, inputs: Any, plain: Any) -> tuple[Any, Any]:
    """NumPy's name for what an operator does to arrays, and its operands."""
    if function is operator.pow and isinstance(plain[0], np.ndarray):
        simple = _POWERS.get(_number(inputs[1]))
        return (simple, inputs[:1]) if simple else (np.power, inputs)
    return ON_ARRAYS.get(function, function), inputs


def _simplified(tape: Tape, function: Any, inputs: tuple[Any, ...], value: Any) -> Any:
    """What it is without computing: a few identities that hold to the last bit, or None.

    ``1 · x`` is x, so the gradient of the root by itself leaves no trace; what a rule does for an
    exponent of 0 alone goes where the exponent is another; |-x| is |x|.
    """
    same = None
    if function in (operator.mul, np.multiply):
        same = next((b for a, b in (inputs, inputs[::-1]) if _number(a) == 1), None)
    elif function in (operator.pow, np.power):
        same = inputs[0] if _number(inputs[1]) == 1 else None
    elif function is np.positive:
        same = inputs[0]
    elif function is np.where and _number(inputs[0]) is not None:
        same = inputs[1 if _number(inputs[0]) else 2]
    elif function in (operator.and_, np.bitwise_and):
        if type(value) is bool and any(_number(x) == 0 for x in inputs):
            return tape.constant(False)
    elif function in (operator.abs, np.absolute):
        inner = inputs[0]
        if isinstance(inner, Variable) and inner.function in (operator.neg, np.negative):
            return tape.call(operator.abs, (inner.operands[0],))
    is_same = isinstance(same, Variable) and _kind(same.value) == _kind(value)
    return same if is_same else None


def _number(x: Any) -> Any:
    """A number that is the same in every run, or None."""
    if isinstance(x, Variable):
        x = x.value if x.constant else None
    return x if isinstance(x, float | bool | int | np.generic) else None


def _kind(value: Any) -> Any:
    return shape_of(value), np.result_type(value), type(value) is float


def _key(tree: Any) -> Any:
    """What makes two operands the same: numbers by value, anything else by identity."""
    if isinstance(tree, tuple | list):
        return (type(tree), *map(_key, tree))
    if isinstance(tree, dict):
        return tuple((name, _key(part)) for name, part in tree.items())
    if isinstance(tree, slice):
        return (slice, _key((tree.start, tree.stop, tree.step)))
    if isinstance(tree, Variable) and tree.constant and isinstance(tree.value, float | bool):
        return (float, type(tree.value), repr(tree.value))
    if isinstance(tree, float | int | str | np.generic):
        return (type(tree), repr(tree))
    return id(tree) if isinstance(tree, Variable | np.ndarray) else (id(tree), tree)
