"""Graph: the nodes and constants of an ONNX graph while it is written.

ONNX never converts by itself: all operands of a node have one dtype. A tensor here is its name; who
asks for the tensor of an operand says in which dtype.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from tinygrad_hw.errors import InputError
from tinygrad_hw.program.emit.identifiers import Identifiers
from tinygrad_hw.program.record.tracer import CaptureError
from tinygrad_hw.program.variable import Variable

# What onnxruntime computes with; others are converted from and to.
COMPUTED = frozenset(map(np.dtype, (bool, np.int32, np.int64, np.float32, np.float64)))


def import_onnx() -> Any:
    """Return the package ``onnx``; say how to install it where it is missing."""
    try:
        import onnx
    except ImportError:
        raise InputError(
            "onnx is not installed, and is needed to export: pip install 'tinygrad_hw[onnx]'"
        ) from None
    return onnx


class Graph(ABC):
    """Graph under construction.

    Attributes
    ----------
    nodes, initializers
        As ``onnx.helper.make_graph`` takes them.
    names
        The tensor of each Variable that has one so far.
    """

    def __init__(self) -> None:
        self.onnx = import_onnx()
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.names: dict[Any, str] = {}
        self.identifiers = Identifiers(set())
        self._constants: dict[Any, str] = {}
        self.origin: str | None = None

    @abstractmethod
    def inlined(
        self,
        function: Callable[..., Any],
        operands: Sequence[Any],
        dtype: Any,
        options: dict[str, Any] | None = None,
        kinds: Sequence[Any] = (),
        name: Any = None,
    ) -> str:
        """Return the tensor of a function's result, written as the instructions it consists of."""

    # --- Nodes and constants ----------------------------------------------------------------------

    def node(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """Append a node, and return the tensor of its last output."""
        made = [self.identifiers.choose([]) for _ in range(outputs)]
        name = f"{self.origin or ''}_{operator}_{len(self.nodes)}".lstrip("_")
        node = self.onnx.helper.make_node(operator, inputs, made, name, **attributes)
        self.nodes.append(node)
        return made[-1]

    def constant(self, value: Any, dtype: Any = np.int64) -> str:
        """Return the tensor of an array or a number that is the same in every run."""
        array = np.asarray(value).astype(_native(dtype))
        key = (array.shape, array.dtype, array.tobytes())
        if key not in self._constants:
            name = self.identifiers.choose([f"c{len(self._constants) + 1}"])
            self._constants[key] = name
            self.initializers.append(self.onnx.numpy_helper.from_array(array, name))
        return self._constants[key]

    # --- Operands ---------------------------------------------------------------------------------

    def tensor(self, operand: Any, dtype: Any = None) -> str:
        """Return the tensor of an operand, converted to a dtype unless that is None."""
        wanted = dtype_of(operand) if dtype is None else _native(dtype)
        if not isinstance(operand, Variable) or operand.constant:
            return self.constant(
                operand.value if isinstance(operand, Variable) else operand, wanted
            )
        return self.cast(self.names[operand], dtype_of(operand), wanted)

    def cast(self, tensor: str, dtype: Any, wanted: Any) -> str:
        """Return a tensor of one dtype, converted to another unless they are the same."""
        if _native(dtype) == _native(wanted):
            return tensor
        return self.node("Cast", tensor, to=self.type_of(wanted))

    def cast_back(self, tensor: str, dtype: Any) -> str:
        """Return what was computed ``as_number`` in the dtype that it stands for."""
        return self.cast(tensor, as_number(_native(dtype)), dtype)

    def where(self, condition: str, x: Any, y: Any, dtype: Any) -> str:
        """Return x where the condition holds, else y."""
        tensors = [self.cast(self.tensor(z, dtype), dtype, as_number(dtype)) for z in (x, y)]
        return self.cast_back(self.node("Where", condition, *tensors), dtype)

    def type_of(self, dtype: Any) -> int:
        """Return ONNX's number for a dtype."""
        try:
            return int(self.onnx.helper.np_dtype_to_tensor_dtype(_native(dtype)))
        except (KeyError, ValueError):
            raise CaptureError(
                f"ONNX has no {np.dtype(dtype).name}; use float32 or float64"
            ) from None

    def reshaped(self, tensor: str, shape: Sequence[int]) -> str:
        """Return the elements in another shape, in the same order."""
        sizes = self.constant(np.array(shape, np.int64))
        return self.node("Reshape", tensor, sizes, allowzero=int(0 in shape))

    def flat(self, operand: Any, dtype: Any = None) -> str:
        """Return an operand's elements in one dimension."""
        tensor = self.tensor(operand, dtype)
        return tensor if len(shape_of(operand)) == 1 else self.reshaped(tensor, (-1,))


def _native(dtype: Any) -> np.dtype[Any]:
    """Return a dtype in the machine's byte order; Python's numbers, as objects, are float64."""
    dtype = np.dtype(dtype)
    return np.dtype(np.float64) if dtype.kind == "O" else dtype.newbyteorder("=")


def as_number(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype to compute with: masks as ones and zeros, where ONNX Runtime needs it."""
    return np.dtype(np.int32) if dtype.kind == "b" else dtype


def dtype_of(operand: Any) -> np.dtype[Any]:
    """Return the dtype of an operand's tensor."""
    return _native(operand.dtype if isinstance(operand, Variable) else np.result_type(operand))


def shape_of(operand: Any) -> tuple[int, ...]:
    """Return the shape of an operand."""
    return operand.shape if isinstance(operand, Variable) else np.shape(operand)


def mapped(function: Callable[[Variable], Any], tree: Any) -> Any:
    """Return operands and options with a function applied to the Variables in them."""
    if isinstance(tree, tuple | list):
        return type(tree)([mapped(function, part) for part in tree])
    if isinstance(tree, dict):
        return {name: mapped(function, part) for name, part in tree.items()}
    return function(tree) if isinstance(tree, Variable) else tree


def refuse(function: Any, why: str = "ONNX has no operator for it") -> NoReturn:
    """Raise CaptureError for an instruction that ONNX cannot express."""
    owner = getattr(function, "__self__", None)
    name = getattr(function, "name", None) or getattr(function, "__name__", str(function))
    name = f"{owner.__name__}.{name}" if isinstance(owner, np.ufunc) else name
    raise CaptureError(
        f"{name} cannot be exported to ONNX: {why}; compute it outside and pass it as an argument"
    )
