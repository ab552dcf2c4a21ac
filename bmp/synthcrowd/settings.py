"""What a synthetic crowd may look like: the settings of a scene, checked when they are made."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class SceneSettings:
    """Settings of `render_scene`.

    Args:
        width: image width, px.
        height: image height, px.
        crowding: 0 gives lone people (boxes hardly touch), 1 gives scenes like OCHuman, where at
            least two people have a box IoU above 0.5, values between mix both; None draws a value
            for every image, a third of them 0 and a third of them 1.
        min_people: the fewest people to place; some may end up hidden and unannotated.
        max_people: the most people to place.
        min_person_height: people shorter than this are not placed, px.
        occluders: expected number of objects in front of people.
        clutter: expected number of objects behind people.
        quality: lowest and highest JPEG quality.

    Raises:
        ValueError: a value outside its range.
    """

    width: int = 480
    height: int = 360
    crowding: float | None = None
    min_people: int = 1
    max_people: int = 7
    min_person_height: float = 30.0
    occluders: float = 0.8
    clutter: float = 1.5
    quality: tuple[int, int] = (60, 95)

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 64:
            raise ValueError(
                f"images must be at least 64 x 64 px, got {self.width} x {self.height}"
            )
        if self.crowding is not None and not 0 <= self.crowding <= 1:
            raise ValueError(f"crowding must lie in [0, 1] or be None, got {self.crowding}")
        if not 1 <= self.min_people <= self.max_people:
            raise ValueError(
                "1 <= min_people <= max_people is needed, "
                f"got {self.min_people} and {self.max_people}"
            )
        if self.crowding == 1 and self.max_people < 2:
            raise ValueError("crowding=1 needs max_people >= 2: nobody overlaps alone")
        if not 8 <= self.min_person_height <= self.height:
            raise ValueError(
                f"min_person_height must lie in [8, {self.height}], got {self.min_person_height}"
            )
        if self.occluders < 0 or self.clutter < 0:
            raise ValueError(
                f"occluders and clutter are counts >= 0, got {self.occluders}, {self.clutter}"
            )
        if not 1 <= self.quality[0] <= self.quality[1] <= 100:
            raise ValueError(f"quality is (lowest, highest) in [1, 100], got {self.quality}")

    def to_dict(self) -> dict:
        """The settings as plain values that JSON can hold."""
        return {**asdict(self), "quality": list(self.quality)}
