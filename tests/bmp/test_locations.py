"""Finding and fetching weights, without a network."""

import pytest
import torch

from bmp.locations import PUBLISHED, find_checkpoint


@pytest.fixture(autouse=True)
def empty_folders(tmp_path, monkeypatch):
    """A models folder and a download cache of this test alone."""
    monkeypatch.setenv("BMP_MODELS", str(tmp_path / "models"))
    torch_home = torch.hub.get_dir()
    torch.hub.set_dir(tmp_path / "hub")
    yield
    torch.hub.set_dir(torch_home)


def write(path, text="weights"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_path_is_taken_as_it_is(tmp_path):
    path = write(tmp_path / "mine.pth")
    assert find_checkpoint(path) == path
    assert find_checkpoint(str(path)) == path


@pytest.mark.parametrize(
    ("name", "place"),
    [
        pytest.param("mine.pth", "models/mine.pth", id="models folder"),
        pytest.param("SAM-pose2seg_hiera_b+.pt", "models/SAM-pose2seg_hiera_b%2B.pt", id="quoted"),
        pytest.param("models/rtmdet-ins-l-mask.pth", "models/rtmdet-ins-l-mask.pth", id="by path"),
        pytest.param(
            PUBLISHED["PMPose-b-1.0.0.pth"], "hub/checkpoints/PMPose-b-1.0.0.pth", id="cached"
        ),
    ],
)
def test_a_file_on_this_machine_is_found(tmp_path, name, place):
    path = write(tmp_path / place)
    assert find_checkpoint(name) == path


def test_an_address_is_fetched_once_and_whole(tmp_path):
    source = write(tmp_path / "web" / "some.pth")
    found = find_checkpoint(source.as_uri())
    assert found == tmp_path / "hub" / "checkpoints" / "some.pth"
    assert found.read_text() == "weights"
    source.unlink()
    assert find_checkpoint(source.as_uri()) == found
    assert [path.name for path in found.parent.iterdir()] == ["some.pth"]


def test_without_network_the_error_tells_what_to_put_where(tmp_path):
    url = "http://127.0.0.1:9/SAM.pt"  # nobody listens on the discard port
    with pytest.raises(FileNotFoundError, match=r"(?s)127\.0\.0\.1:9/SAM\.pt.*'SAM\.pt'.*models"):
        find_checkpoint(url)
    assert not list(tmp_path.rglob("*.part"))


def test_unknown_names_list_the_published_ones():
    with pytest.raises(FileNotFoundError, match=r"PMPose-b-1\.0\.0\.pth"):
        find_checkpoint("PMPose-xxl.pth")
