"""Reading of IDX files, the format of MNIST, packed with gzip or not.

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

from tinygrad_hw.data.source import (
    LIMIT,
    DataError,
    check_packing,
    data_error,
    exceeds_limit,
    open_file,
    reason_text,
)

_UNSIGNED_BYTE = 0x08
_OTHER_TYPES = {0x09: "int8", 0x0B: "int16", 0x0C: "int32", 0x0D: "float32", 0x0E: "float64"}
_KINDS = {1: "labels", 3: "images"}

_GZIP_START = b"\x1f\x8b"
_GZIP_WINDOW = 31  # zlib's way to say: a gzip header, a CRC, and a window of up to 32 KiB


def header_bytes(ndim: int) -> int:
    """Return the length in bytes of the header of an IDX file with `ndim` dimensions."""
    return 4 + 4 * ndim


def read(path: str | os.PathLike[str], ndim: int, md5: str | None = None) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes.

    The first two bytes tell whether the file is packed, not its name: browsers unpack files without
    removing ``.gz`` from the name.

    Parameters
    ----------
    path
        The file. Neither its header nor its values are trusted.
    ndim
        The number of dimensions it must have: 1 for labels, 3 for images.
    md5
        The MD5 sum that the unpacked file must have, in hexadecimal.

    Returns
    -------
    NDArray[np.uint8]
        The values, of the shape in the header; read-only, since the array is a view of the file's
        bytes.

    Raises
    ------
    DataError
        If the file cannot be read, is not IDX, has values of another type or another number of
        dimensions, ends too early or too late, is damaged, or has more than 1 GiB.
    """
    path = Path(path)
    content = _read_bytes(path)
    is_packed = content.startswith(_GZIP_START)
    header = header_bytes(ndim)

    # Unpack twice: first the header alone, then no more bytes than the header claims.
    shape = _header_shape(path, _unpack(path, content, header) if is_packed else content, ndim)
    end = header + math.prod(shape)
    if is_packed:
        check_packing(path, end, len(content))
    data = _unpack(path, content, end + 1) if is_packed else content
    _check_length(path, len(data), end, shape)
    if md5 is not None:
        _check_md5(path, data, md5)
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def _read_bytes(path: Path) -> bytes:
    """Return all bytes of a file; raise DataError if there are more than LIMIT."""
    with open_file(path) as file:
        try:
            size = os.fstat(file.fileno()).st_size
            data = file.readall() if size <= LIMIT else None
        except OSError as error:
            raise data_error(
                path,
                f"cannot be read ({reason_text(error)})",
                "a readable file",
                "copy it here again",
            ) from error
    if data is None:
        raise data_error(path, f"has {size} bytes", f"at most {LIMIT}", "take a smaller set")
    return data


def _unpack(path: Path, packed: bytes, limit: int) -> bytes:
    """Return the first `limit` bytes of a gzip stream, or all if there are fewer.

    Memory is allocated for the bytes in the stream, never for `limit` bytes.
    """
    decoder = zlib.decompressobj(_GZIP_WINDOW)
    try:
        data = decoder.decompress(packed, limit)
    except zlib.error as error:
        raise data_error(
            path,
            f"damaged gzip stream, broken at byte {_broken_byte(packed)} ({reason_text(error)})",
            "a stream that unpacks and has the right check sum",
            "fetch the file again",
        ) from error
    if len(data) < limit and not decoder.eof:
        raise data_error(
            path,
            f"truncated gzip stream, ends at byte {len(packed)}",
            "a whole stream",
            "fetch the file again",
        )
    if decoder.unused_data:
        raise data_error(
            path,
            f"has {len(decoder.unused_data)} trailing bytes after its gzip stream, "
            f"from byte {len(packed) - len(decoder.unused_data)}",
            "one stream and no more",
            "fetch the file again, or unpack it and pack it anew",
        )
    return data


def _broken_byte(packed: bytes) -> int:
    """Return the offset of the byte at which zlib refuses a damaged stream.

    The decoder gets the stream in blocks; a block that fails is tried again in shorter blocks, down
    to single bytes.
    """
    decoder = zlib.decompressobj(_GZIP_WINDOW)
    offset, block = 0, 4096
    while block and offset < len(packed):
        trial = decoder.copy()
        try:
            trial.decompress(packed[offset : offset + block])
        except zlib.error:
            block //= 16
        else:
            decoder = trial
            offset += block
    return offset


def _header_shape(path: Path, start: bytes, ndim: int) -> tuple[int, ...]:
    """Return the shape in the header, after checking the header and the size that it claims."""
    magic = start[:4]
    if magic != bytes([0, 0, _UNSIGNED_BYTE, ndim])[: len(magic)]:
        raise _magic_error(path, magic, ndim)
    header = header_bytes(ndim)
    if len(start) < header:
        raise data_error(
            path,
            f"truncated, ends at byte {len(start)}, within its header",
            f"a header of {header} bytes",
            "fetch the file again",
        )
    shape = struct.unpack_from(f">{ndim}I", start, 4)
    if exceeds_limit(shape):
        raise data_error(
            path,
            f"header claims {_shape_text(shape)} bytes, from byte 4",
            f"at most {LIMIT} in all",
            "fetch the file again, or take a smaller set",
        )
    return shape


def _magic_error(path: Path, magic: bytes, ndim: int) -> DataError:
    """Return the error for a file whose first four bytes are not those of `ndim` dimensions."""
    expected = f"{_kind(ndim)}, magic {bytes([0, 0, _UNSIGNED_BYTE, ndim]).hex()}"
    if len(magic) == 4 and magic[:3] == bytes([0, 0, _UNSIGNED_BYTE]):
        return data_error(
            path,
            f"mislabelled: magic {magic.hex()} at byte 0 says that it holds {_kind(magic[3])}",
            expected,
            "name the file for what it holds",
        )
    if len(magic) == 4 and magic[:2] == bytes(2) and magic[2] in _OTHER_TYPES:
        return data_error(
            path,
            f"holds {_OTHER_TYPES[magic[2]]} values (byte 2 is {magic[2]:#04x})",
            f"unsigned bytes: {expected}",
            "convert it to unsigned bytes",
        )
    return data_error(
        path,
        f"not an IDX file, starts with {magic!r} at byte 0",
        f"{expected}, packed with gzip or not",
        "fetch the file again, and look at what was fetched",
    )


def _check_length(path: Path, length: int, end: int, shape: tuple[int, ...]) -> None:
    """Raise DataError if the file does not end with its last value, at byte `end`."""
    if length < end:
        raise data_error(
            path,
            f"truncated, ends at byte {length} (unpacked)",
            f"{end} bytes for {_shape_text(shape)} values",
            "fetch the file again",
        )
    if length > end:
        raise data_error(
            path,
            f"has trailing bytes from byte {end} (unpacked)",
            f"{end} bytes for {_shape_text(shape)} values",
            "fetch the file again",
        )


def _check_md5(path: Path, data: bytes, md5: str) -> None:
    """Raise DataError if the unpacked bytes have another MD5 sum."""
    found = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if found != md5:
        raise data_error(
            path,
            f"damaged, its unpacked bytes have the MD5 sum {found}",
            f"the published sum {md5}",
            "install the package again",
        )


def _kind(ndim: int) -> str:
    """Return the name for the contents of a file with `ndim` dimensions: labels or images."""
    return _KINDS.get(ndim, f"an array of {ndim} dimensions")


def _shape_text(shape: tuple[int, ...]) -> str:
    """Return a shape as text: 60000 × 28 × 28."""
    return " × ".join(map(str, shape))
