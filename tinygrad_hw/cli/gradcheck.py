"""The verb that checks a derivative of the user's own: gradcheck."""

from __future__ import annotations

import argparse
import inspect
import json
import re
import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_hw.cli.arguments import Verbs, add_seed, check_seed
from tinygrad_hw.cli.terminal import print_line
from tinygrad_hw.engine import ANY_NUMBER, GradientError, gradcheck
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.errors import InputError


class CheckError(InputError):
    """The error of a function that cannot be found or called."""


def add_gradcheck(verbs: Verbs) -> None:
    """Add the verb and its arguments to the parser."""
    parser = verbs.add_parser("gradcheck", help="check the derivative of a function of yours")
    parser.add_argument("function", metavar="FILE.py:function", help="the file is run")
    parser.add_argument(
        "--at",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an argument, such as x=0.5 or x=[1,2]; else its default, else a random number",
    )
    add_seed(parser, "of the random numbers (0)")
    parser.set_defaults(verb=_gradcheck)


def _gradcheck(arguments: argparse.Namespace) -> int:
    check_seed(arguments.seed)
    try:
        for line in check_lines(arguments.function, arguments.at, arguments.seed):
            print_line(line)
    except GradientError as error:
        print_line(f"WRONG, or a kink or jump at this point: {error}")
        return 1
    return 0


def check_lines(target: str, at: list[str], seed: int) -> Iterator[str]:
    """Check the derivatives of a function to the second order; yield the report line by line.

    Parameters
    ----------
    target
        The file and the function, as ``FILE.py:function``; the file is run.
    at
        ``NAME=VALUE`` for arguments, the value a number or nested lists of numbers. An argument
        that is not named has its default value, or else is a random number between 0.5 and 1.5.
    seed
        The seed of the random numbers.

    Raises
    ------
    CheckError
        If there is no such file or function, or it fails at these arguments.
    GradientError
        If a derivative is wrong.
    """
    function, name = _load(target)
    points = _points(function, name, at, np.random.default_rng(seed))
    for position, (argument, point) in enumerate(points.items()):
        yield f"argument {position}: {argument} = {' '.join(str(point).split())}"
    try:
        with np.errstate(all="ignore"):  # what is not finite is reported in one line
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
    folder = str(Path(path).resolve().parent)
    sys.path.insert(0, folder)  # so that the file may import its neighbors, as Python lets it
    try:
        found = runpy.run_path(path, run_name="gradcheck").get(name)
    except Exception as error:  # the user's own file: it may raise anything
        raise CheckError(f"{path} cannot be run: {type(error).__name__}: {error}") from None
    finally:
        sys.path.remove(folder)
    if not callable(found):
        raise CheckError(f"{path} has no function {name!r}")
    return found, name


def _points(
    function: Callable[..., Any], name: str, at: list[str], random: np.random.Generator
) -> dict[str, Any]:
    values = dict(_name_and_value(text) for text in at)
    points = {}
    for parameter in _parameters(function):
        if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            raise CheckError(f"{name} takes *{parameter.name}; check one with named arguments")
        number = round(float(random.uniform(0.5, 1.5)), 3)
        default = number if parameter.default is parameter.empty else parameter.default
        points[parameter.name] = values.pop(parameter.name, default)
    if values:
        raise CheckError(f"{name} has no argument {min(values)!r}; it has {', '.join(points)}")
    if not points:
        raise CheckError(f"{name} takes no argument: nothing to differentiate by")
    return points


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the parameters of a function; of an operation, its operands."""
    if isinstance(function, Operation) and function.arity != ANY_NUMBER:
        kind = inspect.Parameter.POSITIONAL_ONLY
        return [inspect.Parameter(operand, kind) for operand in function.operand_names()]
    return list(inspect.signature(function).parameters.values())


def _name_and_value(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    try:
        return name.strip(), np.asarray(json.loads(value), float)[()]
    except (ValueError, TypeError, RecursionError):
        raise CheckError(
            f"--at {text!r} is not NAME=VALUE, such as x=0.5 or x=[[1, 2], [3, 4]]"
        ) from None
