"""What `bmp predict` takes for the same run."""

import pytest
from mmengine.config import Config

from bmp.commands.predict import what_decides
from bmp.prediction.records import Records


@pytest.mark.parametrize("part", ["detector", "pose_model", "segmenter"])
def test_weights_that_were_trained_again_are_another_run(tmp_path, part):
    files = {name: tmp_path / f"{name}.pth" for name in ("detector", "pose_model", "segmenter")}
    for path in files.values():
        path.write_bytes(b"first")
    config = Config({"model": {name: {"checkpoint": str(p)} for name, p in files.items()}})

    def key():
        return Records(tmp_path, what_decides(config)).key

    first = key()
    assert key() == first
    files[part].write_bytes(b"again")
    assert key() != first
    files[part].write_bytes(b"first")
    assert key() == first
