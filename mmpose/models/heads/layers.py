"""The layers that both heads enlarge feature maps with; names are the published ones."""

from collections.abc import Sequence

from torch import Tensor, nn

from mmpose.structures.transfer import small_tensor

INIT_CFG = (
    {"type": "Normal", "layer": ["Conv2d", "ConvTranspose2d"], "std": 0.001},
    {"type": "Constant", "layer": "BatchNorm2d", "val": 1},
)
# kernel size of a transposed convolution -> its padding and output padding at stride 2
_DECONV_PADDINGS = {4: (1, 0), 3: (1, 1), 2: (0, 0)}


def make_deconv_layers(
    in_channels: int, out_channels: Sequence[int] | None, kernel_sizes: Sequence[int] | None
) -> nn.Sequential:
    """Transposed convolution, batch norm and ReLU per step, each doubling the map.

    Without channels there is no step, whatever the kernels: heads have default ones.

    Raises:
        ValueError: the two lists differ in length, or a kernel is not 2, 3 or 4.
    """
    layers: list[nn.Module] = []
    for channels, kernel_size in _pair_sizes(out_channels, kernel_sizes):
        if kernel_size not in _DECONV_PADDINGS:
            raise ValueError(f"a deconvolution kernel is 2, 3 or 4, got {kernel_size}")
        padding, output_padding = _DECONV_PADDINGS[kernel_size]
        layers += [
            nn.ConvTranspose2d(
                in_channels, channels, kernel_size, 2, padding, output_padding, bias=False
            ),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        ]
        in_channels = channels
    return nn.Sequential(*layers)


def make_conv_layers(
    in_channels: int, out_channels: Sequence[int] | None, kernel_sizes: Sequence[int] | None
) -> nn.Sequential:
    """Convolution, batch norm and ReLU per step, size kept; without channels no step.

    Raises:
        ValueError: the two lists differ in length.
    """
    layers: list[nn.Module] = []
    for channels, kernel_size in _pair_sizes(out_channels, kernel_sizes):
        layers += [
            nn.Conv2d(in_channels, channels, kernel_size, padding=(kernel_size - 1) // 2),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        ]
        in_channels = channels
    return nn.Sequential(*layers)


def _pair_sizes(
    out_channels: Sequence[int] | None, kernel_sizes: Sequence[int] | None
) -> list[tuple[int, int]]:
    """Channels and kernel of each step."""
    out_channels, kernel_sizes = out_channels or (), kernel_sizes or ()
    if out_channels and len(out_channels) != len(kernel_sizes):
        raise ValueError(
            f"one kernel size per channel number: got channels {tuple(out_channels)} and "
            f"kernels {tuple(kernel_sizes)}"
        )
    return list(zip(out_channels, kernel_sizes, strict=False))


def make_final_layer(in_channels: int, out_channels: int, settings: dict | None) -> nn.Module:
    """The last convolution; ``settings`` are arguments of Conv2d, None leaves it out."""
    return nn.Conv2d(in_channels, out_channels, **settings) if settings else nn.Identity()


def make_scalar_layers(channels: int, out_channels: int) -> nn.Sequential:
    """A 16 x 12 map down to one logit per joint: three poolings, then a 1 x 1 convolution."""
    layers: list[nn.Module] = []
    for pool in ((4, 3), (2, 2), (2, 2)):
        layers += [
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.MaxPool2d(pool, stride=pool),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers, nn.Conv2d(channels, out_channels, 1))


def flip_maps(maps: Tensor, flip_indices: Sequence[int], shift: bool = False) -> Tensor:
    """Maps (B, K, h, w) of mirrored crops in the frame of the unmirrored ones.

    Args:
        maps: as predicted on the mirrored crops.
        flip_indices: (K,) which joint each becomes.
        shift: move one column to the right, for crops that were not cut with UDP.

    Raises:
        ValueError: the indices do not fit the joints.
    """
    if len(flip_indices) != maps.shape[1]:
        raise ValueError(
            f"{len(flip_indices)} flip_indices for {maps.shape[1]} keypoints: the metainfo of the "
            "data set does not fit the head; take the one with the same keypoints"
        )
    # not indexed by a list, whose copy to the device would be waited for
    order = small_tensor(flip_indices, device=maps.device)
    maps = maps.index_select(1, order).flip(-1)
    if shift:
        maps = maps.roll(1, -1)
        maps[..., 0] = maps[..., 1]
    return maps


def flip_combined_maps(maps: Tensor, flip_indices: Sequence[int], shift: bool = False) -> Tensor:
    """As :func:`flip_maps` for (B, 3K, h, w): a disc and the offsets in x and y for each joint.

    In the mirror the way to a joint points to the other side: the offset in x changes its sign.
    """
    maps = flip_maps(maps.unflatten(1, (-1, 3)), flip_indices, shift)  # (B, K, 3, h, w)
    maps[:, :, 1] *= -1
    return maps.flatten(1, 2)


def rename_old_final_layer(
    head: nn.Module, state_dict: dict[str, Tensor], prefix: str, *_: object
) -> None:
    """A hook before loading: MMPose before 1.0 kept the convolutions and the last one in one list.

    ``final_layer.n.x`` becomes ``conv_layers.n.x`` for as many as there are, then
    ``final_layer.x``.
    """
    old = f"{prefix}final_layer."
    for name in [name for name in state_dict if name.startswith(old)]:
        number, _, leaf = name.removeprefix(old).partition(".")
        if leaf and number.isdigit():
            is_conv = int(number) < len(head.conv_layers)
            new = f"conv_layers.{number}.{leaf}" if is_conv else f"final_layer.{leaf}"
            state_dict[prefix + new] = state_dict.pop(name)
