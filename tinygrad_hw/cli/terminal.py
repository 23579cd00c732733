"""Print to a terminal, a pipe or a file, and ask for a line."""

from __future__ import annotations

import io
import shutil
import signal
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended
TERMINATED = 143  # what a shell reports for a program that kill ended


def print_line(line: str) -> None:
    """Print a line, with replacements for the characters that standard output cannot encode."""
    print(encodable(line))


def print_wrapped(line: str) -> None:
    """Print a line, on a terminal wrapped to its width with the line's own indent."""
    if sys.stdout is None or not sys.stdout.isatty():
        print_line(line)
        return
    indent = " " * (len(line) - len(line.lstrip()))
    width = max(40, shutil.get_terminal_size().columns)
    lines = textwrap.wrap(line, width, subsequent_indent=indent + "  ", break_on_hyphens=False)
    for wrapped in lines or [""]:
        print_line(wrapped)


def ask(prompt: str) -> str:
    """Print a prompt and read a line; echo a line that comes through a pipe, as a terminal would.

    Raises
    ------
    EOFError
        If there is no more input.
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
    """Make ``kill`` end the program as an exception does, so that everything is cleaned up."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))


@contextmanager
def every_interrupt_heard() -> Iterator[None]:
    """Context in which no Ctrl-C is lost.

    Where Python cannot raise it (in ``__del__``, in the callback of a weak reference) it prints
    "Exception ignored in" and goes on; here the interrupt comes again a moment later, when this
    hook has returned.
    """
    if not hasattr(signal, "pthread_kill"):
        yield
        return
    before = sys.unraisablehook

    def hear(unraisable: sys.UnraisableHookArgs) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            before(unraisable)
            return
        main = threading.main_thread().ident
        again = threading.Timer(0.05, signal.pthread_kill, (main, signal.SIGINT))
        again.daemon = True
        again.start()

    sys.unraisablehook = hear
    try:
        yield
    finally:
        sys.unraisablehook = before


def encodable(line: str) -> str:
    """Return the line in characters that standard output can encode."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"  # no stdout at all: >&-
    try:
        line.encode(encoding)
    except UnicodeEncodeError:
        from tinygrad_hw.explain import PLAIN_SIGNS

        line = line.translate(PLAIN_SIGNS).encode(encoding, "replace").decode(encoding)
    return line
