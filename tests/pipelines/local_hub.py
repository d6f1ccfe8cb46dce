"""A Hub on this machine, for the real client: the part of its protocol that fetching a snapshot needs."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "3fc0f5a1b9d0c7e0a1b2c3d4e5f60718293a4b5c"


class Hub(BaseHTTPRequestHandler):
    """The part of the Hub's API that fetching a snapshot needs: revision, tree, and files by HEAD and GET."""

    protocol_version = "HTTP/1.1"
    server: HubServer

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.requests.append(f"{self.command} {path}")
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            repository, what, revision = "/".join(parts[2:4]), parts[4], parts[5]
        else:
            repository, what, revision = "/".join(parts[:2]), parts[2], parts[3]
        if repository == "someone/gated":
            self._fail(403, "GatedRepo", "Access to model someone/gated is restricted.")
        elif repository == "someone/broken":
            self._fail(500, "", "Internal error")
        elif repository not in self.server.repositories:
            self._fail(404, "RepoNotFound", "Repository not found")
        elif revision not in (COMMIT, "v1", "main"):
            self._fail(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        elif what == "resolve":
            self._send_file(self.server.repositories[repository]["/".join(parts[4:])], body)
        else:
            files = self.server.repositories[repository]
            listing: Any = [self._entry(name, files[name]) for name in sorted(files)]
            if what == "revision":
                siblings = [{"rfilename": name} for name in sorted(files)]
                listing = {"id": repository, "modelId": repository, "sha": COMMIT, "siblings": siblings}
                listing |= {"private": False, "downloads": 0, "tags": []}
            self._send(200, json.dumps(listing).encode(), {"Content-Type": "application/json"}, body)

    def _entry(self, name: str, content: bytes) -> dict[str, Any]:
        oid = hashlib.sha1(content).hexdigest()
        return {"type": "file", "path": name, "size": len(content), "oid": oid}

    def _send_file(self, content: bytes, body: bool) -> None:
        etag = hashlib.sha1(content).hexdigest()
        self._send(200, content, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT}, body)

    def _fail(self, status: int, code: str, message: str) -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": message} if code else {}
        self._send(status, json.dumps({"error": message}).encode(), headers, self.command != "HEAD")

    def _send(self, status: int, content: bytes, headers: dict[str, str], body: bool) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


class HubServer(ThreadingHTTPServer):
    """A Hub with some repositories (files by name and path), each with one commit, tagged v1, on main."""

    def __init__(self, repositories: dict[str, dict[str, bytes]]) -> None:
        super().__init__(("127.0.0.1", 0), Hub)
        self.repositories = repositories
        self.requests: list[str] = []

    def environment(self, home: Path) -> dict[str, str]:
        """Return the variables of a process whose Hub this is, with its cache in ``home``."""
        return hub_environment(f"http://127.0.0.1:{self.server_port}", home)


def hub_environment(endpoint: str, home: Path) -> dict[str, str]:
    return {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DOWNLOAD_TIMEOUT": "5",
        "HF_HUB_ETAG_TIMEOUT": "5",
        "NO_PROXY": "127.0.0.1",
    }


@contextmanager
def serving(repositories: dict[str, dict[str, bytes]]) -> Iterator[HubServer]:
    with HubServer(repositories) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below ``folder``, by its path there."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
