import pytest

from tinygrad_hw.worksheet import Sheet, parse_sheet


@pytest.fixture
def two_examples() -> Sheet:
    """A sheet of two updates, each by its own example."""
    return parse_sheet("""
        title = "1/2 <b>&amp; two"
        [[examples]]
        x = 1
        [[examples]]
        x = 5
        [parameters]
        w = 2
        [forward]
        z = "w*x"
        E = "(z - 3)**2"
        [update]
        loss = "E"
        rate = 0.1
        [ask]
        forward = ["z"]
        [ask.points]
        z = 0.5
        """)
