"""What a course keeps its marks in, and what it hands out: the formats of other programs.

- ``roster``: a table of students that a course system gives out, and the sheets that are theirs.
- ``canvas``, ``moodle``: marks filled into Canvas's gradebook and Moodle's grading worksheet.
- ``gradescope``: the results of an autograder. ``assertion``: for nbgrader and Otter-Grader.
- ``questions``: those of a sheet for a quiz, and their honest answers. ``moodle_xml``: as Moodle
  reads them.
- ``handout``: a sheet to print, without solutions. ``pdf``: any page as a PDF.
- ``remark``: what is said of one number.
"""
