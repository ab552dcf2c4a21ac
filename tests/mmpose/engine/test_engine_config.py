import os
from pathlib import Path

import pytest

from mmpose.engine.config import check_keys, find_project_root, load_config, merge_options
from mmpose.engine.launch import adapt_to_machine, start_processes, use_slurm_names

ROOT = Path(__file__).resolve().parents[3]

CONFIG = """
model = dict(type="TopdownPoseEstimator", backbone=dict(pretrained_file="models/a.pth"))
train_dataloader = dict(
    dataset=dict(
        datasets=[dict(data_root="datasets/x", ann_file="a.json", data_prefix=dict(img="images"))]
    )
)
test_dataloader = dict(dataset=dict(ann_file="datasets/y.json", data_prefix=dict(img="pics")))
test_evaluator = dict(type="CocoMetric", ann_file="datasets/y.json")
load_from = "work_dirs/z.pth"
checkpoint = "shipped.safetensors"
my_pipeline = []
"""


@pytest.fixture
def config_file(tmp_path):
    folder = tmp_path / "configs" / "demo"
    folder.mkdir(parents=True)
    path = folder / "some.py"
    path.write_text(CONFIG)
    return path


def test_paths_start_at_the_project_root(config_file, tmp_path):
    config = load_config(config_file)
    part = config.train_dataloader.dataset.datasets[0]
    assert part.data_root == str(tmp_path / "datasets/x")
    assert (part.ann_file, part.data_prefix.img) == ("a.json", "images")
    assert config.test_dataloader.dataset.ann_file == str(tmp_path / "datasets/y.json")
    assert config.test_dataloader.dataset.data_prefix.img == str(tmp_path / "pics")
    assert config.test_evaluator.ann_file == str(tmp_path / "datasets/y.json")
    assert config.model.backbone.pretrained_file == str(tmp_path / "models/a.pth")
    assert config.load_from == str(tmp_path / "work_dirs/z.pth")
    assert config.checkpoint == "shipped.safetensors"


def test_absolute_paths_and_urls_are_kept(config_file):
    options = {"load_from": "https://example.org/a.pth", "work_dir": "/elsewhere"}
    config = load_config(config_file, options)
    assert config.load_from == options["load_from"]
    assert config.work_dir == "/elsewhere"


def test_options_replace_values(config_file):
    config = load_config(config_file, {"test_evaluator.ann_file": "other.json"})
    assert config.test_evaluator.ann_file.endswith("/other.json")


def test_a_config_outside_configs_starts_at_its_own_folder(tmp_path):
    assert find_project_root(tmp_path / "mine.py") == tmp_path


def test_a_misspelt_key_is_refused(config_file):
    config_file.write_text("train_dataloder = dict()")
    with pytest.raises(ValueError, match="did you mean 'train_dataloader'"):
        load_config(config_file)


def test_an_unknown_option_is_refused(config_file):
    with pytest.raises(
        ValueError, match="unknown config key 'trian_cfg'; did you mean 'train_cfg'"
    ):
        load_config(config_file, {"trian_cfg.max_iters": 3})


def test_an_option_for_a_variable_would_change_nothing(config_file):
    config_file.write_text("sigma = 2\nmodel = dict(sigma=sigma)")
    assert load_config(config_file, {"model.sigma": 3}).model.sigma == 3
    with pytest.raises(ValueError, match=r"\['sigma'\] are variables .* already put in"):
        load_config(config_file, {"sigma": 3})


def test_parts_of_the_model_need_no_model_before_them():
    preset = ROOT / "configs" / "bmp" / "bmp_d3.py"
    for key in ("loop.num_iters", "model.loop.num_iters"):
        loop = load_config(preset, {key: 5}).model.loop
        assert (loop.num_iters, loop.prompting.num_pos_keypoints) == (5, 6)
    assert load_config(preset, {"loop": {"num_iters": 5}}).model.loop == loop


def test_a_loop_config_that_states_its_parts_in_variables_takes_them_too(config_file):
    config_file.write_text("loop = dict(num_iters=2)\nmodel = dict(loop=loop)")
    assert load_config(config_file, {"loop.num_iters": 1}).model.loop.num_iters == 1


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("lop.num_iters", "unknown config key 'lop'; did you mean 'loop'"),
        ("dettector.score_thr", "did you mean 'detector'"),
        ("model.detectr.score_thr", "model has no key 'detectr'; did you mean 'detector'"),
        ("loop.promptin.use_bbox", r"model\.loop has no key 'promptin'; did you mean 'prompting'"),
        ("data_roots", "did you mean 'data_root'.*knobs of the config: data_root, ann_file"),
        ("checkpoint.name", "checkpoint is None, which has no key 'name'"),
        ("model.type.x", "model.type is 'bmp.BBoxMaskPoseModel', which has no key 'x'"),
        ("vis_backends.3.type", "vis_backends is a list of 1; '3' is none of its places"),
        ("vis_backends.type", "vis_backends is a list of 1; 'type' is none of its places"),
    ],
)
def test_a_key_that_leads_nowhere_is_refused(key, told):
    with pytest.raises(ValueError, match=told):
        load_config(ROOT / "configs" / "bmp" / "bmp_v2.py", {key: 1})


def test_options_for_a_loaded_config_must_still_have_an_effect(config_file):
    config_file.write_text(
        "__knobs__ = {'sigma': '…'}\nsigma = 2\nmodel = dict(head=dict(s=sigma))"
    )
    config = load_config(config_file)
    merge_options(config, {"head.s": 3})
    assert config.model.head.s == 3
    with pytest.raises(ValueError, match=r"\['sigma'\] are variables"):
        merge_options(config, {"sigma": 3})


VARIABLES = ["codec", "train_pipeline", "val_pipeline", "test_pipeline", "data_root", "base_lr"]
VARIABLES += ["max_epochs", "dataset_type", "num_keypoints", "train_datasets", "test_datasets"]


@pytest.mark.parametrize("key", VARIABLES)
def test_variables_of_a_config_are_no_misspelt_keys(key):
    check_keys([key])


def test_a_missing_config_names_similar_ones(config_file):
    with pytest.raises(FileNotFoundError, match=r"similar: .*some\.py"):
        load_config(config_file.with_name("sone.py"))


def test_a_missing_config_is_not_looked_for_in_folders_of_others(tmp_path, monkeypatch):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "mine.py").touch()
    monkeypatch.chdir(tmp_path)  # without configs/
    with pytest.raises(FileNotFoundError, match=r"mine\.py; give the path of a file"):
        load_config(tmp_path / "mine.py")


def test_a_launcher_that_did_not_start_us_is_refused(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(ValueError, match="needs torchrun"):
        start_processes("pytorch")
    monkeypatch.delenv("SLURM_PROCID", raising=False)
    with pytest.raises(ValueError, match="start the tool with srun"):
        start_processes("slurm")
    start_processes("none")


SLURM_JOB = {"PROCID": "3", "LOCALID": "1", "NTASKS": "4", "NODELIST": "node[1-2]"}


@pytest.fixture
def slurm_without_tools(monkeypatch):
    """A job step inside a container: Slurm's variables, none of its commands."""
    for name, value in SLURM_JOB.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.setenv(name, "")  # so that it is put back afterwards
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", "")


def test_a_slurm_job_that_names_its_first_machine_needs_no_scontrol(
    slurm_without_tools, monkeypatch
):
    monkeypatch.setenv("MASTER_ADDR", "node1")
    use_slurm_names()
    names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    assert [os.environ[name] for name in names] == ["3", "1", "4", "node1", "29500"]


def test_a_slurm_job_without_scontrol_is_told_what_to_set(slurm_without_tools):
    with pytest.raises(ValueError, match=r"node\[1-2\] is not known.*set MASTER_ADDR"):
        use_slurm_names()


def test_processes_without_a_gpu_have_no_device_numbers(config_file, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    config = load_config(config_file)
    adapt_to_machine(config, launcher="pytorch")
    assert config.model_wrapper_cfg.device_ids is None


@pytest.mark.parametrize("has_gpu", [True, False])
def test_mixed_precision_is_bfloat16(has_gpu, config_file, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: has_gpu)
    config = load_config(config_file)
    config.optim_wrapper = {"type": "OptimWrapper"}
    adapt_to_machine(config, launcher="none", amp=True)
    assert config.optim_wrapper == {"type": "AmpOptimWrapper", "dtype": "bfloat16"}


def test_what_mmengines_runner_reads_can_be_set_from_the_command_line(config_file):
    options = {"compile": True, "activation_checkpointing": ["backbone"]}
    config = load_config(config_file, options)
    assert (config.compile, config.activation_checkpointing) == (True, ["backbone"])
