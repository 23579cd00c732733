"""Writer: instructions as ONNX nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any, cast

import numpy as np

from tinygrad_hw.engine import numpy_api, ops
from tinygrad_hw.engine.core import numerics
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.program.emit import compositions
from tinygrad_hw.program.emit.onnx.arrays import WRITERS, reduction_of, write_reduction
from tinygrad_hw.program.emit.onnx.graph import (
    COMPUTED,
    Graph,
    dtype_of,
    refuse,
    shape_of,
)
from tinygrad_hw.program.emit.primitives import ON_ARRAYS, ON_BOOLEANS, PRIMITIVES
from tinygrad_hw.program.record.explored import explore
from tinygrad_hw.program.record.simplify import mended
from tinygrad_hw.program.record.tracer import CaptureError
from tinygrad_hw.program.variable import Kind, Variable

_BY_FUNCTION = {p.numpy: p for p in PRIMITIVES}
_LOGICAL = ("And", "Or", "Xor", "Not")
_ORDERS = (np.less, np.less_equal, np.greater, np.greater_equal)
_OF_FLOATS = (np.linspace, np.logspace, np.geomspace)
_EXPANSIONS: dict[Any, Callable[..., Any]] = {
    np.isposinf: lambda x: x == np.inf,
    np.isneginf: lambda x: x == -np.inf,
    np.count_nonzero: lambda x, axis=None, **options: np.sum(x != 0, axis, **options),
}


class Writer(Graph):
    """Writer of Variables as nodes.

    Attributes
    ----------
    wanted
        The names of the tensors that the model returns.
    """

    def __init__(self) -> None:
        super().__init__()
        self.wanted: dict[Variable, str] = {}
        self._inlining: list[Any] = []

    def write(self, results: Iterable[Variable]) -> None:
        """Write the instructions that results need, in order."""
        needed: set[Variable] = set()
        stack = list(results)
        while stack:
            variable = stack.pop()
            if not (variable in needed or variable in self.names or variable.constant):
                needed.add(variable)
                stack += variable.needs
        outer = self.origin
        for variable in sorted(needed, key=lambda variable: variable.number):
            self.origin = variable.origin or outer
            before = len(self.nodes)
            tensor = self._instruction(variable)
            labels = variable.names
            if len(self.nodes) > before and (labels or variable in self.wanted):
                name = self.wanted.get(variable) or self.identifiers.choose(labels)
                tensor = self._rename(tensor, name)
            self.names[variable] = tensor
        self.origin = outer

    def joined(self, parts: Sequence[Variable]) -> str:
        """Return the elements of several arrays in one dimension."""
        return self.node("Concat", *map(self.flat, parts), axis=0)

    def _rename(self, tensor: str, name: str) -> str:
        """Rename the result of the last node, which nothing else has used yet."""
        outputs = self.nodes[-1].output
        if tensor not in outputs:
            return tensor
        outputs[list(outputs).index(tensor)] = name
        return name

    def _instruction(self, variable: Variable) -> str:
        function = ON_ARRAYS.get(variable.function, variable.function)
        if (reduction := reduction_of(function)) is not None:
            return write_reduction(self, variable, reduction)
        if function in WRITERS:
            made = WRITERS[function](self, variable)
        elif function in _BY_FUNCTION:
            made = self._elementwise(variable, function)
        else:
            return self._expanded(variable, function)
        if variable.guarded and function in (np.matmul, ops.einsum):
            return self._mended(variable, getattr(function, "compute", function), made)
        return made

    def _expanded(self, variable: Variable, function: Any) -> str:
        """Write a function by what it consists of."""
        dtype = dtype_of(variable)
        if getattr(function, "__name__", "").startswith("erfc"):
            return self.inlined(
                compositions.erfc, variable.operands, dtype, kinds=[np.dtype(np.float64)]
            )
        name = function
        if isinstance(function, Operation):
            function = function.compute
            if function in WRITERS:  # recorded whole
                return WRITERS[function](self, replace(variable, function=function))
        elif function in _EXPANSIONS:
            function = _EXPANSIONS[function]
        elif function in numpy_api.NUMPY:
            floats = all(x.dtype.kind == "f" for x in variable.needs)
            if not floats and (function in _OF_FLOATS or "initial" in variable.options):
                refuse(function, "it is written for floating numbers alone")
            function = numpy_api.NUMPY[function]
        else:
            refuse(function)
        return self.inlined(
            function, variable.operands, dtype, variable.options, of=variable, name=name
        )

    # --- Elementwise operations -------------------------------------------------------------------

    def _elementwise(self, variable: Variable, function: Any) -> str:
        """Write an operation of the table of primitives."""
        operands, wanted = variable.operands, dtype_of(variable)
        if variable.options:
            refuse(function, f"with {next(iter(variable.options))}= it has no operator")
        if function is np.where:
            condition, x, y = operands
            return self.where(self.tensor(condition, bool), x, y, wanted)
        *kinds, result = _loop(function, operands)
        if variable.guarded and function is np.multiply:
            return self.cast(self._product(operands, kinds, result), result, wanted)
        if not COMPUTED.issuperset(kinds):
            kind = next(kind for kind in kinds if kind not in COMPUTED)
            refuse(function, f"onnxruntime does not compute with {kind.name}")
        return self.cast(self._primitive(function, operands, kinds, result), result, wanted)

    def _primitive(
        self, function: Any, operands: Sequence[Any], kinds: list[Any], result: Any
    ) -> str:
        """Write a primitive, on operands that are converted to these dtypes."""
        kind = kinds[-1]
        is_mask = all(kind.kind == "b" for kind in kinds)
        if is_mask:
            function = ON_BOOLEANS.get(function, function)
        primitive = _BY_FUNCTION[function]
        operator = primitive.onnx.removeprefix("Bitwise" if is_mask else "")
        if operator in _LOGICAL:
            kinds = [np.dtype(bool)] * len(kinds)
        elif is_mask and function in (*_ORDERS, np.matmul):
            kinds = [np.dtype(np.int32)] * 2
        elif kind.kind in "bi" and operator in ("IsNaN", "IsInf"):
            kinds = [np.dtype(np.float64)]
        elif kind.kind in "bi" and function in (np.floor, np.ceil, np.trunc):
            return self.tensor(operands[0], kind)
        elif kind.kind == "i" and function in (np.remainder, np.floor_divide):
            x, y = map(self.tensor, operands, kinds)
            rest = self.node("Mod", x, y)
            whole = function is np.floor_divide
            return self.node("Div", self.node("Sub", x, rest), y) if whole else rest
        if primitive.composed and not (operator and kind != np.float64):
            return self.inlined(primitive.composed, operands, result, kinds=kinds)
        attributes = {"fmod": 1} if function is np.fmod else {}
        made = self.node(operator, *map(self.tensor, operands, kinds), **attributes)
        return self.cast_back(made, result) if function is np.matmul else made

    def _product(self, operands: Sequence[Any], kinds: list[Any], result: Any) -> str:
        """Write a product of the chain rule: 0 times inf or nan is 0 in it."""
        for x, y in (operands, operands[::-1]):
            if dtype_of(y).kind == "b":
                return self.where(self.tensor(y, bool), x, 0, result)
            if isinstance(y, Variable) and y.constant and _is_regular(y.value):
                return self._primitive(np.multiply, operands, kinds, result)
        return self.inlined(numerics.product, operands, result, kinds=kinds)

    def _mended(self, variable: Variable, function: Any, tensor: str) -> str:
        """Write a sum of products again if it is not finite, with the rule 0 · inf = 0."""
        value = replace(variable)
        self.names[value] = tensor
        dtype = dtype_of(variable)
        is_finite = self.inlined(lambda x: np.all(np.isfinite(x)), [value], np.dtype(bool))

        def again(x: Any, *operands: Any) -> Any:
            return mended(function, operands, variable.options, x)

        branches = {
            "then_branch": self._branch(variable, lambda: tensor),
            "else_branch": self._branch(
                variable, lambda: self.inlined(again, [value, *variable.operands], dtype)
            ),
        }
        return self.node("If", is_finite, **branches)

    def _branch(self, variable: Variable, write: Callable[[], str]) -> Any:
        """Return the graph of a branch, whose result is like a Variable."""
        outer, self.nodes = self.nodes, []
        made = self.node("Identity", write())
        nodes, self.nodes = self.nodes, outer
        helper = self.onnx.helper
        of = self.type_of(dtype_of(variable))
        info = helper.make_tensor_value_info(made, of, variable.shape)
        return helper.make_graph(nodes, made, [], [info])

    def inlined(
        self,
        function: Callable[..., Any],
        operands: Sequence[Any],
        dtype: Any,
        options: dict[str, Any] | None = None,
        kinds: Sequence[Any] = (),
        name: Any = None,
        of: Variable | None = None,
    ) -> str:
        """Return the tensor of a function's result, written as the instructions it consists of."""
        name = name or function
        if function in self._inlining:  # it consists of itself
            refuse(name)
        given = [self._converted(x, kind) for x, kind in zip_longest(operands, kinds)]
        try:
            result, asked, stand_ins = explore(function, given, options or {})
        except CaptureError:
            refuse(name)
        except (TypeError, ValueError, ArithmeticError, IndexError) as error:
            refuse(name, f"it raised {error}")
        if asked:
            refuse(name, "it has branches")
        if of is not None and shape_of(result) != of.shape:
            refuse(name, "it is written for other shapes")
        self.names |= {own: self.names[x] for own, x in stand_ins.items()}
        self._inlining.append(function)
        if isinstance(result, Variable):
            self.write([result])
        self._inlining.pop()
        return self.tensor(result, dtype)

    def _converted(self, x: Any, dtype: Any) -> Any:
        """Return an operand, converted to a dtype unless that is None."""
        if dtype is None or not isinstance(x, Variable):
            return x if dtype is None else np.asarray(x, dtype)[()]
        if x.constant:
            return np.asarray(x.value, dtype)[()]
        made = replace(x, kind=Kind(None, dtype, x.shape, () if x.shape else None))
        self.names[made] = self.tensor(x, dtype)
        return made


def _is_regular(value: Any) -> bool:
    """Return whether all numbers are finite and none is 0, so that 0 · inf cannot occur."""
    return bool(np.all(np.isfinite(value) & (value != 0)))


def _loop(function: Any, operands: Sequence[Any]) -> tuple[Any, ...]:
    """Return the dtypes in which NumPy computes a ufunc: of its operands, and of its result."""
    kinds = [_python_type(x) or dtype_of(x) for x in operands]
    if all(isinstance(kind, type) for kind in kinds):  # Python's numbers alone
        kinds = [np.dtype(kind) for kind in kinds]
    kinds = [np.dtype(bool) if kind is bool else kind for kind in kinds]
    try:
        return cast(tuple[Any, ...], function.resolve_dtypes((*kinds, None)))
    except TypeError:
        refuse(function, f"NumPy does not compute it for {kinds}")


def _python_type(x: Any) -> Any:
    """Return the type of one of Python's numbers, which is weak in NumPy; None of others."""
    kind = x.kind.python if isinstance(x, Variable) else type(x)
    return kind if kind in (float, int, bool) else None
