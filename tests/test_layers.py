"""Which part may import which: read from the source, so a wrong import fails without running."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = {"mmpose", "bmp", "pmpose", "bboxmaskpose", "tools", "demos", "benchmarks", "tests"}
MAY_IMPORT = {
    "mmpose": {"mmpose"},
    "bmp": {"mmpose", "bmp"},
    "pmpose": {"bmp"},
    "bboxmaskpose": {"bmp"},
    "tools": {"mmpose", "bmp", "tools"},
    "demos": {"mmpose", "bmp", "pmpose", "bboxmaskpose"},
    "benchmarks": {"mmpose", "bmp"},
}
# the pose framework works without the detector's and segmenter's frameworks
FOREIGN = {"mmpose": {"mmdet", "mmcv", "mmpretrain", "sam2", "training"}}
# inside mmpose a part imports only parts that stand above it
ORDER = [
    "project",
    "mmcv_ops",
    "registry",
    "errors",
    "files",
    "machine",
    "structures",
    "inputs",
    "codecs",
    "models",
    "datasets",
    "evaluation",
    "engine",
    "ablation",
    "visualization",
    "analysis",
    "apis",
    "utils",
]
BMP_ORDER = [
    "record",
    "setting_kinds",
    "structures",
    "interfaces",
    "registry",
    "downloads",
    "locations",
    "disk_cache",
    "environment",
    "enlarging",
    "precision",
    "backends",
    "detectors",
    "segmenters",
    "transformers_pose",
    "pose",
    "pmpose",
    "loop",
    "visualization",
    "evaluation",
    "results",
    "streams",
    "prediction",
    "export",
    "detector_training",
    "segmenter_training",
    "synthcrowd",
    "api",
    "demo",
    "serve",
    "training_advice",
    "training_config",
    "import_pictures",
    "commands",
    "cli",
]
# mmdet's classes and ours are registered when a model of mmdet is asked for, which takes seconds
REGISTER_LATE = {"detectors/rtmdet.py", "detectors/mmdet_configs.py"}
# published import paths below what they name; they import names and do nothing else
ALIASES = {"engine/hooks.py"}


def imported_modules(path: Path) -> set[str]:
    """Full names of all modules that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level <= 1, f"{path}: relative imports reach one package up at most"
            package = ".".join(path.relative_to(ROOT).with_suffix("").parts[:-1])
            if node.level:
                base = f"{package}.{node.module}" if node.module else package
                names.add(base)
            else:
                names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return names


def sources(part: str) -> list[Path]:
    """Python files of a part, configs aside (they import nothing)."""
    return sorted(path for path in (ROOT / part).rglob("*.py") if "configs" not in path.parts)


@pytest.mark.parametrize("part", sorted(MAY_IMPORT))
def test_a_part_imports_only_what_stands_above_it(part):
    wrong = []
    for path in sources(part):
        tops = {name.split(".")[0] for name in imported_modules(path)}
        wrong += [f"{path.relative_to(ROOT)}: {top}" for top in tops & OURS - MAY_IMPORT[part]]
        wrong += [f"{path.relative_to(ROOT)}: {top}" for top in tops & FOREIGN.get(part, set())]
    assert not wrong


def test_inside_mmpose_imports_go_one_way():
    # codecs and structures serve everything; the checkpoint reader of the engine serves models' api
    allowed = {("apis", "datasets"), ("apis", "engine")}
    wrong = []
    for path in sources("mmpose"):
        if path.relative_to(ROOT / "mmpose").as_posix() in ALIASES:
            continue
        parts = path.relative_to(ROOT / "mmpose").with_suffix("").parts
        own = parts[0]
        if own not in ORDER:
            continue
        for name in imported_modules(path):
            pieces = name.split(".")
            if pieces[0] == "mmpose" and len(pieces) > 1 and pieces[1] in ORDER:
                below = ORDER.index(pieces[1]) > ORDER.index(own)
                if below and (own, pieces[1]) not in allowed:
                    wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


def test_inside_bmp_imports_go_one_way():
    wrong = []
    for path in sources("bmp"):
        place = path.relative_to(ROOT / "bmp").with_suffix("")
        if place.as_posix() in ("__init__", *(name[:-3] for name in REGISTER_LATE)):
            continue
        own = place.parts[0]
        assert own in BMP_ORDER, f"{path} stands nowhere in BMP_ORDER"
        for name in imported_modules(path):
            pieces = name.split(".")
            if pieces[0] != "bmp" or len(pieces) == 1 or pieces[1] not in BMP_ORDER:
                continue
            if BMP_ORDER.index(pieces[1]) > BMP_ORDER.index(own):
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


def test_the_loop_works_without_the_frameworks_of_its_parts():
    heavy = ["sam2", "mmdet", "mmcv", "timm", "hydra", "torchvision"]
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({heavy}))\n"
        "import bmp.loop, bmp.loop.build, bmp.structures, bmp.segmenters.prompts\n"
        "bmp.loop.LoopSettings()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr


def test_mmpose_works_with_bmp_deleted(tmp_path):
    code = (
        "import sys; sys.modules['bmp'] = None; sys.modules['mmdet'] = None; "
        "sys.modules['sam2'] = None\n"
        "import mmpose.models, mmpose.datasets, mmpose.evaluation, mmpose.apis, mmpose.codecs\n"
        "assert not {'mmcv', 'mmpretrain', 'timm', 'torchvision'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr


def test_only_the_published_import_name_is_called_utils():
    found = [path for part in MAY_IMPORT for path in (ROOT / part).rglob("*utils*.py")]
    assert found == [ROOT / "mmpose" / "utils.py"]


def test_beside_pypi_mmpose_the_import_refuses_and_tells_the_fix():
    from mmpose import refuse_foreign_mmpose

    refuse_foreign_mmpose(["bbox-mask-pose"])
    with pytest.raises(ImportError, match="pip uninstall mmpose"):
        refuse_foreign_mmpose(["mmpose"])
