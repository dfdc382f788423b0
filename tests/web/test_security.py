"""Who is refused, without a server."""

import asyncio
import time

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from wct.web import security


@pytest.fixture
def client(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))

    async def upload(request):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.jpg"
        path.write_bytes(await request.body())
        return JSONResponse([str(path)])

    async def page(request):
        return JSONResponse("page" * 1000)

    routes = [Route("/", page), Route("/gradio_api/upload", upload, methods=["POST"])]
    app = Starlette(routes=routes, middleware=security.middleware(["pictures.example"]))
    return TestClient(app, base_url="http://localhost:7860")


@pytest.mark.parametrize("host, status", [
    ("localhost:7860", 200), ("127.0.0.1", 200), ("[::1]:7860", 200), ("192.168.1.7:7860", 200),
    ("pictures.example", 200), ("evil.example", 403), ("localhost.evil.example", 403), ("", 403), ("[", 403),
    ("127.0.0.1.evil.example", 403),
])
def test_only_own_names_are_answered(client, host, status):
    answer = client.get("/", headers={"Host": host})
    assert answer.status_code == status
    if status == 403 and "evil" in host:
        assert f"--allow-host {host}" in answer.json()["error"]


@pytest.mark.parametrize("origin, status", [
    (None, 200), ("http://localhost:7860", 200), ("https://pictures.example", 200), ("http://localhost:9999", 403),
    ("http://evil.example", 403), ("null", 403), ("http://[", 403),
])
def test_other_pages_may_ask_nothing(client, origin, status):
    assert client.get("/", headers={"Origin": origin} if origin else {}).status_code == status


def test_headers_and_zipping(client):
    answer = client.get("/")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]


def test_uploads_are_limited_until_their_files_are_gone(client, monkeypatch, tmp_path):
    monkeypatch.setattr(security, "PER_CLIENT", 1000)
    upload = {"url": "/gradio_api/upload", "content": b"x" * 600}
    assert client.post(**upload).status_code == 200
    refused = client.post(**upload)
    assert refused.status_code == 413 and "try again" in refused.text
    next(tmp_path.iterdir()).unlink()
    assert client.post(**upload).status_code == 200


def test_a_full_disk_is_a_sentence(client, monkeypatch):
    monkeypatch.setattr(security.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    refused = client.post("/gradio_api/upload", content=b"x")
    assert refused.status_code == 507 and refused.text.startswith("The server's disk is full")


def test_wrong_passwords_wait_longer_and_longer(monkeypatch):
    pauses, pause = [], asyncio.sleep

    async def sleep(seconds):
        pauses.append(seconds)
        await pause(0)

    monkeypatch.setattr(security.asyncio, "sleep", sleep)
    knows = security.password("ann", "säcret")

    async def attempts():
        assert not (await asyncio.gather(*(knows("ann", "wrong") for _ in range(9)))).count(True)
        assert await knows("ann", "säcret")
        began = time.monotonic()
        assert await knows("ann", "säcret")  # without a pause
        return time.monotonic() - began

    assert asyncio.run(attempts()) < 1
    assert pauses == [1, 2, 4, 8, 16, 32]  # three of those at once were not even looked at
