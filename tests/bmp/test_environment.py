"""What is told about the machine and about errors."""

import errno

import pytest

from bmp import environment


@pytest.mark.parametrize(
    ("error", "mend"),
    [
        pytest.param(
            ImportError("libGL.so.1: cannot open shared object file: No such file or directory"),
            "apt-get install -y libgl1",
            id="libGL",
        ),
        pytest.param(
            ModuleNotFoundError("No module named 'sam2'", name="sam2"), "make install", id="package"
        ),
        pytest.param(OSError(errno.ENOSPC, "full", "out"), "disk is full at out", id="disk"),
        pytest.param(PermissionError(errno.EACCES, "no", "out"), "--out", id="permission"),
        pytest.param(OSError(errno.EROFS, "read-only", "out"), "write out", id="read-only"),
        pytest.param(KeyboardInterrupt(), "continues", id="interrupted"),
        pytest.param(ValueError("first\nsecond"), "first", id="one line"),
        pytest.param(ValueError(), "ValueError", id="without a text"),
    ],
)
def test_errors_are_told_in_one_line_with_their_mend(error, mend):
    told = environment.explain(error)
    assert mend in told
    assert "\n" not in told


def test_a_folder_is_made_and_probed(tmp_path):
    folder = environment.check_writable(tmp_path / "a" / "b")
    assert folder.is_dir()
    assert list(folder.iterdir()) == []


def test_too_little_space_is_told_before_the_work(tmp_path):
    with pytest.raises(OSError, match="MB needed") as caught:
        environment.check_writable(tmp_path, free_mb=1e12)
    assert caught.value.errno == errno.ENOSPC


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        environment.check_writable(tmp_path / "file")


def test_devices():
    assert environment.devices()[0].startswith("cpu: ")


def test_versions_name_what_is_absent():
    versions = environment.package_versions()
    assert versions["python"].startswith("3.")
    assert set(environment.PACKAGES) < set(versions)
    environment.check_opencv()


def test_weights_are_listed_with_their_size(tmp_path, monkeypatch):
    (tmp_path / "model.pth").write_bytes(b"0" * 2_000_000)
    (tmp_path / "notes.txt").touch()
    monkeypatch.setenv("BMP_MODELS", str(tmp_path))
    assert (tmp_path / "model.pth", 2.0) in environment.found_weights()
    assert tmp_path in environment.weights_folders()
    assert not any(path.suffix == ".txt" for path, _ in environment.found_weights())
