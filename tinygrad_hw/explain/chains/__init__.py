"""One derivative as paths of factors, between scalars or between matrices.

``chain`` and ``matrix_chain`` have what an explanation consists of and how it is written;
``scalar_chains`` and ``matrix_equations`` find it in a recorded graph. ``from_graph`` has formulas
and local derivatives of single nodes, ``array_formulas`` and ``shapes`` those of arrays.
"""
