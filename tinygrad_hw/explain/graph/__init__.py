"""The recorded graph as a picture.

``folding`` decides which nodes share a box, ``labels`` what boxes and edges say, ``dot`` how they
look and where they stand, and ``draw`` makes a file of it. ``graphviz`` runs Graphviz.
"""
