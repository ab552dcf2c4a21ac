"""Detectors of people: adapters from models and known boxes to our record."""

from .build import build_detector
from .given_boxes import GivenBoxes
from .rtmdet import RTMDetDetector

__all__ = ["GivenBoxes", "RTMDetDetector", "build_detector"]
