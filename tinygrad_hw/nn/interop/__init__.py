"""Models from and for other libraries: ONNX Runtime, Keras."""
