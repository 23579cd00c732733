"""The statistics of sweeps against published figures and against counting all signs."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_hw.runs.comparison import compare, detectable, holm, sign_flip_p, spread

# Darwin's maize, crossed less self-fertilized, in eighths of an inch: R. A. Fisher, The Design of
# Experiments, 1935, section 21, where 863 of the 32,768 sums are as large as the one found, 314.
MAIZE = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
WHOLE = st.lists(st.integers(-9, 9), min_size=1, max_size=9)


def test_fishers_own_count():
    assert sum(MAIZE) == 314
    assert sign_flip_p(MAIZE) == pytest.approx(2 * 863 / 2**15, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(WHOLE)
def test_p_is_the_share_of_all_signs(differences):
    found = abs(sum(differences))
    sums = [
        sum(sign * d for sign, d in zip(signs, differences, strict=True))
        for signs in itertools.product([1, -1], repeat=len(differences))
    ]
    share = sum(abs(s) >= found for s in sums) / len(sums)
    assert sign_flip_p(differences) == pytest.approx(share, abs=1e-12)
    assert sign_flip_p([-d for d in differences]) == sign_flip_p(differences)


def test_no_difference_is_no_evidence():
    assert sign_flip_p([0, 0, 0]) == 1
    assert sign_flip_p([5]) == 1


def test_many_seeds_stay_exact():
    assert sign_flip_p([1] * 60) == pytest.approx(2.0**-59, rel=1e-9)


def test_holm_of_the_usual_example():
    # p of 0.01, 0.04, 0.03 and 0.005: at 0.05 the first and the last are rejected, the others not.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_five_seeds_can_show_nothing_and_six_can():
    # The smallest p of n pairs is 2 / 2ⁿ: 0.0625 of five, 0.03125 of six.
    assert detectable([3, -2, 5, 1, 0], 0.05) is None
    assert detectable([3, -2, 5, 1, 0, -1], 0.05) is not None
    assert detectable([3, -2, 5, 1, 0, -1], 0.05 / 2) is None


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-9, 9), min_size=7, max_size=9))
def test_what_is_detectable_would_have_been_shown_and_less_would_not(differences):
    n, total = len(differences), sum(differences)
    least = detectable(differences, 0.05)
    assert least is not None
    moved = [n * d - total + round(n * least) for d in differences]
    assert sum(moved) == pytest.approx(n * n * least)
    assert sign_flip_p(moved) <= 0.05
    if round(n * least) > 1:
        assert sign_flip_p([d - 1 for d in moved]) > 0.05


def test_kinds_are_compared_over_the_seeds_that_they_share():
    reference = {0: 90, 1: 91, 2: 92}
    better = {seed: right + 2 for seed, right in reference.items()}
    first, second, third = compare(reference, [better, {2: 90, 7: 99}, {8: 1}], 100)
    assert first is not None
    assert second is not None
    assert (first.seeds, first.difference, first.p) == (3, 0.02, 0.25)
    assert (second.seeds, second.difference, second.p) == (1, -0.02, 1)
    assert first.adjusted_p == 0.5
    assert third is None


def test_spread():
    found = spread([0.5, 0.7, 0.9])
    assert (found.mean, found.deviation) == pytest.approx((0.7, 0.2))
    assert (found.runs, found.lowest, found.highest) == (3, 0.5, 0.9)
