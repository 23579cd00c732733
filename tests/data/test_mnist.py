import gzip
import hashlib
import os
import shutil
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_hw.data import DataError, Dataset, load, mnist

NAMES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
PLAIN = settings(deadline=None, database=None)


def small_set(**changes):
    numbers = np.random.default_rng(0)
    arrays = {
        "x_train": numbers.integers(0, 256, (7, 5, 4), np.uint8),
        "y_train": np.array([3, 6, 0, 6, 3, 9, 3], np.uint8),
        "x_test": numbers.integers(0, 256, (3, 5, 4), np.uint8),
        "y_test": np.array([6, 1, 3], np.uint8),
    }
    return arrays | changes


def idx_bytes(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(directory, arrays, *, packed=True, dotted=False):
    for part, array in arrays.items():
        name = NAMES[part].replace("-idx", ".idx") if dotted else NAMES[part]
        data = idx_bytes(array)
        if packed:
            (directory / f"{name}.gz").write_bytes(gzip.compress(data, 1, mtime=0))
        else:
            (directory / name).write_bytes(data)


def loaded_or_line(path, name):
    """The set at `path`, or None if there is a fit line on why not, with `name` in it."""
    try:
        return load(path)
    except DataError as error:
        line = str(error)
    assert line.isprintable()
    assert name in line
    return None


def assert_holds(dataset, arrays):
    for part, array in arrays.items():
        found = getattr(dataset, part)
        np.testing.assert_array_equal(found, array)
        assert found.dtype == np.uint8
        assert not found.flags.writeable


def error_of(path):
    with pytest.raises(DataError) as caught:
        load(path)
    message = str(caught.value)
    assert message.isprintable()
    return message.replace(f"{path}{os.sep}", "").replace(f"{path.parent}{os.sep}", "")


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """One directory for all examples of a property, which overwrite each other's files."""
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(scope="module")
def shipped():
    return load()


def test_shipped_set(shipped):
    assert shipped.x_train.shape == (60000, 28, 28)
    assert shipped.x_test.shape == (10000, 28, 28)
    assert shipped.y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert shipped.y_test[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(shipped.y_test).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    assert (shipped.x_train.min(), shipped.x_train.max()) == (0, 255)
    assert not shipped.x_train.flags.writeable


def test_repr_is_short(shipped):
    assert repr(shipped) == "<Dataset of 60000 training and 10000 test images, 28 × 28>"


def test_dataset_is_frozen(shipped):
    with pytest.raises(AttributeError):
        shipped.x_train = None


def test_three_against_six(shipped):
    pair = shipped.only(3, 6)
    assert len(pair.x_train) == len(pair.y_train) == 6131 + 5918
    assert len(pair.x_test) == len(pair.y_test) == 1010 + 958
    assert np.bincount(pair.y_train).tolist() == [6131, 5918]
    kept = np.isin(shipped.y_train, [3, 6])
    np.testing.assert_array_equal(pair.x_train, shipped.x_train[kept])
    np.testing.assert_array_equal(pair.y_train == 1, shipped.y_train[kept] == 6)
    assert pair.y_train.dtype == np.uint8


def test_only_keeps_order_and_takes_classes_in_theirs():
    dataset = Dataset(**small_set())
    assert dataset.only(3, 6).y_train.tolist() == [0, 1, 1, 0, 0]
    assert dataset.only(6, 3).y_train.tolist() == [1, 0, 0, 1, 1]
    np.testing.assert_array_equal(dataset.only(6, 3).x_test, dataset.x_test[[0, 2]])


def test_only_one_class():
    with pytest.raises(DataError) as caught:
        Dataset(**small_set()).only(3, 3)
    assert str(caught.value) == (
        "the data set: only(3, 3) names one class twice; expected two classes; "
        "give two different labels"
    )


@pytest.mark.parametrize(
    ("pair", "part", "label", "classes"),
    [
        ((3, 1), "training", 1, "0, 3, 6, 9"),
        ((9, 3), "test", 9, "1, 3, 6"),
        ((259, 6), "training", 259, "0, 3, 6, 9"),
        ((3, -1), "training", -1, "0, 3, 6, 9"),
    ],
)
def test_only_a_class_that_is_absent(pair, part, label, classes):
    with pytest.raises(DataError) as caught:
        Dataset(**small_set()).only(*pair)
    assert str(caught.value) == (
        f"the data set: its {part} part has no image of class {label}; expected one of {classes}; "
        "choose among these"
    )


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("dotted", [True, False])
def test_directory_of_idx_files(tmp_path, packed, dotted):
    arrays = small_set()
    write_idx(tmp_path, arrays, packed=packed, dotted=dotted)
    assert_holds(load(tmp_path), arrays)
    assert_holds(load(str(tmp_path)), arrays)


def test_directory_beside_the_file_of_its_name(tmp_path):
    write_idx(tmp_path, small_set(), packed=False, dotted=True)
    for name in NAMES.values():
        (tmp_path / name).mkdir()
    assert_holds(load(tmp_path), small_set())


def test_directory_in_place_of_a_file(tmp_path):
    write_idx(tmp_path, small_set(), packed=False)
    (tmp_path / NAMES["y_test"]).unlink()
    (tmp_path / NAMES["y_test"]).mkdir()
    assert error_of(tmp_path) == (
        "t10k-labels-idx1-ubyte: is a directory; expected a file; name the file itself"
    )


def test_directory_called_like_an_npz_file(tmp_path):
    directory = tmp_path / "mnist.npz"
    directory.mkdir()
    write_idx(directory, small_set())
    assert_holds(load(directory), small_set())


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_as_keras_ships_it(tmp_path, save):
    save(tmp_path / "mnist.npz", **small_set())
    assert_holds(load(tmp_path / "mnist.npz"), small_set())


@pytest.mark.parametrize("dtype", ["i1", "<i4", ">i4", "<i8", ">u8"])
def test_npz_labels_of_other_integers(tmp_path, dtype):
    arrays = small_set()
    labels = {part: arrays[part].astype(dtype) for part in ("y_train", "y_test")}
    np.savez(tmp_path / "mnist.npz", **(arrays | labels))
    assert_holds(load(tmp_path / "mnist.npz"), arrays)


@settings(PLAIN, max_examples=30)
@given(data=st.data(), train=st.integers(1, 4), test=st.integers(1, 4))
def test_any_set_that_fits_together_is_read(tmp_path_factory, data, train, test):
    directory = tmp_path_factory.mktemp("set")
    size = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    arrays = {
        "x_train": data.draw(hnp.arrays(np.uint8, (train, *size))),
        "y_train": data.draw(hnp.arrays(np.uint8, train, elements=st.integers(0, 9))),
        "x_test": data.draw(hnp.arrays(np.uint8, (test, *size))),
        "y_test": data.draw(hnp.arrays(np.uint8, test, elements=st.integers(0, 9))),
    }
    write_idx(directory, arrays, packed=data.draw(st.booleans()))
    assert_holds(load(directory), arrays)
    np.savez(directory / "set.npz", **arrays)
    assert_holds(load(directory / "set.npz"), arrays)


@settings(PLAIN, max_examples=150)
@given(
    part=st.sampled_from(list(NAMES)),
    edits=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), min_size=1, max_size=3),
)
def test_mutated_set_loads_or_fails_in_one_line(scratch, part, edits):
    write_idx(scratch, small_set(), packed=False)
    path = scratch / NAMES[part]
    data = bytearray(path.read_bytes())
    for place, byte in edits:
        data[place % len(data)] = byte
    path.write_bytes(data)
    found = loaded_or_line(scratch, NAMES[part])
    assert found is None or len(found.x_train) == len(found.y_train)


def test_missing_path(tmp_path):
    assert error_of(tmp_path / "nowhere") == (
        "nowhere: cannot be listed (No such file or directory); expected a directory with the four "
        "IDX files, or a file *.npz; check its name and its permissions"
    )
    assert error_of(tmp_path / "nowhere.npz").startswith("nowhere.npz: cannot be opened (No such")


def test_name_that_no_directory_can_have(tmp_path):
    assert "cannot be listed (" in error_of(tmp_path / "no\0where")


def test_one_idx_file_in_place_of_the_directory(tmp_path):
    write_idx(tmp_path, small_set())
    message = error_of(tmp_path / "train-images-idx3-ubyte.gz")
    assert "cannot be listed (Not a directory); expected a directory with the four" in message


def test_directory_that_may_not_be_listed(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "listdir", refuse)
    assert "cannot be listed (Permission denied)" in error_of(tmp_path)


@pytest.mark.parametrize("part", NAMES)
def test_missing_file(tmp_path, part):
    write_idx(tmp_path, small_set())
    (tmp_path / f"{NAMES[part]}.gz").unlink()
    dashed = NAMES[part]
    dotted = dashed.replace("-idx", ".idx")
    assert error_of(tmp_path) == (
        f"{tmp_path.name}: lacks {dashed}; expected it there as {dashed}, {dashed}.gz, {dotted} "
        f"or {dotted}.gz; copy or fetch it there"
    )


def test_files_under_each_others_names(tmp_path):
    write_idx(tmp_path, small_set(), packed=False)
    shutil.copy(tmp_path / NAMES["y_train"], tmp_path / NAMES["x_train"])
    assert error_of(tmp_path).startswith("train-images-idx3-ubyte: mislabelled: ")


def test_more_images_than_labels(tmp_path):
    arrays = small_set(y_test=np.array([1, 2], np.uint8))
    write_idx(tmp_path, arrays)
    assert error_of(tmp_path) == (
        "t10k-labels-idx1-ubyte.gz: has 2 labels; expected 3, one for each image in "
        "t10k-images-idx3-ubyte.gz; take both files from the same set"
    )
    np.savez(tmp_path / "set.npz", **arrays)
    assert error_of(tmp_path / "set.npz") == (
        "set.npz, y_test: has 2 labels; expected 3, one for each image in set.npz, x_test; "
        "take both files from the same set"
    )


def test_images_of_two_sizes(tmp_path):
    write_idx(tmp_path, small_set(x_test=np.zeros((3, 4, 5), np.uint8)))
    assert error_of(tmp_path) == (
        "t10k-images-idx3-ubyte.gz: has images of 4 × 5; expected 5 × 4, as in "
        "train-images-idx3-ubyte.gz; take both files from the same set"
    )


def test_label_above_nine(tmp_path):
    arrays = small_set(y_train=np.array([0, 1, 2, 10, 4, 37, 6], np.uint8))
    write_idx(tmp_path, arrays)
    rest = "expected labels 0 to 9; recode the classes, or leave out those above"
    assert error_of(tmp_path) == (
        f"train-labels-idx1-ubyte.gz: label 10 in entry 3 (byte 11, unpacked); {rest}"
    )
    np.savez(tmp_path / "set.npz", **arrays)
    assert error_of(tmp_path / "set.npz") == f"set.npz, y_train: label 10 in entry 3; {rest}"


def test_label_below_zero_or_too_wide(tmp_path):
    path = tmp_path / "set.npz"
    for label in (-1, 256, 2**40):
        np.savez(path, **small_set(y_test=np.array([0, label, 1], np.int64)))
        assert error_of(path).startswith(f"set.npz, y_test: label {label} in entry 1; expected")


@pytest.mark.parametrize("shape", [(0, 5, 4), (3, 0, 4), (3, 5, 0)])
def test_no_images(tmp_path, shape):
    write_idx(tmp_path, small_set(x_test=np.zeros(shape, np.uint8)))
    assert error_of(tmp_path) == (
        f"t10k-images-idx3-ubyte.gz: holds no pixels, its shape is {shape}; "
        "expected at least one image of one pixel; fetch the file again"
    )


def test_npz_images_of_other_integers(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, **small_set(x_test=np.zeros((3, 5, 4), np.int16)))
    assert error_of(path) == (
        "set.npz, x_test: has dtype int16; expected uint8; "
        "convert it with .astype('uint8') and save it again"
    )


def test_npz_lacks_an_array(tmp_path):
    path = tmp_path / "set.npz"
    arrays = small_set()
    del arrays["y_test"]
    np.savez(path, **arrays)
    assert error_of(path) == (
        "set.npz: lacks y_test; expected the arrays x_train, y_train, x_test, y_test; "
        "save them under these names with numpy.savez"
    )


def test_npz_suffix_in_capitals_and_not_a_zip(tmp_path):
    path = tmp_path / "SET.NPZ"
    path.write_bytes(b"GIF89a")
    assert error_of(path).startswith("SET.NPZ: not a zip archive that can be read (")


def test_shipped_set_damaged(tmp_path, monkeypatch):
    shutil.copytree(mnist.SHIPPED, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "t10k-labels-idx1-ubyte.gz"
    data = bytearray(gzip.decompress(path.read_bytes()))
    data[100] ^= 1
    path.write_bytes(gzip.compress(data))
    damaged = hashlib.md5(data).hexdigest()
    monkeypatch.setattr(mnist, "SHIPPED", tmp_path)
    with pytest.raises(DataError) as caught:
        load()
    assert str(caught.value) == (
        f"{path}: damaged, its unpacked bytes have the MD5 sum {damaged}; expected "
        "the published sum 27ae3e4e09519cfbb04c329615203637; install the package again"
    )


def test_shipped_set_has_its_licence():
    words = (mnist.SHIPPED / "README.md").read_text(encoding="utf-8")
    for word in ("LeCun", "Cortes", "Burges", "Attribution-ShareAlike 3.0"):
        assert word in words
    for digest in mnist.PUBLISHED_MD5.values():
        assert digest in words
