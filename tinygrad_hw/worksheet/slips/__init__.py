"""Slips: how numbers come to be wrong, and which slip explains a given number.

- ``catalogue``: all slips, with their hints and explanations. ``slip``: what such a record holds.
- ``digit_slips``, ``working_slips``, ``evidence``: what the slips do to digits (a transposition),
  what they do to the working (a factor left out), and what else gives them away.
- ``diagnosis``: tries the catalogue on a number.
- ``student_work``, ``case``: what the student wrote, and one number of it with its surroundings.
"""
