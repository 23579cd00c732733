"""The report: every figure that the homework printed, ours beside it.

``document`` puts the page together; ``worked`` writes Question 1, ``errata`` what is wrong there,
``networks`` and ``parts`` the trainings, ``pixels`` the printed image; ``printed`` holds the
homework's figures and ``compare`` sets two beside each other; ``markup`` is the HTML that only the
report has, ``figures`` the charts, ``work`` what goes in.
"""
