import io
import os
import pickle
import re
import struct
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_hw.data import DataError, npz

ARRAY = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
PLAIN = settings(deadline=None, database=None)
COMPRESSED = io.BytesIO()
np.savez_compressed(COMPRESSED, x=ARRAY, y=np.arange(2))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "set.npz"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """One directory for all examples of a property, which overwrite each other's files."""
    return tmp_path_factory.mktemp("scratch")


def npy(header, payload=b"", version=1):
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header.encode("latin-1") + payload


def header(descr="|u1", shape="(2, 3, 4)", order=False):
    return f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n"


def read_or_line(path, ndims):
    """The arrays at `path`, or None if there is a fit line on why not."""
    try:
        return npz.read(path, ndims)
    except DataError as error:
        line = str(error)
    assert line.isprintable()
    assert len(line) - len(str(path)) < 500
    return None


def write(file, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def error_of(path, ndims=None):
    with pytest.raises(DataError) as caught:
        npz.read(path, ndims or {"x": 3})
    message = str(caught.value)
    assert message.isprintable()
    assert message.startswith(str(path))
    assert len(message) - len(str(path)) < 500
    return message.removeprefix(f"{path.parent}{os.sep}")


def error_from(file, member):
    write(file, {"x.npy": member})
    return error_of(file)


@PLAIN
@given(
    array=hnp.arrays(
        st.one_of(hnp.integer_dtypes(endianness="?"), hnp.unsigned_integer_dtypes(endianness="?")),
        hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5),
    ),
    fortran=st.booleans(),
    save=st.sampled_from([np.savez, np.savez_compressed]),
)
def test_what_numpy_saves_is_read(scratch, array, fortran, save):
    path = scratch / "set.npz"
    save(path, x=np.asfortranarray(array) if fortran else array, other=np.zeros(3))
    found = npz.read(path, {"x": array.ndim})["x"]
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype
    assert found.flags.c_contiguous
    assert not found.flags.writeable


@pytest.mark.parametrize("version", [1, 2, 3])
def test_versions_of_the_header(file, version):
    write(file, {"x.npy": npy(header(), ARRAY.tobytes(), version)})
    np.testing.assert_array_equal(npz.read(file, {"x": 3})["x"], ARRAY)


def test_header_written_under_python_2(file):
    write(file, {"x.npy": npy(header(shape="(2L, 3L, 4L)"), ARRAY.tobytes())})
    np.testing.assert_array_equal(npz.read(file, {"x": 3})["x"], ARRAY)


@settings(PLAIN, max_examples=400)
@given(
    edits=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=6),
    cut=st.none() | st.integers(0, 2000),
    tail=st.binary(max_size=8),
)
def test_mutated_bytes_load_or_fail_in_one_line(scratch, edits, cut, tail):
    data = bytearray(COMPRESSED.getvalue())
    for place, byte in edits:
        data[place % len(data)] = byte
    path = scratch / "set.npz"
    path.write_bytes(bytes(data[:cut]) + tail)
    arrays = read_or_line(path, {"x": 3, "y": 1})
    assert arrays is None or (arrays["x"].ndim, arrays["y"].ndim) == (3, 1)


@settings(PLAIN, max_examples=200)
@given(
    text=st.text(st.characters(codec="latin-1"), max_size=20),
    place=st.integers(0, 60),
    version=st.integers(0, 255),
)
def test_mutated_headers_load_or_fail_in_one_line(scratch, text, place, version):
    path = scratch / "set.npz"
    broken = header()[:place] + text + header()[place + len(text) :]
    write(path, {"x.npy": npy(broken, ARRAY.tobytes(), version)})
    arrays = read_or_line(path, {"x": 3})
    assert arrays is None or arrays["x"].nbytes == ARRAY.nbytes


def test_missing_file(file):
    assert error_of(file) == (
        "set.npz: cannot be opened (No such file or directory); expected a file that may be read; "
        "check its name and its permissions"
    )


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", bytes(100)])
def test_not_a_zip_archive(file, data):
    file.write_bytes(data)
    assert error_of(file) == (
        "set.npz: not a zip archive that can be read (File is not a zip file); "
        "expected an archive as numpy.savez writes it; fetch the file again"
    )


def test_truncated_archive(file):
    file.write_bytes(COMPRESSED.getvalue()[:-40])
    assert "set.npz: not a zip archive that can be read (" in error_of(file)


def test_missing_arrays(file):
    np.savez(file, x=ARRAY)
    assert error_of(file, {"x": 3, "y": 1, "z": 1}) == (
        "set.npz: lacks y, z; expected the arrays x, y, z; "
        "save them under these names with numpy.savez"
    )


def test_pickle_is_not_read(file):
    class Trap:
        def __reduce__(self):
            return (sys.exit, ("the pickle was run",))

    write(file, {"x.npy": npy(header("|O", "(1, 1, 1)"), pickle.dumps(Trap()))})
    expected = (
        "set.npz, x: holds Python objects (a pickle), which may run code when read; "
        "expected integers; save it as an array of integers"
    )
    assert error_of(file) == expected
    np.savez(file, x=np.array([[[None]]]))
    assert error_of(file) == expected
    write(file, {"x.npy": pickle.dumps(Trap())})
    assert "set.npz, x: not an NPY file, starts with b'" in error_of(file)


@pytest.mark.parametrize("dtype", ["<f4", "<f8", "|b1", "<U7", "|S3", "<c16", "<M8[s]"])
def test_other_dtypes(file, dtype):
    np.savez(file, x=np.zeros((1, 1, 1), dtype))
    assert error_of(file) == (
        f"set.npz, x: has dtype '{dtype}'; expected integers; "
        "convert it with .astype('uint8') and save it again"
    )


def test_structured_dtype(file):
    np.savez(file, x=np.zeros((1, 1, 1), [("a", "u1")]))
    message = error_of(file)
    assert "set.npz, x: NPY header \"{'descr': [('a', '|u1')], " in message
    assert "at byte 10 is not that of an array; expected 'descr', 'fortran_order'" in message


def test_other_number_of_dimensions(file):
    np.savez(file, x=ARRAY[0], y=ARRAY)
    remedy = "reshape it and save it again"
    assert error_of(file) == (f"set.npz, x: has the shape (3, 4); expected 3 dimensions; {remedy}")
    assert error_of(file, {"y": 1}) == (
        f"set.npz, y: has the shape (2, 3, 4); expected 1 dimension; {remedy}"
    )


@pytest.mark.parametrize(
    "text", ["", "{}", "__import__('os').abort()", header(shape="(-1, 2, 3)"), "(" * 4000]
)
def test_header_is_matched_and_not_evaluated(file, text):
    assert "is not that of an array" in error_from(file, npy(text))


@pytest.mark.parametrize(
    ("kept", "expected"), [(8, 2), (9, 2), (10, len(header())), (40, len(header()))]
)
def test_truncated_npy_header(file, kept, expected):
    assert error_from(file, npy(header())[:kept]) == (
        f"set.npz, x: truncated, ends at byte {kept} (unpacked); "
        f"expected {expected} bytes of header from byte {8 if kept < 10 else 10}; "
        "fetch the file again"
    )


def test_npy_header_longer_than_any(file):
    assert error_from(file, npy(" " * 5000)) == (
        "set.npz, x: header claims 5000 bytes, at byte 8; expected at most 4096; "
        "save it with numpy.savez"
    )


def test_truncated_payload(file):
    text = header()
    end = 10 + len(text)
    assert error_from(file, npy(text, bytes(20))) == (
        f"set.npz, x: truncated, ends at byte {end + 20} (unpacked); expected {end + 24} bytes; "
        "fetch the file again"
    )


def test_trailing_bytes(file):
    text = header()
    end = 10 + len(text)
    assert error_from(file, npy(text, bytes(25))) == (
        f"set.npz, x: has trailing bytes from byte {end + 24} to {end + 25}; "
        f"expected {end + 24} bytes; fetch the file again"
    )


@pytest.mark.parametrize(
    "shape", ["(1000000, 1000000, 1000000)", "(0, 1000000, 1000000)", f"(1, 1, {'9' * 3000})"]
)
def test_absurd_sizes(file, shape):
    message = error_from(file, npy(header(shape=shape)))
    assert message.startswith(f"set.npz, x: header claims the shape {shape[:80]}; expected at most")
    assert message.endswith(f"{2**30} bytes; fetch the file again, or take a smaller set")


def test_damaged_entry_is_placed(file):
    np.savez(file, x=ARRAY)
    data = bytearray(file.read_bytes())
    data[data.index(ARRAY.tobytes())] ^= 1
    file.write_bytes(data)
    assert error_of(file) == (
        "set.npz, x: damaged, in the entry at byte 0 (Bad CRC-32 for file 'x.npy'); expected an "
        "entry that unpacks and has the right check sum; fetch the file again"
    )


def test_packing_that_numpy_does_not_use(file):
    write(file, {"x.npy": npy(header(), ARRAY.tobytes())}, zipfile.ZIP_LZMA)
    assert error_of(file) == (
        "set.npz, x: packed by method 14; expected 0 (stored) or 8 (deflated); "
        "save it with numpy.savez or numpy.savez_compressed"
    )


def directory_patched(data, offset, value):
    """The archive `data` with four bytes of its first directory entry changed."""
    place = data.index(b"PK\x01\x02") + offset
    return data[:place] + struct.pack("<I", value) + data[place + 4 :]


def test_encrypted_entry(file):
    data = bytearray(COMPRESSED.getvalue())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    file.write_bytes(data)
    assert re.search(r"damaged, in the entry at byte 0 \(File 'x.npy' is encrypted", error_of(file))


def test_directory_claims_more_than_the_file(file):
    file.write_bytes(directory_patched(COMPRESSED.getvalue(), 20, 2**31))
    size = len(COMPRESSED.getvalue())
    assert error_of(file) == (
        f"set.npz, x: truncated, claims {2**31} packed bytes in a file of {size}; "
        "expected no more than there are; fetch the file again"
    )


def test_stored_entry_shorter_than_it_claims(file):
    text = header()
    write(file, {"x.npy": npy(text, bytes(20))}, zipfile.ZIP_STORED)
    file.write_bytes(directory_patched(file.read_bytes(), 24, 10 + len(text) + 24))
    assert f"truncated, ends at byte {10 + len(text) + 20} (unpacked)" in error_of(file)


def test_bomb_takes_no_memory(file):
    """Many zeros, in a directory that claims them all and in one that owns up to 24."""
    text = header()
    for size, claim, words in (
        (2**26, None, "bytes claim to be 67108937 unpacked"),
        (2**25, None, "trailing bytes"),
        (2**26, 10 + len(text) + 24, "Bad CRC-32"),
    ):
        write(file, {"x.npy": npy(text, bytes(size))})
        if claim:
            file.write_bytes(directory_patched(file.read_bytes(), 24, claim))
        tracemalloc.start()
        try:
            message = error_of(file)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert words in message
        assert peak < 2**20


def test_directory_too_long_to_be_read(file):
    write(file, {"x.npy": b""} | {f"{number}{'n' * 60_000}": b"" for number in range(5)})
    assert "(directory of more than 262144 bytes)" in error_of(file)
