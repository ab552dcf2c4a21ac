import pytest
import torch
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS
from mmengine.dataset import BaseDataset
from mmengine.model import BaseModel
from mmengine.registry import DATASETS

from bmp.detector_training import IterPipelineSwitchHook
from mmpose.engine.runner import StrictRunner


@TRANSFORMS.register_module(force=True)
class Stage(BaseTransform):
    """Answers with the number of its stage."""

    def __init__(self, stage):
        self.stage = stage

    def transform(self, results):
        return {"stage": torch.tensor(self.stage)}


@DATASETS.register_module(force=True)
class Numbers(BaseDataset):
    def load_data_list(self):
        return [{} for _ in range(4)]


class Recorder(BaseModel):
    """A model that notes which stage each batch came from."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.stages = []

    def forward(self, stage, mode="tensor"):
        self.stages.append(torch.stack(stage).tolist())
        return {"loss": self.weight.sum()}


def run(folder, *, switch_iter, max_iters=4, resume=False, num_workers=0):
    numbers = {"type": "Numbers", "pipeline": [{"type": "mmdet.Stage", "stage": 1}]}
    repeated = {"type": "RepeatDataset", "dataset": numbers, "times": 3}
    second = [{"type": "mmdet.Stage", "stage": 2}]
    loader = {
        "dataset": {"type": "ConcatDataset", "datasets": [numbers, repeated]},
        "sampler": {"type": "InfiniteSampler", "shuffle": True},
        "batch_size": 8,
        "num_workers": num_workers,
        "persistent_workers": num_workers > 0,
    }
    runner = StrictRunner(
        Recorder(),
        str(folder),
        train_dataloader=loader,
        cfg={"train_dataloader": loader},
        train_cfg={"type": "IterBasedTrainLoop", "max_iters": max_iters},
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}},
        custom_hooks=[IterPipelineSwitchHook(switch_iter, second)],
        default_hooks={"checkpoint": {"type": "CheckpointHook", "by_epoch": False, "interval": 1}},
        randomness={"seed": 0},
        resume=resume,
        experiment_name=f"switch_{switch_iter}_{max_iters}_{resume}_{num_workers}_{folder.name}",
    )
    runner.train()
    model = runner.model
    return [set(stages) for stages in model.stages]


@pytest.mark.parametrize("num_workers", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_every_data_set_changes_at_its_iteration(tmp_path, num_workers):
    # iterations count from 0, so with 3 the fourth batch is the first of the second stage
    stages = run(tmp_path, switch_iter=3, num_workers=num_workers)
    assert stages == [{1}, {1}, {1}, {2}]


def test_a_resumed_run_stays_in_the_second_stage(tmp_path):
    assert run(tmp_path, switch_iter=1, max_iters=2) == [{1}, {2}]
    assert run(tmp_path, switch_iter=1, max_iters=4, resume=True) == [{2}, {2}]
