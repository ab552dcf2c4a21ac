import pytest

from tests.mmpose.ablation.fake_project import FakeProject


@pytest.fixture
def project(tmp_path, monkeypatch):
    return FakeProject(tmp_path, monkeypatch)
