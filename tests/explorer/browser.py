"""A browser without a window, spoken to over its DevTools: a page, keys, a screenshot, and what its socket got."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--remote-debugging-port=0", "--window-size=1400,800",
)  # fmt: skip

CODES = {"Enter": 13, "]": 221, "/": 191}
"""The numbers of keys that are not those of their characters."""


def chromium() -> str | None:
    """Where the browser is; None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Page:
    """A page that is shown."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._number = socket, 0
        self.got = ""
        """What the terminal in it was sent, since this was last emptied."""
        self.fetched: list[str] = []

    async def call(self, method: str, **values: Any) -> Any:
        """One command, and its answer."""
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": values})
        while True:
            found = await self._socket.receive_json(timeout=30)
            if found.get("id") == self._number:
                return found.get("result", found)
            self._hear(found)

    async def until(self, true: Callable[[str], bool], seconds: float = 30) -> str:
        """Waits until what the terminal was sent is so."""
        end = time.monotonic() + seconds
        while not true(self.got):
            assert time.monotonic() < end, f"the terminal got {self.got[-2000:]!r}"
            with contextlib.suppress(asyncio.TimeoutError):
                self._hear(await self._socket.receive_json(timeout=1))
        return self.got

    def _hear(self, event: Any) -> None:
        if event.get("method") == "Network.webSocketFrameReceived":
            frame = event["params"]["response"]
            data = frame["payloadData"]
            text = base64.b64decode(data).decode("utf-8", "replace") if frame["opcode"] == 2 else data
            self.got += re.sub(r"\x1b\[[0-9;?<>=]*[A-Za-z]", "", text)
        elif event.get("method") == "Network.requestWillBeSent":
            self.fetched.append(event["params"]["request"]["url"])

    async def press(self, key: str) -> None:
        """A key: a character, or Enter."""
        number = CODES.get(key) or ord(key.upper())
        common = {"key": key, "windowsVirtualKeyCode": number, "text": "\r" if key == "Enter" else key}
        await self.call("Input.dispatchKeyEvent", type="keyDown", **common)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    async def press_until(self, key: str, true: Callable[[str], bool]) -> None:
        """Presses a key until that is so: a page that was just opened is still told that it is looked at."""
        for _ in range(20):
            self.got = ""
            await self.call("Runtime.evaluate", expression="document.querySelector('textarea')?.focus()")
            await self.press(key)
            with contextlib.suppress(AssertionError):
                await self.until(true, 3)
                return
        raise AssertionError(f"{key} does nothing: the terminal got {self.got[-2000:]!r}")

    async def screenshot(self, path: Path) -> None:
        """As a PNG."""
        found = await self.call("Page.captureScreenshot")
        path.write_bytes(base64.b64decode(found["data"]))


@asynccontextmanager
async def page(address: str) -> AsyncIterator[Page]:
    """The page of this address in a browser of its own."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [str(chromium()), *FLAGS, f"--user-data-dir={folder}", "about:blank"]
        browser = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert browser.stderr is not None
        try:
            port = next(found[1] for line in browser.stderr if (found := re.search(r"ws://[^:]+:(\d+)/", line)))
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    shown = (await answer.json())[0]["webSocketDebuggerUrl"]
                async with session.ws_connect(shown, max_msg_size=0) as socket:
                    made = Page(socket)
                    for room in ("Network", "Page"):
                        await made.call(f"{room}.enable")
                    await made.call("Page.navigate", url=address)
                    yield made
        finally:
            browser.terminate()
            browser.wait(10)
            browser.stderr.close()
