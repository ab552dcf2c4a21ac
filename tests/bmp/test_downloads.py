"""Downloads from a server of the test, on this machine's loopback."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bmp.downloads import download

CONTENT = bytes(range(256)) * 40  # 10,240 bytes


class Server:
    """Serves CONTENT; may cut an answer off, ignore ranges, or hold its length back."""

    def __init__(self, *, cut_after=(), ranges=True, tells_length=True):
        self.cuts, self.asked = list(cut_after), []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                wanted = self.headers.get("Range")
                outer.asked.append(wanted)
                start = int(wanted[6:-1]) if wanted and ranges else 0
                if start >= len(CONTENT):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(CONTENT)}")
                    self.end_headers()
                    return
                self.send_response(206 if wanted and ranges else 200)
                if wanted and ranges:
                    end = len(CONTENT) - 1
                    self.send_header("Content-Range", f"bytes {start}-{end}/{len(CONTENT)}")
                if tells_length:
                    self.send_header("Content-Length", str(len(CONTENT) - start))
                self.end_headers()
                cut = outer.cuts.pop(0) if outer.cuts else None
                self.wfile.write(CONTENT[start : None if cut is None else start + cut])

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/weights.pth"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True, args=(0.05,)).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_cut_off_download_goes_on_by_itself(tmp_path):
    with Server(cut_after=[4000, 1000]) as server:
        target = download(server.url, tmp_path / "w.pth")
    assert target.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=4000-", "bytes=5000-"]
    assert names(tmp_path) == ["w.pth"]


def test_a_later_call_asks_for_the_rest_alone(tmp_path):
    (tmp_path / "w.pth.part").write_bytes(CONTENT[:7000])
    with Server() as server:
        target = download(server.url, tmp_path / "w.pth")
    assert server.asked == ["bytes=7000-"]
    assert target.read_bytes() == CONTENT


def test_what_came_is_kept_when_it_stays_cut_off(tmp_path):
    with Server(cut_after=[3000, 0, 0, 0]) as server, pytest.raises(OSError, match="cut off after"):
        download(server.url, tmp_path / "w.pth")
    assert names(tmp_path) == ["w.pth.part"]
    assert (tmp_path / "w.pth.part").read_bytes() == CONTENT[:3000]


def test_a_server_without_ranges_sends_all_of_it_again(tmp_path):
    (tmp_path / "w.pth.part").write_bytes(b"x" * 50)
    with Server(ranges=False) as server:
        assert download(server.url, tmp_path / "w.pth").read_bytes() == CONTENT


def test_a_part_that_is_the_whole_is_taken(tmp_path):
    (tmp_path / "w.pth.part").write_bytes(CONTENT)
    with Server() as server:
        assert download(server.url, tmp_path / "w.pth").read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_thrown_away(tmp_path):
    (tmp_path / "w.pth.part").write_bytes(CONTENT + b"more")
    with Server() as server:
        assert download(server.url, tmp_path / "w.pth").read_bytes() == CONTENT


def test_the_right_hash_is_accepted_and_another_one_refused(tmp_path):
    digest = hashlib.sha256(CONTENT).hexdigest()
    with Server() as server:
        download(server.url, tmp_path / "good.pth", digest)
        with pytest.raises(OSError, match="SHA-256 is"):
            download(server.url, tmp_path / "bad.pth", "0" * 64)
    assert names(tmp_path) == ["good.pth"]


def test_two_at_once_fetch_it_once(tmp_path):
    with Server() as server:
        target = tmp_path / "w.pth"
        threads = [threading.Thread(target=download, args=(server.url, target)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert target.read_bytes() == CONTENT
    assert len(server.asked) == 1
