"""Feedback for students.

``text`` writes a marked sheet as lines, ``html_page`` as a page to hand back, and
``interactive_page`` is the page to step through and answer in.
"""
