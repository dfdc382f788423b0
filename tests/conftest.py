import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import torch
from common import CHROMIUM, ROOT

collect_ignore = [] if CHROMIUM else ["web/test_login.py", "web/test_page.py", "web/test_tabs.py"]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def stylizer():
    """In float32, so that rounding hides nothing and every machine runs the same test."""
    from wct import Stylizer

    return Stylizer.from_pretrained(device="cpu", dtype=torch.float32)


@pytest.fixture(scope="session")
def environment():
    """For subprocesses: no accelerator, so that every machine runs the same test."""
    return os.environ | {"CUDA_VISIBLE_DEVICES": ""}


@pytest.fixture(scope="session")
def serve(environment, tmp_path_factory):
    """A context manager: the page, served by `python app.py` with the arguments given; yields its address.

    serve.logs, serve.processes: {address: the file that what the server prints goes to; its process}.
    """

    logs, processes = {}, {}

    @contextmanager
    def serve(*arguments, **variables):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        url = f"http://127.0.0.1:{port}"
        log = logs[url] = tmp_path_factory.mktemp("page") / "log"
        command = [sys.executable, str(ROOT / "app.py"), "--device", "cpu", "--port", port, *arguments]
        with log.open("w") as file:  # from another folder, as a user may
            server = subprocess.Popen(command, stdout=file, stderr=file, cwd=log.parent, env=environment | variables)
        processes[url] = server
        try:
            deadline = time.monotonic() + 300
            while not _answers(url):
                assert server.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
            yield url
        finally:
            server.terminate()
            server.wait(20)

    serve.logs, serve.processes = logs, processes
    return serve


def _answers(url):
    try:
        return urlopen(url).status == 200
    except URLError:
        return False


@pytest.fixture(scope="session")
def page_url(serve):
    with serve("--mcp") as url:
        yield url
