"""One ONNX model for any number of examples, from models for three numbers of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from tinygrad_hw.errors import InputError
from tinygrad_hw.program.emit.onnx.graph import import_onnx

BATCH = "batch"  # how the number of examples is called in shapes


def with_free_batch(models: Sequence[Any], sizes: Sequence[int], name: str) -> Any:
    """Return the model that each of these is for its number of examples.

    Parameters
    ----------
    models
        Programs of one function as ``onnx.ModelProto``; the first is changed and returned.
    sizes
        The number of examples of each; none of them is the length of another axis.
    name
        What the function is called in messages.

    Raises
    ------
    InputError
        If the programs differ in more than whole numbers that are a + b · n, such as shapes.
    """
    return _Merger(models, sizes, name).merged()


class _Merger:
    def __init__(self, models: Sequence[Any], sizes: Sequence[int], name: str) -> None:
        self.onnx = import_onnx()
        self.models, self.sizes, self.name = models, sizes, name
        self.graphs = [model.graph for model in models]
        to_array = self.onnx.numpy_helper.to_array
        self.constants = [{x.name: to_array(x) for x in g.initializer} for g in self.graphs]
        self.tensors: dict[str, tuple[str, ...]] = {}  # of all models, by the first one's name
        self.nodes: list[Any] = []
        self.initializers = {x.name: x for x in self.graphs[0].initializer}
        self.used: dict[str, Any] = {}
        self.batch = ""  # the tensor of the number of examples, once one is needed

    def refuse(self, where: str) -> NoReturn:
        """Raise InputError: a part is another for each number of examples."""
        raise InputError(
            f"{self.name} cannot be written as ONNX for any number of examples: {where} is "
            "another for each; compute without that number, or write a layer that does"
        )

    def merged(self) -> Any:
        """Return the merged model."""
        model, graph = self.models[0], self.graphs[0]
        for of_all in ("input", "output"):
            infos = [getattr(g, of_all) for g in self.graphs]
            for info, *others in zip(*infos, strict=True):
                self._free(info, others)
                if of_all == "input":
                    self.tensors[info.name] = tuple([x.name for x in (info, *others)])
        if len({len(g.node) for g in self.graphs}) > 1:
            self.refuse("the program")
        for nodes in zip(*[g.node for g in self.graphs], strict=True):
            self._node(nodes)
        for outputs in zip(*[g.output for g in self.graphs], strict=True):
            self._same([x.name for x in outputs], "an output")
        del graph.node[:], graph.initializer[:]
        graph.node.extend(self.nodes)
        graph.initializer.extend(self.used.values())
        return model

    def _free(self, info: Any, others: Sequence[Any]) -> None:
        """Give an input or output a shape with the free number of examples in it."""
        dims = [x.type.tensor_type.shape.dim for x in (info, *others)]
        for values in zip(*dims, strict=True):
            numbers = [dim.dim_value for dim in values]
            if len(set(numbers)) > 1:
                start, slope = self._line(np.array(numbers), f"the shape of {info.name}")
                factor = "" if slope == 1 else f"{slope}*"
                values[0].dim_param = f"{factor}{BATCH}" + (f"+{start}" if start else "")

    def _line(self, numbers: Any, where: str) -> tuple[Any, Any]:
        """Return a and b of numbers that are a + b · n, each number an integer or an array."""
        first, second, *_ = self.sizes
        slope, rest = np.divmod(numbers[1] - numbers[0], second - first)
        start = numbers[0] - slope * first
        found = [start + slope * n for n in self.sizes]
        if np.any(rest) or any(np.any(a != b) for a, b in zip(found, numbers, strict=True)):
            self.refuse(where)
        return start, slope

    def _node(self, nodes: Sequence[Any]) -> None:
        """Append a node, with operands that are computed where they depend on the number."""
        first = nodes[0]
        kinds = {(x.op_type, len(x.input), len(x.output)) for x in nodes}
        attributes = {tuple([a.SerializeToString() for a in x.attribute]) for x in nodes}
        if len(kinds) > 1 or len(attributes) > 1:
            self.refuse(f"the operation {first.name}")
        for place, names in enumerate(zip(*[x.input for x in nodes], strict=True)):
            are_constants = [name in of for name, of in zip(names, self.constants, strict=True)]
            if not any(are_constants):
                self._same(names, first.name)
                continue
            if not all(are_constants):
                self.refuse(f"the operation {first.name}")
            arrays = [of[name] for name, of in zip(names, self.constants, strict=True)]
            first.input[place] = self._operand(first, names[0], arrays)
        for names in zip(*[x.output for x in nodes], strict=True):
            self.tensors[names[0]] = names
        self.nodes.append(first)

    def _same(self, names: Sequence[str], where: str) -> None:
        if names[0] and self.tensors.get(names[0]) != tuple(names):
            self.refuse(f"the operation {where}")

    def _operand(self, node: Any, name: str, arrays: Sequence[Any]) -> str:
        """Return the tensor of a constant, or what it is computed by."""
        if len({(x.dtype, x.shape, x.tobytes()) for x in arrays}) == 1:
            self.used[name] = self.initializers[name]
            return name
        where = f"a constant of the operation {node.name}"
        if len({x.shape for x in arrays}) > 1:
            return self._repeated(name, arrays, where)
        if arrays[0].dtype != np.int64 or arrays[0].ndim != 1:
            self.refuse(where)
        start, slope = self._line(np.array(arrays), where)
        fixed = slope == 0
        is_one_to_find = np.count_nonzero(slope) == 1 and np.all((start > 0) == fixed)
        if node.op_type == "Reshape" and is_one_to_find and np.all(start >= 0):
            return self._constant(np.where(fixed, start, -1), f"{name}_free")
        return self._computed(name, start, slope)

    def _repeated(self, name: str, arrays: Sequence[Any], where: str) -> str:
        """Return rows of one kind, as many as there are examples."""
        rows = [x[:1] for x in arrays if x.ndim]
        kinds = {(x.dtype, x.shape, x.tobytes()) for x in rows}
        are_alike = [x.tobytes() == x[:1].tobytes() * len(x) for x in arrays if x.ndim]
        if len(rows) < len(arrays) or len(kinds) > 1 or not all(are_alike):
            self.refuse(where)
        start, slope = self._line(np.array([x.shape for x in arrays]), where)
        row = self._constant(rows[0], f"{name}_row")
        return self._append("Expand", [row, self._computed(name, start, slope)])

    def _computed(self, name: str, start: Any, slope: Any) -> str:
        """Return a + b · n, with n from the shape of the first input."""
        if not self.batch:
            source = self.graphs[0].input[0].name
            self.batch = self._append("Shape", [source], start=0, end=1)
        of_n = self._append("Mul", [self.batch, self._constant(slope, f"{name}_slope")])
        return self._append("Add", [of_n, self._constant(start, f"{name}_start")])

    def _constant(self, array: Any, name: str) -> str:
        self.used[name] = self.onnx.numpy_helper.from_array(np.asarray(array), name)
        return name

    def _append(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:
        made = f"{BATCH}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(operator, inputs, [made], made, **attributes))
        return made
