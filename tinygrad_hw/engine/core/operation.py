"""Operations: one record for each says how to compute it and how to differentiate it.

There are four kinds, told apart by their derivative. Everything else (the backward pass, forward
mode, second order, the sentence on an edge, the gradient check) is derived from the record.

- ``Pointwise``: one partial derivative per operand, an array that is *multiplied* by the upstream
  gradient. Products, sigmoids; but also a maximum along an axis, since its derivative is a mask.
- ``Multilinear``: linear in each operand, so the derivative by an operand is the *transpose* of
  that linear map, applied to the upstream gradient. Sums, matrix products, indexing.
- ``Composite``, outside the core: written with other operations, it needs no rule.
- ``Linearized``, outside too: the transpose of its derivative at a point. An inverse, eigenvalues.

A rule is written once, as text, in the language of the table itself:

    sin = Pointwise("sin", np.sin, "cos(x)")

The text that a reader sees is the text that the engine uses. On arrays it computes; on nodes
it records, because calling an operation on a node records it. That is how the derivative of a
derivative comes from the same line as the derivative.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any, TypeAlias, TypeVar

import numpy as np

from tinygrad_hw.engine.core.compile_rule import compile_back, compile_rule, compile_signature
from tinygrad_hw.engine.core.data import Data, StandIn, as_array, dtype_of, lock
from tinygrad_hw.engine.core.node import NO_CALL, Node, to_data
from tinygrad_hw.engine.core.numerics import ON_FLOATS
from tinygrad_hw.engine.core.trace import current

Rule: TypeAlias = str | float | Callable[..., Any]
Interval: TypeAlias = tuple[float, float]
N = TypeVar("N", bound=Node)

ANY_NUMBER = sys.maxsize
_UNCHANGING = {int, float, bool, str, type, type(None), type(...), range}
NOT_A_VALUE = "an index, a shape, an axis or a count cannot be a Value; use integers, or v.data"


class Operation:
    """What all kinds of operations share. A call computes on arrays and records on nodes.

    Parameters
    ----------
    name
        The name in messages.
    compute
        ``compute(*operands, **attributes)`` on plain numbers and arrays.
    rules
        The derivative by each operand; see the three kinds. A text over the operands ``x``, ``y``,
        ``z``, the attributes and the operations of the table; or a function of the same; or a
        number.
    shown
        The derivatives as a student writes them, where a rule is a stabler form; a test holds the
        two equal. ``formulas`` has the text to show in any case.
    symbol
        The text in a drawing; by default the name.
    numpy
        The NumPy function that this operation stands for, so that ``np.exp(v)`` finds it; where
        ``compute`` is one of NumPy's ufuncs, that.
    defaults
        The attributes with their default values, in order; they may be given by position too.
    domain
        An interval for each operand from which the tests draw numbers.
    arity
        The number of operands, if there is not one for each rule. With ``ANY_NUMBER`` one rule is
        for all operands; it gets the operand's ``position``, and ``x``, the tuple of all.
    """

    __slots__ = (
        "__dict__",  # for a docstring and a signature of its own
        *("_bind", "arity", "compute", "defaults", "domain", "formulas", "name", "numpy"),
        *("on_floats", "rules", "symbol"),
    )

    __signature__: Any  # an inspect.Signature, where the operation has been documented
    first_parameter = ""  # of a rule, before the operands: ``out`` or ``upstream``
    back: Callable[[Node], None] | None = None  # the backward pass of a lean node

    def __init__(
        self,
        name: str,
        compute: Callable[..., Any],
        *rules: Rule,
        shown: str | tuple[str, ...] = (),
        symbol: str = "",
        numpy: Callable[..., Any] | None = None,
        defaults: dict[str, Any] | None = None,
        domain: tuple[Interval, ...] = ((-2.0, 2.0),) * 3,
        arity: int | None = None,
    ) -> None:
        if not rules and arity is None:
            raise ValueError(f"{name} has no rule: give the derivative by each operand")
        self.name = name
        self.compute = compute
        self.on_floats = ON_FLOATS.get(compute if numpy is None else numpy)
        self.defaults = defaults or {}
        self.arity = len(rules) if arity is None else arity
        self._check_operands()
        self.rules = tuple([self._compiled(rule) for rule in rules])
        formulas = (shown,) if isinstance(shown, str) else shown
        self.formulas = formulas or tuple([self._formula(rule) for rule in rules])
        self.symbol = symbol or name
        self.numpy = compute if numpy is None and isinstance(compute, np.ufunc) else numpy
        self.domain = domain
        names = "*x" if self.arity == ANY_NUMBER else ", ".join(self.operand_names())
        self._bind = compile_signature(name, names, self.defaults)

    @property
    def of_floats(self) -> Callable[..., Any]:
        """Return the function of Python's floats that a rule on them calls."""
        return self if self.defaults else self.on_floats or self.compute

    def _compiled(self, rule: Rule) -> Any:
        if not isinstance(rule, str):
            return rule
        names = ["position", "x"] if self.arity == ANY_NUMBER else self.operand_names()
        return compile_rule(self.name, rule, [self.first_parameter, *names, *self.defaults])

    def _check_operands(self) -> None:
        code = getattr(self.compute, "__code__", None)
        if code is None or code.co_flags & 4 or self.arity == ANY_NUMBER:  # 4: takes *operands
            return
        most = code.co_argcount - len(self.defaults)
        least = most - len(self.compute.__defaults__ or ())
        if not least <= self.arity <= most:
            raise ValueError(
                f"{self.name}: {self.arity} rule{'s' * (self.arity != 1)}, but its function takes "
                f"{most} operand{'s' * (most != 1)}; give the derivative by each"
            )

    def operand_names(self) -> list[str]:
        """Return the operands' names in a rule, in order."""
        return list("xyz"[: self.arity]) if self.arity < 4 else [f"x{i}" for i in range(self.arity)]

    def _formula(self, rule: Rule) -> str:
        return f"{self.name}′" if callable(rule) else str(rule)

    def __deepcopy__(self, _: Any) -> Operation:
        """Return itself: copies of graphs share their operations."""
        return self

    def derivative(
        self, position: int, first: Any, operands: tuple[Any, ...], attributes: dict[str, Any]
    ) -> Any:
        """Apply the rule for one operand, to ``out`` or ``upstream`` and the operands."""
        if self.arity == ANY_NUMBER:
            return self.rules[0](first, position, operands, **attributes)
        rule = self.rules[position]
        return rule(first, *operands, **attributes) if callable(rule) else rule

    def __call__(self, *operands: Any, **attributes: Any) -> Any:
        """Apply to arrays (and get an array), or to at least one node (and get a node)."""
        if attributes or self.defaults or len(operands) != self.arity:
            operands, attributes = self.bind(operands, attributes)
        for operand in operands:
            if isinstance(operand, Node):
                return self.record(type(operand), operands, attributes)
        if any([isinstance(value, Node) for value in attributes.values()]):
            raise TypeError(NOT_A_VALUE)
        return current().trace.evaluate(self, operands, attributes)

    def bind(
        self, operands: tuple[Any, ...], attributes: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Separate operands from attributes given by position, and fill in the defaults."""
        try:
            return self._bind(*operands, **attributes)
        except TypeError as error:
            known = ", ".join(self.defaults) or "nothing"
            raise TypeError(f"{error}; beside its operands it takes {known}") from None

    def record(
        self, node_class: type[N], operands: tuple[Any, ...], attributes: dict[str, Any]
    ) -> N:
        """Compute, and return a node that records it; operands that are no nodes are constants.

        Raises
        ------
        ValueError, IndexError, TypeError
            NumPy's own, with the call before it: the operation, labels and shapes.
        """
        modes = current()
        trace, number_is_constant = modes.trace, node_class.numbers_are_constant
        try:
            inputs: tuple[Any, ...] = tuple(
                [
                    trace.twin(operand)
                    if isinstance(operand, Node)
                    else node_class.leaf(
                        _constant_operand(operand, operands), constant=number_is_constant
                    )
                    for operand in operands
                ]
            )
            arguments = tuple(
                [x.raw if type(x.raw) is float or x.saved else x.data_to_save() for x in inputs]
            )
            if attributes:
                attributes = {name: _copied(value) for name, value in attributes.items()}
            data = trace.evaluate(self, arguments, attributes)
            kind = type(data)
            if kind is not float and kind is not np.float64:
                data = _as_floats(data, arguments)
        except (ValueError, IndexError, TypeError, ArithmeticError) as error:
            raise with_call_context(error, self.name, operands, attributes) from None
        constant = True
        for operand in inputs:
            if not operand.constant:
                constant = False
                break
        if kind is float and self.back and modes.lean and not constant and isfinite(data):
            return node_class.lean(data, self, inputs, arguments)
        # Saved from the start: the operation's own rule may use the data, which may be a view.
        node = node_class.leaf(lock(data), constant=constant or not modes.recording, saved=True)
        node.set_call(self, inputs, arguments, attributes)
        trace.add(node)
        if not modes.recording:
            node.set_call(None, *NO_CALL)
        return node

    def evaluate(self, arguments: tuple[Any, ...], attributes: dict[str, Any]) -> Any:
        """Compute on plain data; where Python floats raise, return inf or nan with a warning."""
        if self.on_floats and all([type(argument) is float for argument in arguments]):
            try:
                return self.on_floats(*arguments)
            except (ValueError, OverflowError):
                pass  # NumPy has a number for that
        try:
            data = self.compute(*arguments, **attributes)
            kind = type(data)
            if kind is float:
                if data - data == 0.0:  # finite: nothing to warn of
                    return data
                data = self.compute(*map(np.float64, arguments), **attributes)
            elif kind is type(arguments[0]) is np.float64:
                return data
        except (ZeroDivisionError, OverflowError):
            data = self.compute(*map(np.float64, arguments), **attributes)
        if isinstance(data, np.ndarray):
            if data.ndim:
                return data
            data = data[()]
        if all([type(argument) is float for argument in arguments]) and "dtype" not in attributes:
            return float(data)  # Python numbers in, a Python number out: it stays weak
        return data


def _as_floats(data: Any, arguments: tuple[Data, ...]) -> Any:
    """Return a floating result as it is, counts and masks in the dtype of the operands."""
    dtype = getattr(data, "dtype", None) or np.asarray(data).dtype
    if dtype.kind == "f":
        return data
    if isinstance(data, StandIn):
        return data.astype(np.result_type(*arguments))
    if dtype.kind not in "iub":
        raise TypeError(f"the result is {dtype.name} data; an operation gives real numbers")
    return np.asarray(data, np.result_type(*arguments))[()]


def _constant_operand(operand: Any, operands: tuple[Any, ...]) -> Data:
    """Return the data of a constant operand; a mask does not make float64 of float32."""
    data = operand.value if isinstance(operand, StandIn) else operand
    if isinstance(data, np.ndarray | np.generic) and data.dtype.kind in "iub":
        kinds = [dtype_of(x.raw) for x in operands if isinstance(x, Node)]
        strong = [kind for kind in kinds if kind is not float] or [np.dtype(float)]
        operand = operand.astype(np.result_type(data.dtype, *strong))
    return to_data(operand)


def _copied(attribute: Any) -> Any:
    """Return an index, a condition, a shape as it is now: the caller may change it later."""
    kind = type(attribute)
    if kind in _UNCHANGING or isinstance(attribute, StandIn | np.generic):
        return attribute
    if kind is slice:
        return slice(_copied(attribute.start), _copied(attribute.stop), _copied(attribute.step))
    if kind is tuple or isinstance(attribute, list | tuple):
        return (tuple if isinstance(attribute, tuple) else list)(map(_copied, attribute))
    if isinstance(attribute, Node):
        raise TypeError(NOT_A_VALUE)
    if kind is dict:
        return {key: _copied(part) for key, part in attribute.items()}
    array = as_array(attribute)
    if array.dtype == object:  # no numbers: a function, say
        return operator.index(attribute) if hasattr(attribute, "__index__") else attribute
    return lock(array.copy())


def call_text(
    name: str, operands: Sequence[Any], attributes: dict[str, Any], data: Sequence[Any] = ()
) -> str:
    """Return a call as text: ``matmul(X (32, 784), W (128, 10))``; with the data where given."""
    parts = [_operand_text(x) for x in operands]
    if data:
        parts = [f"{_name(x)} = {_shortened(d)}" for x, d in zip(operands, data, strict=True)]
    options = [f"{name}={_shortened(value)}" for name, value in attributes.items()]
    return f"{name}({', '.join(parts + options)})"


def with_call_context(
    error: Exception, name: str, operands: Sequence[Any], attributes: dict[str, Any]
) -> Exception:
    """Return NumPy's error with the call before its text, unless it already has one."""
    if getattr(error, "has_call_context", False):
        return error
    reason = " ".join(str(error).split())
    new: Any = type(error)(f"{call_text(name, operands, attributes)}: {reason}")
    new.has_call_context = True
    in_context: Exception = new
    return in_context


def _name(x: Node) -> str:
    return x.label or "unnamed"


def _operand_text(x: Any) -> str:
    if isinstance(x, Node):
        return f"{_name(x)} {x.shape}"
    if isinstance(x, list | tuple) and any([isinstance(part, Node) for part in x]):
        return f"[{', '.join(map(_operand_text, x))}]"
    return f"array {x.shape}" if isinstance(getattr(x, "value", x), np.ndarray) else _shortened(x)


def _shortened(value: Any) -> str:
    text = " ".join(repr(value.value if isinstance(value, StandIn) else value).split())
    return text if len(text) <= 60 else text[:57] + "..."


class Pointwise(Operation):
    """An operation whose derivative by an operand is a factor.

    A rule is a partial derivative over ``out`` (the result) and the operands. It broadcasts against
    both the result and its operand; the numbers 1 and -1 stand for themselves, so that a sum
    allocates nothing. If an operation has an attribute ``axis``, the rule gets ``out`` and the
    upstream gradient with the reduced dimensions, of length 1.
    """

    __slots__ = ()
    first_parameter = "out"

    def __init__(self, name: str, compute: Callable[..., Any], *rules: Rule, **options: Any):
        super().__init__(name, compute, *rules, **options)
        variadic = self.arity == ANY_NUMBER
        if not (self.defaults or any(map(callable, rules))) and (self.arity <= 2 or variadic):
            self.back = compile_back(name, rules, variadic)

    @property
    def reduces(self) -> bool:
        """Return whether the result may lack the dimensions of attribute ``axis``."""
        return "axis" in self.defaults


class Multilinear(Operation):
    """An operation that is linear in each of its operands.

    A rule is a transpose over ``upstream`` and the operands: the contribution to its operand, of
    that operand's shape. Forward mode needs no more: it is ``compute`` itself with a tangent in the
    operand's place.
    """

    __slots__ = ()
    first_parameter = "upstream"

    def transposed(self, node: Node, position: int, out: Any, upstream: Any, operands: Any) -> Any:
        """Apply the transpose of the map by one operand, the others held."""
        return self.derivative(position, upstream, operands, node.attributes)


class Linear(Multilinear):
    """A multilinear operation that is linear in all of its operands at once: a concatenation.

    So is every multilinear operation of a single operand. The tangents go through it together.
    """

    __slots__ = ()

    def moved(self, node: Node, out: Any, tangents: Sequence[Any], operands: Any) -> Any:
        """Apply the map to the tangents of all operands."""
        return self(*tangents, **node.attributes)
