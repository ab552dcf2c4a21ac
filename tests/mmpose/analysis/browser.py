"""A real headless browser, and a look into a page from outside."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--hide-scrollbars", "--allow-file-access-from-files", "--enable-logging=stderr"),
)
# Looks into the page from outside: its own policy allows no script.
FRAME = """<!DOCTYPE html><body style="margin:0"><pre id="seen"></pre>
<iframe src="{page}" style="width:{width}px;height:2000px;border:0" onload="look(this)"></iframe>
<script>
function look(frame) {{
  const page = frame.contentDocument, root = page.documentElement;
  const all = (what) => [...page.querySelectorAll(what)];
  document.getElementById("seen").textContent = [
    root.scrollWidth,
    all("table").length,
    all("table").every((table) => table.tBodies[0].rows.length > 0),
    all("svg").length,
    all("svg").every((svg) => svg.getBoundingClientRect().height > 50),
    all("img").filter((image) => image.complete && image.naturalWidth > 0).length,
    all("script").length,
  ].join(" ");
}}
</script>"""

marks = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no browser; apt-get install -y chromium"),
]


def browse(page: Path, *flags: str) -> subprocess.CompletedProcess:
    """Open a page, in a profile beside it."""
    return subprocess.run(
        [BROWSER, *FLAGS, f"--user-data-dir={page.parent / 'profile'}", *flags, page.as_uri()],
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
        env={**os.environ, "HOME": str(page.parent)},
    )


def look(page: Path, width: int) -> list[str]:
    """What is seen of a page laid out at a width.

    Returns:
        Its own width, how many tables it has, whether all have rows, how many drawings, whether
        all are tall, how many images that have loaded, how many scripts; then what the console
        says, which is nothing.
    """
    frame = page.with_name("frame.html")
    frame.write_text(FRAME.format(page=page.name, width=width))
    done = browse(frame, "--dump-dom")
    seen = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout).group(1).split()
    return seen + complaints(done)


def complaints(done: subprocess.CompletedProcess) -> list[str]:
    """What the console of the page says."""
    return [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
