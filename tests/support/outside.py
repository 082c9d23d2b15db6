"""An outside party on a real socket: serves what a test says and keeps what it was sent."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

HOST = "127.0.0.1"


@dataclass
class Sent:
    """One request as it arrived; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    """What to answer."""

    status: int = 200
    content: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Outside:
    """The running server; ``replies`` by path, 404 for every other."""

    url: str
    replies: dict[str, Reply | Callable[[Sent], Reply]] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)

    def serve(self, path: str, content: bytes | str = b"", **reply: object) -> str:
        """Answer a path with this from now on; returns the whole address."""
        raw = content.encode() if isinstance(content, str) else content
        self.replies[path] = Reply(content=raw, **reply)  # type: ignore[arg-type]  # members by name
        return f"{self.url}{path}"


@contextmanager
def outside_server() -> Iterator[Outside]:
    """Run a server on a free port of the loopback address."""
    outside = Outside("")

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            sent = Sent(self.command, self.path, headers, self.rfile.read(length))
            outside.sent.append(sent)
            found = outside.replies.get(self.path.partition("?")[0], Reply(404))
            reply = found if isinstance(found, Reply) else found(sent)
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.content)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.content)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - names of http.server

        def log_message(self, *_arguments: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    server.daemon_threads = True
    outside.url = f"http://{HOST}:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield outside
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
