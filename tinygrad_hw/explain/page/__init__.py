"""One offline page: a graph to step through, forward and back, with sliders that recompute it.

``write`` is the entry. ``model`` has the contents of the page and the program that computes them
anew, ``svg`` places and draws the graph, ``html`` builds the page around it, ``answers`` builds
marks and fields for answers, ``data`` is read by ``page.js``, ``font`` embeds the face of formulas.
"""
