"""Arrays: the instructions on arrays that JavaScript has words for, one method for each kind."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_hw.engine.array_operations import einsum
from tinygrad_hw.program.emit.javascript.kernels import (
    Term,
    accumulation,
    largest,
    product,
    reduction,
    sorting,
)
from tinygrad_hw.program.emit.javascript.layout import View
from tinygrad_hw.program.emit.javascript.moving import MovingWriter
from tinygrad_hw.program.emit.primitives import REDUCTIONS
from tinygrad_hw.program.instructions import arguments_of
from tinygrad_hw.program.record.tracer import CaptureError
from tinygrad_hw.program.variable import Variable

_REDUCTIONS: dict[Any, str] = {
    **{r.ufunc: r.javascript for r in REDUCTIONS},
    **{np.bitwise_or: "any", np.bitwise_and: "all"},
}


class ArrayWriter(MovingWriter):
    """Writer of instructions on arrays."""

    def writer_of(self, variable: Variable) -> Callable[[Variable], None] | None:
        """Return the method that writes an instruction on arrays, or None."""
        function = variable.function
        owner, name = getattr(function, "__self__", None), getattr(function, "__name__", "")
        if isinstance(owner, np.ufunc) and name == "reduce" and owner in _REDUCTIONS:
            return self._reduction
        if isinstance(owner, np.ufunc) and name == "accumulate" and owner in (np.add, np.multiply):
            return self._accumulation
        if function in (np.any, np.all, np.prod, np.count_nonzero):
            return self._reduction
        if function in (np.matmul, np.dot) and max([len(x.shape) for x in variable.operands]) <= 2:
            return self._matmul
        methods: dict[Any, Callable[[Variable], None]] = {
            **{np.matmul: self._matmul, einsum: self._einsum},
            **{np.cumsum: self._accumulation, np.cumprod: self._accumulation},
            **{np.argmax: self._largest, np.argmin: self._largest},
            **{np.sort: self._sorting, np.argsort: self._sorting},
        }
        return methods.get(function) or super().writer_of(variable)

    # --- Sums and products ------------------------------------------------------------------------

    def _reduction(self, variable: Variable) -> None:
        function, arguments = variable.function, arguments_of(variable)
        owner = getattr(function, "__self__", None)
        how = _REDUCTIONS[owner] if isinstance(owner, np.ufunc) else function.__name__
        how = how.partition("_")[0]  # of count_nonzero
        for name, plain in (("initial", None), ("where", True), ("out", None)):
            given = arguments.get(name, plain)
            if given is not plain and given is not np._NoValue:
                raise CaptureError(f"{how} with {name}= has no word in JavaScript here")
        view = self.array(variable.operands[0])
        axes = _axes(arguments.get("axis", 0 if owner is not None else None), view)
        rest = [axis for axis in range(len(view.shape)) if axis not in axes]
        kept = tuple([view.shape[axis] for axis in rest])
        term = Term(
            view,
            tuple([view.strides[axis] for axis in rest]),
            tuple([view.strides[axis] for axis in axes]),
        )
        reduced = tuple([view.shape[axis] for axis in axes])
        out = self._result(variable, kept)
        self.run(reduction(how, [term], out, kept, reduced), variable if out is None else None)

    def _matmul(self, variable: Variable) -> None:
        views = [self.array(x) for x in variable.operands]
        left, right = [len(view.shape) for view in views]
        if 0 in (left, right):
            raise CaptureError("a dot product with a number has no word in JavaScript; use *")
        batch = "abcdefgh"[: max(left, right, 2) - 2]
        x = batch[len(batch) - max(left - 2, 0) :] + ("ik" if left > 1 else "k")
        y = batch[len(batch) - max(right - 2, 0) :] + ("kj" if right > 1 else "k")
        out = batch + "i" * (left > 1) + "j" * (right > 1)
        self._contraction(variable, views, [x, y], out)

    def _einsum(self, variable: Variable) -> None:
        inputs, result = variable.options["subscripts"].split("->")
        terms, views = inputs.split(","), [self.array(x) for x in variable.operands]
        while len(terms) > 2:  # two at a time, in NumPy's order
            shapes = [np.broadcast_to(0.0, view.shape) for view in views]
            path = np.einsum_path(f"{','.join(terms)}->{result}", *shapes, optimize="greedy")[0]
            pair = sorted(path[1], reverse=True)
            pair = pair if len(pair) == 2 else [1, 0]
            chosen = [(views.pop(i), terms.pop(i)) for i in pair]
            needed = set("".join([*terms, result]))
            letters = "".join(dict.fromkeys("".join([term for _, term in chosen])))
            part = "".join([letter for letter in letters if letter in needed])
            factors, letters_of = [x for x, _ in chosen], [term for _, term in chosen]
            views.append(self._contracted(variable, factors, letters_of, part, None))
            terms.append(part)
        self._contraction(variable, views, terms, result)

    def _contraction(
        self, variable: Variable, views: Sequence[View], terms: Sequence[str], result: str
    ) -> None:
        if variable.shape:
            self.views[variable] = self._contracted(variable, views, terms, result, variable)
            return
        lengths = _lengths(views, terms)
        factors = [
            _term(view, term, "", "".join(lengths)) for view, term in zip(views, terms, strict=True)
        ]
        guarded = self.is_guarded(variable) and len(views) > 1
        kernel = reduction("sum", factors, None, (), tuple(lengths.values()), guarded)
        self.run(kernel, variable)

    def _contracted(
        self,
        variable: Variable,
        views: Sequence[View],
        terms: Sequence[str],
        result: str,
        named: Variable | None,
    ) -> View:
        """Write the sum of products over all letters that are not in the result."""
        lengths = _lengths(views, terms)
        summed = "".join([letter for letter in lengths if letter not in result])
        factors = [
            _term(view, term, result, summed) for view, term in zip(views, terms, strict=True)
        ]
        kept, reduced = [tuple([lengths[x] for x in letters]) for letters in (result, summed)]
        dtype = np.result_type(*[view.dtype for view in views])
        guarded = self.is_guarded(variable) and len(views) > 1
        out = self.new_array(named, dtype, kept)
        blocked = product(factors, out, kept, reduced, guarded)
        if blocked is not None:
            self.helpers |= {"matmul", *(["mend"] if guarded else [])}
        self.run(blocked or reduction("sum", factors, out, kept, reduced, guarded))
        return out

    # --- Along one axis ---------------------------------------------------------------------------

    def _accumulation(self, variable: Variable) -> None:
        arguments = arguments_of(variable)
        is_method = isinstance(getattr(variable.function, "__self__", None), np.ufunc)
        view, axis = self._flat_or_axis(variable, arguments.get("axis", 0 if is_method else None))
        products = variable.function in (np.cumprod, np.multiply.accumulate)
        out = self._result(variable, view.shape)
        if out is not None:
            self.run(accumulation(view, axis, out, "*" if products else "+"))

    def _largest(self, variable: Variable) -> None:
        arguments, view = arguments_of(variable), self.array(variable.operands[0])
        axis = arguments.get("axis")
        axis = None if axis is None else operator.index(axis) % len(view.shape)
        others = () if axis is None else (*view.shape[:axis], *view.shape[axis + 1 :])
        out = self._result(variable, others)
        sign = ">" if variable.function is np.argmax else "<"
        self.run(largest(view, axis, out, sign), variable if out is None else None)

    def _sorting(self, variable: Variable) -> None:
        view, axis = self._flat_or_axis(variable, arguments_of(variable).get("axis", -1))
        out = self._result(variable, view.shape)
        if out is not None:
            self.run(sorting(view, axis, out, variable.function is np.argsort))


def _axes(axis: Any, view: View) -> list[int]:
    """Return axes as a list of numbers from 0."""
    if axis is None:
        return list(range(len(view.shape)))
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    return sorted([operator.index(axis) % len(view.shape) for axis in axes])


def _lengths(views: Sequence[View], terms: Sequence[str]) -> dict[str, int]:
    """Return the length of the axis that each letter stands for."""
    lengths: dict[str, int] = {}
    for view, term in zip(views, terms, strict=True):
        for letter, n in zip(term, view.shape, strict=True):
            lengths[letter] = n if lengths.get(letter, 1) == 1 else lengths[letter]
    return lengths


def _term(view: View, term: str, result: str, summed: str) -> Term:
    """Return a factor with its strides along the letters; a letter twice is a diagonal."""
    strides = dict.fromkeys(result + summed, 0)
    for letter, n, stride in zip(term, view.shape, view.strides, strict=True):
        strides[letter] += stride if n > 1 else 0
    return Term(view, tuple([strides[x] for x in result]), tuple([strides[x] for x in summed]))
