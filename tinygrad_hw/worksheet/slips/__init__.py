"""Slips: the ways in which numbers go wrong, and the search for the slip in a wrong number.

- ``catalogue``: all slips, with their hints and explanations; ``slip``: the record of one.
- ``digit_slips``: changes of the digits, such as a transposition. ``working_slips``: changes of the
  formula, such as a factor left out; ``update_slips``: of that of an update. ``evidence``: signs of
  a slip in the numbers beside.
- ``diagnosis``: the slips of the catalogue that explain a wrong number.
- ``student_work``, ``case``: the numbers that a student wrote; one of them with its context.
"""
