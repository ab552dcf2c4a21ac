"""The ``bmp`` command as a user calls it."""

import os
import shutil
import subprocess
import sys
from contextlib import redirect_stdout

import cv2
import numpy as np
import pytest

from bmp.cli import guarded, main
from bmp.prediction.images import ANNOTATIONS, RESULTS


def test_help_names_the_subcommands(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("run", "demo", "info"))


@pytest.mark.parametrize("arguments", [[], ["run"], ["paint"], ["run", "a.jpg", "--what"]])
def test_wrong_arguments_end_with_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_info_lists_versions_devices_and_weights(capsys):
    assert main(["info"]) == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("torch", "device", "weights"))


def test_a_missing_image_is_one_line_and_code_1(tmp_path, capsys):
    assert main(["run", str(tmp_path / "absent.jpg"), "--out", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    assert "absent.jpg" in told
    assert "Traceback" not in told
    assert told.count("\n") == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_one_line_and_code_1(tmp_path, capsys):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    assert main(["run", "x.jpg", "--out", str(locked / "out")]) == 1
    assert "--out" in capsys.readouterr().err


def test_a_file_in_the_place_of_the_folder_is_one_line_and_code_1(tmp_path, capsys):
    taken = tmp_path / "out"
    taken.touch()
    assert main(["run", "x.jpg", "--out", str(taken)]) == 1
    told = capsys.readouterr().err
    assert "--out must be a folder" in told
    assert told.count("\n") == 1


def test_too_little_space_for_the_copies_is_told_before_the_models_are_loaded(tmp_path, capsys):
    with open(tmp_path / "huge.png", "wb") as file:
        file.truncate(10**13)  # a hole: takes no space
    assert main(["run", str(tmp_path), "--config", "absent", "--out", str(tmp_path / "out")]) == 1
    assert "the disk is full" in capsys.readouterr().err


@pytest.mark.slow
def test_images_left_out_are_counted_and_fail_only_if_there_are_no_others(tmp_path, capsys):
    folder, out = tmp_path / "my photos", tmp_path / "my out"
    folder.mkdir()
    (folder / "bad.jpg").write_bytes(b"no image")
    assert main(["run", str(folder), "--config", "bmp_demo", "--out", str(out)]) == 1
    assert "1 of 1 images were left out" in capsys.readouterr().err
    cv2.imwrite(str(folder / "grey.png"), np.full((64, 96, 3), 128, np.uint8))
    arguments = ["run", str(folder), "--config", "bmp_demo", "--device", "cpu", "--out", str(out)]
    assert main(arguments) == 0
    printed = capsys.readouterr()
    assert "1 of 2 images were left out" in printed.err
    assert printed.out.splitlines()[-2:] == [str(out / RESULTS), str(out / ANNOTATIONS)]


def test_work_that_keeps_what_is_done_says_so(capsys):
    def interrupted():
        raise KeyboardInterrupt("interrupted; 2 of 3 images are done")

    assert guarded(interrupted) == 130
    assert capsys.readouterr().err == "bmp: interrupted; 2 of 3 images are done\n"


def test_an_interruption_is_one_line(capsys):
    def interrupted():
        raise KeyboardInterrupt

    assert guarded(interrupted) == 130
    assert capsys.readouterr().err == "bmp: interrupted\n"


def test_a_traceback_is_shown_when_asked_for(monkeypatch):
    def failing():
        raise ValueError("wrong")

    assert guarded(failing) == 1
    monkeypatch.setenv("TRACEBACK", "1")
    with pytest.raises(ValueError, match="wrong"):
        guarded(failing)


def test_a_missing_libgl_names_its_fix(tmp_path):
    (tmp_path / "cv2.py").write_text(
        "raise ImportError('libGL.so.1: cannot open shared object file: No such file')"
    )
    done = subprocess.run(
        [sys.executable, "-m", "bmp.cli", "run", "x.jpg", "--out", str(tmp_path / "out")],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "apt-get install -y libgl1" in done.stderr
    assert "Traceback" not in done.stderr


def test_tools_keep_their_own_arguments(capsys):
    assert main(["train", "--help"]) == 0
    assert "--resume" in capsys.readouterr().out
    assert main(["eval", "absent.py"]) == 1
    assert "there is no config absent.py" in capsys.readouterr().err


@pytest.fixture(scope="module")
def bash_script(tmp_path_factory):
    path = tmp_path_factory.mktemp("completion") / "bmp"
    with path.open("w") as file, redirect_stdout(file):
        assert main(["completion", "bash"]) == 0
    return path


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_knows_the_commands(shell, capsys):
    assert main(["completion", shell]) == 0
    printed = capsys.readouterr().out
    words = ("predict", "download", "--save-crops", "--resume", "--joint-names", "segmenter")
    assert all(word in printed for word in words)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("predict --save", "--save-crops"),
        ("train --res", "--resume"),
        ("data convert --fo", "--format"),
        ("eval --launcher py", "pytorch"),
        ("predict phot", "photos"),
        ("export pose mi", "mine.py"),
    ],
)
def test_bash_completes_commands_options_and_files(words, found, bash_script, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "mine.py").touch()
    *before, last = ["bmp", *words.split()]
    ask = f"""source {bash_script}
COMP_WORDS=({" ".join(before)} {last}); COMP_CWORD={len(before)}
_shtab_bmp bmp {last} {before[-1]}; echo "${{COMPREPLY[@]}}" """
    done = subprocess.run(["bash", "-c", ask], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.split() == [found], done.stderr


def test_weights_that_nobody_publishes_name_the_nearest(capsys):
    assert main(["download", "PMPose-b-1.0.pth"]) == 1
    assert "did you mean 'PMPose-b-1.0.0.pth'?" in capsys.readouterr().err


@pytest.mark.slow
def test_a_second_run_takes_what_the_first_found(tmp_path, capsys):
    image = tmp_path / "grey.png"
    cv2.imwrite(str(image), np.full((64, 96, 3), 128, np.uint8))
    arguments = ["predict", str(image), "--device", "cpu", "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    first = (tmp_path / "out" / RESULTS).read_text()
    assert main([*arguments, "--skip-existing"]) == 0
    assert "1 of 1 images were done before" in capsys.readouterr().err
    assert (tmp_path / "out" / RESULTS).read_text() == first
    # another setting is another answer
    assert main([*arguments, "--skip-existing", "--cfg-options", "loop.num_iters=1"]) == 0
    assert "done before" not in capsys.readouterr().err
