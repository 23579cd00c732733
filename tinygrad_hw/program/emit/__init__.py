"""Write a scheduled program as NumPy, as numba loops, for batches of points, as JavaScript.

``identifiers`` are the names in all of them, ``expressions`` one instruction as Python, ``numpy``
the whole program with its memory and its guards, ``numba`` its compiled loops, ``batch`` the same
for many points at once, ``runtime`` what these programs call, ``javascript`` a page's.
"""
