"""The page over HTTP, with a stand-in for the models: one person in the middle."""

import base64
import http.client
import io
import json
import socket
import threading

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image
from pycocotools import mask as coco_mask

from bmp.serve.server import MAX_BYTES, UPLOAD_TYPE, PageServer
from tests.bmp.prediction.photo_parts import find_nobody, find_one


def png(height=40, width=60):
    return cv2.imencode(".png", np.full((height, width, 3), 90, np.uint8))[1].tobytes()


def ask(server, method, path, body=None, headers=()):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    try:
        connection.request(method, path, body, dict(headers))
        reply = connection.getresponse()
        return reply.status, reply.read(), reply.headers
    finally:
        connection.close()


def post(server, body, query="name=a.png", **headers):
    headers = {"Content-Type": UPLOAD_TYPE} | {k.replace("_", "-"): v for k, v in headers.items()}
    status, content, _ = ask(server, "POST", f"/people?{query}", body, headers)
    return status, json.loads(content)


def decode(picture):
    kind, _, content = picture["source"].partition(",")
    assert kind == "data:image/jpeg;base64"
    return cv2.imdecode(np.frombuffer(base64.b64decode(content), np.uint8), cv2.IMREAD_COLOR)


def test_the_page_and_its_script_load_nothing_from_elsewhere(server):
    for path, kind in (("/", "text/html"), ("/page.js", "text/javascript")):
        status, content, headers = ask(server, "GET", path)
        assert (status, headers.get_content_type()) == (200, kind)
        assert b"http://" not in content
        assert b"https://" not in content
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in headers
    settings = json.loads(ask(server, "GET", "/settings")[1])
    assert settings == {"config": "stand-in", "device": "cpu", "max_bytes": 20_000_000}
    assert ask(server, "GET", "/../server.py")[0] == 404


def test_it_listens_on_this_machine_alone(server):
    assert server.server_address[0] == "127.0.0.1"
    assert server.address == f"http://127.0.0.1:{server.port}/"


def test_an_image_gives_a_picture_for_each_step_and_the_people(server, model):
    status, answer = post(server, png(), "name=photos%2Fa.png")
    assert status == 200
    assert (answer["name"], answer["width"], answer["height"]) == ("a.png", 60, 40)
    (turn,) = answer["turns"]
    steps = ["input", "detections", "poses", "masks"]
    assert [picture["step"] for picture in turn] == steps
    assert [picture["caption"] for picture in turn[:2]] == [
        "turn 1: what the detector sees",
        "turn 1: 1 detected",
    ]
    assert all(decode(picture).shape == (40, 60, 3) for picture in (*turn, answer["overlay"]))
    assert answer["overlay"]["caption"] == "after 2 turns: 1 person"
    assert answer["people"] == [{"number": 1, "score": 0.5, "turn": 1}]
    (person,) = answer["coco"]["annotations"]
    assert person["bbox"] == [20, 10, 15, 20]
    assert coco_mask.area(person["segmentation"]) == 20 * 15
    assert answer["coco"]["images"][0]["file_name"] == "a.png"
    ((image, bboxes),) = model.calls
    assert image.shape == (40, 60, 3)
    assert bboxes is None


def test_steps_of_large_images_are_shown_smaller_and_the_overlay_is_not(server):
    _, answer = post(server, png(80, 3200))
    assert decode(answer["turns"][0][0]).shape == (40, 1600, 3)
    assert decode(answer["overlay"]).shape == (80, 3200, 3)


def test_nobody_found_is_a_normal_result(server, model):
    model.answer = find_nobody
    status, answer = post(server, png())
    assert status == 200
    assert (answer["people"], answer["turns"], answer["coco"]["annotations"]) == ([], [], [])
    assert answer["overlay"]["caption"] == "after 1 turn: nobody found"


def test_boxes_that_were_drawn_come_to_the_model(server, model):
    query = "name=a.png&boxes=[[1,2,30,40],[5,6,7,8]]&size=[60,40]"
    status, answer = post(server, png(), query)
    assert status == 200
    assert model.calls[0][1].tolist() == [[1, 2, 30, 40], [5, 6, 7, 8]]
    assert answer["turns"][0][1]["caption"] == "turn 1: 1 drawn by you"


def test_a_photo_is_turned_as_its_exif_data_say(server, model, tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.new("RGB", (60, 40)).save(tmp_path / "a.jpg", exif=exif)
    _, answer = post(server, (tmp_path / "a.jpg").read_bytes())
    assert (answer["width"], answer["height"]) == (40, 60)


@pytest.mark.parametrize(
    ("query", "body", "message"),
    [
        pytest.param("name=b.jpg", b"no image", "b.jpg: not an image, or cut off", id="no image"),
        pytest.param("name=b.jpg", b"", "b.jpg: the file is empty", id="empty"),
        pytest.param("boxes=[[9,9,1,1]]", png(), "x2 >= x1", id="corners in the wrong order"),
        pytest.param("boxes=[[1,2,3]]", png(), "(N, 4)", id="three numbers"),
        pytest.param("boxes={", png(), "JSON", id="boxes are no JSON"),
        pytest.param("size=7", png(), "[width, height]", id="size is one number"),
        pytest.param(
            "boxes=[[1,2,3,4]]&size=[40,60]", png(), "read as 60×40", id="drawn on another size"
        ),
    ],
)
def test_what_cannot_be_used_is_told(server, query, body, message):
    status, answer = post(server, body, query)
    assert status == 422
    assert message in answer["error"]
    assert post(server, png())[0] == 200, "the next image is answered"


def test_a_small_file_of_many_pixels_is_refused_before_it_is_decoded(server, model):
    one_bit = Image.new("1", (10_000, 5_001))  # 50,010,000 pixels in a few kB
    encoded = io.BytesIO()
    one_bit.save(encoded, "PNG")
    assert len(encoded.getvalue()) < 100_000
    status, answer = post(server, encoded.getvalue())
    assert status == 422
    assert "at most 50 million" in answer["error"]
    assert model.calls == []


def test_files_over_the_limit_are_refused_with_a_message(server, model):
    status, answer = post(server, bytes(MAX_BYTES + 100_000))
    assert status == 413
    assert answer["error"] == "the file has 20.1 MB, at most 20 are taken"
    assert model.calls == []


def test_a_length_is_asked_for(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(
            f"POST /people HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()
        )
        assert b"411" in connection.recv(1000).splitlines()[0]


def test_an_upload_that_is_cut_off_ends_there(server, model):
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        head = (
            f"POST /people HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: 9\r\n\r\n"
        )
        connection.sendall(head.encode() + b"abc")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1000) == b""
    assert model.calls == []
    assert post(server, png())[0] == 200


@pytest.mark.parametrize(
    "name", ["evil.example", "evil.example:{port}", "127.0.0.1:1", "", "[::1]"]
)
def test_other_names_are_refused(server, model, name):
    host = name.format(port=server.port)
    assert ask(server, "GET", "/", headers={"Host": host})[0] == 403
    assert post(server, png(), Host=host)[0] == 403
    assert model.calls == []


@pytest.mark.parametrize("name", ["localhost:{port}", "LOCALHOST:{port}", "127.0.0.1:{port}"])
def test_own_names_are_answered(server, name):
    host = name.format(port=server.port)
    assert ask(server, "GET", "/", headers={"Host": host})[0] == 200
    assert post(server, png(), Host=host, Origin=f"http://{host.lower()}")[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
    ids=str,
)
def test_posts_of_other_pages_are_refused(server, model, headers):
    headers = {name: value.format(port=server.port) for name, value in headers.items()}
    assert post(server, png(), **headers)[0] == 403
    assert model.calls == []


def test_what_a_form_of_another_page_could_send_is_refused(server, model):
    for kind in (
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
    ):
        assert post(server, png(), Content_Type=kind)[0] == 415
    status, _, headers = ask(server, "OPTIONS", "/people")
    assert status == 501
    assert "Access-Control-Allow-Origin" not in headers
    assert model.calls == []


def test_images_are_worked_on_one_at_a_time(server, model):
    together = threading.Barrier(4)

    def send():
        together.wait(20)
        post(server, png())

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(model.calls), model.most_at_once) == (4, 1)


def test_a_fault_of_the_model_is_told_and_the_next_image_is_answered(server, model, caplog):
    def fail(image):
        raise RuntimeError("out of memory")

    model.answer = fail
    status, answer = post(server, png())
    assert (status, answer["error"]) == (500, "RuntimeError: out of memory")
    assert "Traceback" in caplog.text
    model.answer = find_one
    assert post(server, png())[0] == 200


def test_a_port_that_is_taken_is_told(server):
    with pytest.raises(OSError, match=f"port {server.port} is taken; choose another with --port"):
        PageServer(server.port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_number_that_is_no_port_is_told(port):
    with pytest.raises(OSError, match=f"from 0 to 65535, got {port}"):
        PageServer(port)
