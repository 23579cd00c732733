"""Examples are read from what people have; what is wrong is one line with the place."""

import gzip
import os
import struct

import numpy as np
import pytest

from tinygrad_hw.errors import InputError
from tinygrad_hw.nn.datasets import read_examples

MNIST_NAMES = (
    *("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    *("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
)
X = np.arange(48, dtype=np.uint8).reshape(4, 3, 4)
Y = np.array([7, 200, 7, 30])


def idx(array):
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def refusal(path, **options):
    with pytest.raises(InputError) as raised:
        read_examples(path, **options)
    line = str(raised.value)
    assert line.isprintable()
    assert len(line) < 600
    return line


def test_the_packages_own_is_the_default():
    found = read_examples()
    assert (found.x.shape, found.x_test.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    assert found.class_names == tuple("0123456789")
    assert found.description["background"] == 0
    assert (found.y[:3] == [5, 0, 4]).all()


@pytest.mark.parametrize("packed", [False, True])
def test_idx_files_of_any_classes_and_any_size(tmp_path, packed):
    for name, array in zip(MNIST_NAMES, [X, Y, X[:2], Y[:2]], strict=True):
        data = idx(array)
        (tmp_path / (name + ".gz" * packed)).write_bytes(gzip.compress(data) if packed else data)
    found = read_examples(tmp_path)
    np.testing.assert_array_equal(found.x, X)
    np.testing.assert_array_equal(found.y, [0, 2, 0, 1])
    np.testing.assert_array_equal(found.y_test, [0, 2])
    assert found.class_names == ("7", "30", "200")


def test_idx_files_that_are_wrong_are_named(tmp_path):
    for name, array in zip(MNIST_NAMES, [X, Y, X, Y[::-1] + 1], strict=True):
        (tmp_path / name).write_bytes(idx(array))
    assert "t10k" not in refusal(tmp_path)
    assert "test: example 0 has the label '31'; expected one of 7, 30, 200" in refusal(tmp_path)
    (tmp_path / MNIST_NAMES[0]).write_bytes(idx(X)[:-1])
    assert "train-images-idx3-ubyte: truncated, ends at byte 63" in refusal(tmp_path)
    (tmp_path / MNIST_NAMES[2]).unlink()
    (tmp_path / MNIST_NAMES[0]).write_bytes(idx(X))
    assert "lacks t10k-images-idx3-ubyte" in refusal(tmp_path)


@pytest.mark.parametrize("x", [X, X.astype(np.float64) / 3, X.astype(np.int32), X.reshape(4, 12)])
def test_npz_of_one_part(tmp_path, x):
    np.savez(tmp_path / "a.npz", x=x, y=Y.reshape(-1, 1).astype(float))
    found = read_examples(tmp_path / "a.npz")
    assert found.x.dtype == (np.uint8 if x.dtype == np.uint8 else np.float32)
    np.testing.assert_allclose(found.x, x, rtol=1e-6)
    assert found.class_names == ("7", "30", "200")
    assert found.x_test is None


def test_npz_of_two_parts(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X[1:], y_test=Y[1:])
    np.testing.assert_array_equal(read_examples(tmp_path / "a.npz").y_test, [2, 0, 1])


NAN = np.where(X == 17, np.nan, X)


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"a": X}, "lacks x_train, y_train, x_test, y_test"),
        ({"x": X}, "lacks y"),
        ({"x": NAN, "y": Y}, "x: example 1 has nan at (1, 1); expected finite numbers"),
        ({"x": X * 1e300, "y": Y}, "x: example 0 has inf at (0, 1); expected finite numbers"),
        ({"x": X, "y": Y[:3]}, "x: has 3 labels for 4 examples"),
        ({"x": X, "y": Y / 2}, "y: entry 0 is 3.5; expected a whole number"),
        ({"x": X, "y": np.eye(4)}, "y: has the shape (4, 4); expected a label for each"),
        ({"x": X, "y": Y * 0}, "x: has 1 class in 4 examples; expected 2 to 1000"),
        ({"x": X[0, 0], "y": Y}, "x: has the shape (4,); expected an example along the first"),
        ({"x": X[:0], "y": Y[:0]}, "x: holds nothing, its shape is (0, 3, 4)"),
        ({"x": X.astype(object), "y": Y}, "x: holds Python objects (a pickle), which may run"),
        ({"x": X.astype(complex), "y": Y}, "x: has dtype '<c16'; expected integers or floats"),
        (
            {"x_train": X, "y_train": Y, "x_test": X[:, 1:], "y_test": Y},
            "x_test: has examples of shape (2, 4); expected (3, 4), as in",
        ),
    ],
)
def test_npz_that_is_wrong_is_named(tmp_path, arrays, reason):
    np.savez(tmp_path / "a.npz", **arrays)
    line = refusal(tmp_path / "a.npz")
    assert reason in line
    assert line.startswith(str(tmp_path / "a.npz"))


def test_npz_that_is_cut_off_is_named(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    data = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(data[:-60])
    assert "not a zip archive that can be read" in refusal(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no", "is not there; expected a folder, a .npz or a .csv"),
        ("a.txt", "is no file of a known kind"),
        ("no.npz", "cannot be opened (No such file or directory)"),
        ("no.csv", "cannot be opened (No such file or directory)"),
        ("empty", "has no images in folders; expected a folder for each class"),
    ],
)
def test_paths_that_are_none(tmp_path, name, reason):
    (tmp_path / "a.txt").write_text("")
    (tmp_path / "empty").mkdir()
    assert reason in refusal(tmp_path / name)


def test_only_a_table_has_a_label_column(tmp_path):
    assert "MNIST: has no columns; expected a .csv with --label" in refusal(None, label="x")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.csv")
    assert "is a pipe or a device" in refusal(tmp_path / "a.csv")


def test_data_that_differ_have_other_digests(tmp_path):
    digests = set()
    for x, y in [(X, Y), (X + 1, Y), (X, Y[::-1]), (X.reshape(4, 4, 3), Y), (X / 1.0, Y)]:
        np.savez(tmp_path / "a.npz", x=x, y=y)
        digests.add(read_examples(tmp_path / "a.npz").digest)
    assert len(digests) == 5
    assert read_examples(tmp_path / "a.npz").digest in digests
