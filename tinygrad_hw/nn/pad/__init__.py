"""A page to draw on, whose network answers while one draws.

``program`` writes the network and its gradient as JavaScript, ``page`` the page around it, and
``pad.js`` draws, brings the drawing to the form of MNIST's images, and shows what comes out.
"""

from tinygrad_hw.nn.pad.page import PAD_OPENING, Pad, pad_page, pad_parts

__all__ = ["PAD_OPENING", "Pad", "pad_page", "pad_parts"]
