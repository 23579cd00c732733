"""Loading: emitted text as code, whose lines a traceback shows and a debugger steps through.

What numba has compiled is kept on the disk, beside its text.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import linecache
import os
import stat
import sys
import threading
import types
import weakref
from pathlib import Path
from typing import Any

from tinygrad_hw.program.variable import Kind, Variable

_NUMBERS = itertools.count(1)


def compile_function(text: str, title: str) -> types.CodeType:
    """Compile the text of one function under a file name of its own.

    Parameters
    ----------
    text
        Definitions and one function, as Python.
    title
        The file's name, without its number: ``program of step`` becomes ``<program of step 1>``.

    Returns
    -------
    The code that defines the function. Its lines are in ``linecache`` for as long as the function
    or a frame of it exists.
    """
    file = f"<{title} {next(_NUMBERS)}>"
    code = compile(text, file, "exec")
    [body] = [part for part in code.co_consts if isinstance(part, types.CodeType)]
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    weakref.finalize(body, linecache.cache.pop, file, None).atexit = False
    return code


def compiled(body: str, arguments: list[Variable], helpers: str = "") -> Any:
    """Return the function with this body, compiled for such arguments or loaded from disk.

    Parameters
    ----------
    body
        Its text from the brackets on.
    arguments
        Such as it will be called with.
    helpers
        The text of functions that it calls.
    """
    kinds = tuple([_type_of(variable.kind) for variable in arguments])
    try:
        kernel = _kernel(body, helpers, cached=True)
        kernel.compile(kinds)
    except Exception:  # the files on disk may be broken; they are not needed
        kernel = _kernel(body, helpers, cached=False)
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
def _kernel(body: str, helpers: str, cached: bool) -> Any:
    import numba

    name = f"kernel_{hashlib.sha256((helpers + body).encode()).hexdigest()[:16]}"
    imports = "import math\n\nimport numpy as np\nfrom numba import njit\n\n\n"
    text = f"{imports}{helpers}def {name}{body}\n"
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
