"""Guards: what must be as it was when a program was recorded.

- ``signature``: the arguments, as a key.
- ``calls``: the functions that really ran.
- ``reading``: what a function's code names.
- ``values``: the Values that a recording uses.
- ``environment``: the data outside a function that it read, compared before every replay.
"""

from tinygrad_hw.program.guards.calls import CalledFunctions
from tinygrad_hw.program.guards.environment import Environment
from tinygrad_hw.program.guards.signature import signature
from tinygrad_hw.program.guards.values import ValueGuard

__all__ = ["CalledFunctions", "Environment", "ValueGuard", "signature"]
