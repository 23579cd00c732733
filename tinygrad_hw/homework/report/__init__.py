"""The report: every figure that the homework printed, ours beside it.

``document`` puts the page together; ``worked`` writes Question 1, ``networks`` and ``parts`` the
trainings, ``pixels`` the printed image; ``printed`` holds the homework's figures and ``compare``
sets two beside each other; ``markup`` is HTML, ``figures`` the charts, ``work`` what goes in.
"""
