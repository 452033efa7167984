"""The explorer in a browser: a server on this machine alone, one process of the explorer for each page."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shlex
import signal
import socket
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web
from textual_serve.server import Server

from layercli.errors import LayerError

HOST = "127.0.0.1"
_REAPED = 0.2
"""Seconds that asyncio has to see that processes have ended, before its loop is closed."""
_ELSEWHERE = re.compile(r"<link[^>]*fonts\.googleapis\.com[^>]*>")
_FONT = """<style>@font-face {
  font-family: "Roboto Mono"; src: url("/static/fonts/RobotoMono-VariableFont_wght.ttf"); font-weight: 100 700;
}</style>"""


class Served(Server):
    """textual-serve's server on a socket that is there already; ``say`` is told the address once it answers.

    The explorer opens and writes files, so a page of another site must not reach it: the socket of the page is for
    pages of this very address. Nothing is fetched from elsewhere.
    """

    def __init__(self, command: Sequence[str], listening: socket.socket, say: Callable[[str], None]) -> None:
        super().__init__(shlex.join(command), HOST, listening.getsockname()[1], "layercli explore")
        self._listening, self._say = listening, say
        self._pages: set[asyncio.Task[Any]] = set()

    def serve(self, debug: bool = False) -> None:
        """Serves until Ctrl+C; the processes behind the pages end first."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):  # on Windows, where Ctrl+C is an exception
                asyncio.get_running_loop().add_signal_handler(number, ended.set)
        runner = web.AppRunner(await self._make_app(), shutdown_timeout=1)
        await runner.setup()
        await web.SockSite(runner, self._listening).start()
        await ended.wait()
        for page in self._pages:
            page.cancel()
        await asyncio.gather(*self._pages, return_exceptions=True)
        await runner.cleanup()
        await asyncio.sleep(_REAPED)

    async def _make_app(self) -> web.Application:
        made: web.Application = await super()._make_app()
        made.on_response_prepare.append(self._only_here)
        return made

    async def _only_here(self, request: web.Request, response: web.StreamResponse) -> None:
        own = f"'self' 'unsafe-inline' data: blob: ws://{HOST}:{self.port}"
        response.headers["Content-Security-Policy"] = f"default-src {own}; frame-ancestors 'none'"

    async def on_startup(self, app: web.Application) -> None:
        """Tells the address."""
        self._say(self.public_url)

    async def handle_index(self, request: web.Request) -> Any:
        """The page, with the font that comes with textual-serve in the place of one from elsewhere."""
        page: Any = await super().handle_index(request)
        page.text = _ELSEWHERE.sub(_FONT, page.text)
        return page

    async def handle_websocket(self, request: web.Request) -> Any:
        """The page's socket; refused to pages of other addresses."""
        if request.headers.get("Origin") != self.public_url or request.host != f"{HOST}:{self.port}":
            raise web.HTTPForbidden(text=f"this is for {self.public_url} alone")
        page = asyncio.current_task()
        assert page is not None
        self._pages.add(page)
        try:
            return await super().handle_websocket(request)
        finally:
            self._pages.discard(page)


def serve(command: Sequence[str], port: int, say: Callable[[str], None]) -> None:
    """Serves this command; port 0 is any that is free."""
    listening = socket.socket()
    try:
        listening.bind((HOST, port))
        listening.listen()
    except OSError as error:
        listening.close()
        reason = (error.strerror or str(error)).lower()
        raise LayerError("io.port", f"cannot listen on port {port}: {reason}", fix="leave --port out") from None
    Served(command, listening, say).serve()
