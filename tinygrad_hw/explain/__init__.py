"""Explanations of a computation: chains of derivatives, steps, pictures, and the offline page.

``graph`` folds a recorded graph and draws it, ``notation`` writes formulas, ``chains`` explains one
derivative, ``stepper`` shows a computation frame by frame, and ``page`` makes one offline file of
all of these; ``notebook`` says what a notebook shows. Each may use those named before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinygrad_hw.engine.core.graph import topological_order as _topological_order
from tinygrad_hw.engine.core.node import Node as _Node
from tinygrad_hw.explain.chains.chain import DIRECT, Chain, Factor
from tinygrad_hw.explain.chains.from_graph import local_derivatives
from tinygrad_hw.explain.chains.matrix_chain import Equation, MatrixChain
from tinygrad_hw.explain.chains.matrix_equations import explain_array as _explain_array
from tinygrad_hw.explain.chains.scalar_chains import check_names as _check_names
from tinygrad_hw.explain.chains.scalar_chains import explain_all
from tinygrad_hw.explain.chains.scalar_chains import explain_scalar as _explain_scalar
from tinygrad_hw.explain.graph.draw import dot, draw, picture_bytes, svg
from tinygrad_hw.explain.graph.dust import sum_without_dust
from tinygrad_hw.explain.graph.graphviz import DrawError
from tinygrad_hw.explain.graph.labels import name_of as _name_of
from tinygrad_hw.explain.notation.display import Displayed as _Displayed
from tinygrad_hw.explain.notation.mathml import MATHML
from tinygrad_hw.explain.notation.text import PLAIN_SIGNS, formula_text
from tinygrad_hw.explain.notebook import equations_bundle as _equations_bundle
from tinygrad_hw.explain.notebook import steps_bundle as _steps_bundle
from tinygrad_hw.explain.notebook import value_bundle
from tinygrad_hw.explain.page.answers import REVEALED, Form, Remark
from tinygrad_hw.explain.page.font import font_face
from tinygrad_hw.explain.page.write import page_html, write_page
from tinygrad_hw.explain.stepper.frames import Frame, Steps, steps

if TYPE_CHECKING:
    from tinygrad_hw.engine import Value

__all__ = [
    "DIRECT",
    "MATHML",
    "PLAIN_SIGNS",
    "REVEALED",
    "Chain",
    "DrawError",
    "Equation",
    "Factor",
    "Form",
    "Frame",
    "MatrixChain",
    "Remark",
    "Steps",
    "dot",
    "draw",
    "explain",
    "explain_all",
    "font_face",
    "formula_text",
    "local_derivatives",
    "page_html",
    "picture_bytes",
    "steps",
    "sum_without_dust",
    "svg",
    "value_bundle",
    "walk",
    "write_page",
]


def __getattr__(name: str) -> Any:
    """Import the terminal, and with it ``rich``, when it is asked for."""
    if name == "walk":
        from tinygrad_hw.explain.stepper.terminal import walk

        return walk
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def explain(root: Value, target: Value, *, printed: bool = False) -> Chain | MatrixChain:
    """Explain one derivative: formulas and numbers from a scalar down to a Value.

    Parameters
    ----------
    root
        A labelled scalar.
    target
        A labelled Value. Values with labels between the two are named; those without are multiplied
        out.
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
        if not isinstance(node, _Node):
            raise TypeError(f"explain(root, target) is of two Values; got {type(node).__name__}")
    _check_names([*_topological_order(root), target], [root, target])
    for node in (root, target):
        if node.constant:
            raise ValueError(f"{_name_of(node)} is a constant: it has no derivative and gives none")
    if root.shape:
        raise ValueError(f"{_name_of(root)} is an array of shape {root.shape}; explain a scalar")
    if any(node.shape and not node.constant for node in _topological_order(root)):
        return _explain_array(root, target)
    return _explain_scalar(root, target, printed=printed)


def _to_html(steps: Steps) -> str:
    """Return the computation as an HTML page to step through, which needs no other file.

    Raises
    ------
    DrawError
        If there is an array in the graph, or more nodes than a page can show.
    """
    return page_html(steps.layout.root)


# Attached here, since equations and the stepper stand below the page and cannot import it.
Steps.to_html = _to_html  # type: ignore[attr-defined]
Steps._repr_mimebundle_ = lambda self, **_: _steps_bundle(self)  # type: ignore[attr-defined]
_Displayed._repr_mimebundle_ = lambda self, **_: _equations_bundle(self)  # type: ignore[attr-defined]
