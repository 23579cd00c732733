"""Print to a terminal, a pipe or a file, and ask for a line."""

from __future__ import annotations

import io
import shutil
import signal
import sys
import textwrap

TERMINATED = 143  # what a shell reports for a program that kill ended


def print_line(line: str) -> None:
    """Print a line, in plainer signs where the terminal cannot show the right ones."""
    print(encodable(line))


def print_wrapped(line: str) -> None:
    """Print on a terminal in lines that fit it, indented as the first one is; else as it is."""
    if sys.stdout is None or not sys.stdout.isatty():
        print_line(line)
        return
    indent = " " * (len(line) - len(line.lstrip()))
    width = max(40, shutil.get_terminal_size().columns)
    lines = textwrap.wrap(line, width, subsequent_indent=indent + "  ", break_on_hyphens=False)
    for wrapped in lines or [""]:
        print_line(wrapped)


def ask(prompt: str) -> str:
    """Print a prompt and read a line; print what comes through a pipe, as a terminal would.

    Raises
    ------
    EOFError
        Where nothing more can be read.
    """
    if sys.stdin is None or sys.stdout is None:
        raise EOFError
    typed = input(encodable(prompt))
    if not sys.stdin.isatty():
        print_line(typed)
    return typed


def accept_any_bytes() -> None:
    """Make standard input replace bytes that it cannot decode, instead of raising an error."""
    if isinstance(sys.stdin, io.TextIOWrapper):  # and not closed, or a test's
        sys.stdin.reconfigure(errors="replace")


def exit_when_terminated() -> None:
    """Let ``kill`` end the program as an exception does, so that things are put away."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))


def encodable(line: str) -> str:
    """Return the line in signs that standard output can encode."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"  # no stdout at all: >&-
    try:
        line.encode(encoding)
    except UnicodeEncodeError:
        from tinygrad_hw.explain import PLAIN_SIGNS

        line = line.translate(PLAIN_SIGNS).encode(encoding, "replace").decode(encoding)
    return line
