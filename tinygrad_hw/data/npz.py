"""Reading of arrays of numbers from NPZ files: zip archives with one NPY file for each array.

``numpy.load`` can refuse pickles, but it allocates as much memory as an NPY header claims. Here
regular expressions read the header: it is never evaluated, and it cannot name a Python object. A
size counts only if the zip directory agrees with it.
"""

import math
import os
import re
import zipfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinygrad_hw.data.archive import METHODS, ZIP_ERRORS, open_archive
from tinygrad_hw.data.source import (
    LIMIT,
    DataError,
    check_packing,
    data_error,
    exceeds_limit,
    reason_text,
)

_NPY_START = b"\x93NUMPY"
_MAX_HEADER_BYTES = 4096  # NumPy writes 128 bytes; Python reads integers of up to 4300 digits
_MAX_DIRECTORY_BYTES = 1 << 18  # that of a file of four arrays has a few hundred


class _Header(NamedTuple):
    """Contents of an NPY header, with the offset of the values after it."""

    dtype: np.dtype[Any]
    fortran_order: bool
    shape: tuple[int, ...]
    end: int


def names(path: str | os.PathLike[str]) -> set[str]:
    """Return the names of the arrays in an NPZ file.

    Raises
    ------
    DataError
        If the file cannot be read, or is not a zip archive.
    """
    path = Path(path)
    with _open(path) as (archive, _):
        return {name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")}


def read(
    path: str | os.PathLike[str], ndims: Mapping[str, int | None], floats: bool = False
) -> dict[str, NDArray[Any]]:
    """Read named arrays of integers from an NPZ file.

    Parameters
    ----------
    path
        The file. Neither its headers nor its values are trusted.
    ndims
        The number of dimensions of each array to read, by the array's name; None for any.
    floats
        Whether arrays may be of floats, too.

    Returns
    -------
    dict[str, NDArray]
        The arrays by name, in the order of `ndims`, each with the dtype and shape in its header;
        read-only.

    Raises
    ------
    DataError
        If the file cannot be read, is not a zip archive, lacks an array, is damaged, or if an array
        is of other values, has another number of dimensions, or has more than 1 GiB.
    """
    path = Path(path)
    with _open(path) as (archive, size):
        entries = _entries(path, archive, ndims)
        return {
            name: _array(f"{path}, {name}", archive, entry, size, ndims[name], floats)
            for name, entry in entries.items()
        }


def _open(path: Path) -> AbstractContextManager[tuple[zipfile.ZipFile, int]]:
    expected = "an archive as numpy.savez writes it"
    return open_archive(path, _MAX_DIRECTORY_BYTES, expected, "fetch the file again")


def _entries(
    path: Path, archive: zipfile.ZipFile, names: Mapping[str, int | None]
) -> dict[str, zipfile.ZipInfo]:
    """Return the archive's entry for each name; raise DataError if one is missing."""
    present = set(archive.namelist())
    missing = [name for name in names if f"{name}.npy" not in present]
    if missing:
        raise data_error(
            path,
            f"lacks {', '.join(missing)}",
            f"the arrays {', '.join(names)}",
            "save them under these names with numpy.savez",
        )
    return {name: archive.getinfo(f"{name}.npy") for name in names}


def _array(
    source: str,
    archive: zipfile.ZipFile,
    entry: zipfile.ZipInfo,
    file_size: int,
    ndim: int | None,
    floats: bool,
) -> NDArray[Any]:
    """Return the array of an entry; `file_size`, that of the archive, bounds its packed size."""
    if entry.compress_type not in METHODS:
        raise data_error(
            source,
            f"packed by method {entry.compress_type}",
            f"{METHODS[0]} (stored) or {METHODS[1]} (deflated)",
            "save it with numpy.savez or numpy.savez_compressed",
        )
    if entry.compress_size > file_size:
        raise data_error(
            source,
            f"truncated, claims {entry.compress_size} packed bytes in a file of {file_size}",
            "no more than there are",
            "fetch the file again",
        )
    check_packing(source, entry.file_size, entry.compress_size)
    try:
        with archive.open(entry.filename) as member:
            header = _read_header(source, member, floats)
            size = _payload_bytes(source, header, entry, ndim)
            data = member.read(size)
    except ZIP_ERRORS as error:
        raise data_error(
            source,
            f"damaged, in the entry at byte {entry.header_offset} ({reason_text(error)})",
            "an entry that unpacks and has the right check sum",
            "fetch the file again",
        ) from error
    if len(data) < size:
        raise _truncated(source, header.end + len(data), f"{header.end + size} bytes")
    order: Literal["C", "F"] = "F" if header.fortran_order else "C"
    values = np.frombuffer(data, header.dtype).reshape(header.shape, order=order)
    values = np.ascontiguousarray(values)
    values.flags.writeable = False
    return values


def _read_header(source: str, member: IO[bytes], floats: bool) -> _Header:
    """Return the NPY header at the start of an archive's member."""
    start = member.read(8)
    if not start.startswith(_NPY_START):
        raise data_error(
            source,
            f"not an NPY file, starts with {start!r} at byte 0",
            f"{_NPY_START!r}",
            "save it with numpy.savez",
        )
    # Version 1 gives the length of the text in two bytes; 2 and 3 in four.
    width = 2 if start[6:7] == b"\x01" else 4
    length = int.from_bytes(_header_bytes(source, member, 8, width), "little")
    if length > _MAX_HEADER_BYTES:
        raise data_error(
            source,
            f"header claims {length} bytes, at byte 8",
            f"at most {_MAX_HEADER_BYTES}",
            "save it with numpy.savez",
        )
    text = _header_bytes(source, member, 8 + width, length)
    return _parse_header(source, text.decode("latin-1"), 8 + width + length, floats)


def _header_bytes(source: str, member: IO[bytes], start: int, count: int) -> bytes:
    """Return the next `count` bytes of a header; `start` is their offset, for the message."""
    data = member.read(count)
    if len(data) < count:
        expected = f"{count} bytes of header from byte {start}"
        raise _truncated(source, start + len(data), expected)
    return data


def _parse_header(source: str, text: str, end: int, floats: bool) -> _Header:
    """Return the dtype, order and shape in the text of a header, which ends at byte `end`."""
    wanted = "integers or floats" if floats else "integers"
    descr = re.search(r"'descr': *'([^']*)'", text)
    order = re.search(r"'fortran_order': *(True|False)", text)
    # Files written under Python 2 have 60000L for 60000.
    shape = re.search(r"'shape': *\(([0-9L, ]*)\)", text)
    if descr and "O" in descr[1]:
        raise data_error(
            source,
            "holds Python objects (a pickle), which may run code when read",
            wanted,
            f"save it as an array of {wanted}",
        )
    if not (descr and order and shape):
        raise data_error(
            source,
            f"NPY header {text[:80].strip()!r} at byte {end - len(text)} is not that of an array",
            f"'descr', 'fortran_order' and 'shape' of an array of {wanted}",
            "save it with numpy.savez",
        )
    kinds = r"[<>|=]?([iu][1248]|f[248])" if floats else r"[<>|=]?[iu][1248]"
    if not re.fullmatch(kinds, descr[1]):
        raise data_error(
            source,
            f"has dtype {descr[1][:20]!r}",
            wanted,
            f"convert it with .astype('{'float32' if floats else 'uint8'}') and save it again",
        )
    sizes = tuple(int(digits) for digits in re.findall(r"[0-9]+", shape[1]))
    return _Header(np.dtype(descr[1]), order[1] == "True", sizes, end)


def _payload_bytes(source: str, header: _Header, entry: zipfile.ZipInfo, ndim: int | None) -> int:
    """Return the size of the values in bytes, after checking the header and the zip entry."""
    if ndim is not None and len(header.shape) != ndim:
        raise data_error(
            source,
            f"has the shape {str(header.shape)[:80]}",
            f"{ndim} dimension{'s' * (ndim > 1)}",
            "reshape it and save it again",
        )
    size = math.prod(header.shape) * header.dtype.itemsize
    if exceeds_limit(header.shape, header.dtype.itemsize):
        raise data_error(
            source,
            f"header claims the shape {str(header.shape)[:80]}",
            f"at most {LIMIT} bytes",
            "fetch the file again, or take a smaller set",
        )
    if entry.file_size < header.end + size:
        raise _truncated(source, entry.file_size, f"{header.end + size} bytes")
    if entry.file_size > header.end + size:
        raise data_error(
            source,
            f"has trailing bytes from byte {header.end + size} to {entry.file_size}",
            f"{header.end + size} bytes",
            "fetch the file again",
        )
    return size


def _truncated(source: str, end: int, expected: str) -> DataError:
    return data_error(
        source, f"truncated, ends at byte {end} (unpacked)", expected, "fetch the file again"
    )
