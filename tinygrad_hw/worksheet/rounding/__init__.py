"""Honest rounding: the values that a written number may stand for.

- ``written_number``: the digits as written, and the numbers that round, or are cut, to them.
- ``admissible``: the values that a number may have in honest work, as intervals.
- ``intervals``, ``enclosure``: interval arithmetic, and the interval of a whole formula.

The verdict that a number is ``rounded`` is given by ``marking.verdict``.
"""
