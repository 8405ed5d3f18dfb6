"""Measures `serve.py` under load: rate, waiting times, memory, and a change of version.

    python benchmarks/serving_load.py                # a minute for each number of clients
    python benchmarks/serving_load.py --quick        # one second each: shows that it works
    python benchmarks/serving_load.py --seconds 110  # an hour compressed: about six minutes
    python benchmarks/serving_load.py --model output/serving/1795569553 --seconds 1200

1, 8 and 64 clients each ask for one sample review after the other, each over a connection that it
keeps. All clients are threads of this process, which shares the machine with the server: what they
need is missing there. Then a second version is pushed under 8 clients, who ask until it answers. A
request is lost where it has no answer of status 200.

The load comes in three equal parts, each with all numbers of clients, after some requests of each.
Memory is the server's resident set after each part. The bar is on the last two: TensorFlow keeps
what it has prepared for oneDNN for each shape of a batch (`MklPrimitiveFactory` in
tensorflow/core/util/mkl_util.h), so that the first shapes take memory. An exported model has few.

Without --model a model is trained first, for a few steps: it answers as fast as one that has
learned.
"""

import argparse
import contextlib
import dataclasses
import http.client
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import predictions
from figures import Figure, add_results_option, publish

from albert_tfx.contract import MODEL_CARD_FILE, ORIGIN_FILE
from albert_tfx.release.production import Origin
from albert_tfx.storage import fingerprint

PROJECT = Path(__file__).parent.parent
CLIENTS = (1, 8, 64)
WARM_SECONDS, QUICK_SECONDS = 3.0, 1.0
OF_A_CHANGE = 8  # clients
PARTS = 3
_PATH = "/v1/models/reviews:predict"


class Server:
    """`serve.py` as a process, with a model that it is given as version 1.

    Attributes:
      port: Where it listens.
    """

    def __init__(self, model: Path, folder: Path) -> None:
        self._model, self._serving = model, folder / "serving"
        self.push(1)
        self._process = subprocess.Popen(
            [sys.executable, "serve.py", f"--output={folder}", "--port=0"],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            text=True,
        )
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", self.line())
        if found is None:
            raise SystemExit("error: serve.py did not start")
        self.port = int(found[1])

    def line(self) -> str:
        """Waits for what it prints next."""
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def push(self, number: int) -> None:
        """Puts the model into the serving folder under another number."""
        push(self._model, self._serving, number)

    @property
    def mebibytes(self) -> float:
        """Its resident memory."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
        [kibibytes] = re.findall(r"VmRSS:\s+(\d+) kB", status)
        return int(kibibytes) / 1024

    def stop(self) -> int:
        """Stops it by SIGTERM; returns its exit status."""
        self._process.terminate()
        return self._process.wait()


def push(model: Path, serving: Path, number: int) -> None:
    """Puts a pushed model into a serving folder under another number, as the pusher does."""
    staged = serving / ".staging"
    own = shutil.ignore_patterns(ORIGIN_FILE, MODEL_CARD_FILE)
    shutil.copytree(model, staged, ignore=own)
    Origin("benchmark", (), fingerprint(staged)).save(staged)
    staged.rename(serving / str(number))


@dataclasses.dataclass
class Load:
    """What clients met.

    Attributes:
      seconds: How long each answer took.
      versions: The versions that answered.
      lost: Requests without an answer of status 200.
      took: How long all of them took, in seconds.
    """

    seconds: list[float] = dataclasses.field(default_factory=list)
    versions: set[str] = dataclasses.field(default_factory=set)
    lost: int = 0
    took: float = 0.0

    def __add__(self, other: "Load") -> "Load":
        """Returns what clients met one time and another."""
        return Load(
            self.seconds + other.seconds,
            self.versions | other.versions,
            self.lost + other.lost,
            self.took + other.took,
        )

    def figures(self, clients: int) -> list[Figure]:
        """Returns the rate, and how long half, 95 % and 99 % of the answers took at most."""
        name = f"{clients} client{'s' if clients > 1 else ''}"
        p50, p95, p99 = 1000 * np.percentile(self.seconds, (50, 95, 99))
        return [
            Figure(f"{name}, rate", len(self.seconds) / self.took, "requests/s"),
            Figure(f"{name}, p50", p50, "ms"),
            Figure(f"{name}, p95", p95, "ms"),
            Figure(f"{name}, p99", p99, "ms"),
            Figure(f"{name}, requests", len(self.seconds), "requests"),
            Figure(f"{name}, lost", self.lost, "requests", "0"),
        ]


def load(port: int, clients: int, goes_on: Callable[[Load], bool]) -> Load:
    """Lets clients ask at once, each as long as `goes_on` of what all have met."""
    met, texts = Load(), _texts()
    threads = [
        threading.Thread(target=_ask, args=(port, texts[number:] + texts[:number], goes_on, met))
        for number in range(clients)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    met.took = time.perf_counter() - began
    return met


def _ask(port: int, texts: list[str], goes_on: Callable[[Load], bool], met: Load) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for text in itertools.cycle(texts):
        if not goes_on(met):
            break
        began = time.perf_counter()
        try:
            connection.request("POST", _PATH, json.dumps({"instances": [text]}))
            response = connection.getresponse()
            response.read()
            is_answered = response.status == 200
        except (OSError, http.client.HTTPException):
            connection.close()
            is_answered = False
        if is_answered:
            met.seconds.append(time.perf_counter() - began)
            met.versions.add(str(response.headers["Model-Version"]))
        else:
            met.lost += 1
    connection.close()


def _texts() -> list[str]:
    file = PROJECT / "assets" / "sample_reviews" / "test.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


def _for(seconds: float) -> Callable[[Load], bool]:
    end = time.perf_counter() + seconds
    return lambda _: time.perf_counter() < end


def measure(model: Path, folder: Path, seconds: float) -> list[Figure]:
    """Returns what is worth quoting.

    Args:
      model: A pushed model's folder.
      folder: An empty one.
      seconds: How long each number of clients asks.
    """
    server = Server(model, folder)
    met = dict.fromkeys(CLIENTS, Load())
    with contextlib.ExitStack() as stack:
        stack.callback(server.stop)
        for clients in CLIENTS:
            load(server.port, clients, _for(min(seconds, WARM_SECONDS)))
        memory = [server.mebibytes]
        for _ in range(PARTS):
            for clients in CLIENTS:
                met[clients] += load(server.port, clients, _for(seconds / PARTS))
            memory.append(server.mebibytes)
        changed = _changed(server)
        with_two = server.mebibytes
    return [
        *(figure for clients, each in met.items() for figure in each.figures(clients)),
        *_memory_figures(memory),
        Figure("requests while the version changed", len(changed.seconds), "requests"),
        Figure("lost while the version changed", changed.lost, "requests", "0"),
        Figure("memory after the change", with_two, "MiB"),
    ]


def _memory_figures(memory: Sequence[float]) -> list[Figure]:
    """Returns the memory after the warm-up and each part, in MiB, and whether it levels off."""
    before, *after = memory
    return [
        Figure("memory before", before, "MiB"),
        *(Figure(f"memory after {n}/{PARTS}", each, "MiB") for n, each in enumerate(after, 1)),
        Figure(f"memory after, over after 1/{PARTS}", after[-1] / after[0], "times", "<= 1.05"),
    ]


def _changed(server: Server) -> Load:
    """Pushes a second version under load; returns what clients met until it answered."""
    found: list[Load] = []
    asking = threading.Thread(
        target=lambda: found.append(
            load(server.port, OF_A_CHANGE, lambda met: "2" not in met.versions)
        )
    )
    asking.start()
    server.push(2)
    asking.join()
    return found[0]


def main() -> None:
    """Runs, prints, records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="of each number of clients (default: 60)"
    )
    parser.add_argument("--model", type=Path, metavar="FOLDER", help="a pushed model")
    parser.add_argument("--quick", action="store_true", help="a second each")
    add_results_option(parser)
    arguments = parser.parse_args()
    if arguments.model and not arguments.model.is_dir():
        parser.error(f"there is no folder {arguments.model}")
    seconds = QUICK_SECONDS if arguments.quick else arguments.seconds
    print(f"load of the machine before: {_load_average()}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        model = arguments.model or predictions.made(Path(folder, "output"))
        figures = measure(model.resolve(), Path(folder, "served"), seconds)
    print(f"load of the machine after, of which this is a part: {_load_average()}", flush=True)
    command = shlex.join(["python", "benchmarks/serving_load.py", f"--seconds={seconds:g}"])
    publish(figures, command, arguments.results)


def _load_average() -> str:
    return f"{os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    main()
