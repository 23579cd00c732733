"""One offline page: a graph to step through, forward and back, with sliders that recompute it.

``write`` is the way in. ``model`` has what the page says and the program that computes it anew,
``svg`` the drawing and where its parts stand, ``html`` the page around it, ``answers`` marks and
fields for answers, ``data`` what ``page.js`` reads, ``font`` the embedded face of formulas.
"""
