"""The compiler of rules: the text of a derivative becomes a function, which a debugger can show."""

from __future__ import annotations

import ast
import builtins
import itertools
import linecache
import weakref
from collections.abc import Callable, Sequence
from typing import Any

LANGUAGE: dict[str, Any] = {}  # the names that a rule may use: filled by the table, ``ops``


def compile_rule(operation: str, rule: str, parameters: Sequence[str]) -> Callable[..., Any]:
    """Return the function of the parameters that the text of a rule stands for.

    Its source is known to ``linecache``, as the file ``<rule of sigmoid>``, for as long as the
    function is in use: a debugger steps into it, and a traceback shows it.

    Raises
    ------
    ValueError
        If the rule is no expression, or uses a name that is neither a parameter nor in LANGUAGE.
    """
    source = f"lambda {', '.join(parameters)}: {rule}"
    filename = _unused_filename(operation)
    try:
        code = compile(source, filename, "eval")
    except SyntaxError as error:
        raise ValueError(f"{operation}: the rule {rule!r}: {error.msg}") from None
    if "where" in LANGUAGE:  # not yet while the table itself is being read
        _check_names(operation, rule, parameters)
    function: Callable[..., Any] = eval(code, LANGUAGE)  # a record's own text: never a file's
    linecache.cache[filename] = (len(source), None, [source + "\n"], filename)
    weakref.finalize(function, linecache.cache.pop, filename, None).atexit = False
    return function


def _unused_filename(operation: str) -> str:
    numbers = itertools.count(2)
    filename = f"<rule of {operation}>"
    while filename in linecache.cache:
        filename = f"<rule of {operation}, {next(numbers)}>"
    return filename


def _check_names(operation: str, rule: str, parameters: Sequence[str]) -> None:
    names = [part for part in ast.walk(ast.parse(rule, mode="eval")) if type(part) is ast.Name]
    bound = {part.id for part in names if not isinstance(part.ctx, ast.Load)}
    for part in names:
        if part.id not in {*parameters, *bound, *LANGUAGE, *dir(builtins)}:
            raise ValueError(
                f"{operation}: the rule {rule!r} uses {part.id!r}; it is written in "
                f"{', '.join(parameters)} (the operands in order, whatever your function calls "
                "them), np, and the operations of the table"
            )


def compile_signature(
    name: str, operands: str, defaults: dict[str, Any]
) -> Callable[..., tuple[tuple[Any, ...], dict[str, Any]]]:
    """Return a function by which Python itself tells operands from attributes.

    For ``sum`` that is ``lambda x, axis=None: ((x,), {"axis": axis})``.
    """
    options = "".join([f", {option}=defaults[{option!r}]" for option in defaults])
    bound = ", ".join([f"{option!r}: {option}" for option in defaults])
    text = f"lambda {operands}{options}: (({operands},), {{{bound}}})"
    bind: Callable[..., Any] = eval(text, {"defaults": defaults})
    bind.__name__ = bind.__qualname__ = name
    return bind
