"""Random functions in random worlds that change: what is captured equals what is not, always.

    PYTHONPATH=.:tests python tests/program/test_worlds.py SECONDS [FIRST SEED]

plays worlds for that long, prints how many there were, and each difference that it found.
"""

import random
import sys
import time
from collections import Counter

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from world_parts import PARTS
from worlds import Difference, Twins, calls_until_noticed, random_world, run

NEXT_RECORDING = 3  # after five calls and a change: the eighth call, a power of two


class Worlds(RuleBasedStateMachine):
    """A world with its twins; calls of their function and changes of their world take turns."""

    @initialize(numbers=st.randoms(use_true_random=False))
    def begin(self, numbers):
        self.twins = Twins(random_world(numbers))

    @rule(kind=st.integers(0, 1), which=st.lists(st.integers(0, 8), min_size=1, max_size=5))
    def call(self, kind, which):
        calls = self.twins.world.calls[kind % len(self.twins.world.calls)]
        for k in which:
            if not self.twins.over:
                self.twins.call(calls[k % len(calls)])

    @rule(which=st.integers(0, 50))
    def change(self, which):
        if self.twins.world.changes and not self.twins.over:
            self.twins.change(which)


TestWorlds = Worlds.TestCase
TestWorlds.settings = settings(  # no shrinking, which takes minutes
    derandomize=True,
    database=None,
    max_examples=30,
    stateful_step_count=10,
    phases=[Phase.generate],
)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.kind)
def test_a_change_is_noticed_at_the_next_call_or_is_known_to_be_late(part):
    """Those that no guard sees are noticed at the next power of two, when the run is recorded."""
    for i, change in enumerate(part.changes):
        found = calls_until_noticed(part, i, random.Random(i))
        wanted = NEXT_RECORDING if change in part.late else 1
        assert found in (None, wanted), (change, found)


def play(seconds, seed=0):
    """Play worlds of consecutive seeds for a while; print what differs."""
    end, counts = time.time() + seconds, Counter()
    while time.time() < end:
        counts["worlds"] += 1
        try:
            twins = run(seed)
            counts["calls and changes"] += len(twins.steps)
            counts["refused"] += twins.over
        except Difference as difference:
            counts["different"] += 1
            print(f"--- seed {seed}: {difference}", flush=True)
        seed += 1
    print(dict(counts), "last seed", seed - 1)


if __name__ == "__main__":
    play(float(sys.argv[1]), *map(int, sys.argv[2:]))
