"""Commands and Python of the pages, and how a test runs each in a small copy of the project."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *("README.md", "CONTRIBUTING.md", "datasets/README.md", "bmp/weights/README.md"),
    *sorted(f"docs/{path.name}" for path in ROOT.glob("docs/*.md")),
]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
CONFIG = "configs/demo/maskpose_lite0_short-training.py"
VAL = "datasets/synthcrowd/val/annotations.json"
PHOTO = "demos/photos/000000001000.jpg"
TRAINED = "work_dirs/trained"  # a training of two steps

# Commands that are not run here -> why. The first pattern that fits, from the start.
NOT_RUN = {
    r"git clone ": "the address of the repository is not in it",
    r"make (demo|install|site|test-interop|test-slow|test|lint)\b": "they run these tests",
    r"python3 -m venv |\.venv/bin/python -m venv ": "installs, which CI does first of all",
    r"(SAM2_BUILD_CUDA=0 )?pip ": "installs from the network",
    r"(UID=.* )?docker ": "needs a Docker daemon",
    r"\. \.venv/bin/activate": "tests put their Python first on the path",
    r"python tools/datasets/synthcrowd\.py$": "3,200 images; the tests' own crowds are made by it",
    r"python tools/datasets/short_training\.py$": "140 images; of the tests' crowds too",
    r"tensorboard |\.venv/bin/bmp serve ": "a server that runs until it is stopped",
    r"bash models/SAM/download_ckpts.sh": "needs a network",
    r"GPUS=\d+ tools/slurm_": "needs Slurm; tests of the launchers have a stand-in",
    r"NNODES=": "needs two machines; tests of the launchers have two processes in their place",
    r"bash tools/pack_wheels\.sh": "downloads wheels",
    r"bash tools/device_check\.sh": "minutes; has a test of its own",
    r"python benchmarks/": "minutes; each has a test of its own",
    r"python tools/datasets/convert\.py PATH|\.venv/bin/bmp data convert ": "needs another "
    "tool's files; its tests write some",
    r"\.venv/bin/bmp predict film\.mp4 ": "needs a film and the video extra; its tests make one",
    r"bmp export ": "needs the onnx extra; tests/interop export the same models",
    r"python tools/model_converters/": "needs a model of Hugging Face; tests of weights have one",
}
# what stands for something of the reader's -> what it is here
PLACEHOLDERS = {
    r"\bCONFIG\b": CONFIG,
    r" \[CHECKPOINT\]": "",
    r" 8( --amp)?$": r" 2\1",  # GPUs
    r"--nproc_per_node \d": "--nproc_per_node 2",
    r"(ablations/prompting\.py)$": r"\1 --only base pos-1",
    r"work_dirs/NAME/iter_N\.pth|\bCHECKPOINT\b": f"{TRAINED}/iter_2.pth",
    r"\bWORK_DIR\b": TRAINED,
    r"work_dirs/short_training/start\.safetensors": f"{TRAINED}/iter_2.pth",
    r"bmp/weights/NAME\.": "outputs/published.",
    r"/fast/crops": "crops",
    r"RESULTS\.json|FIRST\.json|SECOND\.json|poses\.json": "results.json",
    r"ANNOTATIONS\.json|ANN\.json": VAL,
    r"--images FOLDER": "--images datasets/synthcrowd/val/images",
    r"\bFILE\b": "configs/ablations/loop_turns.py",
    r" images/(?= |$)": " one_image/",
    r"\bIMAGE\b": PHOTO,
}
# Changes that make a long command short: a command that begins so gets these options.
SHORTER = {
    # the others lack their data, so they end before the first step
    r"(torchrun .*|python )tools/train\.py configs/demo/(?!.*--knobs)|tools/dist_train\.sh ": {
        "train_cfg.max_iters": "2",
        "train_cfg.val_interval": "2",
        "train_dataloader.batch_size": "2",
    },
}


class Snippet(NamedTuple):
    """A fence of a page."""

    page: str
    line: int
    language: str
    text: str


def snippets(page: str) -> list[Snippet]:
    """The fences of a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Snippet(page, text.count("\n", 0, found.start()) + 2, *found.groups())
        for found in FENCE.finditer(text)
    ]


def commands(page: str) -> list[str]:
    """The shell commands of a page, comments and continued lines resolved."""
    found = []
    for snippet in snippets(page):
        if snippet.language in ("bash", "sh"):
            for line in snippet.text.replace("\\\n", " ").splitlines():
                command = re.sub(r"(^|\s+)#.*$", "", line).strip()
                if command:
                    found.append(re.sub(r"\s+", " ", command))
    return found


def all_commands() -> list[str]:
    """Every command of every page once."""
    return list(dict.fromkeys(command for page in PAGES for command in commands(page)))


def why_not_run(command: str) -> str | None:
    """The reason, or None for a command that runs here."""
    return next((why for start, why in NOT_RUN.items() if re.match(start, command)), None)


def as_run(command: str) -> str:
    """The command with what stands for the reader's files filled in, and made short."""
    for pattern, text in PLACEHOLDERS.items():
        command = re.sub(pattern, text, command)
    for start, options in SHORTER.items():
        if re.match(start, command):
            given = " ".join(f"{key}={value}" for key, value in options.items())
            flag = "" if "--cfg-options" in command else "--cfg-options "
            command = f"{command} {flag}{given}"
    return command
