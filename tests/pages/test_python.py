"""The Python of README and the site runs, block after block of a page in one process."""

import re
import sys

import pytest

from tests.pages.snippets import PAGES, PHOTO, snippets
from tests.pages.test_commands import run_in, world  # noqa: F401 - a fixture

# names that a page takes for granted, or files of the reader -> what they are here
IMAGE = f"import cv2, numpy as np, torch\nimage = cv2.imread({PHOTO!r}); images = [image]\n"
BOXES = "bboxes = [[266, 105, 420, 441]]; boxes = torch.tensor(bboxes).float(); masks = None\n"
FOUND = (
    "from bboxmaskpose import BBoxMaskPose\n"
    "found = [BBoxMaskPose('bmp_demo').predict(image).people]\n"
    "config = 'configs/demo/sam-pose2seg_lite0_synthcrowd-256x256.py'\n"
    "checkpoint = 'bmp/weights/sam-pose2seg_demo.safetensors'\n"
)
BEFORE = {
    "docs/pose.md": IMAGE + BOXES,
    "docs/detector.md": IMAGE,
    "docs/segmenter.md": IMAGE + FOUND,
}
STANDS_FOR = {
    '"photo.jpg"': repr(PHOTO),
    '"image.jpg"': repr(PHOTO),
    '"photos/"': '"one_image/"',
    "configs/PMPose/PMPose-b-1.0.0.py": "configs/demo/pmpose_lite0_synthcrowd-128x96.py",
    "models/PMPose-b-1.0.0.pth": "bmp/weights/pmpose_lite0_demo.safetensors",
    '"cuda"': '"cpu"',
    "my_mask-rcnn.py": "configs/demo/rtmdet-ins_lite0_synthcrowd-320x320.py",
    "my_mask-rcnn.pth": "bmp/weights/rtmdet-ins_lite0_demo.safetensors",
    '"out/': '"outputs/mine/',
    'import_from("out"': 'import_from("outputs/mine"',
}
OPTIONAL = ("supervision", "datumaro", "sleap_io", "transformers", "timm", "rtmlib")
WITH_PYTHON = [
    page
    for page in PAGES
    # there, lines alone show a habit
    if page != "CONTRIBUTING.md" and any(s.language == "python" for s in snippets(page))
]


def script_of(page: str) -> str:
    """All blocks of a page; one that needs an optional package may stop at its import."""
    parts = [BEFORE.get(page, "")]
    for snippet in snippets(page):
        if snippet.language != "python":
            continue
        text = snippet.text
        for theirs, ours in STANDS_FOR.items():
            text = text.replace(theirs, ours)
        wanted = [name for name in OPTIONAL if re.search(rf"{name}\.|to_{name}|from {name}", text)]
        head = f"# {page}, line {snippet.line}\n"
        if wanted:
            imports = "\n".join(f"    import {name}" for name in wanted)
            body = "\n".join(f"    {line}" for line in text.splitlines())
            text = f"try:\n{imports}\nexcept ImportError:\n    pass\nelse:\n{body}\n"
        parts.append(head + text)
    return "\n".join(parts)


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_PYTHON)
def test_the_python_of_a_page_runs(page, world, tmp_path):  # noqa: F811
    script = tmp_path / "page.py"
    script.write_text(script_of(page))
    if "outputs/mine" in script.read_text() and not (world / "outputs/mine/images").is_dir():
        run_in(world, ".venv/bin/bmp predict one_image --out outputs/mine --no-gif")
    done = run_in(world, f"{sys.executable} {script}")
    assert done.returncode == 0, done.stderr[-3000:]


def test_pages_hold_python():
    assert len(WITH_PYTHON) > 5
    for page in WITH_PYTHON:
        compile(script_of(page), page, "exec")
