"""Parse a command and run it.

A mistake of the user ends in one line on stderr and exit status 2, never in a traceback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from tinygrad_hw import __version__
from tinygrad_hw.cli.arguments import Parser
from tinygrad_hw.cli.check import add_check
from tinygrad_hw.cli.exercise import add_exercise_and_fill
from tinygrad_hw.cli.explain import add_explaining
from tinygrad_hw.cli.gradcheck import add_gradcheck
from tinygrad_hw.cli.homework import add_homework
from tinygrad_hw.cli.networks.pad import add_pad
from tinygrad_hw.cli.networks.predict import add_predict
from tinygrad_hw.cli.networks.sweep import add_sweep
from tinygrad_hw.cli.networks.train import add_train
from tinygrad_hw.cli.terminal import INTERRUPTED, every_interrupt_heard
from tinygrad_hw.errors import InputError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status.

    Parameters
    ----------
    arguments
        The verb and its arguments; those of the process by default.
    """
    if sys.stderr is None:  # closed; Python's input() does not work without one
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for all the process
    try:
        with every_interrupt_heard():
            parsed = _parser().parse_args(arguments)
            return int(parsed.verb(parsed) or 0)
    except KeyboardInterrupt:
        print("\ntinygrad-hw: stopped", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a full disk, say; files that are given are read with more care
        print(f"tinygrad-hw: cannot write: {error.strerror or error}", file=sys.stderr)
        return 2
    except InputError as error:
        print(f"tinygrad-hw: {error}", file=sys.stderr)
        return 2


def _parser() -> Parser:
    parser = Parser(
        prog="tinygrad-hw",
        description="Solve, draw and train a backpropagation homework.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True, parser_class=Parser)
    add_homework(verbs)
    add_explaining(verbs)
    add_check(verbs)
    add_exercise_and_fill(verbs)
    add_train(verbs)
    add_predict(verbs)
    add_sweep(verbs)
    add_pad(verbs)
    add_gradcheck(verbs)
    return parser
