"""All operations: the table of the core, and the records beside it."""

from tinygrad_hw.engine.activations import *  # noqa: F403
from tinygrad_hw.engine.activations import ACTIVATIONS
from tinygrad_hw.engine.array_operations import *  # noqa: F403
from tinygrad_hw.engine.array_operations import ARRAY_OPERATIONS
from tinygrad_hw.engine.core import ops as core
from tinygrad_hw.engine.core.ops import *  # noqa: F403

TABLE = core.TABLE | ACTIVATIONS | ARRAY_OPERATIONS
