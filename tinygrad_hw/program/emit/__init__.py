"""Write a scheduled program as NumPy, as numba loops, for batches of points, as JavaScript."""
