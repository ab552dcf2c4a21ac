"""What is told about the machine."""

import cv2
import pytest

from bmp import environment


def test_devices():
    assert environment.devices()[0].startswith("cpu: ")


def test_versions_name_what_is_absent():
    versions = environment.package_versions()
    assert versions["python"].startswith("3.")
    assert set(environment.PACKAGES) < set(versions)
    environment.check_opencv()


@pytest.mark.parametrize("version", ["5.0.0", "5.1.0-dev", "10.0.0"])
def test_another_opencv_laid_over_ours_is_told(monkeypatch, capsys, version):
    monkeypatch.setattr(cv2, "__version__", version)
    environment.check_opencv()
    assert f"OpenCV {version}" in (told := capsys.readouterr().err)
    assert "'opencv-python>=4.8,<5'" in told
    assert version in environment.package_versions()["opencv-python"]


@pytest.mark.parametrize("version", ["4.8.0", "4.14.0"])
def test_an_opencv_that_fits_is_not_told(monkeypatch, capsys, version):
    monkeypatch.setattr(cv2, "__version__", version)
    environment.check_opencv()
    assert capsys.readouterr().err == ""


def test_a_part_of_transformers_without_weights_is_refused():
    with pytest.raises(ValueError, match="a detector of transformers needs the folder that"):
        environment.import_transformers("a detector of transformers", None, None)


def test_weights_are_listed_with_their_size(tmp_path, monkeypatch):
    (tmp_path / "model.pth").write_bytes(b"0" * 2_000_000)
    (tmp_path / "notes.txt").touch()
    monkeypatch.setenv("BMP_MODELS", str(tmp_path))
    assert (tmp_path / "model.pth", 2.0) in environment.found_weights()
    assert tmp_path in environment.weights_folders()
    assert not any(path.suffix == ".txt" for path, _ in environment.found_weights())
