"""Detectors of people: adapters from models and known boxes to our record."""

from .box_file import BoxFileDetector
from .build import build_detector
from .given_boxes import GivenBoxes
from .rtmdet import RTMDetDetector

__all__ = ["BoxFileDetector", "GivenBoxes", "RTMDetDetector", "build_detector"]
