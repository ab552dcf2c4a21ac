"""What a transform is: a step that reads and extends the dict of one sample."""

from abc import ABC, abstractmethod
from typing import ClassVar


def check_shares(**shares: float) -> None:
    """Refuse settings that are no probabilities or shares.

    Raises:
        ValueError: one lies outside [0, 1]; the message names it.
    """
    for name, value in shares.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must be in [0, 1], got {value}")


class Transform(ABC):
    """One step of a data pipeline.

    The sample's fields up to `PackPoseInputs`: ``img`` (H, W, 3) uint8 BGR, ``bbox`` (1, 4) and
    ``bbox_xyxy_wrt_input`` (1, 4) xyxy (the box as it is augmented: the crop is cut around it),
    ``bbox_rotation`` (1,) degrees, ``keypoints`` (1, K, 2), ``keypoints_visible`` and
    ``keypoints_visibility`` (1, K), ``mask`` (`RegionMask`); image pixels, float32.
    Random numbers come from numpy's global generator alone, which is seeded for each sample where
    the sampler gives a `SeededIndex`, and else once in every worker, by mmengine.

    Attributes:
        needs: fields that an earlier step must have set -> that step.
    """

    needs: ClassVar[dict[str, str]] = {}

    @abstractmethod
    def transform(self, results: dict) -> dict | None:
        """Change the sample; None leaves it out of training."""

    def __call__(self, results: dict) -> dict | None:
        """Check what the step needs and take it.

        Raises:
            ValueError: an earlier step is missing; the message names it.
        """
        missing = [field for field in self.needs if field not in results]
        if missing:
            raise ValueError(
                f"{type(self).__name__} needs {missing} of the sample; put "
                f"{self.needs[missing[0]]} before it in the pipeline"
            )
        return self.transform(results)
