"""``bmp serve`` as a user calls it."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bmp.cli import main
from bmp.commands import serve
from bmp.serve.server import UPLOAD_TYPE, PageServer

PHOTO = Path(__file__).parents[3] / "demos" / "photos" / "000000091406.jpg"


def test_a_port_that_is_taken_is_one_line_before_the_models_are_loaded(capsys):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert main(["serve", "--port", str(port), "--config", "absent"]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"bmp: port {port} is taken; choose another with --port")
    assert told.count("\n") == 1


@pytest.mark.parametrize("is_working", [False, True])
def test_ctrl_c_waits_for_the_image_in_work(is_working, monkeypatch):
    told, may_end, holds = [], threading.Event(), threading.Event()

    def interrupt():
        raise KeyboardInterrupt

    def tell(line):
        told.append(line)
        may_end.set()

    monkeypatch.setattr(serve.environment, "tell", tell)
    with PageServer(0) as server:
        server.serve_forever = interrupt

        def work():
            with server.working:
                holds.set()
                may_end.wait(20)

        thread = threading.Thread(target=work)
        if is_working:
            thread.start()
            holds.wait(20)
        serve.serve(server)
        assert server.working.locked(), "no other image is begun"
    if is_working:
        thread.join()
        assert told.pop(0).startswith("bmp: the image in work is finished first")
    assert told == ["bmp: the page is closed"]


@pytest.mark.slow
def test_the_small_models_answer_and_ctrl_c_ends_it():
    command = [sys.executable, "-m", "bmp.cli", "serve", "--port", "0", "--device", "cpu"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        address = urlsplit(process.stdout.readline().strip())
        assert address.hostname == "127.0.0.1"
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=120)
        boxes = "boxes=[[240,50,340,300]]&size=[640,424]"
        headers = {"Content-Type": UPLOAD_TYPE}
        connection.request("POST", f"/people?name=a.jpg&{boxes}", PHOTO.read_bytes(), headers)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=600)
    assert (answer["width"], answer["height"]) == (640, 424)
    assert answer["turns"][0][1]["caption"] == "turn 1: 1 drawn by you"
    assert len(answer["people"]) == len(answer["coco"]["annotations"]) > 0
    assert process.returncode == 0, told
    assert told == "bmp: the page is ready; Ctrl-C ends it\nbmp: the page is closed\n"
