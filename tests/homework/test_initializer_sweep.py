"""What the report says of forty trainings is what their table says, worked out here anew."""

import itertools
import re
import shlex

import numpy as np
import pandas
import pytest

from tinygrad_hw.homework import initializer_sweep as sweep
from tinygrad_hw.homework.experiments import BATCH, HIDDEN, INITIALIZERS, PATIENCE, TEN
from tinygrad_hw.nn.datasets import read_examples
from tinygrad_hw.runs import Run

TABLE = pandas.read_csv(f"{sweep.__file__.rpartition('/')[0]}/{sweep.TABLE}")


def test_the_trainings_are_the_homeworks():
    assert len(TABLE) == 40
    counts = TABLE.groupby("initializer")["seed"].apply(lambda seeds: sorted(seeds) == [*range(10)])
    assert counts.all()
    assert {name.split("(")[0] for name in counts.index} == {e.name for e in INITIALIZERS}
    for column, value in {
        "data": read_examples().digest,
        "layers": f"784-{HIDDEN}-10",
        "activation": "relu",
        "optimizer": "adam",
        "learning_rate": 0.001,
        "batch": BATCH,
        "epochs": TEN.epochs,
        "patience": PATIENCE,
        "validation_split": 0.2,
        "measured_on": "test",
        "examples": 10_000,
    }.items():
        assert set(TABLE[column]) == {value}, column
    listed = shlex.split(sweep.COMMAND)[3].split(",")
    assert listed == list(sweep.kinds())


def test_the_figures_are_those_of_the_table():
    html = "".join(sweep.seeds_section())
    values = re.findall(r"<data [^>]*value=\"([^\"]+)\"", html)
    wide = TABLE.pivot_table(index="seed", columns="initializer", values="correct")
    ps = {}
    for name in list(sweep.kinds())[1:]:
        differences = (wide[name] - wide["HeNormal"]).to_numpy()
        signs = np.array(list(itertools.product([1, -1], repeat=10)))
        ps[name] = (np.abs(signs @ differences) >= abs(differences.sum())).mean()
        assert f"{differences.mean() / 10_000:+.5f}" in values
    for how in ("mean", "std", "min", "max"):
        for accuracy in TABLE.groupby("initializer")["accuracy"].agg(how):
            assert f"{accuracy:.5f}" in values
    highest = 0.0
    for rank, name in enumerate(sorted(ps, key=lambda name: ps[name])):
        highest = max(highest, min(1.0, (3 - rank) * ps[name]))  # Holm's correction
        assert f"{name} (p `{highest:.2g}`)" in sweep.verdict()


def runs(accuracies):
    return {seed: Run({"seed": str(seed)}, "test", 100, n) for seed, n in enumerate(accuracies)}


@pytest.mark.parametrize(
    ("others", "words"),
    [
        (
            [range(40, 50), range(41, 51)],
            ["“HeNormal is best” stands", "number 1 of 3", "worse: a"],
        ),
        (
            [range(40, 50), range(61, 71)],
            ["does not stand", "number 2 of 3", "worse: a (p `0.0039`)"],
        ),
        ([range(40, 50), range(61, 71)], ["shown to be better: b (p `0.0039`)"]),
        ([range(51, 41, -1), range(50, 60)], ["does not stand", "no difference is shown from b"]),
    ],
)
def test_the_verdict_follows_the_figures(monkeypatch, others, words):
    first, second = map(runs, others)
    made = {"HeNormal": runs(range(50, 60)), "a": first, "b": second}
    monkeypatch.setattr(sweep, "kinds", lambda: made)
    for text in words:
        assert text in sweep.verdict()
