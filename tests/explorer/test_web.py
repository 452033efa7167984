"""The explorer in a browser: the page is served here alone, and a real browser turns a key on it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PACKAGE_PARENT
from tests.explorer.browser import chromium, page


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a server of its own, on a port that was free."""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE_PARENT)}
    words = ["explore", "--web", "--port", "0", "--no-run", "conv2d", "k=5", "-i", "1,3,16,16"]
    command = [sys.executable, "-m", "layercli", *words]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert server.stdout is not None
    try:
        yield server.stdout.readline().split()[0]
    finally:
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=20)
        assert (out, err, server.returncode) == ("", "", 0)


def get(address: str, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(address, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_page(address: str) -> None:
    assert address.startswith("http://127.0.0.1:")
    status, text = get(address + "/")
    assert status == 200
    assert "layercli explore" in text
    assert address.replace("http", "ws") + "/ws" in text
    assert "googleapis" not in text, "nothing is fetched from elsewhere"
    assert get(address + "/static/fonts/RobotoMono-VariableFont_wght.ttf".replace("ttf", "none"))[0] == 404


def test_the_socket_is_for_this_page_alone(address: str) -> None:
    upgrade = {
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }  # fmt: skip
    assert get(address + "/ws", **upgrade)[0] == 403
    assert get(address + "/ws", Origin="http://example.org", **upgrade)[0] == 403
    assert get(address + "/ws", Origin=address, Host="example.org", **upgrade)[0] == 403


@pytest.mark.skipif(chromium() is None, reason="there is no chromium here")
def test_a_browser_turns_a_key(address: str, tmp_path: Path) -> None:
    async def visit() -> list[str]:
        async with page(address) as shown:
            await shown.until(lambda got: "1,3,12,12" in got)
            await shown.press_until("]", lambda got: "cell 0,0" in got)
            await shown.press_until("/", lambda got: "/ Layers ^z Undo" in got)
            for key in "maxpool2d":
                await shown.press(key)
            await shown.press("Enter")
            await shown.until(lambda got: "1,3,8,8" in got)
            await shown.press("4")
            await shown.until(lambda got: "1,3,4,4" in got)
            await shown.screenshot(tmp_path / "page.png")
            return shown.fetched

    fetched = asyncio.run(visit())
    assert all(url.startswith((address, "data:", "blob:")) for url in fetched), fetched
    assert (tmp_path / "page.png").stat().st_size > 10_000
