import pytest

import mmpose.models  # noqa: F401 - registers
from mmpose.engine.tools import run_tool
from mmpose.registry import MODELS


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (
            {"type": "MSELoss", "weight": 2},
            r"error: MSELoss.__init__\(\) got an unexpected",
        ),
        ({"type": "MseLoss"}, "error: MseLoss is not in the mmpose::model registry"),
    ],
    ids=["argument", "class"],
)
def test_misspelt_parts_of_a_config_are_one_line(config, reason, monkeypatch):
    monkeypatch.delenv("TRACEBACK", raising=False)
    with pytest.raises(SystemExit, match=reason):
        run_tool(lambda: MODELS.build(config))


@pytest.mark.parametrize("error", [KeyError("x"), TypeError("f() got an unexpected keyword 'x'")])
def test_mistakes_of_ours_keep_their_traceback(error):
    def main():
        raise error

    with pytest.raises(type(error)):
        run_tool(main)
