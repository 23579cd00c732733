"""Model: a recording as an ONNX model, with inputs and outputs by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_hw.engine.core.node import Node, raw
from tinygrad_hw.errors import InputError
from tinygrad_hw.program.emit.onnx.graph import dtype_of, import_onnx, shape_of
from tinygrad_hw.program.emit.onnx.writer import Writer
from tinygrad_hw.program.instructions import ancestors
from tinygrad_hw.program.record.run import named_leaves
from tinygrad_hw.program.recording import BoundValue, Recording
from tinygrad_hw.program.variable import Variable

OPSET, IR_VERSION = 18, 8  # of 2022: the first in which all reductions take axes as an operand


def onnx_model(
    recording: Recording,
    *,
    gradients: bool = False,
    updates: bool = False,
    values_as_inputs: bool = False,
) -> Any:
    """Return a recording as an ``onnx.ModelProto``; see ``Program.onnx``."""
    onnx = import_onnx()
    writer = Writer()

    def declared(tensor: str, of: Any) -> Any:
        return onnx.helper.make_tensor_value_info(
            tensor, writer.type_of(dtype_of(of)), shape_of(of)
        )

    outputs = [*_results(recording)]
    outputs += _gradients(recording) if gradients else []
    outputs += _updates(recording) if updates else []
    parts = _parts(recording)
    inputs = dict(_inputs(recording))
    data = {variable: found for variable, *found in _data(recording) if variable not in parts}
    given = {*inputs, *data}
    used = ancestors(
        [x for _, x in outputs if isinstance(x, Variable)],
        lambda x: parts.get(x, () if x in given else x.needs),
    )

    taken, initializers = [], []
    for variable, label in inputs.items():
        tensor = writer.names[variable] = writer.identifiers.choose([label])
        taken.append(declared(tensor, variable))
    for variable, (label, values) in data.items():
        if variable in used:
            tensor = writer.names[variable] = writer.identifiers.choose([label])
            array = np.asarray(values, dtype_of(variable))
            initializers.append(onnx.numpy_helper.from_array(array, tensor))
            if values_as_inputs:
                taken.append(declared(tensor, variable))
    for variable, views in parts.items():
        if variable in used:
            writer.names[variable] = writer.joined(views)
    returned = [(writer.identifiers.choose([label]), output) for label, output in outputs]
    computed = [(tensor, x) for tensor, x in returned if isinstance(x, Variable)]
    writer.wanted = {variable: tensor for tensor, variable in reversed(computed)}
    writer.write([variable for _, variable in computed])
    for tensor, output in returned:
        made = writer.tensor(output)
        if made != tensor:
            writer.nodes.append(onnx.helper.make_node("Identity", [made], [tensor], tensor))
    graph = onnx.helper.make_graph(
        *(writer.nodes, recording.name, taken),
        [declared(tensor, output) for tensor, output in returned],
        [*initializers, *writer.initializers],
    )
    return onnx.helper.make_model(
        graph,
        producer_name="tinygrad_hw",
        doc_string=_path(recording),
        ir_version=IR_VERSION,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
    )


def _inputs(recording: Recording) -> Iterator[tuple[Variable, str]]:
    """Yield the arguments, with names."""
    of_values = {value.position: value.data for value in recording.values}
    for i, leaf in enumerate(recording.leaves):
        variable = of_values.get(i) if leaf is None else leaf
        if variable is not None:
            yield variable, (variable.names[0] if variable.names else f"argument_{i + 1}")


def _data(recording: Recording) -> Iterator[tuple[Variable, str, Any]]:
    """Yield what has data of its own, with a name and the data of now."""
    for value in recording.values:
        name = _name_of(value)
        if value.position is None:
            yield value.data, name, value.node.raw
        if value.gradient is not None:  # as if it had none yet: the sum begins at 0
            yield value.gradient, f"gradient_of_{name}_before", np.zeros(value.data.shape)
    for array, variable in recording.arrays:
        if not any(value.data is variable for value in recording.values):
            yield variable, "array", array


def _parts(recording: Recording) -> dict[Variable, list[Variable]]:
    """Return the arrays that Values are views of, where these make up all of it, in order."""
    found = {}
    for array, variable in recording.arrays:
        views = [value for value in recording.values if value.is_view and value.raw.base is array]
        views.sort(key=lambda value: value.raw.ctypes.data)
        if views and sum(value.data.size for value in views) == array.size:
            found[variable] = [value.data for value in views]
    return found


def _results(recording: Recording) -> Iterator[tuple[str, Any]]:
    """Yield the numbers and arrays that the function returns, by label, key or number."""
    data_of = {id(value.node): value.data for value in recording.values}
    names = named_leaves("result", recording.structure)
    for result, (name, _) in zip(recording.results, names, strict=True):
        output = result.variable
        if output is None:
            node = result.returned
            output = data_of.get(id(node), raw(node)) if isinstance(node, Node) else node
        if isinstance(output, Variable | np.ndarray | np.generic | float | int):
            labels = [result.label, *(output.names if isinstance(output, Variable) else [])]
            yield next((label for label in labels if label), name), output


def _gradients(recording: Recording) -> list[tuple[str, Variable]]:
    """Return the new gradients of Values, by name."""
    found = [
        (f"gradient_of_{_name_of(value)}", value.new_gradient)
        for value in recording.values
        if value.is_differentiated and value.new_gradient is not None
    ]
    if not found:
        raise InputError(f"{recording.name} computes no gradients; call backward() in it")
    return found


def _updates(recording: Recording) -> list[tuple[str, Variable]]:
    """Return the new data of Values, by name; not of an array that other Values are views of."""
    viewed = _parts(recording)
    found = [
        (f"new_{_name_of(value)}", value.new)
        for value in recording.values
        if value.is_changed and value.data not in viewed
    ]
    if not found:
        raise InputError(f"{recording.name} changes no Values; there are no updates to export")
    return found


def _name_of(value: BoundValue) -> str:
    names = [value.node.label, *value.data.names]
    return next((name for name in names if name), f"value_{value.data.number}")


def _path(recording: Recording) -> str:
    """Return where the model holds, if the function has branches."""
    conditions = [
        f"the condition in {Path(x.site.path).name}:{x.site.line} is {truth}"
        for x, truth in recording.branches
        if x.site is not None
    ]
    return f"Holds where {', '.join(conditions)}." if conditions else ""
