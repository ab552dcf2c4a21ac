"""What is told about the machine."""

from bmp import environment


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
