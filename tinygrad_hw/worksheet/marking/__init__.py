"""A verdict for every number of a sheet, and points for the verdicts.

- ``mark_sheet``: ``mark`` and ``Marks``, a whole sheet.
- ``judge``: one update, number by number, in the order in which it is worked out.
- ``verdict``: why a number counts as exact, rounded, following or wrong.
- ``trusted_digits``: how many digits are sure, and where the others were lost.
- ``check_answers``: the answers that cannot be marked, refused with their place.
- ``marked_number``: a number with its verdict. ``points``: what the verdicts are worth.
"""
