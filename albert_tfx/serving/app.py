"""The routes: TensorFlow Serving's REST, health, and one page to try texts."""

import asyncio
import contextlib
import importlib.resources
from collections.abc import AsyncIterator, Iterator
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from albert_tfx.serving import requests
from albert_tfx.serving.batches import Batches
from albert_tfx.serving.options import Limits
from albert_tfx.serving.requests import RequestError
from albert_tfx.serving.versions import Version, Versions

_SECONDS_BETWEEN_LOOKS = 1.0
_PAGE = {
    "page.html": "text/html",
    "page.css": "text/css",
    "page.js": "text/javascript",
}
_VERSION = "Model-Version"
_AGAIN = {"Retry-After": "1"}


class Service:
    """What the routes share: the versions, the queue before them, and how many are served now."""

    def __init__(self, name: str, versions: Versions, limits: Limits) -> None:
        self.name = name
        self.versions = versions
        self.limits = limits
        self.batches = Batches(lambda *query: versions.current.answer(*query), limits)
        self._requests = 0

    @contextlib.contextmanager
    def admitted(self) -> Iterator[None]:
        """Counts a request as long as it is served.

        Raises:
          RequestError: As many as are allowed are served already.
        """
        if self._requests >= self.limits.max_requests:
            raise RequestError(429, f"{self._requests:,} requests wait already: try again")
        self._requests += 1
        try:
            yield
        finally:
            self._requests -= 1

    def version(self, name: str, number: str | None) -> Version:
        """Returns the version that answers, if it is the one that a path names.

        Raises:
          RequestError: It is not.
        """
        current = self.versions.current
        if name != self.name or number not in (None, str(current.number)):
            asked = name if number is None else f"{name}, version {number}"
            serves = f"{self.name}, version {current.number}"
            raise RequestError(404, f"Servable not found: {asked}. Here is {serves}")
        return current

    @contextlib.asynccontextmanager
    async def running(self, _: FastAPI) -> AsyncIterator[None]:
        """Answers, and looks for newer versions, as long as the block runs."""
        tasks = [asyncio.create_task(each) for each in (self.batches.run(), self._look())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            with contextlib.suppress(OSError):  # of a folder that cannot be listed now
                await asyncio.to_thread(self.versions.refresh)


def make(service: Service) -> FastAPI:
    """Returns the application."""
    app = FastAPI(title="Text classifier", docs_url=None, redoc_url=None, lifespan=service.running)
    app.add_exception_handler(RequestError, _refusal)
    app.add_exception_handler(HTTPException, _refusal_of_a_route)
    app.add_exception_handler(Exception, _fault)
    _add_predict(app, service)
    _add_status(app, service)
    _add_health(app, service)
    for name, kind in _PAGE.items():
        _add_page("/" if name == "page.html" else f"/{name}", name, kind, app)
    return app


def _add_predict(app: FastAPI, service: Service) -> None:
    @app.post("/v1/models/{name}:predict")
    @app.post("/v1/models/{name}/versions/{number}:predict")
    async def predict(request: Request, name: str, number: str | None = None) -> Response:
        """Classifies texts."""
        service.version(name, number)
        with service.admitted():
            query = requests.read(await _body(request, service.limits), service.limits)
            answer = await service.batches.answer(query)
        content = requests.written(answer.outputs, query.by_row)
        return JSONResponse(content, headers={_VERSION: str(answer.version)})

    @app.get("/v1/models/{name}:predict", include_in_schema=False)
    @app.get("/v1/models/{name}/versions/{number}:predict", include_in_schema=False)
    async def only_posted() -> None:
        """Keeps the routes of the status from taking `:predict` for a part of a name."""
        raise HTTPException(405, headers={"Allow": "POST"})


def _add_status(app: FastAPI, service: Service) -> None:
    @app.get("/v1/models/{name}/metadata")
    @app.get("/v1/models/{name}/versions/{number}/metadata")
    async def signatures(name: str, number: str | None = None) -> Any:
        """Describes the signatures of the version that answers."""
        version = service.version(name, number)
        spec = {"name": name, "signature_name": "", "version": str(version.number)}
        return {"model_spec": spec, "metadata": {"signature_def": version.model.signatures}}

    @app.get("/v1/models/{name}")
    @app.get("/v1/models/{name}/versions/{number}")
    async def status(name: str, number: str | None = None) -> Any:
        """Names the version that answers."""
        version = service.version(name, number)
        well = {"error_code": "OK", "error_message": ""}
        state = {"version": str(version.number), "state": "AVAILABLE", "status": well}
        return {"model_version_status": [state]}


def _add_health(app: FastAPI, service: Service) -> None:
    @app.get("/health/live")
    async def live() -> dict[str, str]:
        """Answers as long as the process does."""
        return {"status": "live"}

    @app.get("/health/ready")
    async def ready() -> dict[str, str]:
        """Names the model that answers: the server listens no sooner than it is loaded."""
        version = str(service.versions.current.number)
        return {"status": "ready", "name": service.name, "version": version}


def _add_page(path: str, name: str, kind: str, app: FastAPI) -> None:
    content = importlib.resources.files(__package__).joinpath(name).read_text(encoding="utf-8")

    @app.get(path, include_in_schema=False)
    async def page() -> Response:
        return Response(content, media_type=kind)


async def _body(request: Request, limits: Limits) -> bytes:
    """Returns the body of a request.

    Raises:
      RequestError: It is too large (413), too slow (408), or not whole (400).
    """
    too_large = RequestError(413, f"A body has {limits.max_body_bytes:,} bytes at most")
    declared = request.headers.get("content-length", "0")
    if int(declared) > limits.max_body_bytes:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(limits.timeout):
            async for part in request.stream():
                body += part
                if len(body) > limits.max_body_bytes:
                    raise too_large
    except TimeoutError:
        raise RequestError(408, f"The body took over {limits.timeout:g} seconds") from None
    except ClientDisconnect:
        raise RequestError(400, "The body is not whole") from None
    return bytes(body)


async def _refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    headers = _AGAIN if error.status == 429 else {}
    return JSONResponse({"error": error.message}, error.status, headers)


async def _refusal_of_a_route(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": str(error.detail)}, error.status_code, error.headers)


async def _fault(_: Request, error: Exception) -> Response:
    """Answers where this code is at fault; Starlette prints the traceback."""
    return JSONResponse({"error": f"The server failed ({type(error).__name__})"}, 500)
