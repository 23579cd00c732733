"""What the network of ten digits has learned, in pictures; and a pad to draw digits on."""

from tinygrad_hw.homework.report.watching.pictures import learned_figures
from tinygrad_hw.homework.report.watching.sections import draw_section, learned

__all__ = ["draw_section", "learned", "learned_figures"]
