"""Print the sheet of a simulated student: ``python -m students honest|planted SEED [KIND]``."""

import random
import sys

from . import honest, planted, rivals


def main(arguments: list[str]) -> None:
    """Print a sheet: ``python -m students honest|planted SEED [KIND]``."""
    what, seed, *kind = arguments
    rng = random.Random(int(seed))
    if what == "honest":
        text, work = honest(rng)
        print(text, "#", work.student.habit.name)
    else:
        text, plant = planted(rng, kind=kind[0] if kind else None)
        print(text, "#", plant, rivals(plant))


main(sys.argv[1:])
