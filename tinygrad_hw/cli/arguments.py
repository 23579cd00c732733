"""The arguments that several verbs take, and the parser that refuses bad ones in one line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeAlias

from tinygrad_hw.errors import InputError
from tinygrad_hw.homework import SHEETS, sheet_path

SHEET_HELP = f"a TOML file, or {' or '.join(SHEETS)} for the homework's own sheets"
Verb: TypeAlias = Callable[[argparse.Namespace], int | None]
Verbs: TypeAlias = "argparse._SubParsersAction[Parser]"


class UsageError(InputError):
    """The error of arguments that are wrong by themselves or together."""


class Parser(argparse.ArgumentParser):
    """An argument parser that raises its errors, and does not print them with the usage."""

    def error(self, message: str) -> NoReturn:
        """Raise a ``UsageError`` with the message."""
        raise UsageError(f"{message} (see {self.prog} --help)")


def add_sheet(parser: Parser, metavar: str = "SHEET") -> None:
    """Add the argument for a sheet, or for one of the shipped ones by name."""
    parser.add_argument("sheet", metavar=metavar, help=SHEET_HELP)


def add_seed(parser: Parser, help_text: str) -> None:
    """Add ``--seed``; see ``check_seed``."""
    parser.add_argument("--seed", type=int, default=0, metavar="N", help=help_text)


def add_dask(parser: Parser) -> None:
    """Add ``--dask``, for a verb whose work can be shared out."""
    parser.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="share the work out to a Dask cluster, by the address of its scheduler",
    )


def add_force(parser: Parser) -> None:
    """Add ``--force``, for a verb that writes."""
    parser.add_argument("--force", action="store_true", help="replace files that are there")


def check_seed(seed: int) -> None:
    """Raise a ``UsageError`` if a seed is negative."""
    if seed < 0:
        raise UsageError(f"--seed is {seed}; give 0 or more")


def sheet_file(name: str) -> Path:
    """Return the path of a sheet; a file has precedence over a shipped sheet of the same name."""
    return sheet_path(name) if name in SHEETS and not Path(name).exists() else Path(name)
