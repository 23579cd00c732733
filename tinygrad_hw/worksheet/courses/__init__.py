"""Marks for where a course keeps them: the formats of other programs.

- ``roster``: a table of students that a course system gives out, and the sheets that are theirs.
- ``together``: what a student's sheets are worth where a class has several problems.
- ``canvas``, ``moodle``: marks filled into Canvas's gradebook and Moodle's grading worksheet.
- ``gradescope``: the results of an autograder. ``assertion``: for nbgrader and Otter-Grader.
- ``remark``: what is said of one number.
"""
