"""Servers of files for tests: HTTPS on loopback with a certificate of its own, and faults that are said beforehand."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

#: What a server answers in place of the file: a status and headers, or the bytes after which it hangs up.
Fault = tuple[int, dict[str, str]] | int


@dataclass
class Served:
    """A running server: its files by path, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)
    """Path -> where it redirects to."""
    answers: dict[str, Callable[[], bytes]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """(path with its query, headers in small letters) of each request."""
    slow: float = 0
    """Seconds before each byte of a body."""
    etags: bool = True
    ranges: bool = True
    port: int = 0
    scheme: str = "https"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}"

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


def handler_of(served: Served) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            served.asked.append((self.path, headers))
            path = urlsplit(self.path).path
            fault = served.faults.pop(0) if served.faults else None
            if isinstance(fault, tuple):
                return self.send(fault[0], b"", fault[1])
            if path in served.moved:
                return self.send(302, b"", {"Location": served.moved[path]})
            body = served.answers[path]() if path in served.answers else served.files.get(path)
            if body is None:
                return self.send(404, b"", {})
            etag = f'"{hashlib.md5(body).hexdigest()}"'
            more = {"ETag": etag} if served.etags else {}
            first, _, last = headers.get("range", "bytes=0-")[6:].partition("-")
            start, end = int(first), min(int(last) + 1 if last else len(body), len(body))
            if (start or last) and served.ranges and headers.get("if-range") in (None, etag):
                if start >= len(body):
                    return self.send(416, b"", {"Content-Range": f"bytes */{len(body)}"})
                more["Content-Range"] = f"bytes {start}-{end - 1}/{len(body)}"
                return self.send(206, body[start:end], more, fault)
            return self.send(200, body, more, fault)

        def send(self, status: int, body: bytes, headers: dict[str, str], most: int | None = None) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            for piece in [body[:most]] if not served.slow else (body[at : at + 1] for at in range(len(body))):
                time.sleep(served.slow)
                self.wfile.write(piece)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: what is asked is in `asked`."""

    return Handler


@cache
def certificate() -> tuple[bytes, bytes]:
    """(certificate, key) of 127.0.0.1, in PEM."""
    x509 = pytest.importorskip("cryptography.x509", reason="cryptography is not installed")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made.public_bytes(serialization.Encoding.PEM), secret


@contextmanager
def serving(patch: pytest.MonkeyPatch, folder: Path) -> Iterator[Served]:
    """A server of files over TLS, which this process trusts; what is fetched lies in a folder of the test's own."""
    known, key = folder / "known.pem", folder / "key.pem"
    for path, content in zip((known, key), certificate(), strict=True):
        path.write_bytes(content)
    patch.setenv("SSL_CERT_FILE", str(known))
    patch.setenv("RECIPE_CACHE", str(folder / "cache"))
    served = Served()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(served))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(known, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    served.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
