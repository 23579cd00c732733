"""Sheets as questions that other programs ask and mark, and as paper.

- ``questions``: those of a sheet, and their honest answers. ``layout``: a sheet with its gaps.
- ``moodle_xml``, ``canvas_quiz``, ``qti``: as Moodle, Canvas, and other course systems read them.
- ``handout``: a sheet to print, without solutions. ``latex``, ``pdf``: it for LaTeX, as a PDF.
"""
