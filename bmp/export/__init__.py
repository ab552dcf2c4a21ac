"""Networks of this project as ONNX files: pose models, detectors, segmenters."""
