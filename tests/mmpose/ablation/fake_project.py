"""A project whose tools take no time: they note that they were called and write numbers."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from mmpose.ablation.command import add_arguments, run_ablation

ROOT = Path(__file__).resolve().parents[3]

CONFIG = """
__knobs__ = {"half": "half of the value"}
half = 0.25
model = dict(type="Fake", value=2 * half, spread=0.0, fail=False, wait="", lr=0.1)
checkpoint = None
test_dataloader = dict(num_workers=2, dataset=dict(type="FakeSet"))
test_evaluator = dict(type="FakeMetric")
train_cfg = dict(max_iters=4)
optim_wrapper = dict(optimizer=dict(type="SGD", lr=0.1))
work_dir = "somewhere"
"""

# train.py and test.py are the same file; its name says which it is
TOOL = """
import json, os, sys, time
from pathlib import Path
arguments = sys.argv[1:]
places = [n for n, a in enumerate(arguments) if a.startswith("--") and a != "--resume"]
named = {arguments[n]: arguments[n + 1] for n in places}
config = {}
exec(Path(arguments[0]).read_text(), config)
model, seed = config["model"], config["randomness"]["seed"]
calls = Path(os.environ["CALLS"])
is_train = Path(sys.argv[0]).stem == "train"
with calls.open("a") as file:
    task = "train" if is_train else "test"
    file.write(json.dumps({"task": task, "value": model["value"], "seed": seed,
        "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"), "arguments": arguments}) + "\\n")
if model["wait"]:
    Path(model["wait"] + ".begun").touch()
    while not Path(model["wait"] + ".go").exists():
        time.sleep(0.02)
work_dir = Path(named["--work-dir"])
work_dir.mkdir(parents=True, exist_ok=True)
if model["fail"] is True or (model["fail"] and not Path(model["fail"] + ".mended").exists()):
    print("line before")
    sys.exit("error: the model failed on purpose")
if is_train:
    (work_dir / "a" / "vis_data").mkdir(parents=True, exist_ok=True)
    noise = int.from_bytes(os.urandom(4), "big") / 2**32 * model["spread"]
    lines = [json.dumps({"loss": model["value"] / step + noise, "step": step})
        for step in range(1, config["train_cfg"]["max_iters"] + 1)]
    (work_dir / "a" / "vis_data" / "scalars.json").write_text("\\n".join(lines))
    (work_dir / "last.pth").write_text("weights")
    (work_dir / "last_checkpoint").write_text(str(work_dir / "last.pth"))
else:
    metrics = {"fake/value": model["value"] + model["spread"] * seed, "fake/num_images": 3}
    Path(named["--out"]).write_text(json.dumps(metrics))
if "--facts" in named:
    Path(named["--facts"]).write_text(json.dumps({"num_parameters": 2_500_000}))
"""


THREE = 'changes = {"two": {"model.value": 2}, "three": {"model.value": 3}}\n'


class FakeProject:
    """A folder with a config, an ablation file, tools and a count of their calls.

    Args:
        folder: empty.
        monkeypatch: of pytest, for the environment.
    """

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        self.calls_file = folder / "calls.txt"
        self.tools = folder / "tools"
        self.tools.mkdir()
        for name in ("train.py", "test.py"):
            (self.tools / name).write_text(TOOL)
        (folder / "configs").mkdir()
        self.write_base(CONFIG)
        monkeypatch.setenv("CALLS", str(self.calls_file))
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
        monkeypatch.chdir(folder)

    def write_base(self, text):
        (self.folder / "configs" / "fake.py").write_text(text)

    def write(self, text, name="study"):
        """Write an ablation on the fake config; returns its path."""
        path = self.folder / "configs" / f"{name}.py"
        path.write_text(f'base = "configs/fake.py"\n{text}\n')
        return path

    def run(self, path, *arguments):
        """The exit code of the tool in this process."""
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        return run_ablation(parser.parse_args([str(path), *arguments]), self.tools)

    def start(self, path, *arguments):
        """The tool in a process of its own."""
        code = (
            "import argparse, sys\n"
            "from pathlib import Path\n"
            "from mmpose.ablation.command import add_arguments, run_ablation\n"
            "parser = argparse.ArgumentParser()\n"
            "add_arguments(parser)\n"
            f"sys.exit(run_ablation(parser.parse_args(sys.argv[1:]), Path({str(self.tools)!r})))\n"
        )
        return subprocess.Popen(
            [sys.executable, "-c", code, str(path), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=dict(os.environ),
            cwd=self.folder,
        )

    def calls(self):
        """What the tools were called with, in order."""
        if not self.calls_file.exists():
            return []
        return [json.loads(line) for line in self.calls_file.read_text().splitlines()]

    def values(self):
        """``model.value`` of every call, in order."""
        return [call["value"] for call in self.calls()]

    def ablations(self, name="study"):
        return self.folder / "work_dirs" / "ablations" / name


def link(project, row, name="study"):
    """The folder of a row's run with seed 0, as an ablation links to it."""
    return next(project.ablations(name).glob(f"{row}-0-*"))
