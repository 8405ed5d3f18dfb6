"""What every request and answer passes: names of this machine, and headers for browsers."""

import ipaddress
import re
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
_PORT = re.compile(r":\d*$", re.ASCII)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def is_loopback(host: str) -> bool:
    """Returns whether an address is reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return _plain(host) == "localhost"


class Guard:
    """An application that refuses what asks by a name that is not this machine's.

    A page of the web can point its own name at 127.0.0.1 and read the answers as its own
    (https://en.wikipedia.org/wiki/DNS_rebinding); the `Host` header still has its name.
    """

    def __init__(
        self, app: ASGIApp, address: str | None, is_stopping: Callable[[], bool] = lambda: False
    ) -> None:
        """Wraps an application.

        Args:
          app: The application.
          address: That of this machine by which it may be asked, besides the usual names, as in a
            URL, without a port; None where it may be asked by any name.
          is_stopping: Returns whether each connection ends with the answer that is sent now.
        """
        self._app = app
        self._names = None if address is None else frozenset((*_LOCAL_NAMES, _plain(address)))
        self._refusal = JSONResponse({"error": f"Ask by the name localhost or {address}"}, 403)
        self._is_stopping = is_stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, by ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                ending = {"Connection": "close"} if self._is_stopping() else {}
                MutableHeaders(scope=message).update(HEADERS | ending)
            await send(message)

        app = self._app if self._is_allowed(scope) else self._refusal
        await app(scope, receive, with_headers)

    def _is_allowed(self, scope: Scope) -> bool:
        host = Headers(scope=scope).get("host", "")
        return self._names is None or _plain(_PORT.sub("", host)) in self._names


def _plain(name: str) -> str:
    """Returns a name as all its spellings are compared: in lower case, without a dot at its end."""
    return name.lower().removesuffix(".")
