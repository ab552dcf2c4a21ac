"""Start weights by address, without a network."""

import pytest
import torch
from mmengine.model import BaseModel, BaseModule, ModuleList
from mmengine.optim import OptimWrapper
from torch import nn
from torch.utils.data import DataLoader

from mmpose.engine.runner import StrictRunner
from mmpose.engine.start_weights import missing_start_weights

CLOSED = "http://127.0.0.1:9/models"  # nobody listens at the discard port


class Trunk(BaseModule):
    def __init__(self, init_cfg=None):
        super().__init__(init_cfg)
        self.layer = nn.Linear(1, 1)


class Model(BaseModel):
    def __init__(self, *init_cfgs):
        super().__init__()
        self.trunks = ModuleList(Trunk(init_cfg) for init_cfg in init_cfgs)

    def forward(self, inputs, mode="tensor"):
        return {"loss": sum(trunk.layer(inputs).square().mean() for trunk in self.trunks)}


def pretrained(name):
    return {"type": "Pretrained", "checkpoint": f"{CLOSED}/{name}"}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path / "hub" / "checkpoints"


def train(model, folder):
    runner = StrictRunner(
        model,
        str(folder / "work"),
        train_dataloader=DataLoader([{"inputs": row} for row in torch.ones(2, 1)], batch_size=2),
        train_cfg={"by_epoch": False, "max_iters": 1},
        optim_wrapper=OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.0)),
        default_scope="mmpose",
        experiment_name=f"start weights in {folder.name}",
    )
    runner.train()


def test_file_address_and_folder_are_named(tmp_path, cache):
    model = Model(pretrained("mae-base.pth"), [pretrained("mae-s.pth?download=true")], None)
    with pytest.raises(FileNotFoundError) as caught:
        train(model, tmp_path)
    told = str(caught.value)
    assert f"mae-base.pth: get {CLOSED}/mae-base.pth and put it into {cache}\n" in told
    assert f"mae-s.pth: get {CLOSED}/mae-s.pth?download=true and put it into {cache}\n" in told
    assert "Connection refused" in told


def test_a_file_in_the_folder_is_taken(tmp_path, cache):
    weights = {"layer.weight": torch.tensor([[5.0]]), "layer.bias": torch.tensor([6.0])}
    torch.save(weights, cache / "mae-base.pth")
    model = Model(pretrained("mae-base.pth"))
    assert missing_start_weights(model) == []
    train(model, tmp_path)
    assert model.trunks[0].layer.weight.item() == 5


@pytest.mark.parametrize(
    "init_cfg",
    [
        pytest.param(None, id="none"),
        pytest.param({"type": "Normal", "layer": "Linear", "std": 0.1}, id="random"),
        pytest.param({"type": "Pretrained", "checkpoint": "models/mae.pth"}, id="a path"),
    ],
)
def test_what_has_no_address_is_not_missing(init_cfg):
    assert missing_start_weights(Model(init_cfg)) == []
