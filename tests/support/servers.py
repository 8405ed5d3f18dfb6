"""Servers on this machine in place of those that a submission goes to, and a pipe to a test."""

import contextlib
import http.server
import json
import os
import select
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from typing import Any

import grpc

Answer = Callable[[str, str, Any], tuple[int, Any]]


@contextlib.contextmanager
def http_service(answer: Answer) -> Iterator[str]:
    """Serves `answer(method, path, body)` → status and JSON body; yields the address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def _reply(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.loads(content) if content else None
            status, reply = answer(self.command, self.path, body)
            encoded = json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        do_GET = do_POST = _reply  # noqa: N815  http.server's names

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def grpc_service(methods: Mapping[str, tuple[Any, Callable[[Any], Any]]]) -> Iterator[str]:
    """Serves methods by their full names, each its request class and answer; yields the address.

    Messages are those of proto-plus, which Google's clients speak.
    """

    class Handler(grpc.GenericRpcHandler):
        def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
            if details.method not in methods:
                return None
            request_class, answer = methods[details.method]
            return grpc.unary_unary_rpc_method_handler(
                lambda request, _: answer(request),
                request_deserializer=request_class.deserialize,
                response_serializer=lambda reply: type(reply).serialize(reply),
            )

    server = grpc.server(futures.ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((Handler(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


class Fifo:
    """The end that reads of a named pipe, by which a process tells a test where it is.

    No test has to guess or to sleep.
    """

    def __init__(self, path) -> None:
        os.mkfifo(path)
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def read(self, seconds=60) -> bytes:
        """Waits for something to read; returns b"" where all have closed it that had opened it."""
        assert select.select([self._descriptor], [], [], seconds)[0], "nothing was written"
        return os.read(self._descriptor, 1000)

    def close(self) -> None:
        os.close(self._descriptor)
