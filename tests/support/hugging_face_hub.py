"""Hugging Face's cache, and a server on this machine in its place."""

import contextlib
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import huggingface_hub.constants
import pytest

NAME = "owner/tiny-bert"
COMMIT = "c0ffee" * 6 + "c0de"


def use_cache(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """Lets `huggingface_hub` have its cache in a folder, and no token; returns the folder."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setenv("HF_HUB_CACHE", str(folder))
    monkeypatch.setenv("HF_TOKEN", "")
    return folder


def fill_cache(cache: Path, source: Path, name: str = NAME, commit: str = COMMIT) -> Path:
    """Puts a model's folder into a cache as `huggingface_hub` lays it out; returns the snapshot."""
    root = cache / f"models--{name.replace('/', '--')}"
    snapshot = root / "snapshots" / commit
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text(commit)
    (root / "blobs").mkdir()
    for file in (path for path in source.rglob("*") if path.is_file()):
        blob = root / "blobs" / hashlib.sha256(file.read_bytes()).hexdigest()
        blob.write_bytes(file.read_bytes())
        link = snapshot / file.relative_to(source)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    return snapshot


@contextlib.contextmanager
def hub(
    monkeypatch: pytest.MonkeyPatch, folder: Path, refusals: Mapping[str, tuple[int, str]] = {}
) -> Iterator[list[str]]:
    """Serves one model as Hugging Face does; yields the paths that were asked for.

    Args:
      monkeypatch: Leads `huggingface_hub` here.
      folder: Files of the model, whose name is `NAME`, and whose only commit is `COMMIT`.
      refusals: Status and error code by the beginning of a path.
    """
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            for start, (status, code) in refusals.items():
                if self.path.startswith(start):
                    return self._send(status, b"{}", {"X-Error-Code": code})
            return self._answer()

        do_HEAD = do_GET  # noqa: N815  http.server's name

        def _answer(self) -> None:
            files = [path for path in folder.rglob("*") if path.is_file()]
            if self.path.startswith(f"/api/models/{NAME}/tree/{COMMIT}"):
                entries = [_entry(path, folder) for path in files]
                return self._send(200, json.dumps(entries).encode())
            if self.path.startswith(f"/api/models/{NAME}"):
                revision = self.path.partition("/revision/")[2] or "main"
                if revision not in ("main", COMMIT):
                    return self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
                return self._send(200, json.dumps({"id": NAME, "sha": COMMIT}).encode())
            for file in files:
                if self.path == f"/{NAME}/resolve/{COMMIT}/{file.relative_to(folder)}":
                    headers = {"ETag": f'"{_entry(file, folder)["oid"]}"', "X-Repo-Commit": COMMIT}
                    return self._send(200, file.read_bytes(), headers)
            return self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"})

        def _send(self, status: int, body: bytes, headers: Mapping[str, str] = {}) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    try:
        yield asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _entry(path: Path, folder: Path) -> dict[str, object]:
    content = path.read_bytes()
    return {
        "type": "file",
        "path": str(path.relative_to(folder)),
        "size": len(content),
        "oid": hashlib.sha1(content).hexdigest(),
    }


def unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leads `huggingface_hub` to a port where nobody listens."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
