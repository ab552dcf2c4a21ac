"""The page in a real headless browser: an image in, boxes drawn, steps, downloads."""

import json
import time

import cv2
import numpy as np
import pytest

from tests.bmp.prediction.photo_parts import find_nobody
from tests.bmp.serve.chromium import PATIENCE, Chromium
from tests.mmpose.analysis.browser import marks

pytestmark = marks


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Chromium(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def page(browser, server):
    """The page, freshly opened; it must have complained about nothing and asked nobody else."""
    browser.console.clear()
    browser.requests.clear()
    browser.open(server.address)
    browser.wait_for("document.querySelector('#about').textContent === 'stand-in · cpu'")
    yield browser
    own = (server.address, "data:", "blob:")
    assert [address for address in browser.requests if not address.startswith(own)] == []


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "my photo.png"
    cv2.imwrite(str(path), np.full((400, 600, 3), 90, np.uint8))
    return path


def text(page, selector):
    return page.run(f"document.querySelector({selector!r}).textContent")


def choose(page, path):
    page.choose_file("#drop .chooser", path)
    page.wait_for("!document.querySelector('#find').disabled")


def find(page):
    page.click("#find")
    page.wait_for("!state.isWorking")


def wait_for_file(path):
    """The browser renames a download when it is whole."""
    until = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < until, f"{path.name} was not saved"
        time.sleep(0.02)
    return path


def test_an_image_is_stepped_through_and_downloaded(page, photo, tmp_path):
    choose(page, photo)
    find(page)
    assert text(page, "#status").startswith("1 person in 600×400 pixels")
    assert text(page, "#text") == "after 2 turns: 1 person"
    captions = []
    for _ in range(5):
        page.click("#back")
        captions.append(text(page, "#text"))
    assert captions == [
        "turn 1: 1 new, masks refined",
        "turn 1: their poses",
        "turn 1: 1 detected",
        "turn 1: what the detector sees",
        "the image",
    ]
    assert page.run("$('back').disabled")
    page.press("ArrowRight")
    page.press("ArrowRight")
    assert text(page, "[aria-current]") == "detections"
    page.click("[data-at='4']")
    assert text(page, "#text") == captions[0]
    assert page.run("$('picture').complete && $('picture').naturalWidth") == 600

    page.save_downloads(tmp_path / "saved")
    page.click("#coco")
    saved = wait_for_file(tmp_path / "saved" / "my photo_people.json")
    assert json.loads(saved.read_text())["annotations"][0]["bbox"] == [20, 10, 15, 20]
    for link, name in (("#overlay", "my photo_people.jpg"), ("#shown", "my photo_step4.jpg")):
        page.click(link)
        saved = wait_for_file(tmp_path / "saved" / name)
        assert cv2.imread(str(saved)).shape == (400, 600, 3)
    assert page.console == []


def test_nothing_is_drawn_on_or_sent_before_the_image_is_there(page):
    seen = "$('find').disabled && document.querySelector('.stage').hidden"
    assert page.run(f"(take(new File(['none'], 'a.png')), {seen})")  # up to its first wait
    page.wait_for("!document.querySelector('#find').disabled")
    assert "cannot show a.png" in text(page, "#status")


def test_boxes_are_drawn_taken_back_and_sent(page, photo, model):
    choose(page, photo)
    page.drag("#canvas", (0.1, 0.2), (0.5, 0.75))
    page.drag("#canvas", (0.9, 0.9), (0.8, 0.5))  # from the lower right
    page.click("#canvas")  # no box
    assert text(page, "#find") == "Find people from 2 boxes"
    page.click("#undo")
    assert text(page, "#find") == "Find people from 1 box"
    find(page)
    (box,) = model.calls[0][1].tolist()
    np.testing.assert_allclose(box, [60, 80, 300, 300], atol=2)  # of 600×400 px
    page.click("[data-at='2']")
    assert text(page, "#text") == "turn 1: 1 drawn by you"
    page.click("#clear")
    assert text(page, "#text") == "the image"
    find(page)
    assert model.calls[1][1] is None
    assert page.console == []


def test_nobody_found_is_told_and_can_be_downloaded(page, photo, model):
    model.answer = find_nobody
    choose(page, photo)
    find(page)
    assert text(page, "#status").startswith("nobody found in 600×400 pixels")
    assert page.run("$('coco').href.startsWith('blob:') && $('list').hidden")


def test_what_is_no_image_is_told_and_another_is_taken(page, photo, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    choose(page, tmp_path / "bad.jpg")
    page.wait_for(
        "$('status').textContent === 'This browser cannot show bad.jpg, so no boxes can be drawn.'"
    )
    find(page)
    assert text(page, "#status") == "cannot read image bad.jpg: not an image, or cut off"
    assert page.run("$('status').classList.contains('wrong') && $('downloads').hidden")
    page.choose_file("#work .chooser", photo)
    page.wait_for("!$('canvas').hidden")
    find(page)
    assert text(page, "#status").startswith("1 person")


def test_a_file_that_is_too_large_is_told_before_it_is_sent(page, tmp_path, model):
    with open(tmp_path / "large.png", "wb") as file:
        file.truncate(20_100_000)
    page.choose_file("#drop .chooser", tmp_path / "large.png")
    page.wait_for("$('status').textContent === 'large.png has 20.1 MB, at most 20.0 MB are taken'")
    assert page.run("$('find').disabled")
    # a page that did not look: the server's own answer comes through
    page.run("state.maxBytes = Infinity")
    page.choose_file("#work .chooser", tmp_path / "large.png")
    page.wait_for("!$('find').disabled && $('status').textContent.startsWith('This browser')")
    find(page)
    assert text(page, "#status") == "the file has 20.1 MB, at most 20 are taken"
    assert model.calls == []


@pytest.mark.parametrize(("kind", "holder"), [("drop", "dataTransfer"), ("paste", "clipboardData")])
def test_an_image_is_dropped_or_pasted(page, photo, model, kind, holder):
    content = list(photo.read_bytes())
    page.run(
        "{ const carried = new DataTransfer();"
        f"carried.items.add(new File([new Uint8Array({content})], 'a.png'));"
        f"const made = new Event('{kind}', {{bubbles: true, cancelable: true}});"
        f"Object.defineProperty(made, '{holder}', {{value: carried}});"
        "document.querySelector('#drop').dispatchEvent(made); }"
    )
    page.wait_for("!$('canvas').hidden")
    find(page)
    assert text(page, "#status").startswith("1 person in 600×400 pixels")


@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_overflows(browser, page, photo, server, width):
    page.open(server.address, width=width)
    choose(page, photo)
    for state in ("image", "answer"):
        if state == "answer":
            find(page)
        assert page.run("document.documentElement.scrollWidth") == width


def test_a_server_that_does_not_answer_is_told(page, photo):
    choose(page, photo)
    cut = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    page.ask("Network.emulateNetworkConditions", offline=True, **cut)
    find(page)
    page.ask("Network.emulateNetworkConditions", offline=False, **cut)
    assert text(page, "#status") == "bmp serve does not answer; is it still running?"
