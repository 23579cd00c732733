"""Gathers from plain arrays: ``table[y]``, where the function computes y and table is plain.

NumPy asks a stand-in between the brackets for its numbers, and gives a plain array. So the line
that asks is read: which array, which index? The gather is recorded and the numbers are given. What
NumPy makes of them is known again, by its elements, where the function computes with it.

A plain array may have the same elements by chance. No program is therefore made of recordings to
which the same numbers were given: two with different ones must be equal.
"""

from __future__ import annotations

import ast
import itertools
import linecache
import operator
import os
from types import FrameType
from typing import Any

import numpy as np

from tinygrad_hw.program.record.tracer import CallRecorder, Tracer

_NUMPY = os.path.dirname(np.__file__) + os.sep
_PURE: tuple[type[ast.AST], ...] = (
    *(ast.Attribute, ast.BinOp, ast.Call, ast.Compare, ast.Constant, ast.Name, ast.Slice),
    *(ast.Subscript, ast.Tuple, ast.UnaryOp, ast.cmpop, ast.expr_context, ast.keyword),
    *(ast.operator, ast.unaryop),
)


class Gathers:
    """Gathers of one run.

    Attributes
    ----------
    given
        The numbers that were given to NumPy, in order.
    """

    def __init__(self, recorder: CallRecorder) -> None:
        self.given: list[Any] = []
        self._recorder = recorder
        self._results: dict[Any, Tracer] = {}
        self._unused: dict[Any, Tracer] = {}

    def record(self, tracer: Tracer, frame: FrameType) -> bool:
        """Record the gather for which NumPy asks a Tracer for its numbers.

        Returns
        -------
        Whether there is one, of a plain array, in a frame that can be read.
        """
        try:
            call = _call_of_take(frame) or _call_in_line(frame)
        except Exception:  # the line cannot be computed a second time
            return False
        if call is None or type(call[1][0]) is not np.ndarray:
            return False
        result = self._recorder.call(*call)
        if not isinstance(result, Tracer) or not result.shape:
            return False  # a single number is not known again
        key = _key(result.value)
        self._results[key] = self._unused[key] = result
        self.given.append(_key(np.asarray(tracer.value)))
        return True

    def recognized(self, tree: Any) -> Any:
        """Return operands with Tracers in place of the arrays that NumPy has gathered."""
        if type(tree) is np.ndarray:
            key = _key(tree)
            self._unused.pop(key, None)
            return self._results.get(key, tree)
        if type(tree) in (tuple, list):
            return type(tree)([self.recognized(part) for part in tree])
        if type(tree) is dict:
            return {name: self.recognized(part) for name, part in tree.items()}
        return tree

    def __bool__(self) -> bool:
        return bool(self._results)

    def obstacle(self) -> str | None:
        """Return why no program can be made, if NumPy alone has computed with a gather."""
        for tracer in self._unused.values():
            return (
                f"{tracer.variable.site} picks elements from a plain array by an index that is "
                "computed, and goes on with plain NumPy; write Value(table, constant=True)[index]"
            )
        return None


def _key(array: Any) -> Any:
    return array.shape, array.dtype.str, array.tobytes()


def _call_of_take(frame: FrameType | None) -> Any:
    """Return the call of ``np.take`` that a frame of NumPy's belongs to, if it is one."""
    code = np.take._implementation.__code__  # type: ignore[attr-defined]
    while frame is not None and frame.f_code.co_filename.startswith(_NUMPY):
        if frame.f_code is code:
            given = frame.f_locals
            options = {"axis": given["axis"], "out": given["out"], "mode": given["mode"]}
            return np.take, (given["a"], given["indices"]), options
        frame = frame.f_back
    return None


def _call_in_line(frame: FrameType) -> Any:
    """Return the call for ``a[i]`` or ``a.take(i)``, if that is what a frame is computing now."""
    code = frame.f_code
    place: Any = next(itertools.islice(code.co_positions(), frame.f_lasti // 2, None))
    try:
        text = _text_at(code.co_filename, frame, *place)
        tree = ast.parse(f"({text})", mode="eval").body
    except (SyntaxError, TypeError, ValueError):  # no source, or not the one that runs
        return None
    names = frame.f_globals, dict(frame.f_locals)
    if isinstance(tree, ast.Subscript):
        parts = [tree.value, tree.slice]
        values = [_evaluated(part, *names) for part in parts if _is_pure(part, *names)]
        return (operator.getitem, tuple(values), {}) if len(values) == 2 else None
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute):
        parts = [tree.func.value, *tree.args, *[keyword.value for keyword in tree.keywords]]
        if tree.func.attr == "take" and all(_is_pure(part, *names) for part in parts):
            operands = tuple([_evaluated(part, *names) for part in [tree.func.value, *tree.args]])
            options = {str(k.arg): _evaluated(k.value, *names) for k in tree.keywords}
            return np.take, operands, options
    return None


def _text_at(
    path: str, frame: FrameType, line: int, end_line: int, column: int, end_column: int
) -> str:
    """Return the text of the expression at a place of a source file; columns count bytes."""
    lines = linecache.getlines(path, frame.f_globals)[line - 1 : end_line]
    encoded = [text.encode() for text in lines]
    encoded[-1] = encoded[-1][:end_column]
    encoded[0] = encoded[0][column:]
    return b"".join(encoded).decode()


def _is_pure(tree: ast.AST, *names: Any) -> bool:
    """Return whether an expression may be computed a second time: it calls NumPy at most."""
    for part in ast.walk(tree):
        if not isinstance(part, _PURE):
            return False
        if isinstance(part, ast.Call):
            function = _evaluated(part.func, *names) if _is_pure(part.func, *names) else None
            owner = getattr(function, "__self__", None)
            of_numpy = getattr(function, "__module__", "") == "numpy" or type(function) is np.ufunc
            if not (of_numpy or isinstance(owner, np.ndarray | Tracer)):
                return False
    return True


def _evaluated(tree: ast.AST, *names: Any) -> Any:
    expression: Any = ast.Expression(tree)  # type: ignore[arg-type]
    return eval(compile(ast.fix_missing_locations(expression), "<index>", "eval"), *names)
