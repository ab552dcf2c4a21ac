"""Annotation readers, samplers and transforms: the numpy side of training and testing."""

from mmpose.lazy import names_of

__getattr__ = names_of(__name__)
