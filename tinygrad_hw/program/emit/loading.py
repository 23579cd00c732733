"""Loading: emitted text as code, whose lines a traceback shows and a debugger steps through."""

from __future__ import annotations

import itertools
import linecache
import types
import weakref

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
