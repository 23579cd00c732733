"""Moving: instructions that pick elements of arrays, and put them elsewhere."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.array_operations import concatenate, take, take_along_axis
from tinygrad_hw.program.emit.javascript.kernels import Picked, picking
from tinygrad_hw.program.emit.javascript.layout import Kernel, View, dense
from tinygrad_hw.program.instructions import arguments_of
from tinygrad_hw.program.record.tracer import CaptureError
from tinygrad_hw.program.variable import Variable, variables

_PADDING = ("constant", "edge", "reflect", "symmetric", "wrap")


def _names(*names: str) -> tuple[Any, ...]:
    """Return functions of NumPy's; some are younger than the oldest NumPy that will do."""
    return tuple([getattr(np, name) for name in names if hasattr(np, name)])


# Functions that put elements elsewhere, or zeros between them. What they do to an array, they do to
# the array of its elements' places, which is known when a program is written.
MOVING = {
    *(operator.getitem, ops.getitem, ops.broadcast_to),
    *_names("reshape", "ravel", "transpose", "swapaxes", "moveaxis", "rollaxis", "squeeze"),
    *_names("matrix_transpose", "permute_dims", "expand_dims", "broadcast_to", "copy"),
    *_names("atleast_1d", "atleast_2d", "atleast_3d", "flip", "fliplr", "flipud", "rot90", "roll"),
    *_names("tile", "repeat", "diagonal", "diag", "triu", "tril", "take", "take_along_axis"),
    *_names("delete", "pad", "zeros_like"),
}
_JOINING = {concatenate, *_names("concatenate", "stack", "hstack", "vstack", "dstack", "append")}


class MovingWriter:
    """Writer of instructions that move elements.

    Attributes
    ----------
    views
        Where the elements of each array are.
    helpers
        The names of the library's functions that are called.
    """

    def __init__(self) -> None:
        self.views: dict[Variable, View] = {}
        self.helpers: set[str] = set()

    # --- What the writer of the program gives -----------------------------------------------------

    def operand(self, x: Any) -> View | str:
        """Return the view of an array, the text of a number."""
        raise NotImplementedError

    def new_array(self, variable: Variable | None, dtype: Any, shape: Any) -> View:
        """Write a new typed array of zeros."""
        raise NotImplementedError

    def run(self, kernel: Kernel, result: Variable | None = None) -> None:
        """Write a call of a kernel, whose value is a number's if one is given."""
        raise NotImplementedError

    def constant(self, array: Any) -> View:
        """Return the view of an array that is the same in every run."""
        raise NotImplementedError

    def is_guarded(self, variable: Variable) -> bool:
        """Return whether 0 · inf is 0 in an instruction's products."""
        raise NotImplementedError

    def writer_of(self, variable: Variable) -> Callable[[Variable], None] | None:
        """Return the method that writes an instruction on arrays, or None."""
        methods: dict[Any, Callable[[Variable], None]] = {
            **{operator.getitem: self._getitem, ops.getitem: self._getitem},
            **{np.take: self._take, np.take_along_axis: self._take_along_axis},
            **{take: self._take, take_along_axis: self._take_along_axis},
            ops.scatter: self._scatter,
        }
        return self._joining if variable.function in _JOINING else methods.get(variable.function)

    # --- Elements that are moved ------------------------------------------------------------------

    def is_moving(self, variable: Variable) -> bool:
        """Return whether an instruction moves elements to places that are known now."""
        function = variable.function
        if function not in MOVING or not isinstance(variable.operands[0], Variable):
            return False
        if function is np.pad:
            arguments = arguments_of(variable)
            if arguments.get("mode") not in _PADDING or arguments.get("kwargs"):
                return False
        rest = variables((variable.operands[1:], variable.options))
        return all([x.constant for x in rest])

    def moved(self, variable: Variable) -> View:
        """Return the view of moved elements; copy them if no strides fit."""
        source = self.operand(variable.operands[0])
        if isinstance(source, str):
            view = self.new_array(variable, variable.dtype, variable.shape)
            kernel = Kernel()
            array, x = kernel.parameter(view.buffer), kernel.parameter(source)
            kernel.lines = [f"{array}.fill({x});"]
            self.run(kernel)
            return view
        function = getattr(variable.function, "compute", variable.function)
        rest, options = constants(variable.operands[1:]), constants(variable.options)

        def places(view: View) -> Any:  # from 1: a zero is a new element
            return np.asarray(function(view.positions + 1, *rest, **options)) - 1

        found = places(source)
        fits = found.size == 0 or found.min() >= 0
        moved = source.at(found) if fits else None
        if moved is None and not source.is_dense:
            source = self.copied(source)
            found = places(source)
            moved = source.at(found) if fits else None
        if moved is not None:
            return moved
        out = self.new_array(variable, variable.dtype, variable.shape)
        kernel = Kernel()
        known = self.constant(found)
        x, place, to = [kernel.parameter(v.buffer) for v in (source, known, out)]
        kernel.lines = [
            f"for (let i = 0; i < {out.size}; i++) {{",
            f"  const p = {place}[{'i' if known.is_dense else 0}];",
            f"  {to}[i] = p < 0 ? 0 : {x}[p];",
            "}",
        ]
        self.run(kernel)
        return out

    def copied(self, view: View) -> View:
        """Write a copy whose elements lie row by row."""
        out = self.new_array(None, view.dtype, view.shape)
        self.run(picking(Picked(view, ()), out, add=False))
        return out

    def array(self, x: Any) -> View:
        """Return the view of an operand; of a number, of an array with it."""
        found = self.operand(x)
        if isinstance(found, View):
            return found
        view = self.new_array(None, np.result_type(getattr(x, "dtype", x)), ())
        kernel = Kernel()
        kernel.lines = [f"{kernel.parameter(view.buffer)}[0] = {kernel.parameter(found)};"]
        self.run(kernel)
        return view

    def _result(self, variable: Variable, kept: tuple[int, ...]) -> View | None:
        """Write the array for a result, as a kernel sees it; None for a number."""
        if not variable.shape:
            return None
        view = self.views[variable] = self.new_array(variable, variable.dtype, variable.shape)
        return dense(view.buffer, view.dtype, kept)

    def _flat_or_axis(self, variable: Variable, axis: Any) -> tuple[View, int]:
        view = self.array(variable.operands[0])
        if axis is not None:
            return view, operator.index(axis) % len(view.shape)
        view = view if view.is_dense else self.copied(view)
        return dense(view.buffer, view.dtype, (view.size,)), 0

    def _joining(self, variable: Variable) -> None:
        function, operands = variable.function, variable.operands
        parts, rest = (operands, ()) if function is concatenate else (operands[0], operands[1:])
        if function is np.append:
            parts, rest = operands[:2], operands[2:]
        views = [self.array(x) for x in parts]
        starts = np.cumsum([0, *[view.size for view in views]])
        places: list[Any] = [
            start + np.arange(view.size).reshape(view.shape)
            for start, view in zip(starts[:-1], views, strict=True)
        ]
        call = getattr(function, "compute", function)
        spread = function in (concatenate, np.append)
        found = call(*(places if spread else [places]), *rest, **variable.options)
        out = self.views[variable] = self.new_array(variable, variable.dtype, variable.shape)
        back = np.empty(found.size, int)
        back[found.ravel()] = np.arange(found.size)
        for view, place in zip(views, places, strict=True):
            target = out.at(back[place])
            if target is None:
                raise CaptureError(f"{call.__name__} has no word in JavaScript here")
            self.run(picking(Picked(target, ()), view, add=True))

    # --- Computed indices -------------------------------------------------------------------------

    def _pick(self, variable: Variable, picked: Picked) -> None:
        self.helpers.add("at")
        out = self._result(variable, variable.shape)
        self.run(picking(picked, out, add=False), variable if out is None else None)

    def _getitem(self, variable: Variable) -> None:
        is_operation = variable.function is ops.getitem
        index = variable.options["index"] if is_operation else variable.operands[1]
        self._pick(variable, self.picked(self.array(variable.operands[0]), index))

    def _take(self, variable: Variable) -> None:
        arguments = arguments_of(variable)
        if arguments.get("mode", "raise") != "raise":
            raise CaptureError("np.take with mode= has no word in JavaScript here")
        view, axis = self._flat_or_axis(variable, arguments.get("axis"))
        index = (*[slice(None)] * axis, arguments["indices"])
        self._pick(variable, self.picked(view, index))

    def _take_along_axis(self, variable: Variable) -> None:
        arguments = arguments_of(variable)
        view, axis = self._flat_or_axis(variable, arguments.get("axis", -1))
        shape = variable.shape
        strides = view.stretched(
            tuple([1 if i == axis else n for i, n in enumerate(shape)])
            if view.shape[axis] == 1
            else tuple([view.shape[axis] if i == axis else n for i, n in enumerate(shape)])
        ).strides
        base = view.seen(
            shape, tuple([0 if i == axis else s for i, s in enumerate(strides)]), view.offset
        )
        indices = self.array(arguments["indices"]).stretched(shape)
        self._pick(variable, Picked(base, ((indices, view.shape[axis], strides[axis]),)))

    def _scatter(self, variable: Variable) -> None:
        """Write zeros to which elements are added; one that is picked twice gets both."""
        index, shape = variable.options["index"], variable.options["shape"]
        x = self.array(variable.operands[0])
        out = self.views[variable] = self.new_array(variable, variable.dtype, shape)
        if all([part.constant for part in variables(index)]):
            places = out.positions[constants(index)]
            view = out.at(places)
            picked = Picked(view, ()) if view else None
            if picked is None:
                at = self.constant(places)
                base = out.seen(places.shape, (0,) * places.ndim, 0)
                picked = Picked(base, ((at, out.size, 1),))
        else:
            picked = self.picked(out, index)
        self.helpers |= {"at"} if picked.indices else set()
        self.run(picking(picked, x.stretched(picked.view.shape), add=True))

    def picked(self, view: View, index: Any) -> Picked:
        """Return the elements that an index picks, by NumPy's rules for arrays among slices."""
        parts = list(index) if isinstance(index, tuple) else [index]
        is_rest = [part is ... for part in parts]
        used = sum([part is not None and part is not ... for part in parts])
        fill = [slice(None)] * (len(view.shape) - used)
        place = is_rest.index(True) if True in is_rest else len(parts)
        parts[place : place + 1] = fill
        arrays: list[tuple[View | str, int, int]] = []
        where: list[int] = []  # of what counts as an array, among the parts
        before: list[tuple[int, int]] = []  # (length, stride) of the axes of slices
        offset, axis, first = view.offset, 0, 0
        for position, part in enumerate(parts):
            if part is None:
                before.append((1, 0))
                continue
            n, stride = view.shape[axis], view.strides[axis]
            axis += 1
            if isinstance(part, slice):
                if variables(part):
                    raise CaptureError("a slice with computed ends has no word in JavaScript")
                start, stop, step = part.indices(n)
                offset += start * stride
                before.append((len(range(start, stop, step)), step * stride))
                continue
            first = first if where else len(before)
            where.append(position)
            if isinstance(part, int | np.integer):
                offset += (int(part) % n) * stride
                continue
            picks = np.asarray(part) if isinstance(part, list) else part
            if np.dtype(getattr(picks, "dtype", int)).kind not in "iu":
                raise CaptureError("an index of truth values has no word in JavaScript here")
            arrays.append((self.operand(picks), n, stride))
        shapes = [v.shape for v, _, _ in arrays if isinstance(v, View)]
        common = np.broadcast_shapes(*shapes)
        if shapes and where != list(range(where[0], where[0] + len(where))):
            first = 0  # arrays apart from each other: their axes come first
        after, before = before[first:], before[:first]
        shape = tuple([n for n, _ in before]) + common + tuple([n for n, _ in after])
        zeros = (0,) * len(common)
        strides = (*[s for _, s in before], *zeros, *[s for _, s in after])
        indices = tuple(
            [
                (self._among(v, common, len(before), shape) if isinstance(v, View) else v, n, s)
                for v, n, s in arrays
            ]
        )
        return Picked(view.seen(shape, strides, offset), indices)

    @staticmethod
    def _among(view: View, common: Any, first: int, shape: tuple[int, ...]) -> View:
        """Return an array of indices, stretched along the axes of slices."""
        strides = view.stretched(common).strides
        after = (0,) * (len(shape) - first - len(common))
        return view.seen(shape, (*(0,) * first, *strides, *after), view.offset)


def constants(tree: Any) -> Any:
    """Return operands with the data of constant Variables in place of them."""
    if isinstance(tree, Variable):
        return tree.value
    if isinstance(tree, tuple | list):
        return type(tree)([constants(part) for part in tree])
    if isinstance(tree, dict):
        return {name: constants(part) for name, part in tree.items()}
    return tree
