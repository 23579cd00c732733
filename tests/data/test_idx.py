import gzip
import hashlib
import io
import os
import struct
import sys
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_hw.data import DataError, idx

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
PLAIN = settings(deadline=None, database=None)


def packed_idx(array, *, compress=True):
    data = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()
    return gzip.compress(data, mtime=0) if compress else data


@pytest.fixture
def file(tmp_path):
    return tmp_path / "images.gz"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """One directory for all examples of a property, which overwrite each other's files."""
    return tmp_path_factory.mktemp("scratch")


def read_or_line(path):
    """The images at `path`, or None if there is a fit line on why not."""
    try:
        return idx.read(path, 3)
    except DataError as error:
        line = str(error)
    assert line.isprintable()
    assert len(line) - len(str(path)) < 500
    return None


def error_of(path, ndim=3, **kwargs):
    """The one line with which reading `path` fails, without the directory."""
    with pytest.raises(DataError) as caught:
        idx.read(path, ndim, **kwargs)
    message = str(caught.value)
    assert message.isprintable()
    assert message.startswith(str(path)) or not str(path).isprintable()
    assert message.count("; ") >= 2
    return message.removeprefix(f"{path.parent}{os.sep}")


def error_from(file, data, ndim=3, **kwargs):
    file.write_bytes(data)
    return error_of(file, ndim, **kwargs)


@pytest.mark.parametrize("compress", [True, False])
def test_reads_packed_or_not_whatever_the_name(tmp_path, compress):
    for name in ("images", "images.gz"):
        path = tmp_path / name
        path.write_bytes(packed_idx(IMAGES, compress=compress))
        found = idx.read(path, 3)
        np.testing.assert_array_equal(found, IMAGES)
        assert found.dtype == np.uint8
        assert not found.flags.writeable
        assert found.flags.c_contiguous


def test_takes_a_string(file):
    file.write_bytes(packed_idx(IMAGES))
    np.testing.assert_array_equal(idx.read(str(file), 3), IMAGES)


@PLAIN
@given(
    array=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=9)),
    compress=st.booleans(),
)
def test_what_is_written_is_read(scratch, array, compress):
    path = scratch / "array"
    path.write_bytes(packed_idx(array, compress=compress))
    found = idx.read(path, array.ndim)
    assert found.shape == array.shape
    np.testing.assert_array_equal(found, array)


@settings(PLAIN, max_examples=300)
@given(
    compress=st.booleans(),
    edits=st.lists(st.tuples(st.integers(0, 79), st.integers(0, 255)), max_size=4),
    cut=st.integers(0, 80),
    tail=st.binary(max_size=8),
)
def test_mutated_bytes_load_or_fail_in_one_line(scratch, compress, edits, cut, tail):
    data = bytearray(packed_idx(IMAGES, compress=compress))
    for place, byte in edits:
        data[place % len(data)] = byte
    path = scratch / "images"
    path.write_bytes(bytes(data[:cut]) + tail)
    found = read_or_line(path)
    assert found is None or found.ndim == 3


@settings(PLAIN, max_examples=100)
@given(data=st.binary(max_size=64), start=st.sampled_from([b"", b"\0\0\x08\3", b"\x1f\x8b\x08\0"]))
def test_any_bytes_load_or_fail_in_one_line(scratch, start, data):
    path = scratch / "images"
    path.write_bytes(start + data)
    found = read_or_line(path)
    assert found is None or found.ndim == 3


def test_missing_file(file):
    assert error_of(file) == (
        "images.gz: cannot be opened (No such file or directory); expected a file that may be "
        "read; check its name and its permissions"
    )


def test_directory(file):
    file.mkdir()
    assert error_of(file) == "images.gz: is a directory; expected a file; name the file itself"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are a Unix matter")
def test_pipe_is_not_waited_for(file):
    os.mkfifo(file)
    assert "is a pipe or a device; expected a file" in error_of(file)


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="permissions do not bind this user"
)
def test_unreadable_file(file):
    file.write_bytes(packed_idx(IMAGES))
    file.chmod(0)
    assert "cannot be opened (Permission denied)" in error_of(file)


def test_unreadable_file_whoever_runs_this(file, monkeypatch):
    file.write_bytes(packed_idx(IMAGES))

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert error_of(file) == (
        "images.gz: cannot be opened (Permission denied); expected a file that may be read; "
        "check its name and its permissions"
    )


def test_disk_that_fails_while_reading(file, monkeypatch):
    class Failing(io.FileIO):
        def readall(self):
            raise OSError(5, "Input/output error")

    file.write_bytes(packed_idx(IMAGES))
    monkeypatch.setattr(idx, "open_file", Failing)
    assert error_of(file) == (
        "images.gz: cannot be read (Input/output error); expected a readable file; "
        "copy it here again"
    )


def test_name_with_a_newline_stays_on_the_line(tmp_path):
    assert "im\\nages" in error_of(tmp_path / "im\nages")


def test_name_with_a_nul(tmp_path):
    assert "cannot be opened (" in error_of(tmp_path / "im\0ages")


def test_foreign_file(file):
    png = b"\x89PNG\r\n\x1a\n" + bytes(30)
    expected = (
        "images.gz: not an IDX file, starts with b'\\x89PNG' at byte 0; expected images, magic "
        "00000803, packed with gzip or not; fetch the file again, and look at what was fetched"
    )
    assert error_from(file, png) == expected
    assert error_from(file, gzip.compress(png)) == expected


def test_web_page_in_place_of_the_file(file):
    assert "starts with b'<!do' at byte 0" in error_from(file, b"<!doctype html><title>403</title>")


@pytest.mark.parametrize("size", [0, 1, 3, 4, 15])
def test_truncated_header(file, size):
    message = error_from(file, packed_idx(IMAGES, compress=False)[:size])
    assert message == (
        f"images.gz: truncated, ends at byte {size}, within its header; "
        "expected a header of 16 bytes; fetch the file again"
    )


def test_labels_in_place_of_images(file):
    labels = packed_idx(np.arange(10, dtype=np.uint8))
    assert error_from(file, labels) == (
        "images.gz: mislabelled: magic 00000801 at byte 0 says that it holds labels; "
        "expected images, magic 00000803; name the file for what it holds"
    )


def test_images_in_place_of_labels(file):
    message = error_from(file, packed_idx(IMAGES), ndim=1)
    assert "magic 00000803 at byte 0 says that it holds images; expected labels" in message


def test_other_number_of_dimensions(file):
    message = error_from(file, packed_idx(IMAGES[0]))
    assert "says that it holds an array of 2 dimensions; expected images" in message


@pytest.mark.parametrize(("code", "name"), [(9, "int8"), (0x0D, "float32")])
def test_other_type_of_value(file, code, name):
    data = bytes([0, 0, code, 3]) + packed_idx(IMAGES, compress=False)[4:]
    assert error_from(file, data) == (
        f"images.gz: holds {name} values (byte 2 is {code:#04x}); expected unsigned bytes: images, "
        "magic 00000803; convert it to unsigned bytes"
    )


def test_type_that_idx_does_not_have(file):
    assert "not an IDX file, starts with b'\\x00\\x00\\n\\x03'" in error_from(file, b"\0\0\x0a\3")


@pytest.mark.parametrize("compress", [True, False])
def test_truncated_payload(file, compress):
    data = packed_idx(IMAGES, compress=False)[:-5]
    assert error_from(file, gzip.compress(data) if compress else data) == (
        "images.gz: truncated, ends at byte 35 (unpacked); expected 40 bytes for 2 × 3 × 4 values; "
        "fetch the file again"
    )


@pytest.mark.parametrize("compress", [True, False])
def test_trailing_bytes(file, compress):
    data = packed_idx(IMAGES, compress=False) + b"more"
    assert error_from(file, gzip.compress(data) if compress else data) == (
        "images.gz: has trailing bytes from byte 40 (unpacked); expected 40 bytes for 2 × 3 × 4 "
        "values; fetch the file again"
    )


@pytest.mark.parametrize("kept", [2, 9, 12, 30, -8, -1])
def test_truncated_gzip(file, kept):
    data = packed_idx(IMAGES)[:kept]
    assert error_from(file, data) == (
        f"images.gz: truncated gzip stream, ends at byte {len(data)}; "
        "expected a whole stream; fetch the file again"
    )


@pytest.mark.parametrize("tail", [b"more", packed_idx(IMAGES)])
def test_bytes_after_the_gzip_stream(file, tail):
    data = packed_idx(IMAGES)
    assert error_from(file, data + tail) == (
        f"images.gz: has {len(tail)} trailing bytes after its gzip stream, from byte {len(data)}; "
        "expected one stream and no more; fetch the file again, or unpack it and pack it anew"
    )


def test_wrong_checksum_is_placed(file):
    data = bytearray(packed_idx(np.random.default_rng(0).integers(0, 256, (9, 40, 50), np.uint8)))
    data[-8] ^= 1
    # zlib compares the sum when it has its last byte.
    assert error_from(file, bytes(data)) == (
        f"images.gz: damaged gzip stream, broken at byte {len(data) - 5} (Error -3 while "
        "decompressing data: incorrect data check); expected a stream that unpacks and has the "
        "right check sum; fetch the file again"
    )


def test_broken_deflate_is_placed(file):
    compressor = zlib.compressobj(wbits=31)
    start = compressor.compress(packed_idx(IMAGES, compress=False))
    start += compressor.flush(zlib.Z_FULL_FLUSH)
    # The two bits of a block's type may not be both set.
    message = error_from(file, start + b"\x06" + bytes(30))
    assert f"broken at byte {len(start)} (Error -3" in message
    assert "invalid block type" in message


def test_md5_that_differs(file):
    data = packed_idx(IMAGES)
    right = hashlib.md5(gzip.decompress(data)).hexdigest()
    file.write_bytes(data)
    idx.read(file, 3, md5=right)
    assert error_of(file, md5="0" * 32) == (
        f"images.gz: damaged, its unpacked bytes have the MD5 sum {right}; expected the published "
        f"sum {'0' * 32}; install the package again"
    )


@pytest.mark.parametrize(
    "shape", [(2**32 - 1,) * 3, (2**20, 2**5, 2**5 + 1), (2**32 - 1, 0, 2**32 - 1)]
)
@pytest.mark.parametrize("compress", [True, False])
def test_absurd_sizes(file, shape, compress):
    data = struct.pack(">BBBBIII", 0, 0, 8, 3, *shape)
    claim = " × ".join(map(str, shape))
    assert error_from(file, gzip.compress(data) if compress else data) == (
        f"images.gz: header claims {claim} bytes, from byte 4; expected at most {2**30} in all; "
        "fetch the file again, or take a smaller set"
    )


def test_file_too_large_is_not_read(file):
    with file.open("wb") as hollow:
        hollow.truncate(2**30 + 1)
    assert error_of(file) == (
        f"images.gz: has {2**30 + 1} bytes; expected at most {2**30}; take a smaller set"
    )


@pytest.mark.parametrize(
    ("claim", "there", "words"),
    [
        ((1, 1, 1), 2**26, "trailing bytes from byte 17"),
        ((2**15, 2**5, 2**5), 64, "truncated, ends at byte 80"),
        ((2**20, 2**5, 2**5), 64, "its 33 bytes claim to be 1073741840 unpacked"),
        ((2**17, 2**5, 2**5), 2**27, "bytes claim to be 134217744 unpacked"),
    ],
    ids=["bomb", "lie", "large lie", "bomb that owns up"],
)
def test_memory_follows_neither_the_claim_nor_the_bomb(file, claim, there, words):
    header = struct.pack(">BBBBIII", 0, 0, 8, 3, *claim)
    file.write_bytes(gzip.compress(header + bytes(there), 9))
    tracemalloc.start()
    try:
        message = error_of(file)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert words in message
    assert peak < 2**20


# --- Bombs ----------------------------------------------------------------------------------------


def test_what_is_packed_too_densely_is_refused_before_it_is_unpacked(file, monkeypatch):
    """Bytes of zeros are packed at 1,000 to 1: a megabyte of them would become a gigabyte."""
    start = struct.pack(">BBBB3I", 0, 0, 8, 3, 100_000, 28, 28)
    file.write_bytes(gzip.compress(start + bytes(700_000)))
    size = file.stat().st_size
    assert size < 1000
    unpacked = []
    real = idx._unpack
    monkeypatch.setattr(
        idx, "_unpack", lambda *args: unpacked.append(len(real(*args))) or real(*args)
    )
    assert error_of(file) == (
        f"images.gz: its {size} bytes claim to be 78400016 unpacked; expected at most 100 times as "
        "many, as of any real images; fetch the file again; if it is yours, unpack it first"
    )
    assert unpacked == [16]


def test_a_little_data_may_be_packed_as_densely_as_it_is(file):
    file.write_bytes(packed_idx(np.zeros((1000, 28, 28), np.uint8)))
    assert file.stat().st_size * 100 < 784_000
    assert idx.read(file, 3).shape == (1000, 28, 28)
