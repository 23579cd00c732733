"""ONNX: a program as a graph for onnxruntime and other runtimes; needs the extra ``onnx``.

``graph`` collects nodes and constants, ``arrays`` and ``indexing`` say how NumPy's functions of
arrays become nodes, ``writer`` writes instructions: elementary operations by the table of
primitives, the rest by those two. ``model`` puts a whole recording together.
"""

from tinygrad_hw.program.emit.onnx.model import onnx_model

__all__ = ["onnx_model"]
