"""Similarity of poses, suppression, average precision: functions first, metrics around them."""

from mmpose.lazy import names_of

__getattr__ = names_of(__name__)
