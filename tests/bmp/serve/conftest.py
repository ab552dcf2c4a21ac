"""A server with a stand-in for the models: one person in the middle, or nobody."""

import threading

import pytest

from bmp.serve.server import PageServer
from tests.bmp.prediction.photo_parts import find_one


class StandIn:
    """Finds one person, or nobody, and remembers what it was given."""

    def __init__(self):
        self.calls, self.answer = [], find_one
        self.lock, self.most_at_once, self.at_once = threading.Lock(), 0, 0

    def __call__(self, image, bboxes):
        with self.lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        self.calls.append((image, bboxes))
        result = self.answer(image)
        with self.lock:
            self.at_once -= 1
        return result


@pytest.fixture
def model():
    return StandIn()


@pytest.fixture
def server(model):
    with PageServer(0, {"config": "stand-in", "device": "cpu"}) as server:
        server.find_people = model
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
