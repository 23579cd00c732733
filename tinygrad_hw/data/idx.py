"""Read one IDX file: the format of MNIST, packed with gzip or not.

An IDX file is two zero bytes, a byte for the type of its values (8: unsigned bytes), a byte for the
number of dimensions, each dimension as four bytes with the highest first, and then the values.
"""

import hashlib
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinygrad_hw.data.source import LIMIT, DataError, open_file, problem, reason, too_big

_UNSIGNED_BYTE = 0x08
_OTHER_TYPES = {0x09: "int8", 0x0B: "int16", 0x0C: "int32", 0x0D: "float32", 0x0E: "float64"}
_KINDS = {1: "labels", 3: "images"}

_GZIP_START = b"\x1f\x8b"
_GZIP_WINDOW = 31  # zlib's way to say: a gzip header, a CRC, and a window of up to 32 KiB


def header_bytes(ndim: int) -> int:
    """Return how many bytes precede the values of an IDX file with `ndim` dimensions."""
    return 4 + 4 * ndim


def read(path: str | os.PathLike[str], ndim: int, md5: str | None = None) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes.

    Whether it is packed is told by its first two bytes, not by its name: browsers unpack files and
    leave them called ``.gz``.

    Parameters
    ----------
    path
        The file. It is not trusted: neither its contents nor what its header says.
    ndim
        The number of dimensions it must have: 1 for labels, 3 for images.
    md5
        The MD5 sum that the unpacked file must have, in hexadecimal.

    Returns
    -------
    NDArray[np.uint8]
        Of the shape in the header; read-only, since it is a view of the bytes that were read.

    Raises
    ------
    DataError
        If the file cannot be read, is not IDX, holds something else than asked for, ends too early
        or too late, is damaged, or has more than 1 GiB.
    """
    path = Path(path)
    stored = _contents(path)
    packed = stored.startswith(_GZIP_START)
    header = header_bytes(ndim)

    # Unpacked twice: first as far as the header, and then no further than the header says.
    shape = _shape(path, _unpack(path, stored, header) if packed else stored, ndim)
    end = header + math.prod(shape)
    data = _unpack(path, stored, end + 1) if packed else stored
    _check_end(path, len(data), end, shape)
    if md5 is not None:
        _check_md5(path, data, md5)
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def _contents(path: Path) -> bytes:
    with open_file(path) as file:
        try:
            size = os.fstat(file.fileno()).st_size
            data = file.readall() if size <= LIMIT else None
        except OSError as error:
            raise problem(
                path, f"cannot be read ({reason(error)})", "a readable file", "copy it here again"
            ) from error
    if data is None:
        raise problem(path, f"has {size} bytes", f"at most {LIMIT}", "take a smaller set")
    return data


def _unpack(path: Path, packed: bytes, limit: int) -> bytes:
    """Return the first `limit` bytes of a gzip stream, or all if there are fewer.

    The memory used grows with the bytes that are found, never with `limit`.
    """
    decoder = zlib.decompressobj(_GZIP_WINDOW)
    try:
        data = decoder.decompress(packed, limit)
    except zlib.error as error:
        raise problem(
            path,
            f"damaged gzip stream, broken at byte {_broken_at(packed)} ({reason(error)})",
            "a stream that unpacks and has the right check sum",
            "fetch the file again",
        ) from error
    if len(data) < limit and not decoder.eof:
        raise problem(
            path,
            f"truncated gzip stream, ends at byte {len(packed)}",
            "a whole stream",
            "fetch the file again",
        )
    if decoder.unused_data:
        raise problem(
            path,
            f"has {len(decoder.unused_data)} trailing bytes after its gzip stream, "
            f"from byte {len(packed) - len(decoder.unused_data)}",
            "one stream and no more",
            "fetch the file again, or unpack it and pack it anew",
        )
    return data


def _broken_at(packed: bytes) -> int:
    """Return the place of the byte at which zlib gives up on a damaged stream.

    It is fed in strides; the one that breaks is walked again in shorter ones, down to a byte.
    """
    decoder = zlib.decompressobj(_GZIP_WINDOW)
    place, stride = 0, 4096
    while stride and place < len(packed):
        trial = decoder.copy()
        try:
            trial.decompress(packed[place : place + stride])
        except zlib.error:
            stride //= 16
        else:
            decoder = trial
            place += stride
    return place


def _shape(path: Path, start: bytes, ndim: int) -> tuple[int, ...]:
    """Return the dimensions that the header gives, once they are known to be within bounds."""
    magic = start[:4]
    if magic != bytes([0, 0, _UNSIGNED_BYTE, ndim])[: len(magic)]:
        raise _wrong_magic(path, magic, ndim)
    header = header_bytes(ndim)
    if len(start) < header:
        raise problem(
            path,
            f"truncated, ends at byte {len(start)}, within its header",
            f"a header of {header} bytes",
            "fetch the file again",
        )
    shape = struct.unpack_from(f">{ndim}I", start, 4)
    if too_big(shape):
        raise problem(
            path,
            f"header claims {_times(shape)} bytes, from byte 4",
            f"at most {LIMIT} in all",
            "fetch the file again, or take a smaller set",
        )
    return shape


def _wrong_magic(path: Path, magic: bytes, ndim: int) -> DataError:
    wanted = f"{_kind(ndim)}, magic {bytes([0, 0, _UNSIGNED_BYTE, ndim]).hex()}"
    if len(magic) == 4 and magic[:3] == bytes([0, 0, _UNSIGNED_BYTE]):
        return problem(
            path,
            f"mislabelled: magic {magic.hex()} at byte 0 says that it holds {_kind(magic[3])}",
            wanted,
            "name the file for what it holds",
        )
    if len(magic) == 4 and magic[:2] == bytes(2) and magic[2] in _OTHER_TYPES:
        return problem(
            path,
            f"holds {_OTHER_TYPES[magic[2]]} values (byte 2 is {magic[2]:#04x})",
            f"unsigned bytes: {wanted}",
            "convert it to unsigned bytes",
        )
    return problem(
        path,
        f"not an IDX file, starts with {magic!r} at byte 0",
        f"{wanted}, packed with gzip or not",
        "fetch the file again, and look at what was fetched",
    )


def _check_end(path: Path, length: int, end: int, shape: tuple[int, ...]) -> None:
    if length < end:
        raise problem(
            path,
            f"truncated, ends at byte {length} (unpacked)",
            f"{end} bytes for {_times(shape)} values",
            "fetch the file again",
        )
    if length > end:
        raise problem(
            path,
            f"has trailing bytes from byte {end} (unpacked)",
            f"{end} bytes for {_times(shape)} values",
            "fetch the file again",
        )


def _check_md5(path: Path, data: bytes, md5: str) -> None:
    found = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if found != md5:
        raise problem(
            path,
            f"damaged, its unpacked bytes have the MD5 sum {found}",
            f"the published sum {md5}",
            "install the package again",
        )


def _kind(ndim: int) -> str:
    return _KINDS.get(ndim, f"an array of {ndim} dimensions")


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
