"""Stores for the tests: S3 spoken on this machine by moto, memory that fails now and then."""

import itertools
import logging
from contextlib import contextmanager

from fsspec.implementations.memory import MemoryFileSystem

ACCOUNT = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}


class Flaky(MemoryFileSystem):
    """Memory that refuses every tenth write, or all to some names, and counts what it is asked."""

    protocol = "flaky"
    store, pseudo_dirs = {}, [""]
    asked, refused, never = [], itertools.count(1), ()

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.replace("flaky://", "memory://"))

    def pipe_file(self, path, value, mode="overwrite", **kwargs):
        self._refuse(path)
        return super().pipe_file(path, value, mode=mode, **kwargs)

    def put_file(self, lpath, rpath, callback=None, **kwargs):
        self._refuse(rpath)
        self.asked.append("put")
        with open(lpath, "rb") as file:
            self.fill(rpath, file.read())

    def fill(self, path, data):
        """A write that is not refused."""
        super().pipe_file(path, data)

    def _refuse(self, path):
        if next(self.refused) % 10 == 0 or any(name in path for name in self.never):
            raise OSError(5, "Slow Down")

    def info(self, path, **kwargs):
        self.asked.append("info")
        return super().info(path, **kwargs)

    def ls(self, path, detail=True, **kwargs):
        self.asked.append("ls")
        return super().ls(path, detail=detail, **kwargs)

    def cat_file(self, path, start=None, end=None, **kwargs):
        self.asked.append("cat")
        return super().cat_file(path, start, end, **kwargs)


@contextmanager
def s3():
    """What the environment is to hold for a server that speaks S3 and refuses one write of a file in ten."""
    from moto.moto_server import threaded_moto_server

    moto, writes = threaded_moto_server.DomainDispatcherApplication, itertools.count(1)

    def refusing(create):
        app = moto(create)

        def answer(environ, start_response):
            if environ["REQUEST_METHOD"] == "PUT" and environ["PATH_INFO"].count("/") > 1 and next(writes) % 10 == 0:
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                start_response("503 Slow Down", [("Content-Type", "application/xml")])
                return [b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"]
            return app(environ, start_response)

        return answer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    threaded_moto_server.DomainDispatcherApplication = refusing
    server = threaded_moto_server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    try:
        server.start()
        host, port = server.get_host_and_port()
        yield ACCOUNT | {"AWS_ENDPOINT_URL": f"http://{host}:{port}"}
    finally:
        threaded_moto_server.DomainDispatcherApplication = moto
        server.stop()
