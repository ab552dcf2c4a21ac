"""Points of the detector's maps: those of mmdet, without its warning."""

import warnings

import pytest
import torch

from bmp.detectors.candidates import _grid_priors

mmdet = pytest.importorskip("mmdet.models.task_modules.prior_generators")


@pytest.mark.parametrize(
    ("strides", "offset", "sizes"),
    [
        pytest.param([8, 16, 32], 0, ((40, 40), (20, 20), (10, 10)), id="shipped"),
        pytest.param([8, 16], 0.5, ((3, 5), (2, 3)), id="centres, wide"),
        pytest.param([(4, 8)], 0, ((2, 1),), id="strides unlike"),
        pytest.param([8], 0, ((0, 4),), id="nothing"),
    ],
)
def test_points_are_mmdets(strides, offset, sizes):
    generator = mmdet.MlvlPointGenerator(strides, offset)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        points = _grid_priors(generator, sizes, torch.device("cpu"))
        warnings.simplefilter("ignore")
        expected = generator.grid_priors(list(sizes), device="cpu", with_stride=True)
    torch.testing.assert_close(points, torch.cat(expected), rtol=0, atol=0)


def test_the_second_point_is_one_stride_to_the_right():
    points = _grid_priors(mmdet.MlvlPointGenerator([8], 0.5), ((2, 2),), torch.device("cpu"))
    assert points.tolist() == [[4, 4, 8, 8], [12, 4, 8, 8], [4, 12, 8, 8], [12, 12, 8, 8]]
