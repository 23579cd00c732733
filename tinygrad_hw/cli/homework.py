"""The verb that does the whole homework."""

from __future__ import annotations

import argparse
from pathlib import Path

from tinygrad_hw.cli.arguments import UsageError, Verbs, add_force, add_seed, check_seed
from tinygrad_hw.cli.terminal import exit_when_terminated


def add_homework(verbs: Verbs) -> None:
    """Add the verb and its arguments to the parser."""
    parser = verbs.add_parser("homework", help="do the whole homework and write a report")
    parser.add_argument(
        "--out", type=Path, default=Path("report"), metavar="DIR", help="where to write (report)"
    )
    parser.add_argument("--digits", default="3,6", metavar="A,B", help="for Question 2 (3,6)")
    parser.add_argument(
        "--data", type=Path, metavar="PATH", help="a folder of IDX files, or an mnist.npz"
    )
    parser.add_argument(
        "--epochs",
        type=int,
        metavar="N",
        help="at most N epochs each (20; for the initializers 30)",
    )
    add_seed(parser, "of the random start (0)")
    add_force(parser)
    parser.set_defaults(verb=_homework)


def _homework(arguments: argparse.Namespace) -> None:
    if arguments.epochs is not None and arguments.epochs < 1:
        raise UsageError(f"--epochs is {arguments.epochs}; give at least 1")
    check_seed(arguments.seed)
    digits = _digits(arguments.digits)
    exit_when_terminated()
    from tinygrad_hw.homework.run import run

    run(
        out=arguments.out,
        digits=digits,
        data=arguments.data,
        epochs=arguments.epochs,
        seed=arguments.seed,
        force=arguments.force,
    )


def _digits(text: str) -> tuple[int, int]:
    parts = text.split(",")
    if len(parts) != 2 or not all(part.strip() in set("0123456789") for part in parts):
        raise UsageError(f"--digits is {text!r}; give two digits, such as 3,6")
    first, second = map(int, parts)
    if first == second:
        raise UsageError(f"--digits is {text!r}; give two different digits, such as 3,6")
    return first, second
