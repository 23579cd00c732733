"""NumPy's functions, written with the operations of the table; none of them needs a rule.

A composite is recorded inside a group of its name, which a drawing folds. Other functions are calls
of a few operations, with NumPy's arguments: a trace is the sum of a diagonal. ``TABLE`` has every
operation by its name, ``NUMPY`` what stands for each NumPy function.
"""

from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.compile_rule import extend_language
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.engine.docstrings import document
from tinygrad_hw.engine.numpy_api import linalg
from tinygrad_hw.engine.numpy_api.composites import clip, log_softmax, prod, softmax, std
from tinygrad_hw.engine.numpy_api.joining import concatenate, pad, split, stack
from tinygrad_hw.engine.numpy_api.norms import norm
from tinygrad_hw.engine.numpy_api.products import dot, einsum, outer, tensordot
from tinygrad_hw.engine.numpy_api.rearranging import sort, trace
from tinygrad_hw.engine.numpy_api.shaping import expand_dims, moveaxis, ravel, squeeze, swapaxes

__all__ = [
    "NUMPY", "TABLE",
    "clip", "concatenate", "dot", "einsum", "expand_dims", "log_softmax", "moveaxis", "norm",
    "outer", "pad", "prod", "ravel", "softmax", "sort", "split", "squeeze", "stack", "std",
    "swapaxes", "tensordot", "trace",
]  # fmt: skip

TABLE: dict[str, Operation] = {
    record.name: record for record in [*ops.TABLE.values(), softmax, log_softmax, std, prod, clip]
}
for _operation in TABLE.values():
    document(_operation)
NUMPY: dict[Any, Any] = {
    **{record.numpy: record for record in TABLE.values() if record.numpy},
    **{
        getattr(np, function.__name__): function
        for function in (
            concatenate, dot, einsum, outer, pad, ravel, sort, split, stack, tensordot, trace,
        )
    },
    np.where: ops.where,
    np.squeeze: squeeze,
    np.expand_dims: expand_dims,
    np.swapaxes: swapaxes,
    np.moveaxis: moveaxis,
    **linalg.NUMPY,
}  # fmt: skip
extend_language({name: TABLE[name] for name in TABLE if name not in ops.TABLE})
