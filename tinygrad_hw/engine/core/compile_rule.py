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
FLOATS: dict[str, Any] = {}  # the same names, for rules that are applied to Python's floats


def extend_language(names: dict[str, Any]) -> None:
    """Add to the names that a rule may use: operations, functions, constants."""
    LANGUAGE.update(names)
    FLOATS.update({name: getattr(item, "of_floats", item) for name, item in names.items()})


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
    try:
        ast.parse(source, mode="eval")
    except SyntaxError as error:
        raise ValueError(f"{operation}: the rule {rule!r}: {error.msg}") from None
    if "where" in LANGUAGE:  # not yet while the table itself is being read
        _check_names(operation, rule, parameters)
    return _function(f"rule of {operation}", source, LANGUAGE)


def compile_back(operation: str, rules: Sequence[Any], variadic: bool) -> Callable[[Any], None]:
    """Return the function that adds to the totals of a lean node's operands.

    It has the rules of all operands in it. For a product:

        def back(node):
            upstream = node.total; x = node.x; y = node.y
            operand = node.first
            if not operand.constant:
                operand.total += upstream * (y)
            operand = node.second
            if not operand.constant:
                operand.total += upstream * (x)
    """
    used = {part.id for rule in rules for part in _names(str(rule))}
    slots = {"out": "raw", "x": "arguments" if variadic else "x", "y": "y"}
    lines = ["upstream = node.total"]
    lines += [f"{name} = node.{slot}" for name, slot in slots.items() if name in used]
    if variadic:
        lines += ["for position, operand in enumerate(node.inputs):"]
        lines += [f"    {line}" for line in _addition(rules[0])]
    else:
        for slot, rule in zip(("first", "second")[: len(rules)], rules, strict=True):
            lines += [f"operand = node.{slot}", *_addition(rule)]
    source = "\n    ".join(["def back(node):", *lines])
    return _function(f"derivative of {operation}", source, FLOATS)


def _addition(rule: Any) -> list[str]:
    """Return the lines that add upstream × rule to the total of an operand, as a float."""
    product = {"1": "upstream", "-1": "-upstream"}.get(str(rule), f"upstream * ({rule})")
    if "(" in str(rule):  # a function may give a NumPy number
        product = f"float({product})"
    return ["if not operand.constant:", f"    operand.total += {product}"]


def _function(title: str, source: str, language: dict[str, Any]) -> Callable[..., Any]:
    """Return the function that a source stands for, and show it to ``linecache`` while in use."""
    numbers = itertools.count(2)
    filename = f"<{title}>"
    while filename in linecache.cache:
        filename = f"<{title}, {next(numbers)}>"
    names: dict[str, Any] = {}
    if source.startswith("def"):
        exec(compile(source, filename, "exec"), language, names)  # a record's text: never a file's
    else:
        names["rule"] = eval(compile(source, filename, "eval"), language)
    function: Callable[..., Any] = next(iter(names.values()))
    lines = [line + "\n" for line in source.splitlines()]
    linecache.cache[filename] = (len(source), None, lines, filename)
    weakref.finalize(function, linecache.cache.pop, filename, None).atexit = False
    return function


def _names(rule: str) -> list[ast.Name]:
    return [part for part in ast.walk(ast.parse(rule, mode="eval")) if type(part) is ast.Name]


def _check_names(operation: str, rule: str, parameters: Sequence[str]) -> None:
    names = _names(rule)
    bound = {part.id for part in names if not isinstance(part.ctx, ast.Load)}
    for part in names:
        if part.id not in {operation, *parameters, *bound, *LANGUAGE, *dir(builtins)}:
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
