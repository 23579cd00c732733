"""Honest rounding: which values a written number may stand for.

- ``written_number``: the digits as written; what rounds, or is cut, to them.
- ``admissible``: the values that a number may have in honest work, as intervals.
- ``intervals``, ``enclosure``: interval arithmetic, and the interval of a whole formula.

The verdict that a number is ``rounded`` is given by ``marking.verdict``.
"""
