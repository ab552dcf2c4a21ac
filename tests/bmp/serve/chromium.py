"""A headless Chromium that is used as a person would: clicks, drags, files, downloads.

It is told what to do over two pipes (``--remote-debugging-pipe``): JSON, each message ended by a
zero byte. https://chromedevtools.github.io/devtools-protocol/
"""

import base64
import fcntl
import json
import os
import subprocess
import time
from itertools import count
from pathlib import Path
from typing import Any

from tests.mmpose.analysis.browser import BROWSER, FLAGS

PATIENCE = 60.0  # s


def _moved_up(descriptor: int) -> int:
    """The same file under a number that is out of the way of 3 and 4."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return moved


class Chromium:
    """A browser with one open page; use it in a ``with`` block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers, self.session = count(1), None
        self.console: list[str] = []  # what the page complains about
        self.requests: list[str] = []  # addresses it asked for

    def __enter__(self) -> "Chromium":
        (for_it, to_it), (from_it, by_it) = os.pipe(), os.pipe()
        for_it, by_it = _moved_up(for_it), _moved_up(by_it)
        # the browser reads descriptor 3 and writes 4, where bash puts ours (sh: only below 10)
        flags = (*FLAGS, "--remote-debugging-pipe", f"--user-data-dir={self.folder / 'profile'}")
        self.process = subprocess.Popen(
            [
                "bash",
                "-c",
                f'exec "$@" 3<&{for_it} 4>&{by_it}',
                "bash",
                BROWSER,
                *flags,
                "about:blank",
            ],
            pass_fds=(for_it, by_it),
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(self.folder)},
        )
        os.close(for_it)
        os.close(by_it)
        self.writer, self.reader = os.fdopen(to_it, "wb", 0), os.fdopen(from_it, "rb", 0)
        self.rest = b""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "DOM", "Network"):
            self.ask(f"{domain}.enable")
        return self

    def __exit__(self, *_: Any) -> None:
        self.writer.close()  # it ends with its pipe
        self.reader.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def ask(self, method: str, **params: Any) -> dict:
        """Send a command and wait for its answer; complaints that come meanwhile are kept."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        self.writer.write(json.dumps(message).encode() + b"\0")
        while (reply := self._read()).get("id") != number:
            self._note(reply)
        assert "error" not in reply, f"{method}: {reply}"
        return reply["result"]

    def _read(self) -> dict:
        while b"\0" not in self.rest:
            chunk = self.reader.read(1 << 16)
            assert chunk, "the browser has ended"
            self.rest += chunk
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def _note(self, event: dict) -> None:
        kind, params = event.get("method"), event.get("params", {})
        if kind == "Log.entryAdded":
            self.console.append(params["entry"]["text"])
        elif kind in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
            self.console.append(json.dumps(params))
        elif kind == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    def run(self, script: str) -> Any:
        """Value of a JavaScript expression in the page."""
        done = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def wait_for(self, script: str) -> None:
        """Wait until an expression is true."""
        until = time.monotonic() + PATIENCE
        while not self.run(f"Boolean({script})"):
            assert time.monotonic() < until, f"{script} did not come true"
            time.sleep(0.02)

    def open(self, address: str, *, width: int = 1280, height: int = 900) -> None:
        """Open a page at a size of the window."""
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.ask("Emulation.setDeviceMetricsOverride", **screen)
        self.ask("Page.navigate", url=address)
        self.wait_for(f"location.href === {address!r} && document.readyState === 'complete'")

    def choose_file(self, selector: str, path: Path) -> None:
        """Put a file into an input, as its dialogue does."""
        root = self.ask("DOM.getDocument")["root"]["nodeId"]
        node = self.ask("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.ask("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def click(self, selector: str) -> None:
        """Press the mouse in the middle of an element."""
        self.drag(selector, (0.5, 0.5), (0.5, 0.5))

    def drag(self, selector: str, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Draw with the mouse from one place of an element to another, parts of its size."""
        element = f"document.querySelector({selector!r})"
        self.run(f"{element}.scrollIntoView({{block: 'nearest'}})")
        left, top, width, height = self.run(
            f"(({{x, y, width, height}}) => [x, y, width, height])"
            f"({element}.getBoundingClientRect())"
        )
        assert width * height > 0, f"{selector} is not seen"
        steps = (("mousePressed", start), ("mouseMoved", end), ("mouseReleased", end))
        for kind, (x, y) in steps:
            place = {"x": left + x * width, "y": top + y * height}
            self.ask(
                "Input.dispatchMouseEvent",
                type=kind,
                button="left",
                buttons=int(kind != "mouseReleased"),
                clickCount=1,
                **place,
            )

    def press(self, key: str) -> None:
        """Press a key, by its name."""
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key)

    def save_downloads(self, folder: Path) -> None:
        """Downloads go to a folder from now on."""
        folder.mkdir()
        self.ask("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def screenshot(self, path: Path) -> Path:
        """The whole page as a PNG."""
        shot = self.ask("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(shot))
        return path
