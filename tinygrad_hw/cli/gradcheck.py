"""Check the derivative of a function in a user's own file: ``tinygrad-hw gradcheck f.py:loss``."""

from __future__ import annotations

import inspect
import json
import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_hw.engine import ANY_NUMBER, GradientError, gradcheck
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.errors import InputError


class CheckError(InputError):
    """A function that cannot be found, or not be called."""


def check_lines(target: str, given: list[str], seed: int) -> Iterator[str]:
    """Check ``FILE.py:function``, to the second order, and tell line by line.

    Parameters
    ----------
    target
        The file and the function; the file is run.
    given
        ``NAME=VALUE`` for arguments, the value a number or nested lists of them. An argument not
        given has its default value, or else is a random number between 0.5 and 1.5.
    seed
        Of the random numbers.

    Raises
    ------
    CheckError
        If there is no such file or function, or it fails at these arguments.
    GradientError
        If a derivative is wrong.
    """
    function, name = _load(target)
    points = _points(function, name, given, np.random.default_rng(seed))
    for position, (argument, point) in enumerate(points.items()):
        yield f"argument {position}: {argument} = {' '.join(str(point).split())}"
    try:
        with np.errstate(all="ignore"):  # what is not finite is told in a line of ours
            worst = gradcheck(function, *points.values(), order=2)
    except GradientError as error:
        names = list(points)
        text = re.sub(r"argument (\d+)", lambda found: names[int(found[1])], str(error))
        raise GradientError(text) from None
    except Exception as error:  # the user's own function: it may raise anything
        reason = str(error).splitlines()[0] if str(error) else ""
        raise CheckError(
            f"{name} fails at these arguments: {type(error).__name__}: {reason}; "
            "give others with --at NAME=VALUE, or as default values in the file"
        ) from None
    yield (
        "right: first and second derivatives, backward and forward, are within "
        f"{worst:.0e} of central differences"
    )


def _load(target: str) -> tuple[Callable[..., Any], str]:
    path, _, name = target.rpartition(":")
    if not path or not name.isidentifier():
        raise CheckError(f"{target!r} names no function; write FILE.py:function")
    if not Path(path).is_file():
        raise CheckError(f"there is no file {path!r}")
    try:
        found = runpy.run_path(path, run_name="gradcheck").get(name)
    except Exception as error:  # the user's own file: it may raise anything
        raise CheckError(f"{path} cannot be run: {type(error).__name__}: {error}") from None
    if not callable(found):
        raise CheckError(f"{path} has no function {name!r}")
    return found, name


def _points(
    function: Callable[..., Any], name: str, given: list[str], random: np.random.Generator
) -> dict[str, Any]:
    values = dict(_value(text) for text in given)
    points = {}
    for parameter in _parameters(function):
        if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            raise CheckError(f"{name} takes *{parameter.name}; check one with named arguments")
        drawn = round(float(random.uniform(0.5, 1.5)), 3)
        default = drawn if parameter.default is parameter.empty else parameter.default
        points[parameter.name] = values.pop(parameter.name, default)
    if values:
        raise CheckError(f"{name} has no argument {min(values)!r}; it has {', '.join(points)}")
    if not points:
        raise CheckError(f"{name} takes no argument: nothing to differentiate by")
    return points


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """Those of a function; of an operation, its operands."""
    if isinstance(function, Operation) and function.arity != ANY_NUMBER:
        kind = inspect.Parameter.POSITIONAL_ONLY
        return [inspect.Parameter(operand, kind) for operand in function.operands()]
    return list(inspect.signature(function).parameters.values())


def _value(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    try:
        return name.strip(), np.asarray(json.loads(value), float)[()]
    except (ValueError, TypeError, RecursionError):
        raise CheckError(
            f"--at {text!r} is not NAME=VALUE, such as x=0.5 or x=[[1, 2], [3, 4]]"
        ) from None
