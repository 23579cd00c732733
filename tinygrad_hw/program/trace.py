"""What a function computes, taken down while it runs once.

While a tape is on, the data of Values are ``Variable``s. They stand for data: NumPy's functions and
Python's operators work on them, compute, and leave an instruction behind. The engine runs on them
unchanged, so the backward pass and an optimiser's update are taken down as they are computed, with
the very same calls. Nothing that a rule of the table does is repeated here.

A Variable refuses to turn into a number: that number would be in the program for ever. Its truth
may be asked for (``if loss > 3``); the answer is then a guard of the program.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from tinygrad_hw.engine import compute, ops
from tinygrad_hw.engine.modes import setting, state
from tinygrad_hw.engine.node import Node, Traced, shape_of
from tinygrad_hw.engine.operation import Operation

FORWARD, BACKWARD, AFTER = "forward", "backward", "after"
_TAKEN = (
    "a number is taken out of what a captured program computes ({}): it would stay what it is in "
    "this run; use NumPy's functions or operators, or compute it outside and pass it as an argument"
)


class CaptureError(TypeError):
    """The function does something that no program can repeat."""


class NotReady(Exception):  # noqa: N818 - no error: the function is run as it is, this once
    """The function sets something up in its first run, which a program must not do again."""


class Variable(Traced):
    """One value of the program: an input, a constant, or what an instruction gives.

    Attributes
    ----------
    tape
        Where it stands.
    number
        Its place in the order of the program.
    source
        The operand that it is a view of, or None.
    needs
        The Variables among the operands and in the options.
    function, operands, options
        The instruction: an operation of the table (on Python's numbers), or one of NumPy's
        functions. ``function`` is None for an input and for a constant.
    value
        What it was in this run: a Python number, a NumPy scalar, or an array.
    constant
        Whether it is the same in every run.
    phase
        ``forward``, ``backward``, or ``after`` it.
    names
        What the student calls it, if anything; a name of our own making comes later.
    origin
        The operation of the table that it is a part of, for a remark in the source.
    """

    __slots__ = (
        *("tape", "number", "function", "operands", "options", "constant", "phase", "names"),
        *("needs", "origin", "source"),
    )

    def __init__(
        self,
        tape: Tape,
        value: Any,
        function: Any = None,
        operands: tuple[Any, ...] = (),
        options: dict[str, Any] | None = None,
        *,
        constant: bool = False,
    ) -> None:
        self.tape = tape
        self.number = tape.count()
        self.value = value
        self.function = function
        self.operands = operands
        self.options = options or {}
        self.needs = variables(operands) + variables(options) if function is not None else []
        self.source = self._viewed()
        self.constant = constant
        self.phase = tape.phase
        self.names: list[str] = []
        self.origin = tape.origin

    def _viewed(self) -> Variable | None:
        """What it is only another way to look at, if it is: then they share their memory."""
        if not isinstance(self.value, np.ndarray) or self.value.base is None:
            return None
        arrays = (x for x in self.needs if isinstance(x.value, np.ndarray))
        return next((x for x in arrays if np.may_share_memory(x.value, self.value)), None)

    # --- What may be asked, since a guard of the program sees to it that it stays so --------------

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the dimensions."""
        return shape_of(self.value)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.size(self.value))

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy's name for the kind of number."""
        return np.result_type(self.value)

    def __len__(self) -> int:
        return len(self.value)

    def __bool__(self) -> bool:
        return self.tape.branch(self)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    # --- What may not -----------------------------------------------------------------------------

    def _taken(self, by: str) -> Any:
        raise CaptureError(_TAKEN.format(by))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        self._taken("by NumPy")

    def __float__(self) -> float:
        return self._taken("by float() or a function of math")  # type: ignore[no-any-return]

    def __int__(self) -> int:
        return self._taken("by int()")  # type: ignore[no-any-return]

    def __index__(self) -> int:
        return self._taken("as a plain index")  # type: ignore[no-any-return]

    def item(self) -> float:
        """Refuse."""
        return self._taken("by item()")  # type: ignore[no-any-return]

    def tolist(self) -> Any:
        """Refuse."""
        return self._taken("by tolist()")

    def __setitem__(self, index: Any, given: Any) -> None:
        raise CaptureError(
            "elements of an array are set while a program is captured; "
            "make a new array, with np.where or np.concatenate"
        )

    def __repr__(self) -> str:
        return f"Variable({self.value!r:.60})"

    def __str__(self) -> str:
        return str(self.value)  # in the message of an error: the number of this run

    def __format__(self, spec: str) -> str:
        return str(self) if not spec else self._taken("by a format")

    # --- What is taken down -----------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if any(isinstance(x, Node) for x in inputs):
            return NotImplemented  # a Value beside it records, and comes back here with its data
        if options.get("out") is not None:
            raise CaptureError(f"np.{ufunc.__name__} writes into an array; leave out= away")
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        return self.tape.call(function, inputs, options)

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        if any(issubclass(kind, Node) for kind in types):
            return NotImplemented  # a Value beside it records
        if function in _QUESTIONS:
            return function(*_plain(args), **_plain(options))
        if function in _WRITERS:
            raise CaptureError(f"np.{function.__name__} writes into an array; make a new one")
        return self.tape.call(function, args, options)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, tuple) and not index:
            return self
        return self.tape.call(operator.getitem, (self, index), {})

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        """The same elements in another shape."""
        shape = shape[0] if len(shape) == 1 else shape
        return self.tape.call(np.reshape, (self, shape), {"order": order} if order != "C" else {})

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        """The same numbers of another kind."""
        return self.tape.cast(self, dtype)

    def copy(self) -> Any:
        """Itself: nothing writes into it."""
        return self

    @property
    def T(self) -> Any:  # noqa: N802 - NumPy's name
        """The transpose."""
        return self.tape.call(np.transpose, (self,), {})

    @property
    def mT(self) -> Any:  # noqa: N802 - NumPy's name
        """The transpose of the last two dimensions."""
        return self.tape.call(np.swapaxes, (self, -2, -1), {})

    def __getattr__(self, name: str) -> Any:
        if hasattr(np.ndarray, name) and not name.startswith("_"):
            raise CaptureError(f"{name} of an array cannot be captured; use a function of NumPy's")
        raise AttributeError(name)


def _operator(function: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def apply(self: Variable, other: Any) -> Any:
        return (
            NotImplemented if isinstance(other, Node) else self.tape.call(function, (self, other))
        )

    def reflected(self: Variable, other: Any) -> Any:
        return self.tape.call(function, (other, self))

    return apply, reflected


def _method(function: Any) -> Callable[..., Any]:
    def method(self: Variable, *arguments: Any, **options: Any) -> Any:
        return self.tape.call(function, (self, *arguments), options)

    return method


for _name in ("add", "sub", "mul", "truediv", "pow", "matmul", "floordiv", "mod", "and_", "or_"):
    _pair = _operator(getattr(operator, _name))
    setattr(Variable, f"__{_name.strip('_')}__", _pair[0])
    setattr(Variable, f"__r{_name.strip('_')}__", _pair[1])


def _in_place(function: Any) -> Callable[..., Any]:
    def apply(self: Variable, other: Any) -> Any:
        if self.shape:
            raise CaptureError("an array is changed in place while it is captured; make a new one")
        return function(self, other)

    return apply


for _name in ("add", "sub", "mul", "truediv", "pow", "matmul", "floordiv", "mod"):
    setattr(Variable, f"__i{_name}__", _in_place(getattr(operator, _name)))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Variable, f"__{_name}__", _operator(getattr(operator, _name))[0])
for _name in ("neg", "pos", "abs", "invert"):
    setattr(Variable, f"__{_name}__", _method(getattr(operator, _name)))
for _name in ("sum", "mean", "max", "min", "any", "all", "argmax", "argmin", "ravel", "cumsum"):
    setattr(Variable, _name, _method(getattr(np, _name)))
for _name in ("std", "var", "dot", "nonzero", "argsort", "cumprod", "diagonal", "trace"):
    setattr(Variable, _name, _method(getattr(np, _name)))
for _name in ("transpose", "squeeze", "take", "clip", "swapaxes", "repeat", "round", "prod"):
    setattr(Variable, _name, _method(getattr(np, _name)))
Variable.__hash__ = object.__hash__  # type: ignore[method-assign]

_QUESTIONS = {np.shape, np.ndim, np.size, np.result_type, np.iscomplexobj, np.broadcast_shapes}
_WRITERS = {np.copyto, np.put, np.putmask, np.place, np.fill_diagonal, np.put_along_axis}
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
        self._inside: list[Node] = []
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
        self._inside.append(node)
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
        return id(node) in {id(made) for made in self._inside}

    def leave(self) -> None:
        """Give every Value its own data back; what became of it stays in ``entered``."""
        for before in self.entered.values():
            before.leave()
        for node in self._inside:  # somebody may have kept one
            node.raw = _plain(node.raw)
            node.grad = _plain(node.grad)
            node.arguments = _plain(node.arguments)

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
        options = options or {}
        plain, plain_options = _plain(inputs), _plain(options)
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
        plain, plain_attributes = _plain(operands), _plain(attributes)
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


def variables(tree: Any) -> list[Variable]:
    """Every Variable in operands and options, however deep in an index."""
    if isinstance(tree, Variable):
        return [tree]
    if isinstance(tree, tuple | list):
        return [found for part in tree if part.__class__ not in _BARE for found in variables(part)]
    if isinstance(tree, dict):
        return [found for part in tree.values() for found in variables(part)]
    if isinstance(tree, slice):
        return variables((tree.start, tree.stop, tree.step))
    return []


_BARE = {float, int, str, bool, type(None), np.ndarray}


def as_kind(x: Any, dtype: Any) -> Any:
    """Whole numbers or truths made of others, which no derivative passes."""
    return np.asarray(x).astype(dtype)[()]


def _plain(tree: Any) -> Any:
    """The same operands with the data of this run."""
    if isinstance(tree, Variable):
        return tree.value
    if isinstance(tree, tuple | list):
        parts = [_plain(part) for part in tree]
        return tuple(parts) if isinstance(tree, tuple) else parts
    if isinstance(tree, dict):
        return {name: _plain(part) for name, part in tree.items()}
    return tree


def _computed(function: Any, plain: Any, options: Any) -> Any:
    """The value, with Python's numbers giving one of Python's, as in an operation."""
    if function is operator.pow and type(plain[0]) is float and not shape_of(plain[1]):
        value = ops.pow._evaluate((plain[0], float(plain[1])), {})
    elif function in compute.ON_FLOATS and all([type(x) is float for x in plain]):
        value = compute.ON_FLOATS[function](*plain)
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
