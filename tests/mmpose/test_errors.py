"""What is told about errors, and of folders that cannot be written."""

import errno

import pytest

from mmpose.errors import check_writable, run_command, user_error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        pytest.param(
            ImportError("libGL.so.1: cannot open shared object file: No such file or directory"),
            "apt-get install -y libgl1",
            id="libGL",
        ),
        pytest.param(
            ModuleNotFoundError("No module named 'sam2'", name="sam2"), "make install", id="package"
        ),
        pytest.param(
            ModuleNotFoundError("pip install supervision", name="supervision"),
            "pip install supervision",
            id="our own words",
        ),
        pytest.param(OSError(errno.ENOSPC, "full", "out"), "disk is full at out", id="disk"),
        pytest.param(FileNotFoundError("no weights at x"), "no weights at x", id="missing"),
        pytest.param(KeyboardInterrupt(), "interrupted", id="interrupted"),
        pytest.param(KeyboardInterrupt("2 of 3 are kept"), "2 of 3 are kept", id="kept"),
        pytest.param(ValueError("first\nsecond"), "first\nsecond", id="lists are whole"),
        pytest.param(ValueError(), "ValueError", id="without a text"),
    ],
)
def test_what_a_user_can_cause_is_told_with_its_fix(error, told, monkeypatch):
    monkeypatch.delenv("TRACEBACK", raising=False)
    assert told in user_error(error)
    monkeypatch.setenv("TRACEBACK", "1")
    assert user_error(error) is None


@pytest.mark.parametrize(
    "error", [KeyError("x"), TypeError("f"), ZeroDivisionError(), SystemExit()]
)
def test_what_only_we_can_cause_is_not(error):
    assert user_error(error) is None


def test_a_folder_is_made_and_probed(tmp_path):
    folder = check_writable(tmp_path / "a" / "b")
    assert folder.is_dir()
    assert list(folder.iterdir()) == []


def test_too_little_space_is_told_before_the_work(tmp_path):
    with pytest.raises(OSError, match="MB needed") as caught:
        check_writable(tmp_path, free_mb=1e12)
    assert caught.value.errno == errno.ENOSPC


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PermissionError, match=r"cannot write to .*file .* with --work-dir"):
        check_writable(tmp_path / "file", "--work-dir")


def test_an_interrupted_command_is_one_line(capsys):
    def interrupted():
        raise KeyboardInterrupt("stopped; 2 images are kept")

    with pytest.raises(SystemExit) as stop:
        run_command(interrupted)
    assert stop.value.code == 130  # 128 + SIGINT
    assert capsys.readouterr().err == "stopped; 2 images are kept\n"
