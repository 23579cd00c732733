"""The record of a sweep keeps what has finished, and nothing else."""

from dataclasses import replace

import pandas
import pytest

from tinygrad_hw.errors import InputError
from tinygrad_hw.runs import Outcome, Settings, append, key_of, line_of, open_record

SETTINGS = Settings("4-3-2", learning_rate=0.1)
OUTCOME = Outcome(5, 3, "test", 100, 93, 0.25, 1.5, False)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.csv"


def add(path, **changes):
    append(path, line_of("data", replace(SETTINGS, **changes), OUTCOME))


def test_a_record_is_read_as_it_was_written(path):
    assert open_record(path) == {}
    add(path)
    add(path, seed=1, initializer="RandomNormal(stddev=0.1)")
    (first, second) = open_record(path).values()
    assert open_record(path)[key_of("data", SETTINGS)] == first
    assert (first.seed, second.seed, first.correct, first.examples) == (0, 1, 93, 100)
    table = pandas.read_csv(path)
    assert list(table["initializer"]) == ["GlorotUniform", "RandomNormal(stddev=0.1)"]
    assert list(table["accuracy"]) == [0.93, 0.93]
    assert not table.isna().any().any()


def test_a_line_that_was_cut_off_is_taken_away(path):
    open_record(path)
    add(path)
    whole = path.read_bytes()
    line = line_of("data", replace(SETTINGS, seed=1), OUTCOME)
    for cut in range(1, len(line)):
        path.write_bytes(whole + line[:cut].encode())
        assert list(open_record(path)) == [key_of("data", SETTINGS)]
        assert path.read_bytes() == whole


def test_a_run_that_is_there_twice_counts_once(path):
    open_record(path)
    add(path)
    append(path, line_of("data", SETTINGS, replace(OUTCOME, correct=1)))
    (run,) = open_record(path).values()
    assert run.correct == 93


def test_other_settings_and_other_data_are_other_runs():
    keys = {key_of("data", SETTINGS), key_of("others", SETTINGS)}
    changes = [{"layers": "4-2"}, {"activation": "tanh"}, {"learning_rate": 1.0}, {"batch": 1}]
    changes += [{"epochs": 1}, {"patience": 1}, {"validation_split": 0.5}, {"seed": 1}]
    keys |= {key_of("data", replace(SETTINGS, **change)) for change in changes}
    assert len(keys) == 10


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_formula_gets_into_a_table(start):
    cells = key_of(f"{start}1+1", SETTINGS)
    assert cells[0] == f"'{start}1+1".replace("\r", " ")  # a cell is one line


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"mine", "is there already, and no record of a sweep; give another name"),
        (b"\xff\xfe", "is no record of a sweep; give another name"),
    ],
)
def test_a_file_of_somebody_else_s_is_kept(path, content, reason):
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason):
        open_record(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("line", [b"x,y\n", b"x\ry\n", b'"' + b"x" * 200_000 + b'"\n', b"\n"])
def test_a_line_that_is_none_is_named(path, line):
    open_record(path)
    add(path)
    path.write_bytes(path.read_bytes() + line)
    with pytest.raises(InputError, match=r"runs\.csv, line 3: is no line of a sweep"):
        open_record(path)


def test_a_record_that_is_gone_is_one_line(path):
    with pytest.raises(InputError, match="is no record of a sweep"):
        open_record(path.parent)
    with pytest.raises(InputError, match=r"cannot write .*: No such file"):
        append(path, "x\n")
