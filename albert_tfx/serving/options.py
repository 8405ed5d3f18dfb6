"""What `serve.py` can be told."""

import dataclasses
import math
import re
from pathlib import Path

from albert_tfx.flags import Bounds, Flag, at_least, check, option
from albert_tfx.options import plain_path

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_MODEL, _ADDRESS, _LIMITS = "the model", "the address", "the limits"


@dataclasses.dataclass(frozen=True)
class Limits:
    """What one request, and all that wait, may ask for.

    Attributes:
      max_texts: Texts of a request.
      max_text_bytes: Bytes of a text, in UTF-8.
      max_body_bytes: Bytes of a request's body.
      max_waiting: Texts that wait for the model, of all requests.
      max_requests: Requests that are read or wait at once.
      timeout: Seconds until a request is answered, be it by an error.
    """

    max_texts: int = option(
        1024,
        Flag("--max-texts", _LIMITS, "texts of a request", "N", "1024"),
        bounds=at_least(1),
        called="--max-texts",
    )
    max_text_bytes: int = option(
        65536,
        Flag("--max-text-bytes", _LIMITS, "bytes of a text", "N", "65536"),
        bounds=at_least(1),
        called="--max-text-bytes",
    )
    max_body_bytes: int = option(
        2 << 20,
        Flag("--max-body-bytes", _LIMITS, "bytes of a request's body", "N", "2097152"),
        bounds=at_least(1),
        called="--max-body-bytes",
    )
    max_waiting: int = option(
        4096,
        Flag("--max-waiting", _LIMITS, "texts that wait for the model", "N", "4096"),
        bounds=at_least(1),
        called="--max-waiting",
    )
    max_requests: int = option(
        256,
        Flag("--max-requests", _LIMITS, "requests that are served at once", "N", "256"),
        bounds=at_least(1),
        called="--max-requests",
    )
    timeout: float = option(
        30.0,
        Flag("--timeout", _LIMITS, "seconds within which a request is answered", "S", "30"),
        bounds=Bounds(lambda value: 0 < value < math.inf, "Give a number of seconds above 0"),
        called="--timeout",
    )

    def __post_init__(self) -> None:
        """Checks the bounds.

        Raises:
          InputError: A limit is out of its bounds.
        """
        check(self)


@dataclasses.dataclass(frozen=True)
class Place:
    """Which model is served, and where.

    Attributes:
      output: Output folder of `local_runner.py`, whose newest pushed model answers.
      name: Name of the model in the paths of requests.
      host: The address to listen on.
      port: The port to listen on; 0 for any that is free.
    """

    output: str = option(
        "output",
        Flag(
            "--output",
            _MODEL,
            "output folder of local_runner.py, whose newest model answers",
            "DIR",
            "output",
        ),
    )
    name: str = option(
        "reviews",
        Flag("--name", _MODEL, "the model's name in /v1/models/NAME", "NAME", "reviews"),
        bounds=Bounds(
            lambda name: bool(_NAME.fullmatch(name)), "Give letters, digits, '.', '_' and '-'"
        ),
        called="--name",
    )
    host: str = option(
        "127.0.0.1",
        Flag("--host", _ADDRESS, "address to listen on", "HOST", "127.0.0.1, this machine only"),
    )
    port: int = option(
        8501,
        Flag("--port", _ADDRESS, "port to listen on; 0 for a free one", "PORT", "8501"),
        bounds=Bounds(lambda port: 0 <= port < 1 << 16, "Give a number from 0 to 65535"),
        called="--port",
    )

    def __post_init__(self) -> None:
        """Checks the bounds.

        Raises:
          InputError: An option is out of its bounds.
        """
        check(self)
        plain_path(self.output, "--output")

    @property
    def serving(self) -> Path:
        """The folder of the versions."""
        return Path(self.output) / "serving"
