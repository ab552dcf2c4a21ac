"""Parts of the loop whose networks are made up, so that time outside the networks is seen alone.

Everything else is the parts' own code: the detector's letterbox, suppression and masks, the pose
model's crops and decoding, the segmenter's prompts and masks. A made-up network answers with maps
that are worked out beforehand, in which turn ``t`` shows other people than turn ``t - 1``; the
time it takes itself is counted and can be taken off.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bmp.detectors import RTMDetDetector
from bmp.loop import LoopSettings
from bmp.pose import TopdownPose
from bmp.segmenters import SAM2Segmenter, batched_decoding
from bmp.segmenters.prompting import PromptSettings
from bmp.segmenters.shared_decoder import DecodedMasks
from mmpose.apis import init_model
from mmpose.engine.config import load_config
from mmpose.models.heads.multi_head import MultiHeadOutputs

DETECTOR = "configs/rtmdet/rtmdet-ins_s_8xb32-300e_coco-640x640.py"
POSE_MODEL = "configs/PMPose/PMPose-s-1.0.0.py"
SEGMENTER = "configs/sam_pose2seg/sam-pose2seg_hiera-b+_coco-1024x1024.py"
PERSON, NOBODY = 3.0, -9.0  # logits
ASPECT = 2.5  # height of a person by its width


@dataclass
class Stopwatch:
    """Seconds of the processor inside the made-up networks."""

    seconds: float = 0.0

    def around(self, call: Callable) -> Callable:
        """The call, measured."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.process_time()
            answer = call(*args, **kwargs)
            self.seconds += time.process_time() - start
            return answer

        return timed


@dataclass
class World:
    """People of every image, the first two thirds found in turn 1 and the others in turn 2.

    Attributes:
        num_people: of an image.
        image_shape: (H, W).
        runs_networks: whether the real networks run too, with random weights and their answers
            thrown away; so that their time is spent where it would be.
        chooses_masks: whether the better of two masks is taken by the joints that it holds.
        network: ``backend`` and ``dtype`` of the networks, where they are not the usual ones.
        net_side: of the squares that detector and segmenter see; None: 640 and 1024.
        stopwatch: counts the time in the networks.
    """

    num_people: int
    image_shape: tuple[int, int]
    runs_networks: bool = False
    chooses_masks: bool = False
    device: str = "cpu"
    network: dict[str, str] = field(default_factory=dict)
    net_side: int | None = None
    stopwatch: Stopwatch = field(default_factory=Stopwatch)

    def __post_init__(self) -> None:
        self.turn = 0
        torch.manual_seed(0)
        self.detector = self._make_detector()
        self.pose_model = self._make_pose_model()
        self.segmenter = self._make_segmenter()
        self.settings = LoopSettings(
            num_iters=2, prompting=PromptSettings(), pose_mask_consistency=self.chooses_masks
        )

    def images(self, count: int) -> list[np.ndarray]:
        """Images of noise, which no step of the loop can shorten."""
        draw = np.random.default_rng(0)
        return [draw.integers(0, 256, (*self.image_shape, 3), dtype=np.uint8) for _ in range(count)]

    def _replace(self, owner: Any, name: str, answer: Callable) -> None:
        """Let a network answer as we like, running it first if that is asked for."""
        network = getattr(owner, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            real = network(*args, **kwargs) if self.runs_networks else None
            return answer(real, *args, **kwargs)

        setattr(owner, name, self.stopwatch.around(call))

    def _make_detector(self) -> RTMDetDetector:
        side = self.net_side or 640
        size = {} if self.net_side is None else {"size": (side, side)}
        detector = RTMDetDetector(load_config(DETECTOR), device=self.device, **size, **self.network)
        head = detector.model.bbox_head
        strides = [stride for stride, _ in head.prior_generator.strides]
        sizes = [(side // stride, side // stride) for stride in strides]
        scale = min(side / max(self.image_shape), side / min(self.image_shape))
        inner = [int(side * scale + 0.5) for side in self.image_shape]
        by_turn = [
            _detector_maps(cells, sizes, strides, head.num_classes)
            for cells in _split_into_turns(_spread(self.num_people, inner, strides[0]))
        ]

        def answer(real: Any, pixels: Tensor, mode: str = "tensor") -> tuple:
            maps = by_turn[self.turn % 2]
            self.turn += 1
            repeat = lambda m: m.to(pixels.device).expand(len(pixels), *m.shape[1:])  # noqa: E731
            return (*([repeat(m) for m in level] for level in maps[:3]), repeat(maps[3]))

        self._replace(detector.model, "forward", answer)
        return detector

    def _make_pose_model(self) -> TopdownPose:
        init = init_model
        if self.network:  # which older builds lack
            from bmp.pose import init_pose_network as init
        model = init(POSE_MODEL, device=self.device, **self.network)
        num_joints, (width, height) = model.head.num_keypoints, model.head.decoder.heatmap_size
        maps = torch.zeros(1, num_joints, height, width, device=self.device)
        for joint in range(num_joints):
            y = round(height * (0.25 + 0.5 * joint / num_joints))
            maps[0, joint, y - 1 : y + 2, width // 2 - 2 : width // 2 + 3] = 0.2
            maps[0, joint, y, width // 2] = 0.9
        sure = torch.full((1, num_joints, 1, 1), 0.9, device=self.device)

        def answer(real: Any, features: Any) -> MultiHeadOutputs:
            count = len(features[-1] if isinstance(features, tuple) else features)
            repeat = lambda m: m.expand(count, *m.shape[1:])  # noqa: E731
            return MultiHeadOutputs(repeat(maps), *[repeat(sure)] * 4)

        self._replace(
            model.backbone, "forward", lambda real, crops: crops if real is None else real
        )
        self._replace(model.head, "forward", answer)
        return TopdownPose(model)

    def _make_segmenter(self) -> SAM2Segmenter:
        config = load_config(SEGMENTER)
        if self.net_side is not None:
            config.model.sam.image_size = self.net_side
        segmenter = SAM2Segmenter(config, device=self.device, **self.network)
        sam, shown = segmenter.sam, {}
        side = sam.image_size // 4

        def encode(real: Any, batch: Tensor) -> Any:
            shapes = [(32, side), (64, side // 2), (256, side // 4)]
            empty = [batch.new_zeros(len(batch), c, s, s) for c, s in shapes]
            return {"backbone_fpn": empty} if real is None else real

        def note_points(real: Any, _: Any, coords: Tensor, labels: Tensor, *more: Any) -> Any:
            shown["points"] = coords, labels
            tokens = coords.new_zeros(len(coords), coords.shape[1] + 1, 1)  # and a padding one
            return (tokens, tokens) if real is None else real

        def decode(real: Any, *more: Any, **options: Any) -> DecodedMasks:
            return _diamonds(*shown["points"], side, self.image_shape, self.num_people)

        if not self.runs_networks:  # the 1 x 1 convolutions after the encoder are network too
            sam.sam_mask_decoder.conv_s0 = sam.sam_mask_decoder.conv_s1 = torch.nn.Identity()
        self._replace(sam.image_encoder, "forward", encode)
        self.ask = self.stopwatch.around(self._ask_one)
        self._replace(batched_decoding, "encode_prompts", note_points)
        self._replace(batched_decoding, "decode_people", decode)
        return segmenter

    def _ask_one(self, embeddings: Any, coords: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and score of one person, by a call of sam2's own decoder."""
        sam = self.segmenter.sam
        if self.runs_networks:
            encoder = sam.sam_prompt_encoder
            sparse, dense = encoder(points=(coords, labels.int()), boxes=None, masks=None)
            sam.sam_mask_decoder(
                image_embeddings=embeddings.coarse,
                image_pe=encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=False,
                repeat_image=True,
                high_res_features=[embeddings.fine, embeddings.middle],
            )
        side = sam.image_size // 4
        found = _diamonds(coords, labels, side, self.image_shape, self.num_people)
        return found.mask_logits[0, 0], found.mask_scores[0, 0]


def _spread(count: int, inner: list[int], stride: int) -> list[tuple[int, int, float]]:
    """Cells (row, column) of people and the half height of their masks in cells."""
    rows, columns = (side // stride for side in inner)
    across = max(1, round((count * columns / rows * ASPECT) ** 0.5))
    down = -(-count // across)
    places = [
        (int((n // across + 0.5) * rows / down), int((n % across + 0.5) * columns / across))
        for n in range(count)
    ]
    return [(row, column, 0.55 * rows / down) for row, column in places]


def _split_into_turns(cells: list) -> tuple[list, list]:
    return [c for n, c in enumerate(cells) if n % 3], cells[::3]


def _detector_maps(cells: list, sizes: list, strides: list, num_classes: int) -> tuple:
    """Maps of RTMDet-Ins with people at some cells of the finest level."""
    cls_scores = [torch.full((1, num_classes, *size), NOBODY) for size in sizes]
    distances = [torch.full((1, 4, *size), 8.0) for size in sizes]
    kernels = [torch.zeros(1, 169, *size) for size in sizes]
    for n, (row, column, radius) in enumerate(cells):
        cls_scores[0][0, 0, row, column] = PERSON - 0.01 * n
        half = torch.tensor([radius / ASPECT, radius, radius / ASPECT, radius]) * strides[0]
        distances[0][0, :, row, column] = half
        kernels[0][0, :, row, column] = _diamond_kernel(radius / 8)
    return cls_scores, distances, kernels, torch.zeros(1, 8, *sizes[0])


def _diamond_kernel(radius: float) -> Tensor:
    """A mask network that gives the radius minus ASPECT |x| + |y|."""
    first = torch.zeros(8, 10)
    first[:4, :2] = torch.tensor([[ASPECT, 0.0], [-ASPECT, 0.0], [0.0, 1.0], [0.0, -1.0]])
    last = torch.tensor([-1.0] * 4 + [0.0] * 4)
    biases = torch.cat([torch.zeros(16), torch.tensor([radius])])
    return 40 * torch.cat([first.flatten() / 40, torch.eye(8).flatten() / 40, last, biases / 40])


def _diamonds(
    coords: Tensor, labels: Tensor, side: int, shape: tuple[int, int], num_people: int
) -> DecodedMasks:
    """Logits of diamonds round the points that are shown."""
    used = (labels[..., None] >= 0).to(coords)
    centre = (coords * used).sum(1) / used.sum(1).clamp(min=1) / 4
    axis = torch.arange(side, device=coords.device, dtype=torch.float32)
    radius = 0.8 * side / num_people**0.5
    x, y = ((axis - centre[:, i, None]).abs() for i in (0, 1))
    logits = radius - (y[:, :, None] + ASPECT * shape[1] / shape[0] * x[:, None] / 1.3)
    ones = torch.ones(len(coords), 1, device=coords.device)
    return DecodedMasks(logits[:, None], 0.8 * ones, ones)
