"""Kernels: the loops of one instruction, or of several elementwise ones, over typed arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_hw.program.emit.javascript.elementwise import expression
from tinygrad_hw.program.emit.javascript.layout import (
    COUNTERS,
    Kernel,
    Strides,
    View,
    axes_of,
    loops,
    place,
    row_major,
)
from tinygrad_hw.program.variable import Variable

SMALLEST = 8192  # multiplications; for fewer, packing into blocks does not pay


def fused(
    members: Sequence[Variable],
    outputs: dict[Variable, View],
    operand: Callable[[Any], View | str],
    is_guarded: Callable[[Variable], bool],
    helpers: set[str],
) -> Kernel:
    """Return one loop for elementwise instructions of one shape.

    Parameters
    ----------
    members, outputs
        The instructions, and where the results that are needed outside of the loop go.
    operand
        Returns an operand: the view of an array, the text of a number.
    is_guarded
        Returns whether an instruction is a product in which 0 · inf is 0.
    helpers
        The names of the library's functions that are called are added to it.
    """
    kernel, shape = Kernel(), members[0].shape
    names: dict[Variable, str] = {}
    loads: dict[View, str] = {}

    def text_of(x: Any) -> str:
        if isinstance(x, Variable) and x in names:
            return names[x]
        found = operand(x)
        if isinstance(found, View):
            return loads.setdefault(found.stretched(shape), f"x{len(loads)}")
        is_name = found.isidentifier() and found not in ("NaN", "Infinity", "true", "false")
        return kernel.parameter(found) if is_name else found

    body = []
    for i, member in enumerate(members):
        needed = member.operands[: 1 if member.function is not np.where else 3]
        if isinstance(member.function, np.ufunc):
            needed = member.operands[: member.function.nin]
        text, called = expression(member, [text_of(x) for x in needed], is_guarded(member))
        helpers |= called
        names[member] = f"t{i}"
        body.append(f"const t{i} = {text};")
    views = [*loads, *outputs.values()]
    axes = axes_of(shape, [view.strides for view in views])
    element = [
        f"{kernel.parameter(view.buffer)}[{place(view.offset, axes, COUNTERS, i)}]"
        for i, view in enumerate(views)
    ]
    read = [
        f"const {x} = {at};" for x, at in zip(loads.values(), element[: len(loads)], strict=True)
    ]
    write = [
        f"{at} = {names[member]};"
        for member, at in zip(outputs, element[len(loads) :], strict=True)
    ]
    kernel.lines = loops(axes, COUNTERS[: len(axes)], [*read, *body, *write])
    return kernel


# --- Sums and extremes ----------------------------------------------------------------------------

_START = {
    **{"sum": "0", "prod": "1", "max": "-Infinity", "min": "Infinity"},
    **{"any": "0", "all": "1", "count": "0"},
}
_STEP = {
    "sum": "{0} += {1};",
    "prod": "{0} *= {1};",
    "max": "{0} = Math.max({0}, {1});",
    "min": "{0} = Math.min({0}, {1});",
    "any": "if ({1} != 0) {{ {0} = 1; }}",
    "all": "if ({1} == 0) {{ {0} = 0; }}",
    "count": "if ({1} != 0) {{ {0} += 1; }}",
}


@dataclass(frozen=True)
class Term:
    """One factor of a sum of products.

    Attributes
    ----------
    view
        The array.
    kept, reduced
        Its strides along the axes of the result, and along those that are summed over.
    """

    view: View
    kept: Strides
    reduced: Strides


def reduction(
    how: str,
    terms: Sequence[Term],
    out: View | None,
    kept: tuple[int, ...],
    reduced: tuple[int, ...],
    guarded: bool = False,
) -> Kernel:
    """Return the loops of a sum of products, or of another reduction.

    Parameters
    ----------
    how
        ``sum``, ``prod``, ``max``, ``min``, ``any``, ``all`` or ``count``.
    terms
        The arrays; their elements are multiplied.
    out
        Where the result goes; None returns it as a number.
    kept, reduced
        The lengths of the result's axes, and of those that are reduced.
    guarded
        Whether 0 · inf is 0 in the products.
    """
    kernel = Kernel()
    last = (
        (row_major(kept), (0,) * len(reduced)) if out else ((0,) * len(kept), (0,) * len(reduced))
    )
    outer = axes_of(kept, [*[t.kept for t in terms], last[0]])
    inner = axes_of(reduced, [*[t.reduced for t in terms], last[1]])
    names = COUNTERS[: len(outer)], COUNTERS[len(outer) : len(outer) + len(inner)]
    parts = [
        f"{kernel.parameter(t.view.buffer)}[{place(t.view.offset, [*outer, *inner], COUNTERS, i)}]"
        for i, t in enumerate(terms)
    ]
    product, start, step = " * ".join(parts), _START[how], _STEP[how]
    if out is None:
        again = _mended("sum", parts, inner, names[1]) if guarded else []
        body = loops(inner, names[1], [step.format("sum", product)])
        kernel.lines = [f"let sum = {start};", *body, *again, "return sum;"]
        return kernel
    target = f"{kernel.parameter(out.buffer)}[{place(out.offset, outer, COUNTERS, len(terms))}]"
    if how == "sum" and _rows_first(terms, outer, inner):
        kernel.lines = _sums_by_rows(kernel, terms, parts, out, outer, inner, names, target)
        if guarded:
            again = [f"let sum = {target};", *_mended("sum", parts, inner, names[1])]
            kernel.lines += loops(outer, names[0], [*again, f"{target} = sum;"])
        return kernel
    body = [f"let sum = {start};", *loops(inner, names[1], [step.format("sum", product)])]
    body += _mended("sum", parts, inner, names[1]) if guarded else []
    kernel.lines = loops(outer, names[0], [*body, f"{target} = sum;"])
    return kernel


def _rows_first(terms: Sequence[Term], outer: Any, inner: Any) -> bool:
    """Return whether the largest array lies in memory along the result's last axis."""
    largest = max(range(len(terms)), key=lambda i: terms[i].view.size)
    if not outer or not inner:
        return False
    along, across = outer[-1].strides[largest], inner[-1].strides[largest]
    return bool(along) and abs(along) < abs(across)


def _sums_by_rows(
    kernel: Kernel,
    terms: Sequence[Term],
    parts: list[str],
    out: View,
    outer: Any,
    inner: Any,
    names: Any,
    target: str,
) -> list[str]:
    """Return loops that add to all sums of a row in turn, so that memory is read in order."""
    fixed = [i for i in range(len(terms)) if not outer[-1].strides[i]]
    hoisted = [f"const x{i} = {parts[i]};" for i in fixed]
    factors = [f"x{i}" if i in fixed else part for i, part in enumerate(parts)]
    is_double = out.dtype == np.float64
    total = target if is_double else target.replace(kernel.parameter(out.buffer), "sums", 1)
    lines = loops(outer[-1:], names[0][-1:], [f"{total} += {' * '.join(factors)};"])
    lines = loops(inner, names[1], [*hoisted, *lines])
    lines = loops(outer[:-1], names[0][:-1], lines)
    if is_double:  # a new typed array is all zeros
        return lines
    sums = f"const sums = new Float64Array({out.size});"  # rounded once, at the end
    return [sums, *lines, f"{kernel.parameter(out.buffer)}.set(sums);"]


def _mended(total: str, parts: list[str], axes: Any, names: Any) -> list[str]:
    """Return lines that make 0 · inf 0 in a sum that is not finite."""
    factors = [f"x{i}" for i in range(len(parts))]
    finite = " && ".join([f"Number.isFinite({x})" for x in factors])
    step = [
        *(f"const {x} = {part};" for x, part in zip(factors, parts, strict=True)),
        f"if ({' && '.join([f'{x} !== 0' for x in factors])}) {{",
        f"  finite = finite && {finite};",
        f"  again += {' * '.join(factors)};",
        "}",
    ]
    return [
        f"if (!Number.isFinite({total})) {{",
        "  let again = 0, finite = true;",
        *(f"  {line}" for line in loops(axes, names, step)),
        f"  if (finite) {{ {total} = again; }}",
        "}",
    ]


def product(
    terms: Sequence[Term], out: View, kept: tuple[int, ...], reduced: tuple[int, ...], guarded: bool
) -> Kernel | None:
    """Return loops around products of matrices in blocks; None if that is not worth it."""
    if len(terms) != 2:
        return None
    outer = axes_of(kept, [*[t.kept for t in terms], row_major(kept)])
    inner = axes_of(reduced, [t.reduced for t in terms])
    rows = [axis for axis in outer if axis.strides[0] and not axis.strides[1]]
    columns = [axis for axis in outer if axis.strides[1] and not axis.strides[0]]
    if not rows or not columns or len(inner) != 1:
        return None
    row, column = [max(axes, key=lambda axis: axis.size) for axes in (rows, columns)]
    size = row.size * column.size * inner[0].size
    if size < SMALLEST or row.size < 3 or column.size < 3:
        return None
    kernel = Kernel()
    others = [axis for axis in outer if axis is not row and axis is not column]
    (a, b), (step_a, step_b) = terms, inner[0].strides
    arguments = [
        kernel.parameter(a.view.buffer), place(a.view.offset, others, COUNTERS, 0),
        row.strides[0], step_a,
        kernel.parameter(b.view.buffer), place(b.view.offset, others, COUNTERS, 1),
        step_b, column.strides[1],
        kernel.parameter(out.buffer), place(out.offset, others, COUNTERS, 2),
        row.strides[2], column.strides[2],
        row.size, inner[0].size, column.size,
    ]  # fmt: skip
    text = ", ".join(map(str, arguments))
    calls = [f"matmul({text});", *([f"mend({text});"] if guarded else [])]
    kernel.lines = loops(others, COUNTERS[: len(others)], calls)
    return kernel


# --- Along one axis -------------------------------------------------------------------------------


def largest(view: View, axis: int | None, out: View | None, sign: str) -> Kernel:
    """Return the loops of argmax (``sign`` is ``>``) or argmin (``<``)."""
    shape = view.shape
    others = () if axis is None else (*shape[:axis], *shape[axis + 1 :])
    kept_strides = () if axis is None else (*view.strides[:axis], *view.strides[axis + 1 :])
    lengths = shape if axis is None else (shape[axis],)
    steps = view.strides if axis is None else (view.strides[axis],)
    kernel = Kernel()
    outer = axes_of(others, [kept_strides, row_major(others)])
    inner = axes_of(lengths, [steps, row_major(lengths)])
    names = COUNTERS[: len(outer)], COUNTERS[len(outer) : len(outer) + len(inner)]
    array = kernel.parameter(view.buffer)
    first = f"{array}[{place(view.offset, outer, COUNTERS, 0)}]"
    value = f"{array}[{place(view.offset, [*outer, *inner], COUNTERS, 0)}]"
    index = place(0, inner, names[1], 1)
    body = [  # the first nan, if there is one
        f"const x = {value};",
        f"if (x {sign} best || x !== x && best === best) {{ best = x; index = {index}; }}",
    ]
    lines = [f"let best = {first}, index = 0;", *loops(inner, names[1], body)]
    if out is None:
        kernel.lines = [*lines, "return index;"]
        return kernel
    target = f"{kernel.parameter(out.buffer)}[{place(out.offset, outer, COUNTERS, 1)}]"
    kernel.lines = loops(outer, names[0], [*lines, f"{target} = index;"])
    return kernel


def _along(view: View, axis: int, out: View) -> tuple[Kernel, Any, tuple[str, str], str]:
    """Return a kernel, the loops around lines along an axis, and the two elements on a line."""
    parts = [(*x[:axis], *x[axis + 1 :]) for x in (view.shape, view.strides, out.strides)]
    kernel = Kernel()
    outer = axes_of(parts[0], parts[1:])
    line = f"l{axis}"
    read, write = [
        f"{kernel.parameter(v.buffer)}"
        f"[{place(v.offset, outer, COUNTERS, i)} + {v.strides[axis]} * {line}]"
        for i, v in enumerate((view, out))
    ]
    return kernel, outer, (read, write), line


def accumulation(view: View, axis: int, out: View, sign: str) -> Kernel:
    """Return the loops of a cumulative sum (``sign`` is ``+``) or product (``*``)."""
    kernel, outer, (read, write), line = _along(view, axis, out)
    head = f"for (let {line} = 0; {line} < {view.shape[axis]}; {line}++) {{"
    body = [f"let sum = {int(sign == '*')};", f"{head} sum {sign}= {read}; {write} = sum; }}"]
    kernel.lines = loops(outer, COUNTERS[: len(outer)], body)
    return kernel


def sorting(view: View, axis: int, out: View, indices: bool) -> Kernel:
    """Return the loops of a sort along an axis, nan last; of the indices it is stable."""
    kernel, outer, (read, write), line = _along(view, axis, out)
    n = view.shape[axis]
    head = f"for (let {line} = 0; {line} < {n}; {line}++) {{"
    body = [f"const part = new Float64Array({n});", f"{head} part[{line}] = {read}; }}"]
    if indices:
        compare = "part[x] - part[y] || (part[x] !== part[x]) - (part[y] !== part[y]) || x - y"
        body += [
            f"const order = Array.from(part.keys()).sort((x, y) => {compare});",
            f"{head} {write} = order[{line}]; }}",
        ]
    else:
        body += ["part.sort();", f"{head} {write} = part[{line}]; }}"]
    kernel.lines = loops(outer, COUNTERS[: len(outer)], body)
    return kernel


# --- Elements picked by computed indices ----------------------------------------------------------


@dataclass(frozen=True)
class Picked:
    """Elements of an array, some of whose indices are computed.

    Attributes
    ----------
    view
        The array at index 0 of every computed index, of the result's shape: strides of 0 along the
        axes of those indices.
    indices
        For each computed index: the array of it, of the result's shape; how many elements there
        are along its axis, and how far they are apart.
    """

    view: View
    indices: tuple[tuple[View | str, int, int], ...]


def picking(picked: Picked, other: View | None, add: bool) -> Kernel:
    """Return loops that copy picked elements to another array, or add that to them.

    Without another array, the one element is returned.
    """
    kernel, shape = Kernel(), picked.view.shape
    views = [picked.view, *[v for v, _, _ in picked.indices if isinstance(v, View)]]
    views += [other] if other else []
    axes = axes_of(shape, [v.strides for v in views])
    number = iter(range(1, len(views)))
    terms = [place(picked.view.offset, axes, COUNTERS, 0)]
    for view, size, stride in picked.indices:
        index = (
            f"{kernel.parameter(view.buffer)}[{place(view.offset, axes, COUNTERS, next(number))}]"
            if isinstance(view, View)
            else kernel.parameter(view)
        )
        terms.append(f"{stride} * at({index}, {size})")
    element = f"{kernel.parameter(picked.view.buffer)}[{' + '.join(terms)}]"
    if other is None:
        kernel.lines = [f"return {element};"]
        return kernel
    to = f"{kernel.parameter(other.buffer)}[{place(other.offset, axes, COUNTERS, len(views) - 1)}]"
    line = f"{element} += {to};" if add else f"{to} = {element};"
    kernel.lines = loops(axes, COUNTERS[: len(axes)], [line])
    return kernel
