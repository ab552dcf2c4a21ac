import pytest
import torch

from mmpose.structures.transfer import small_tensor, stack_on
from tests.silent_device import SilentDevice

CPU = torch.device("cpu")


def test_numbers_become_a_tensor():
    made = small_tensor([[1, 2], [3, 4]], device=CPU, dtype=torch.float64)
    torch.testing.assert_close(made, torch.tensor([[1.0, 2], [3, 4]], dtype=torch.float64))


def test_tensors_are_stacked_and_cast():
    parts = [torch.tensor([1, 2], dtype=torch.uint8), torch.tensor([3, 4], dtype=torch.uint8)]
    made = stack_on(parts, device=CPU, dtype=torch.float32)
    torch.testing.assert_close(made, torch.tensor([[1.0, 2], [3, 4]]))


def test_no_copy_is_waited_for():
    there = torch.device("meta")
    with SilentDevice() as device:
        small_tensor([1.0], device=there)
        stack_on([torch.zeros(2), torch.ones(2)], device=there, dtype=torch.float64)
    assert device.waits == []


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda there: torch.zeros(1).to(there.device), id="a copy"),
        pytest.param(lambda there: there.new_tensor([1.0]), id="a list"),
        pytest.param(lambda there: torch.tensor([1.0], device=there.device), id="a new tensor"),
    ],
)
def test_the_stand_in_sees_what_would_wait(ask):
    there = torch.zeros(1, device="meta")
    with SilentDevice() as device:
        ask(there)
    assert len(device.waits) == 1


def test_the_stand_in_refuses_to_answer():
    with SilentDevice() as device, pytest.raises(RuntimeError, match=r"item\(\) cannot be called"):
        torch.zeros(1, device="meta").item()
    assert device.waits == ["aten::_local_scalar_dense"]


@pytest.mark.cuda
def test_a_gpu_gets_the_same_numbers():
    parts = [torch.rand(3, 4) for _ in range(5)]
    torch.cuda.set_sync_debug_mode("error")
    try:
        stacked = stack_on(parts, device=torch.device("cuda"))
        row = small_tensor([1, 2], device=torch.device("cuda"))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    torch.testing.assert_close(stacked.cpu(), torch.stack(parts))
    assert row.tolist() == [1, 2]
