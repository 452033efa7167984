"""The explorer in a browser: a server on this machine alone, one process of the explorer for each page."""

from __future__ import annotations

import asyncio
import shlex
import socket
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web
from textual_serve.server import Server

from layercli.errors import LayerError

HOST = "127.0.0.1"


class Served(Server):
    """textual-serve's server on a socket that is there already; ``say`` is told the address once it answers.

    The explorer opens and writes files, so a page of another site must not reach it: the socket of the page is for
    pages of this very address. Nothing is fetched from elsewhere.
    """

    def __init__(self, command: Sequence[str], listening: socket.socket, say: Callable[[str], None]) -> None:
        super().__init__(shlex.join(command), HOST, listening.getsockname()[1], "layercli explore")
        self._listening, self._say = listening, say

    def serve(self, debug: bool = False) -> None:
        """Serves until Ctrl+C."""
        loop = asyncio.new_event_loop()
        web.run_app(self._make_app(), sock=self._listening, print=None, loop=loop)

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

    async def handle_websocket(self, request: web.Request) -> Any:
        """The page's socket; refused to pages of other addresses."""
        if request.headers.get("Origin") != self.public_url or request.host != f"{HOST}:{self.port}":
            raise web.HTTPForbidden(text=f"this is for {self.public_url} alone")
        return await super().handle_websocket(request)


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
