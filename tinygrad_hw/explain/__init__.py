"""What a person reads: chains in words and formulas, steps, pictures, and the offline page."""

from __future__ import annotations

from tinygrad_hw.engine import Value
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.explain.chains.chain import Chain, check_names, explain_number
from tinygrad_hw.explain.chains.matrix_chain import MatrixChain, explain_array
from tinygrad_hw.explain.graph.labels import name_of
from tinygrad_hw.explain.stepper.frames import Frame, Steps, steps

__all__ = ["Chain", "Frame", "MatrixChain", "Steps", "explain", "steps"]


def explain(root: Value, target: Value, *, printed: bool = False) -> Chain | MatrixChain:
    """Explain one derivative: formulas and numbers from a scalar down to a Value.

    Parameters
    ----------
    root
        A labelled scalar.
    target
        A labelled Value. Whatever it passes through on the way is named by its label, too; what has
        none is multiplied out.
    printed
        Whether to multiply the factors as they are printed, in place of the exact ones.

    Returns
    -------
    Chain or MatrixChain
        Paths of factors; or, where there are arrays in the graph, equations with their shapes. Both
        print as text, and have ``ascii``, ``latex`` and ``mathml``.

    Raises
    ------
    ValueError
        If the root or the target has no label or is a constant, the root is an array, or two named
        nodes share a label.
    """
    for node in (root, target):
        if not isinstance(node, Node):
            raise TypeError(f"explain(root, target) is of two Values; got {type(node).__name__}")
    check_names([*topological_order(root), target], [root, target])
    for node in (root, target):
        if node.constant:
            raise ValueError(f"{name_of(node)} is a constant: it has no derivative and gives none")
    if root.shape:
        raise ValueError(f"{name_of(root)} is an array of shape {root.shape}; explain a scalar")
    if any(node.shape and not node.constant for node in topological_order(root)):
        return explain_array(root, target)
    return explain_number(root, target, printed=printed)
