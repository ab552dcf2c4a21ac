"""Train the demo pose model on generated crowds for some minutes: what a machine can do.

python tools/device_training.py --seconds 120 --out training.json
Times a few steps first; the schedule has as many as fit. Writes what was seen, AP before and after.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from mmengine.logging import MessageHub

from bmp.demo.short_training import CONFIG, read_losses, renew_last_layer
from bmp.synthcrowd import write_dataset
from mmpose.engine.config import load_config
from mmpose.engine.tools import run_tool, test, train
from mmpose.files import write_json

STEPS_TO_TIME = 30  # the first half is not counted: workers start, kernels are chosen
LONGEST = 20_000  # steps
# nothing that a machine with torch alone lacks: no TensorBoard
PLAIN_LOG = {"visualizer.vis_backends": [{"type": "LocalVisBackend"}], "log_level": "WARNING"}
SEEDS = {"train": 3, "val": 4}


def render(folder: Path, counts: dict[str, int]) -> dict[str, str]:
    """Render the crowds; the options that put them into the config."""
    options = {}
    # named by their number: another one is another set
    places = {split: folder / f"{split}_{count}" for split, count in counts.items()}
    for split, count in counts.items():
        write_dataset(places[split], count, SEEDS[split])
    loaders = {"train_dataloader": "train", "val_dataloader": "val", "test_dataloader": "val"}
    for loader, split in loaders.items():
        options[f"{loader}.dataset.data_root"] = str(places[split])
    for evaluator in ("val_evaluator", "test_evaluator"):
        options[f"{evaluator}.ann_file"] = str(places["val"] / "annotations.json")
    return options


def train_steps(options: dict, num_steps: int, args: argparse.Namespace) -> float:
    """Train; return the seconds of a step, the mean over the second half."""
    own = {
        "train_cfg.max_iters": num_steps,
        "train_cfg.val_interval": num_steps + 1,  # measured apart
        "param_scheduler.1.end": max(num_steps, 11),
        "default_hooks.checkpoint.interval": num_steps,
        "channels_last": True,
        "compile": args.compile,
    }
    MessageHub._instance_dict.clear()  # a run of its own
    train(load_config(CONFIG, options | own), launcher="none", amp=args.amp, resume=None, seed=0)
    times = MessageHub.get_current_instance().get_scalar("train/time").data[0]
    return float(times[len(times) // 2 :].mean())


def measure(options: dict, checkpoint: Path) -> float:
    """Pose AP in [0, 1] with true boxes and masks."""
    own = {"work_dir": str(Path(options["work_dir"]) / "test")}
    metrics = test(
        load_config(CONFIG, options | own), launcher="none", checkpoint=str(checkpoint), out=None
    )
    return next(value for name, value in metrics.items() if name.endswith("/AP"))


def read_arguments() -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=120, help="of the training itself")
    parser.add_argument("--images", type=int, default=150, help="crowds to train on")
    parser.add_argument("--val-images", type=int, default=40, help="crowds to measure AP on")
    parser.add_argument("--batch", type=int, default=128, help="people")
    parser.add_argument("--workers", type=int, default=1, help="processes that load people")
    parser.add_argument("--amp", action="store_true", help="in bfloat16")
    parser.add_argument("--compile", action="store_true", help="by torch.compile")
    parser.add_argument("--work-dir", type=Path, default=Path("work_dirs/device_training"))
    parser.add_argument("--out", type=Path, required=True, help="JSON file")
    return parser.parse_args()


def main() -> None:
    args = read_arguments()
    args.work_dir.mkdir(parents=True, exist_ok=True)
    begin = time.perf_counter()
    options = PLAIN_LOG | render(
        args.work_dir / "crowds", {"train": args.images, "val": args.val_images}
    )
    rendering = time.perf_counter() - begin
    start = renew_last_layer(args.work_dir / "start.safetensors")
    options |= {
        "load_from": str(start),
        "work_dir": str(args.work_dir),
        "train_dataloader.batch_size": args.batch,
        "train_dataloader.num_workers": args.workers,
    }
    before = measure(options, start)
    seconds = train_steps(options, STEPS_TO_TIME, args)
    num_steps = int(min(LONGEST, max(STEPS_TO_TIME, args.seconds / seconds)))
    begin = time.perf_counter()
    seconds = train_steps(options, num_steps, args)
    trained = time.perf_counter() - begin
    losses = read_losses(args.work_dir)
    facts = {
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "people_per_second": args.batch / seconds,
        "steps": num_steps,
        "training_s": trained,
        "rendering_s": rendering,
        "batch": args.batch,
        "workers": args.workers,
        "amp": args.amp,
        "compile": args.compile,
        "loss": [losses[0], losses[-1]],
        "AP": [before, measure(options, args.work_dir / f"iter_{num_steps}.pth")],
    }
    write_json(args.out, facts, indent=2)
    print(json.dumps(facts, indent=2))


if __name__ == "__main__":
    run_tool(main)
