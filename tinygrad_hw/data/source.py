"""Shared parts of the readers: their error, their size limit, and the safe opening of files."""

import io
import math
import os
import stat
from pathlib import Path

from tinygrad_hw.errors import InputError

LIMIT = 1 << 30
"""Largest size in bytes of one file or one array: 1 GiB, twenty times MNIST."""

DENSEST = 100  # MNIST is packed at 5 to 1, zeros at 1,000 to 1
LITTLE = 1 << 26


class DataError(InputError):
    """Error for a data set that cannot be used; its message is one line, with a remedy."""


def data_error(source: str | os.PathLike[str], found: str, expected: str, remedy: str) -> DataError:
    """Return the error for a faulty data set, with a message in the form that all of them have.

    Parameters
    ----------
    source
        The faulty file, or a name for the faulty part.
    found, expected, remedy
        The fault, the valid state, and an instruction for the user.

    Returns
    -------
    DataError
        An error with the message ``source: found; expected ...; remedy``.
    """
    return DataError(f"{printable(source)}: {found}; expected {expected}; {remedy}")


def printable(text: object) -> str:
    r"""Return `text` unchanged if all its characters can be printed on one line, else escaped.

    Users name files as they like: a newline in a name becomes ``\n``, and an escape sequence does
    not reach the terminal.
    """
    line = str(text)
    return line if line.isprintable() else ascii(line)


def reason_text(error: Exception) -> str:
    """Return the message of an error of the system or a library, in at most 100 characters."""
    message = error.strerror if isinstance(error, OSError) else None
    return printable(message or error)[:100]  # a library may quote the file at length


def exceeds_limit(shape: tuple[int, ...], itemsize: int = 1) -> bool:
    """Return whether an array of `shape` would have more than `LIMIT` bytes.

    A dimension of 0 counts as 1: NumPy checks the product of the other dimensions all the same.
    """
    return math.prod(length or 1 for length in shape) * itemsize > LIMIT


def check_packing(source: str | os.PathLike[str], unpacked: int, packed: int) -> None:
    """Raise a `DataError` for data that would become too many times larger than they are packed.

    Parameters
    ----------
    source
        The packed file, or a name for the packed part.
    unpacked, packed
        Its sizes in bytes: as its header claims, and as it is. Little data may be packed at any
        rate.
    """
    if unpacked > max(LITTLE, DENSEST * packed):
        raise data_error(
            source,
            f"its {packed} bytes claim to be {unpacked} unpacked",
            f"at most {DENSEST} times as many, as of any real images",
            "fetch the file again; if it is yours, unpack it first",
        )


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
        raise data_error(
            path,
            f"cannot be opened ({reason_text(error)})",
            "a file that may be read",
            "check its name and its permissions",
        ) from error
    if file is None:
        kind = "a directory" if stat.S_ISDIR(mode) else "a pipe or a device"
        raise data_error(path, f"is {kind}", "a file", "name the file itself")
    return file
