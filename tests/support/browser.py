"""Chromium without a window, driven by its DevTools protocol over two pipes.

See https://chromedevtools.github.io/devtools-protocol/ and Chromium's `--remote-debugging-pipe`:
it reads commands from descriptor 3 and writes to descriptor 4, each message ended by a null byte.
"""

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
_OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe")
# Becomes a program whose descriptors 3 and 4 are those that are given.
_WITH_PIPES = """
import fcntl, os, sys
pipes = [fcntl.fcntl(int(each), fcntl.F_DUPFD, 10) for each in sys.argv[1:3]]
for pipe, number in zip(pipes, (3, 4)):
    os.dup2(pipe, number)
os.execv(sys.argv[3], sys.argv[3:])
"""
# A page that answers at all does so sooner, on a busy machine, too.
_SECONDS = 120
_ENTER = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}


class Tab:
    """A page of a browser.

    Attributes:
      complaints: What the browser wrote to the page's console.
    """

    def __init__(self, commands: Any, events: Any) -> None:
        self._commands, self._events = commands, events
        self._session: dict[str, str] = {}
        self._number = self._loads = 0
        self._unread = b""
        self.complaints: list[str] = []
        target = self._do("Target.createTarget", url="about:blank")["targetId"]
        session = self._do("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._session = {"sessionId": session}
        for domain in ("Page", "Runtime", "Log"):
            self._do(f"{domain}.enable")

    def _do(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters, **self._session}
        self._commands.write(json.dumps(command).encode() + b"\0")
        self._commands.flush()
        while (message := self._next()).get("id") != self._number:
            pass
        assert "error" not in message, message
        result: dict[str, Any] = message["result"]
        return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            assert select.select([self._events], [], [], _SECONDS)[0], "the browser is silent"
            read = self._events.read(1 << 16)
            assert read, "the browser has ended"
            self._unread += read
        content, _, self._unread = self._unread.partition(b"\0")
        message: dict[str, Any] = json.loads(content)
        self._loads += message.get("method") == "Page.loadEventFired"
        if message.get("method") == "Log.entryAdded":
            self.complaints.append(message["params"]["entry"]["text"])
        return message

    def size(self, width: int, height: int, is_dark: bool = False) -> None:
        """Gives the page the size of a screen, in pixels, and its scheme of colours."""
        self._do(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self._do("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, url: str) -> None:
        """Opens a page, and waits until it is loaded."""
        before = self._loads
        self._do("Page.navigate", url=url)
        while self._loads == before:  # the event may have come before the command's answer
            self._next()

    def type(self, text: str) -> None:
        """Types into what has the focus."""
        self._do("Input.insertText", text=text)

    def press_enter(self) -> None:
        """Presses the Enter key."""
        for kind in ("keyDown", "keyUp"):
            self._do("Input.dispatchKeyEvent", type=kind, **_ENTER)

    def tap(self, selector: str) -> None:
        """Taps the middle of an element, as a finger does."""
        x, y = self.value(
            f"(() => {{ const box = document.querySelector({selector!r}).getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        self._do("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        self._do("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def value(self, expression: str) -> Any:
        """Returns what a JavaScript expression gives; of a promise, what it is kept with."""
        result = self._do(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait(self, expression: str) -> None:
        """Waits until a JavaScript expression is true of the page."""
        self.value(
            "new Promise((kept) => { const look = () => (" + expression + ") ? kept(true)"
            " : requestAnimationFrame(look); look(); })"
        )

    def picture(self, file: Path) -> None:
        """Writes what is on the screen as a PNG file."""
        file.write_bytes(base64.b64decode(self._do("Page.captureScreenshot")["data"]))


@contextlib.contextmanager
def tab(folder: Path) -> Iterator[Tab]:
    """Starts a browser that keeps its files in a folder; yields its only page."""
    command_end, commands = os.pipe()
    events, event_end = os.pipe()
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", _WITH_PIPES, str(command_end), str(event_end)),
            *(str(CHROMIUM), *_OPTIONS, f"--user-data-dir={folder}"),
        ],
        pass_fds=(command_end, event_end),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(command_end)
    os.close(event_end)
    with os.fdopen(commands, "wb") as to_browser, os.fdopen(events, "rb", 0) as from_browser:
        try:
            yield Tab(to_browser, from_browser)
        finally:
            process.kill()
            process.wait()
