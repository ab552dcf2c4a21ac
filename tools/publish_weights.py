"""Turn a training checkpoint into the weights file that ships.

    python tools/publish_weights.py work_dirs/NAME/iter_4000.pth bmp/weights/NAME.safetensors \\
        --meta config=configs/demo/NAME.py AP=0.612

Takes the moving average of the weights where the run had one (mmengine saves it as the state
dict), stores it in few bits without optimiser state, and keeps what the checkpoint knows of its
origin.
"""

import argparse

from mmpose.engine.checkpoint import load_state_dict_file, save_weights
from mmpose.engine.tools import run_tool

KEPT_META = ("iter", "epoch", "experiment_name", "mmengine_version", "time")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", help=".pth file of a training run")
    parser.add_argument("out", help=".safetensors file to write")
    parser.add_argument("--meta", nargs="*", default=[], help="key=value pairs to store beside")
    parser.add_argument(
        "--bits", type=int, default=8, choices=(8, 16, 32), help="a weight, 8 by default"
    )
    args = parser.parse_args()
    wrong = [pair for pair in args.meta if "=" not in pair]
    if wrong:
        raise ValueError(f"--meta takes key=value pairs, got {wrong}")
    state_dict, meta = load_state_dict_file(args.checkpoint)
    kept = {key: str(meta[key]) for key in KEPT_META if key in meta}
    kept |= dict(pair.split("=", 1) for pair in args.meta)
    save_weights(state_dict, args.out, kept, bits=args.bits)
    print(f"{args.out}: {len(state_dict)} tensors, {kept}")


if __name__ == "__main__":
    run_tool(main)
