"""Runs are done once, whoever asks, whatever fails and whoever is killed."""

import json
import os
import signal
import time

import pytest

from mmpose.ablation import worker
from mmpose.ablation.definition import read_ablation
from mmpose.ablation.identity import Digests, Identifier
from mmpose.ablation.plan import make_plan
from mmpose.ablation.run_folder import RunFolder
from mmpose.ablation.scheduler import Settings, start_worker
from mmpose.ablation.store import RunStore
from mmpose.ablation.worker import work_on
from tests.mmpose.ablation.fake_project import THREE, link


def wait_for(condition, seconds=600):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def state(project, row, name="study"):
    return RunFolder(link(project, row, name)).state()


def test_every_run_is_done_once(project, capsys):
    path = project.write(THREE)
    assert project.run(path) == 0
    assert project.values() == [0.5, 2, 3]
    assert project.run(path) == 0
    assert project.values() == [0.5, 2, 3]
    # another ablation with a row in common does only what is new
    other = project.write('changes = {"zwei": {"model.value": 2}, "four": {"model.value": 4}}', "b")
    assert project.run(other) == 0
    assert project.values() == [0.5, 2, 3, 4]
    assert link(project, "zwei", "b").resolve() == link(project, "two").resolve()
    assert "| zwei | 3 | 1 |" in capsys.readouterr().out


def test_only_some_rows(project, capsys):
    path = project.write(THREE)
    assert project.run(path, "--only", "t*o", "base") == 0
    assert project.values() == [0.5, 2]
    assert "| three | - | 0, 1 new |" in capsys.readouterr().out
    # a misspelt row is not left out without a word
    with pytest.raises(ValueError, match="--only four fits no row; rows are base, two, three"):
        project.run(path, "--only", "two", "four")


def test_a_dry_run_says_what_differs_and_does_nothing(project, capsys):
    path = project.write(THREE)
    assert project.run(path, "--dry-run") == 0
    text = capsys.readouterr().out
    assert "model.value: 0.5 -> 2" in text
    assert text.count(": new") == 3
    assert project.calls() == []
    assert not (project.folder / "work_dirs").exists()


def test_a_failure_is_told_and_the_others_go_on(project, capsys):
    path = project.write('changes = {"bad": {"model.fail": True}, "two": {"model.value": 2}}')
    assert project.run(path) == 1
    text = capsys.readouterr().out
    assert "error: the model failed on purpose" in text
    assert "line before" in text
    assert len(project.calls()) == 3
    assert [state(project, row) for row in ("base", "bad", "two")] == ["done", "failed", "done"]
    # it stays failed until it is tried again
    assert project.run(path) == 1
    assert len(project.calls()) == 3
    assert project.run(path, "--retry-failed") == 1
    assert len(project.calls()) == 4


def test_what_failed_is_tried_again_with_success(project):
    mended = project.folder / "mended"
    path = project.write(f'changes = {{"bad": {{"model.fail": {str(mended)!r}}}}}')
    assert project.run(path) == 1
    (project.folder / "mended.mended").touch()
    assert project.run(path) == 1
    assert project.run(path, "--retry-failed") == 0
    assert state(project, "bad") == "done"


def test_what_failed_is_tried_again_with_other_workers(project):
    tool = project.tools / "test.py"
    few = "if config['test_dataloader']['num_workers'] > 0: sys.exit('error: no memory')"
    tool.write_text(tool.read_text().replace("calls = ", few + "\ncalls = ", 1))
    path = project.write('changes = {"two": {"model.value": 2}}')
    assert project.run(path) == 1
    base = (project.folder / "configs/fake.py").read_text()
    project.write_base(base.replace("num_workers=2", "num_workers=0"))
    # the same runs: workers decide no number
    assert project.run(path, "--retry-failed") == 0
    assert len(list(project.ablations().glob("*-0-*"))) == 2


def test_a_training_that_left_no_checkpoint_is_not_tested_with_another(project):
    tool = project.tools / "train.py"
    tool.write_text(tool.read_text().replace('(work_dir / "last_checkpoint")', "Path(os.devnull)"))
    path = project.write('chain = ["train", "test"]\nchanges = {"two": {"model.value": 2}}')
    assert project.run(path, "--only", "base") == 1
    assert [call["task"] for call in project.calls()] == ["train"]
    record = RunFolder(link(project, "base")).record()
    assert record["state"] == "failed"
    assert "1-train left no checkpoint" in record["error"]


def test_fail_fast_begins_nothing_more(project):
    path = project.write('changes = {"bad": {"model.fail": True}, "two": {"model.value": 2}}')
    # the second call knows of the failure from the start
    for _ in range(2):
        assert project.run(path, "--fail-fast") == 1
        assert project.values() == [0.5, 0.5]
        assert state(project, "two") == "new"


def test_a_chain_hands_the_checkpoint_on_and_a_retry_does_not_train_again(project):
    mended = project.folder / "mended"
    (project.folder / "configs" / "whole.py").write_text(
        'model = dict(type="Fake", value=7, spread=0, fail=False, wait="", part="")\n'
        "checkpoint = None\n"
    )
    chain = 'chain = ["train", "test", dict(task="test", config="configs/whole.py", options='
    chain += f'{{"model.part": "{{checkpoint}}", "model.fail": {str(mended)!r}}})]\n'
    path = project.write('changes = {"two": {"model.value": 2}}\n' + chain)
    assert project.run(path, "--only", "two") == 1
    (project.folder / "mended.mended").touch()
    assert project.run(path, "--only", "two", "--retry-failed") == 0
    calls = project.calls()
    assert [(call["task"], call["value"]) for call in calls] == [
        *[("train", 2), ("test", 2), ("test", 7), ("test", 7)],
    ]
    weights = str(link(project, "two").resolve() / "1-train" / "last.pth")
    assert calls[1]["arguments"][1] == weights
    assert weights not in calls[3]["arguments"]
    final = link(project, "two") / "3-test.final.py"
    assert f"'part': {weights!r}" in final.read_text()


def test_gpus_are_dealt_out(project):
    assert project.run(project.write(THREE), "--jobs", "2", "--gpus", "4,6") == 0
    gpus = [call["gpus"] for call in project.calls()]
    # the third run gets that of whichever ended first
    assert sorted(gpus[:2]) == ["4", "6"]
    assert gpus[2] in ("4", "6")


def test_a_run_of_several_processes_gets_as_many_gpus(project):
    settings = Settings(jobs=2, gpus=("0", "1", "2", "3"))
    plan = make_plan(read_ablation(project.write(THREE)), Identifier(project.folder, Digests()))
    store = RunStore(project.folder / "runs")
    store.prepare(plan, project.tools)
    for slot, run in enumerate(plan.runs[:2]):
        assert start_worker(store.folder(run), slot, 2, settings).wait(60) == 0
    assert [call["gpus"] for call in project.calls()] == ["0,1", "2,3"]


@pytest.mark.slow
def test_two_shells_share_a_queue(project):
    rows = ", ".join(f'"n{n}": {{"model.value": {n}}}' for n in range(1, 7))
    path = project.write(f"changes = {{{rows}}}")
    shells = [project.start(path) for _ in range(2)]
    texts = [shell.communicate(timeout=600)[0] for shell in shells]
    assert [shell.returncode for shell in shells] == [0, 0], texts
    assert sorted(project.values()) == [0.5, 1, 2, 3, 4, 5, 6]
    # both end with the whole table
    assert all("| n6 | 3 | 1 |" in text for text in texts)


@pytest.mark.slow
def test_after_a_killed_scheduler_the_next_call_goes_on(project):
    hold, go = project.folder / "hold", project.folder / "hold.go"
    path = project.write(
        f'changes = {{"slow": {{"model.wait": {str(hold)!r}}}, "two": {{"model.value": 2}}}}'
    )
    shell = project.start(path)
    wait_for(lambda: (project.folder / "hold.begun").exists())
    shell.send_signal(signal.SIGKILL)
    shell.wait()
    # the run that had begun is still worked on
    assert state(project, "base") == "done"
    assert state(project, "slow") == "running"
    following = project.start(path)
    wait_for(lambda: state(project, "two") == "done")
    go.touch()
    text = following.communicate(timeout=600)[0]
    assert following.returncode == 0, text
    assert "works on it" in text
    # nothing was done twice
    assert project.values() == [0.5, 0.5, 2]


def test_a_killed_run_is_begun_again_and_its_training_resumed(project):
    hold, go = project.folder / "hold", project.folder / "hold.go"
    path = project.write(f'task = "train"\nchanges = {{"slow": {{"model.wait": {str(hold)!r}}}}}')
    shell = project.start(path, "--only", "slow")
    wait_for(lambda: (project.folder / "hold.begun").exists())
    holder = RunFolder(link(project, "slow")).holder()
    worker = int(holder.split()[-1])
    # worker and tool at once, as when the machine goes down
    os.killpg(worker, signal.SIGKILL)
    assert shell.wait(60) == 1
    wait_for(lambda: state(project, "slow") == "interrupted")
    go.touch()
    assert project.run(path, "--only", "slow") == 0
    assert [call["arguments"][1] for call in project.calls()] == ["--resume", "--resume"]
    record = json.loads((link(project, "slow") / "state.json").read_text())
    assert record["state"] == "done"


def test_an_interrupted_call_stops_its_runs_and_the_next_goes_on(project):
    hold, go = project.folder / "hold", project.folder / "hold.go"
    path = project.write(f'changes = {{"slow": {{"model.wait": {str(hold)!r}}}}}')
    shell = project.start(path)
    wait_for(lambda: (project.folder / "hold.begun").exists())
    shell.send_signal(signal.SIGINT)
    assert shell.wait(60) != 0
    wait_for(lambda: state(project, "slow") == "interrupted")
    go.touch()
    assert project.run(path) == 0
    assert state(project, "slow") == "done"


def test_a_run_is_left_alone_while_somebody_has_it(project):
    path = project.write(THREE)
    project.run(path, "--only", "base")
    folder = RunFolder(link(project, "two"))
    with folder.lock() as lock:
        assert lock is not None
        assert folder.is_locked()
        assert work_on(folder) == 75
    assert not folder.is_locked()
    assert work_on(folder) == 0


def test_a_full_disk_is_told_and_loses_no_finished_run(project, monkeypatch, capsys):
    import errno

    from mmpose.ablation import run_folder

    path = project.write(THREE)
    assert project.run(path, "--only", "base") == 0

    def refuse(name, *rest, **settings):
        raise OSError(errno.ENOSPC, "No space left on device", str(name))

    monkeypatch.setattr(run_folder, "write_json", refuse)
    with pytest.raises(OSError, match="No space left"):
        work_on(RunFolder(link(project, "two")))
    monkeypatch.undo()
    monkeypatch.chdir(project.folder)
    assert state(project, "base") == "done"
    assert state(project, "two") == "new"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--jobs 0", "--jobs must be at least 1, got 0"),
        ("--launcher slurm --jobs 0", "--jobs must be at least 1, got 0"),
        ("--nproc 0", "--nproc must be at least 1, got 0"),
        ("--check base --steps 0", "--steps must be at least 1, got 0"),
        ("--check base --nproc 2", "leave out --nproc 2"),
        ("--against before.json", "belong to --check base"),
        ("--export after.json", "belong to --check base"),
        ("--slurm-options --exclusive=user", "are those of --launcher slurm"),
        ("--launcher slurm --fail-fast", "leave out --fail-fast and --gpus"),
    ],
)
def test_arguments_that_cannot_work_or_have_no_effect_are_refused(project, arguments, message):
    arguments = arguments.replace("options --", "options=--").split()
    with pytest.raises(ValueError, match=message):
        project.run(project.write(THREE), *arguments)
    assert project.calls() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["none"], "none is no folder of a prepared run"), (["runs.txt", "--index", "1"], "1 lines")],
)
def test_a_worker_says_which_run_is_not_there(tmp_path, monkeypatch, arguments, message):
    (tmp_path / "runs.txt").write_text("somewhere\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["worker", *arguments])
    with pytest.raises(SystemExit, match=message):
        worker.main()
    assert [path.name for path in tmp_path.iterdir()] == ["runs.txt"]
