"""micrograd's ``engine`` and ``nn``, name for name, on the nodes of this engine.

Programs written for micrograd or for microgpt run with their imports changed, and what this package
explains, draws and captures it does with their numbers too.
"""

from tinygrad_hw.micrograd.engine import Value
from tinygrad_hw.micrograd.nn import MLP, Layer, Module, Neuron

__all__ = ["MLP", "Layer", "Module", "Neuron", "Value"]
