"""Packages that import their names at first use: light when unused, complete when used."""

import subprocess
import sys
from importlib import import_module

import pytest

LAZY = ("mmpose.structures", "mmpose.datasets", "mmpose.evaluation")


def run(code):
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


LIGHT = [
    *[f"evaluation.{name}" for name in ("result_files", "comparison", "coco_evaluator", "matches")],
    "ablation.worker",  # one process for each run of an ablation
]


@pytest.mark.parametrize("module", LIGHT)
def test_files_and_queues_need_no_torch(module):
    code = f"import sys, mmpose.{module}; print('torch' in sys.modules)"
    assert run(code) == ["False"]


def test_registries_find_classes_that_nobody_imported():
    code = "from mmpose.registry import METRICS, DATASETS, TRANSFORMS, EVALUATOR, DATA_SAMPLERS\n"
    names = {
        "METRICS": "CocoMetric",
        "DATASETS": "CocoDataset",
        "TRANSFORMS": "TopdownAffine",
        "EVALUATOR": "MultiDatasetEvaluator",
        "DATA_SAMPLERS": "MultiSourceSampler",
    }
    code += "\n".join(f"print({kind}.get({name!r}).__name__)" for kind, name in names.items())
    assert run(code) == list(names.values())


@pytest.mark.parametrize("package", LAZY)
def test_every_public_name_is_there(package):
    module = import_module(package)
    assert len(module.__all__) > 5
    for name in module.__all__:
        assert getattr(module, name) is getattr(import_module(f"{package}.public"), name)
    scope = {}
    exec(f"from {package} import *", scope)
    assert set(module.__all__) <= set(scope)


def test_modules_of_a_package_are_its_attributes():
    assert run("import mmpose.datasets as d; print(d.transforms.__name__)") == [
        "mmpose.datasets.transforms"
    ]


@pytest.mark.parametrize("package", LAZY)
def test_other_names_are_no_attributes(package):
    module = import_module(package)
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nothing'"):
        _ = module.nothing
    assert not hasattr(module, "__wrapped__")
