"""The tree of a formula."""

from tinygrad_hw.symbolic import names_in, read_formula


def test_names_and_how_often() -> None:
    assert names_in(read_formula("a*(1 - a) + b/a + 3")) == {"a": 3, "b": 1}
    assert names_in(2.0) == {}
