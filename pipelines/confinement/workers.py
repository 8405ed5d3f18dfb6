"""Processes that a run starts, and the run: neither waits for the other once that has ended."""

import os
import threading
from collections.abc import Callable
from typing import Any

# Environment variable with the number of the process with which this one ends: see
# `albert_tfx_startup`.
_RUN = "ALBERT_TFX_RUN"


class WorkerLostError(RuntimeError):
    """A worker process of Beam has ended before its work."""


def own_environment() -> dict[str, str]:
    """Returns the environment by which the processes that this one starts end with it."""
    return {_RUN: str(os.getpid())}


def fail_with_workers() -> None:
    """Lets Beam fail where a worker process has ended; by itself it waits for its answer for ever.

    Seen with Beam 2.77: `SubprocessSdkWorker` raises in a thread that nobody asks.
    """
    from apache_beam.runners.portability.fn_api_runner import worker_handlers

    handler: Any = worker_handlers.SubprocessSdkWorkerHandler
    handler.start_worker = _watched(handler.start_worker)


def _watched(start: Callable[[Any], None]) -> Callable[[Any], None]:
    def start_and_watch(handler: Any) -> None:
        start(handler)
        threading.Thread(target=_fail_after, args=(handler,), daemon=True).start()

    return start_and_watch


def _fail_after(handler: Any) -> None:
    """Waits for the end of a worker; what still waits for an answer of it is then given up."""
    handler.worker_thread.join()
    handler.control_conn.abort(
        WorkerLostError(
            "A worker process of Beam was lost, as where the kernel kills it for memory"
        )
    )
