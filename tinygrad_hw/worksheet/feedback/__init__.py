"""Feedback for students and teachers.

``text`` writes a marked sheet as lines, ``html_page`` as a page to hand back, ``classroom`` marks a
folder of sheets and sums up, and ``interactive_page`` is the page to step through and answer in.
"""
