"""The text of a formula, read as a tree."""

import pytest

from tinygrad_hw.symbolic import names_in, read_expression, read_formula


@pytest.mark.parametrize("sign", ["+", "-", "*"])
def test_a_long_text_is_read_without_recursion(sign: str) -> None:
    text = f" {sign} ".join(["a"] * 900)
    read_expression(text)
    assert names_in(read_formula(text)) == {"a": 900}
