"""numba: runs of pointwise operations as one compiled loop each, where numba is installed.

A loop reads its operands once, keeps intermediate results in registers, and writes its results
once. float32 stays float32, as in NumPy. Divisions, roots and sums equal NumPy's to the last bit;
``exp`` and other functions are those of the C library and may differ in the last bit.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.errors import InputError
from tinygrad_hw.program.emit.primitives import PRIMITIVES
from tinygrad_hw.program.variable import Kind, Variable, kind_of

SWITCH = "TINYGRAD_HW_JIT"  # in the environment: 0 turns compilation off
SMALLEST = 256  # elements; a loop over fewer is not worth its compilation

_DTYPES = (np.dtype(np.float32), np.dtype(np.float64), np.dtype(bool))
_INFIX = {p.numpy for p in PRIMITIVES if p.infix and p.loop}
_PATTERNS: dict[Any, str] = {
    **{p.numpy: p.loop for p in PRIMITIVES if p.loop},
    ops.broadcast_to: "{0}",
    ops.astype: "{0}",
}


def is_wanted(jit: bool | None) -> bool:
    """Return whether to compile: as asked for; by default, if numba is installed.

    Raises
    ------
    InputError
        If it is asked for and numba is not installed.
    """
    if jit is False or os.environ.get(SWITCH) == "0":
        return False
    found = importlib.util.find_spec("numba") is not None
    if jit and not found:
        raise InputError("jit needs numba, which is not installed: pip install 'tinygrad_hw[fast]'")
    return found


def is_fusable(variable: Variable) -> bool:
    """Return whether an instruction can be a line of a compiled loop."""
    if not variable.kind.is_array or variable.size < SMALLEST or variable.dtype not in _DTYPES:
        return False
    if variable.function not in _PATTERNS:
        return False
    return all(_is_loop_operand(operand, variable) for operand in variable.operands[:3])


def _is_loop_operand(operand: Any, variable: Variable) -> bool:
    known = operand.kind if isinstance(operand, Variable) else kind_of(operand)
    if known.python:
        return True
    kind = known.dtype
    is_whole = kind.kind in "iu" and kind.isnative and variable.function is ops.astype
    return kind in _DTYPES or is_whole


class Loop:
    """The text of one kernel, and the arguments that it is called with.

    Parameters
    ----------
    members
        The instructions, in order.
    outputs
        The members whose results are needed outside the loop.
    memory_key
        Returns equal keys for a result and an operand that are one array in memory.
    """

    def __init__(
        self, members: list[Variable], outputs: list[Variable], memory_key: Callable[[Any], Any]
    ) -> None:
        self.arguments: list[Any] = []
        self._names: dict[Any, str] = {}
        self._loaded: dict[Any, str] = {}
        self._memory_key = memory_key
        self._axes = [f"i{axis}" for axis in range(members[0].ndim)]
        loads: list[str] = []
        body: list[str] = []
        for i, member in enumerate(members):
            operands = [self._operand(x, member, loads) for x in member.operands[:3]]
            self._loaded[member] = f"t{i}"
            body.append(f"t{i} = {_expression(member, operands)}")
        stores = [f"{self._element(out)} = {self._loaded[out]}" for out in outputs]
        first = self._argument(outputs[0])
        sizes = [f"n{axis}" for axis in range(len(self._axes))]
        head = [f"{', '.join(sizes)}{',' * (len(sizes) == 1)} = {first}.shape"]
        for axis, (index, size) in enumerate(zip(self._axes, sizes, strict=True)):
            head.append(f"{'    ' * axis}for {index} in range({size}):")
        inner = "    " * len(self._axes)
        lines = [*head, *(inner + line for line in [*loads, *body, *stores])]
        names = ", ".join(f"a{i}" for i in range(len(self.arguments)))
        self.body = "\n".join([f"({names}):", *(f"    {line}" for line in lines)])

    def _argument(self, operand: Any) -> str:
        key = self._memory_key(operand)
        if key not in self._names:
            self._names[key] = f"a{len(self.arguments)}"
            self.arguments.append(operand)
        return self._names[key]

    def _element(self, variable: Variable) -> str:
        """Return ``a2[i1]``: the element of an operand that an element of the result needs."""
        axes = self._axes[len(self._axes) - variable.ndim :]
        index = ["0" if n == 1 else axis for n, axis in zip(variable.shape, axes, strict=True)]
        return f"{self._argument(variable)}[{', '.join(index)}]"

    def _operand(self, operand: Any, member: Variable, loads: list[str]) -> str:
        if isinstance(operand, Variable) and operand in self._loaded:
            return self._loaded[operand]
        kind = operand.kind if isinstance(operand, Variable) else kind_of(operand)
        if not kind.shape:
            is_variable = isinstance(operand, Variable) and not operand.constant
            number = operand.value if isinstance(operand, Variable) else operand
            text = self._argument(operand) if is_variable else _number(number)
            return text if kind.dtype == bool else f"np.{_dtype(operand, kind, member)}({text})"
        self._loaded[operand] = f"x{len(self._loaded)}"
        loads.append(f"{self._loaded[operand]} = {self._element(operand)}")
        return self._loaded[operand]


def _number(value: Any) -> str:
    return (
        repr(value)
        if isinstance(value, bool | int)
        else repr(float(value)).replace("inf", "np.inf").replace("nan", "np.nan")
    )


def _dtype(operand: Any, of: Kind, member: Variable) -> str:
    """Return a number's dtype: NumPy's its own, Python's that of the other operands."""
    if of.python is None:
        return of.dtype.name
    kinds = [x.dtype for x in member.operands if isinstance(x, Variable) and x is not operand]
    kinds = [kind for kind in kinds if kind.kind == "f"] or [member.dtype]
    kind = np.result_type(*kinds)
    return kind.name if kind.kind == "f" else "float64"


def _expression(member: Variable, operands: list[str]) -> str:
    function = member.function
    if member.dtype == np.bool_ and function in (np.add, np.multiply):  # of booleans
        function = {np.add: np.bitwise_or, np.multiply: np.bitwise_and}[function]
    if function is np.reciprocal:  # an integer 1 would make float64 of float32
        return f"np.{member.dtype.name}(1.0) / {operands[0]}"
    if function in _INFIX:
        operands = _numbers(member, operands)
    text = _PATTERNS[function].format(*operands)
    if function is np.where or function is ops.astype:
        kind = member.dtype.name
        if member.dtype.kind == "f":
            options = [f"np.{kind}({x})" for x in operands]
            text = (
                options[0]
                if function is ops.astype
                else f"{options[1]} if {operands[0]} else {options[2]}"
            )
    return text


def _numbers(member: Variable, operands: list[str]) -> list[str]:
    """Return operands with masks as ones and zeros of the result's dtype."""
    if member.dtype.kind != "f":
        return operands
    return [
        f"np.{member.dtype.name}({text})" if isinstance(x, Variable) and x.dtype == bool else text
        for text, x in zip(operands, member.operands, strict=True)
    ]


def compiled(body: str, arguments: list[Variable]) -> Any:
    """Return the function with this body, compiled for such arguments or loaded from disk."""
    kinds = tuple([_type_of(variable.kind) for variable in arguments])
    try:
        kernel = _kernel(body, cached=True)
        kernel.compile(kinds)
    except Exception:  # the files on disk may be broken; they are not needed
        kernel = _kernel(body, cached=False)
        kernel.compile(kinds)
    return kernel


def _type_of(kind: Kind) -> Any:
    """Return numba's type for a number or an array."""
    import numba

    of: Any = numba.from_dtype(kind.dtype)
    if not kind.is_array:
        return of
    layout: Any = "C" if kind.is_c_contiguous else "F" if kind.is_f_contiguous else "A"
    return numba.types.Array(of, len(kind.shape), layout)


@functools.cache
def _kernel(body: str, cached: bool) -> Any:
    import numba

    name = f"kernel_{hashlib.sha256(body.encode()).hexdigest()[:16]}"
    text = f"import math\n\nimport numpy as np\n\n\ndef {name}{body}\n"
    path = _on_disk(name, text) if cached else None
    namespace: dict[str, Any] = {"__name__": __name__}  # numba looks for a module to load it into
    exec(compile(text, str(path) if path else f"<{name}>", "exec"), namespace)
    return numba.njit(cache=path is not None, error_model="numpy")(namespace[name])


def _on_disk(name: str, text: str) -> Path | None:
    """Return a file with the text, where numba caches its compiled code; None if impossible."""
    path = cache_folder() / f"{name}-{sys.version_info[0]}{sys.version_info[1]}.py"
    try:
        if not path.exists() or path.read_text("utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            unfinished = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
            unfinished.write_text(text, "utf-8")
            unfinished.replace(path)
        places = (path.parent, path.parent / "__pycache__", path)
        is_ours = all(_only_we_may_write(place) for place in places if place.exists())
        return path if is_ours and os.access(path.parent, os.W_OK) else None
    except OSError:
        return None


def _only_we_may_write(place: Path) -> bool:
    """Return whether no other user may write to a file, since numba trusts its cache."""
    status = place.stat()
    return not hasattr(os, "getuid") or (
        status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )


def cache_folder() -> Path:
    """Return the folder of compiled loops: TINYGRAD_HW_CACHE, or one in the user's cache folder."""
    if folder := os.environ.get("TINYGRAD_HW_CACHE"):
        return Path(folder)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tinygrad_hw"
