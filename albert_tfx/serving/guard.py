"""What every request and answer passes: names of this machine, and headers for browsers."""

import ipaddress
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
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
        return host == "localhost"


class Guard:
    """An application that refuses what asks by a name that is not this machine's.

    A page of the web can point its own name at 127.0.0.1 and read the answers as its own
    (https://en.wikipedia.org/wiki/DNS_rebinding); the `Host` header still has its name.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str] | None = _LOCAL_NAMES) -> None:
        """Wraps an application.

        Args:
          app: The application.
          names: Those by which it may be asked, without ports; None for any.
        """
        self._app = app
        self._names = None if names is None else frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, by ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        app = self._app if self._is_allowed(scope) else _REFUSAL
        await app(scope, receive, with_headers)

    def _is_allowed(self, scope: Scope) -> bool:
        host = Headers(scope=scope).get("host", "")
        name = host.rpartition(":")[0] if host[-1:].isdigit() and ":" in host else host
        return self._names is None or (name or host) in self._names


_REFUSAL = JSONResponse({"error": "Ask by the name localhost or 127.0.0.1"}, 403)
