"""What the readers share: the error they raise, and a careful way to open a file."""

import io
import math
import os
import stat
from pathlib import Path

from tinygrad_hw.errors import InputError

LIMIT = 1 << 30
"""The most bytes that one file or one array may have: 1 GiB, twenty times MNIST."""


class DataError(InputError):
    """A data set that cannot be used; the message is one line, and says what to do."""


def problem(source: str | os.PathLike[str], found: str, expected: str, remedy: str) -> DataError:
    """Return the error to raise, its one line put together the same way everywhere.

    Parameters
    ----------
    source
        The file at fault, or words that name it.
    found, expected, remedy
        What is there, what should be, and what to do about it.

    Returns
    -------
    DataError
        With the message ``source: found; expected ...; remedy``.
    """
    return DataError(f"{printable(source)}: {found}; expected {expected}; {remedy}")


def printable(text: object) -> str:
    r"""Return `text` as it stands, or escaped if it would break the line.

    A file may be called anything: a newline in its name becomes ``\n``, and an escape sequence does
    not reach the terminal.
    """
    line = str(text)
    return line if line.isprintable() else ascii(line)


def reason(error: Exception) -> str:
    """Return in a few words what the system or a library had to say."""
    words = error.strerror if isinstance(error, OSError) else None
    # A library may quote the file at length: the first words are enough.
    return printable(words or error)[:100]


def too_big(shape: tuple[int, ...], itemsize: int = 1) -> bool:
    """Return whether an array of `shape` would have more than `LIMIT` bytes.

    A dimension of zero does not excuse the others, which NumPy multiplies all the same.
    """
    return math.prod(length or 1 for length in shape) * itemsize > LIMIT


def open_file(path: Path) -> io.FileIO:
    """Open a regular file for reading, unbuffered.

    Parameters
    ----------
    path
        The file. Pipes and devices are refused unopened: they may have no end.

    Returns
    -------
    io.FileIO
        The open file, for the caller to close.

    Raises
    ------
    DataError
        If there is no such file, if it may not be read, or if it is a directory or a device.
    """
    try:
        mode = path.stat().st_mode
        file = path.open("rb", buffering=0) if stat.S_ISREG(mode) else None
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise problem(
            path,
            f"cannot be opened ({reason(error)})",
            "a file that may be read",
            "check its name and its permissions",
        ) from error
    if file is None:
        kind = "a directory" if stat.S_ISDIR(mode) else "a pipe or a device"
        raise problem(path, f"is {kind}", "a file", "name the file itself")
    return file
