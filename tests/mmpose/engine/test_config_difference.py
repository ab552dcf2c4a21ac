"""What a config says and its bases do not."""

from mmpose.engine.config import load_config
from mmpose.engine.config_difference import load_bases
from mmpose.engine.run_record import against_base


def write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder / "leaf.py"


def test_a_leaf_is_compared_with_its_bases(tmp_path):
    path = write(
        tmp_path,
        grand="train_cfg = dict(max_iters=10, val_interval=5)\nmine = 1\n",
        base='_base_ = "grand.py"\noptim_wrapper = dict(optimizer=dict(lr=0.1))\n',
        other="work_dir = 'work'\n",
        leaf="_base_ = ['base.py', './other.py']\ntrain_cfg = dict(max_iters=20)\nmine = 2\n"
        "model = dict(depth=3, sides=[1, 2])\n",
    )
    assert load_bases(path).train_cfg == dict(max_iters=10, val_interval=5)
    config = load_config(path, {"optim_wrapper.optimizer.lr": 0.2})
    # the variable is no part, the path is the same in both
    assert against_base(config) == {
        "train_cfg.max_iters": ("10", "20"),
        "optim_wrapper.optimizer.lr": ("0.1", "0.2"),
        "model.depth": ("–", "3"),
        "model.sides.0": ("–", "1"),
        "model.sides.1": ("–", "2"),
    }


def test_without_a_base_or_a_file_nothing_is_compared(tmp_path):
    path = write(tmp_path, leaf="train_cfg = dict(max_iters=20)\n")
    config = load_config(path)
    assert load_bases(path) is None
    assert against_base(config) is None
    path.unlink()
    assert against_base(config) is None


def test_a_base_that_is_gone_ends_no_training(tmp_path, capfd):
    path = write(tmp_path, base="work_dir = 'a'\n", leaf="_base_ = 'base.py'\n")
    config = load_config(path)
    (tmp_path / "base.py").unlink()
    assert against_base(config) is None
