"""One partial derivative as paths of factors, of scalars and of matrices."""
