"""The command line: one module a group of verbs.

``main`` builds the parser and turns errors into one line; ``explain``, ``check``, ``exercise``,
``homework``, ``gradcheck`` and those of ``networks`` hold the verbs, each with its arguments beside
it; ``arguments`` has those that several verbs take, ``terminal`` prints and asks.
"""

from tinygrad_hw.cli.main import main

__all__ = ["main"]
