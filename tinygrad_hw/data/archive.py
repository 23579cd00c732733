"""Open zip archives of strangers: their directory is bounded before it is read."""

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tinygrad_hw.data.source import data_error, open_file, reason_text

# The exceptions that zipfile raises for a damaged or unusual archive, its own and others.
ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    OverflowError,
    RuntimeError,
    UnicodeDecodeError,
)
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class _LimitedReader(io.BufferedReader):
    """Reader of a file that returns at most `limit` bytes in all; None is no limit.

    zipfile reads the whole directory, of any length, and a gigabyte of it would become ten
    gigabytes of entries.
    """

    limit: int | None = None
    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        if self.limit is None:
            return super().read(size)
        most = self.limit - self.count + 1
        data = super().read(most if size is None or size < 0 else min(size, most))
        self.count += len(data)
        if self.count > self.limit:
            raise zipfile.BadZipFile(f"directory of more than {self.limit} bytes")
        return data


@contextmanager
def open_archive(
    path: Path, most_directory_bytes: int, expected: str, remedy: str
) -> Iterator[tuple[zipfile.ZipFile, int]]:
    """Open a zip archive for a ``with`` block; give its size in bytes, too.

    Parameters
    ----------
    path
        The archive. Neither its directory nor its entries are trusted.
    most_directory_bytes
        The size of the largest directory that is read.
    expected, remedy
        What the message of a `DataError` says; see `data_error`.

    Raises
    ------
    DataError
        If there is no such file, or its directory is damaged or too large.
    """
    with open_file(path) as raw, _LimitedReader(raw) as file:
        file.limit = most_directory_bytes
        try:
            archive = zipfile.ZipFile(file)
        except ZIP_ERRORS as error:
            raise data_error(
                path,
                f"not a zip archive that can be read ({reason_text(error)})",
                expected,
                remedy,
            ) from error
        file.limit = None
        with archive:
            yield archive, os.fstat(raw.fileno()).st_size
