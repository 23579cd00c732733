"""What depends on what in the homework's network, and its exact derivatives."""

import pytest

from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet import read_sheet, solve
from tinygrad_hw.worksheet.solution.dependencies import PRIME, Dependencies, split_derivative


@pytest.fixture(scope="module")
def network() -> Dependencies:
    return Dependencies(solve(read_sheet(sheet_path("q1a"))))


def test_a_derivative_is_split_into_its_names() -> None:
    assert split_derivative("dE/dw1") == split_derivative(f"dE/dw1{PRIME}") == ("E", "w1")


def test_local_is_what_stands_in_the_formula(network: Dependencies) -> None:
    for top, used in network.uses.items():
        for bottom in used:
            assert network.is_local(f"d{top}/d{bottom}")
            assert network.depends(top, bottom)
            assert not network.depends(bottom, top)
    assert network.depends("E", "w1")
    assert not network.is_local("dE/dw1")


def test_users_are_on_the_way_and_have_the_name_in_their_formula(network: Dependencies) -> None:
    users = network.users("E", "w1")
    assert users
    assert all(network.is_local(f"d{user}/dw1") for user in users)
    assert network.users("E", "E") == []


def test_a_total_derivative_is_the_engine_s(network: Dependencies) -> None:
    for name, exact in network.solution.partials.items():
        assert network.derivative(name) == pytest.approx(exact, rel=1e-12)


def test_a_path_is_completed_or_refused(network: Dependencies) -> None:
    (user,) = network.users("E", "w1")
    last = f"d{user}/dw1"
    assert network.complete_path({last: ""}, "dE/dw1") == [f"dE/d{user}", last]
    assert network.complete_path({}, "dE/dw1") == ["dE/dw1"]
    assert network.complete_path({last: ""}, "dE/dw2") is None
