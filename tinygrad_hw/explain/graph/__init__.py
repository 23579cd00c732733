"""The recorded graph as a picture.

``folding`` decides which nodes share a box, ``labels`` writes the texts of boxes and edges, ``dot``
places and colors them, and ``draw`` makes a file of the picture. ``graphviz`` runs Graphviz.
"""
