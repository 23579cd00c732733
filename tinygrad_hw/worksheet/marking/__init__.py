"""A verdict for every number of a sheet, and points for the verdicts.

- ``mark_sheet``: ``mark`` and ``Marks``, a whole sheet.
- ``judge``: one update, number by number, in the order in which it is worked out.
- ``verdict``: the verdict on one number: exact, rounded, following or wrong.
- ``scratch_habit``: how a student rounds the scratch work, by all the numbers of a sheet.
- ``whole_sheet``: one slip in many updates, one wrong sign in all gradients.
- ``trusted_digits``: the number of digits that are sure, and the cancellation that cost the others.
- ``check_answers``: the errors of answers that cannot be marked, with their place.
- ``marked_number``: a number with its verdict. ``points``: points for the verdicts.
"""
