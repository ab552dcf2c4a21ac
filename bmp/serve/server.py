"""The server of the page: this machine alone, one image at a time, nothing kept.

A page of somebody else that is open in the same browser can send requests here too. So the names
under which we are called are checked (a foreign name may be made to lead to 127.0.0.1), and images
are taken from our own page, or from programs that are no browser.
"""

import errno
import http.server
import json
import logging
import sys
import threading
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bmp.serve.answer import FindPeople, make_answer, read_upload
from mmpose.errors import explain

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
MAX_BYTES = 20_000_000  # of an image file
CHUNK = 1 << 16
UPLOAD_TYPE = "application/octet-stream"
TYPES = {"page.html": "text/html; charset=utf-8", "page.js": "text/javascript; charset=utf-8"}
PATHS = {"/": "page.html", "/page.js": "page.js"}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Refusal(Exception):
    """A request that is not answered as it wishes; the message is for the page."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class PageServer(http.server.ThreadingHTTPServer):
    """Answers on 127.0.0.1 until it is shut down.

    Args:
        port: 0: any free one.
        about: what the page tells of the model, such as ``config`` and ``device``.

    Raises:
        OSError: the port is taken, or may not be used; the message names the option.
    """

    allow_reuse_port = False  # two servers on one port would share the requests
    daemon_threads = True  # open connections do not hold up the end

    def __init__(self, port: int, about: dict[str, Any] | None = None) -> None:
        self.about = dict(about or {})
        self.find_people: FindPeople | None = None
        self.working = threading.Lock()  # held while an image is worked on
        try:
            super().__init__((HOST, port), PageHandler)
        except (OSError, OverflowError) as error:
            raise OSError(_why_not(port, error)) from error

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that closes its connection is no fault; anything else is told."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server_address[1]

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{HOST}:{self.port}/"

    @property
    def names(self) -> set[str]:
        """What a browser on this machine may call us, as the header Host does."""
        names = {f"{name}:{self.port}" for name in (HOST, "localhost")}
        return names | {HOST, "localhost"} if self.port == 80 else names


def _why_not(port: int, error: Exception) -> str:
    if isinstance(error, OverflowError):
        return f"--port is a number from 0 to 65535, got {port}"
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is taken; choose another with --port, or any free one with --port 0"
    if error.errno == errno.EACCES:
        return f"port {port} may not be used; choose one from 1024 on with --port"
    return f"cannot listen on {HOST}:{port}: {error.strerror or error}"


class PageHandler(http.server.BaseHTTPRequestHandler):
    """One request: the page, its script, its settings, or an image to work on."""

    server: PageServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "bmp", ""
    timeout = 60  # s without a byte, so that a stuck upload ends

    def do_GET(self) -> None:
        """The page and what it loads."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """The people of an image."""
        self._answer(self._post)

    def _answer(self, work: Any) -> None:
        """Do the work; whatever goes wrong becomes a message in the page."""
        try:
            self._check_caller()
            content, content_type = work()
            self._send(HTTPStatus.OK, content, content_type)
        except Refusal as refusal:
            self._send_json(refusal.status, {"error": str(refusal)})
        except (BrokenPipeError, ConnectionError, TimeoutError):
            self.close_connection = True  # nobody waits for the answer
        except Exception as error:
            logger.exception("%s", self.path[:200])
            reason = f"{type(error).__name__}: {explain(error)}"
            self._send_json(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": reason})

    def _check_caller(self) -> None:
        hosts, origins = self.headers.get_all("Host", []), self.headers.get_all("Origin", [])
        if len(hosts) != 1 or hosts[0].lower() not in self.server.names:
            raise Refusal(HTTPStatus.FORBIDDEN, f"open {self.server.address}")
        own = {f"http://{name}" for name in self.server.names}
        fetched_by = self.headers.get("Sec-Fetch-Site", "none")
        # a link of another page may lead to ours, but that page may not send us images
        is_foreign = self.command == "POST" and fetched_by not in ("same-origin", "none")
        if is_foreign or not own.issuperset(origins):
            raise Refusal(HTTPStatus.FORBIDDEN, "another page may not ask this one")

    def _get(self) -> tuple[bytes, str]:
        path = urlsplit(self.path).path
        if path == "/settings":
            settings = {**self.server.about, "max_bytes": MAX_BYTES}
            return json.dumps(settings).encode(), "application/json"
        if path not in PATHS:
            raise Refusal(HTTPStatus.NOT_FOUND, f"there is no {path[:80]}")
        name = PATHS[path]
        return Path(__file__).with_name(name).read_bytes(), TYPES[name]

    def _post(self) -> tuple[bytes, str]:
        address = urlsplit(self.path)
        body = self._read_body()
        if address.path != "/people":
            raise Refusal(HTTPStatus.NOT_FOUND, f"there is no {address.path[:80]}")
        if self.headers.get_content_type() != UPLOAD_TYPE:
            message = f"send the file itself, as {UPLOAD_TYPE}"
            raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, message)
        try:
            upload = read_upload(body, dict(parse_qsl(address.query)))
            with self.server.working:
                answer = make_answer(upload, self.server.find_people)
        except ValueError as error:
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error
        return json.dumps(answer, allow_nan=False).encode(), "application/json"

    def _read_body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self.close_connection = True  # nobody knows where the next request begins
            raise Refusal(HTTPStatus.LENGTH_REQUIRED, "Content-Length is missing")
        if int(length) > MAX_BYTES:
            self._throw_away(int(length))
            message = (
                f"the file has {int(length) / 1e6:.1f} MB, at most {MAX_BYTES / 1e6:g} are taken"
            )
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise ConnectionError("the upload was cut off")
        return body

    def _throw_away(self, length: int) -> None:
        """Read on for a while: a browser that is cut off while it sends shows no message."""
        self.close_connection = True
        left = min(length, 10 * MAX_BYTES)
        while left > 0 and (chunk := self.rfile.read(min(CHUNK, left))):
            left -= len(chunk)

    def _send_json(self, status: HTTPStatus, content: dict[str, Any]) -> None:
        if status != HTTPStatus.UNPROCESSABLE_ENTITY:
            self.close_connection = True  # the body may not have been read
        try:
            self._send(status, json.dumps(content).encode(), "application/json")
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _send(self, status: HTTPStatus, content: bytes, content_type: str) -> None:
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, text: str, *values: Any) -> None:
        """Requests are told only where debugging is on."""
        logger.debug(text, *values)
