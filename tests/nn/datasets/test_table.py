"""Tables are read as pandas reads them; a cell that is none is named by row and column."""

import numpy as np
import pytest

from tinygrad_hw.errors import InputError
from tinygrad_hw.nn.datasets import read_examples

GOOD = "width,class,height\n1,cat,2\n1.5,dog,-3e2\n2,cat,0\n"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.csv"


def test_a_table(path):
    path.write_text("\ufeff" + GOOD)
    found = read_examples(path)
    np.testing.assert_array_equal(found.x, np.float32([[1, 2], [1.5, -300], [2, 0]]))
    np.testing.assert_array_equal(found.y, [0, 1, 0])
    assert found.class_names == ("cat", "dog")
    assert found.feature_names == ("width", "height")
    assert found.x_test is None


def test_numbers_are_classes_in_order_and_any_column_may_have_them(path):
    path.write_text("a,b\n10,0\n9,1\n10,2\n")
    assert read_examples(path, "a").class_names == ("9", "10")
    path.write_text("a,Target\n1,NA\n2,None\n")  # texts, and not missing
    assert read_examples(path).class_names == ("NA", "None")
    path.write_text('a,label\n1,"x\ny"\n2,z\n')
    assert read_examples(path).class_names == ("x\ny", "z")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is no table that can be read (No columns to parse from file)"),
        ("a,label\n", "has no rows"),
        ("label\n1\n2\n", "has no column of numbers"),
        (GOOD + "1,cat,2,9\n", "(Expected 3 fields in line 5, saw 4)"),
        (GOOD + "1,cat\n", "row 4, column 'height' is empty; expected a finite number"),
        (GOOD + "\n", "row 4, column 'class' is empty; expected a class"),
        (GOOD + "x,cat,2\n", "row 4, column 'width' is 'x'; expected a finite number"),
        (GOOD + "1,cat,nan\n", "row 4, column 'height' is 'nan'; expected a finite number"),
        (GOOD + "1,cat,inf\n", "row 4, column 'height' is 'inf'; expected a finite number"),
        (GOOD + "1,cat,1e99\n", "row 4, column 'height' is '1e+99'"),
        (GOOD + ",cat,1\n", "row 4, column 'width' is empty"),
        (GOOD + f"1,{'x' * 101},1\n", "row 4, column 'class' has 101 characters"),
        (GOOD + '1,"cat,1\n', "EOF inside string"),
        (",label,b\n1,2,3\n", "column 1 has no name"),
        ("a,label,class\n1,2,3\n", "has the columns 'label', 'class'; expected one column of"),
        ("a,b\n1,2\n", "has no such column; expected one column of classes, named label, class"),
        ("a,label\n1,0.5\n2,1\n", "row 1, column 'label' is 0.5; expected a class"),
        ("a,label\n1,1\n2,\n", "row 2, column 'label' is empty"),
        ("a,label\n1,2\n3,2\n", "has 1 class in 2 examples"),
        ("a,label\n1,2,3\n4,5,6\n", "Length of header or names does not match length of data"),
        (b"a,label\n\xff,1\n", "is no table that can be read ('utf-8' codec can't decode byte"),
        (b"\x89PNG\r\n\x1a\n\0\0", "is no table that can be read"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(path, text, reason):
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(InputError) as raised:
        read_examples(path)
    line = str(raised.value)
    assert line.startswith(f"{path}: ")
    assert reason in line
    assert line.isprintable()
    assert len(line) < 600


def test_a_label_column_that_is_not_there(path):
    path.write_text(GOOD)
    with pytest.raises(
        InputError, match=r"has no column 'kind'; .* one of 'width', 'class', 'heig"
    ):
        read_examples(path, "kind")


def test_sizes_are_bounded_before_pandas_reads(path):
    path.write_bytes(b"a," * 100_000 + b"label\n")
    with pytest.raises(InputError, match=r"too many names, .* expected at most 100,000 columns"):
        read_examples(path)
    with path.open("wb") as file:
        file.truncate(1 << 29)
    with pytest.raises(InputError, match="is larger; expected at most 268,435,456 bytes"):
        read_examples(path)


def test_without_pandas_the_extra_is_named(path, monkeypatch):
    path.write_text(GOOD)
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(InputError, match=r"pip install 'tinygrad_hw\[table\]'"):
        read_examples(path)
