"""The page's server, as programs use it: the API, the MCP tools, and those who mean no good."""

import asyncio
import base64
import json
import re
import subprocess
import sys
import threading
import time
import zipfile
from io import BytesIO
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest
import torch
from common import CONTENTS, EXAMPLES, ROOT, STYLES
from films import film, panned, pictures
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from PIL import Image

from wct import Stylizer

PAIR = {"content": handle_file(CONTENTS[1]), "style": handle_file(STYLES[3])}


@pytest.fixture(scope="module")
def client(page_url, tmp_path_factory):
    return Client(page_url, verbose=False, download_files=tmp_path_factory.mktemp("downloads"))


@pytest.fixture(scope="module")
def ann(strict_url, tmp_path_factory):
    return Client(strict_url, auth=("ann", "a:b"), verbose=False, download_files=tmp_path_factory.mktemp("downloads"))


def post(url, body, accept="application/json"):
    headers = {"Content-Type": "application/json", "Accept": accept}
    return urlopen(Request(url, json.dumps(body).encode(), headers), timeout=60)


def uploaded(url, *paths):
    """Where the server keeps these files once they are uploaded."""
    boundary = "b0undary"
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{path.name}"\r\n'
             "Content-Type: image/jpeg\r\n\r\n".encode() + path.read_bytes() + b"\r\n" for path in paths]
    body, kind = b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"
    return json.load(urlopen(Request(f"{url}/gradio_api/upload", body, {"Content-Type": kind})))


def test_the_example_of_the_docs(page_url, monkeypatch, tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "page.md").read_text(encoding="utf-8"), re.S)
    assert "http://127.0.0.1:7860" in code
    for name in re.findall(r'handle_file\("(.*?)"\)', code):
        (tmp_path / name).parent.mkdir(parents=True)
        with Image.open(ROOT / name) as picture:
            picture.reduce(8).save(tmp_path / name)  # takes less time
    monkeypatch.chdir(tmp_path)
    scope = {}
    exec(code.replace("http://127.0.0.1:7860", page_url), scope)
    with Image.open(scope["picture"]) as picture:
        assert picture.format == "PNG"


def test_endpoints_are_named_typed_and_documented(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == {"/stylise", "/mix", "/texture", "/compare", "/folder", "/folder_of_urls", "/video"}
    names = {name: [p["parameter_name"] for p in endpoints[name]["parameters"]] for name in endpoints}
    assert names["/stylise"][:6] == ["content", "style", "strength", "size", "network", "keep_colors"]
    assert names["/compare"] == ["content", "style", "backends", "repeats", "size"]
    assert names["/folder"] == ["contents", "styles", "paintings", "strength", "size", "network", "keep_colors",
                                "mode"]
    for endpoint in endpoints.values():
        assert endpoint["description"]
        assert all(parameter["python_type"]["type"] for parameter in endpoint["parameters"])


def test_stylise_is_the_program(client):
    picture, told = client.predict(**PAIR, strength=0.7, size=128, api_name="/stylise")
    made = np.asarray(Image.open(picture), dtype=int)
    differences = []  # the page has the precision that was faster when it started, which on a busy machine is either
    for dtype in (torch.float32, torch.bfloat16):
        here = Stylizer.from_pretrained(device="cpu", dtype=dtype)
        differences.append(np.abs(made - np.asarray(here(CONTENTS[1], STYLES[3], strength=0.7, size=128))))
    # in bfloat16 other threads round otherwise, 0.27 of 255 on average
    assert min(d.mean() for d in differences) < 0.4 and min(d.max() for d in differences) <= 4
    assert re.match(r"\d+\.\d\d s \(encode", told)


def test_every_option_counts(client):
    plain = {"size": 96, "strength": 1.0}
    changes = [{}, {"mode": "cascade"}, {"relu4_1": 0.0}, {"ridge": 0.3}, {"strength": 0.5}, {"keep_colors": True},
               {"stroke": 2.0}, {"transform": "transport"}, {"transform": "adain"}, {"network": "full"},
               {"network": "full", "relu5_1": 1.0}]
    made = [client.predict(**PAIR, **plain | change, api_name="/stylise")[0] for change in changes]
    assert len({Image.open(path).tobytes() for path in made}) == len(changes)


def test_mix_under_masks(client, tmp_path):
    mask = Image.new("L", Image.open(CONTENTS[1]).size)
    mask.paste(255, (0, 0, mask.width // 2, mask.height))
    mask.save(tmp_path / "left.png")
    options = {"content": PAIR["content"], "style_1": PAIR["style"], "size": 128, "api_name": "/mix"}
    masked, _ = client.predict(mask_1=handle_file(tmp_path / "left.png"), **options)
    plain, _ = client.predict(**options)
    mixed, _ = client.predict(style_2=handle_file(STYLES[8]), **options)
    part = Image.new("L", Image.open(STYLES[3]).size)
    part.paste(255, (0, 0, part.width // 3, part.height))
    part.save(tmp_path / "part.png")
    partly, _ = client.predict(part_1=handle_file(tmp_path / "part.png"), **options)
    masked, plain, mixed, partly = (np.asarray(Image.open(p), dtype=int) for p in (masked, plain, mixed, partly))
    assert np.abs(partly - plain).mean() > 2
    photo = Image.open(CONTENTS[1]).convert("RGB").resize(plain.shape[1::-1], Image.Resampling.LANCZOS)
    photo = np.asarray(photo, dtype=int)
    assert np.abs(masked - photo)[:, 66:].max() <= 8 and np.abs(masked - photo)[:, :60].mean() > 10
    assert np.abs(mixed - plain).mean() > 3
    Image.new("L", (50, 50), 255).save(tmp_path / "square.png")
    with pytest.raises(AppError, match="square.png is 50 x 50.*must have the shape"):
        client.predict(mask_1=handle_file(tmp_path / "square.png"), **options)


def test_texture(client):
    picture, told = client.predict(style=PAIR["style"], width=128, height=64, seed=3, api_name="/texture")
    assert Image.open(picture).size == (128, 64) and "encode" in told


def test_compare(client):
    pictures, table, _plot, csv, _ = client.predict(
        **PAIR, backends=["newton_schulz", "eigh"], repeats=1, size=96, api_name="/compare")
    assert [row[0] for row in table["data"]] == ["newton_schulz", "eigh"] and len(pictures) == 2
    assert Path(csv).read_text().startswith("backend,encode ms,transform ms,decode ms,total ms")


def test_folder(client, tmp_path):
    (tmp_path / "bad.jpg").write_text("nothing")
    files = [handle_file(CONTENTS[0]), handle_file(tmp_path / "bad.jpg")]
    gallery, failures, archive, told = client.predict(
        contents=files, styles=[handle_file(STYLES[0])], paintings=["hokusai-poppies"], size=64, api_name="/folder")
    assert "2 pictures in" in told and "2 failed" in told and len(gallery) == 2
    ((why,),) = failures["data"]  # said once, not with every painting
    assert why.startswith("bad.jpg is no picture")
    assert len(zipfile.ZipFile(archive).namelist()) == 2


@pytest.mark.parametrize("options, words", [
    ({"content": None}, "Choose a photo first"),
    ({"strength": 3}, "[Mm]aximum|between 0 and 1"),
    ({"backend": "pade"}, "pade"),
    ({"relu3_1": 9}, "[Mm]aximum|9"),
    ({"relu5_1": 1}, "Fast has no shapes"),
])
def test_bad_options_are_refused_in_words(client, options, words):
    with pytest.raises(AppError, match=words):
        client.predict(**PAIR | {"size": 64} | options, api_name="/stylise")
    client.predict(**PAIR, size=64, api_name="/stylise")


def test_nobody_reads_other_files(page_url, client):
    for path in ("/etc/hostname", ROOT / "README.md", ROOT / "app.py", ROOT / "weights" / "encoder.safetensors",
                 EXAMPLES / ".." / "README.md"):
        with pytest.raises(HTTPError) as refused:
            urlopen(f"{page_url}/gradio_api/file={path}")
        assert refused.value.code in (403, 404)
    assert urlopen(f"{page_url}/gradio_api/file={STYLES[0]}").status == 200


@pytest.mark.parametrize("mark", [{}, {"meta": {"_type": "gradio.FileData"}}])
def test_nobody_names_files_of_the_server(page_url, client, tmp_path, mark):
    named = {"path": str(CONTENTS[0]), **mark}
    data = {  # every endpoint that takes files, and those that the page alone uses
        "stylise": [named, named, 1, 64, "full", False, 1, "single", "zca", 0.14, "mpa", 0.01, 1, 1, 1, 1, 0],
        "texture": [named, 64, 64, 1, 0, "full"],
        "compare": [named, named, ["mpa"], 1, 64],
        "folder": [[named], [named], [], 1, 64, "full", False, "single"],
    }
    for name, values in data.items():
        event = json.load(post(f"{page_url}/gradio_api/call/{name}", {"data": values}))["event_id"]
        answer = urlopen(f"{page_url}/gradio_api/call/{name}/{event}", timeout=60).read().decode()
        assert "event: error" in answer and "event: complete" not in answer, answer
    config = json.load(urlopen(f"{page_url}/config"))
    unqueued = [d for d in config["dependencies"] if not d["queue"] and d["backend_fn"]]
    assert unqueued
    for dependency in unqueued:
        body = {"data": [named] * len(dependency["inputs"]), "fn_index": dependency["id"], "session_hash": "other"}
        try:
            answer = post(f"{page_url}/gradio_api/run/{dependency['api_name']}", body).read().decode()
        except HTTPError:
            continue
        assert CONTENTS[0].name not in answer


def test_a_run_without_its_client_ends(page_url, client):
    paths = uploaded(page_url, CONTENTS[0], STYLES[0])
    upload = [{"path": path, "meta": {"_type": "gradio.FileData"}} for path in paths]
    config = json.load(urlopen(f"{page_url}/config"))
    compare = next(d["id"] for d in config["dependencies"] if d["api_name"] == "compare")
    body = {"data": [*upload, ["mpa", "svd", "eigh"], 20, 512], "fn_index": compare, "session_hash": "gone"}  # long
    post(f"{page_url}/gradio_api/queue/join", body)
    stream = urlopen(f"{page_url}/gradio_api/queue/data?session_hash=gone")
    stream.readline()
    time.sleep(2)
    stream.close()
    began = time.monotonic()
    client.predict(**PAIR, size=64, api_name="/stylise")
    assert time.monotonic() - began < 60


def test_null_means_the_default(client):
    picture, _ = client.predict(**PAIR, strength=None, size=64, stroke=None, mode=None, ridge=None, backend=None,
                                api_name="/stylise")
    same, _ = client.predict(**PAIR, size=64, api_name="/stylise")
    with Image.open(picture) as one, Image.open(same) as other:
        assert np.array_equal(np.asarray(one), np.asarray(other))


def test_bad_input_is_a_line_in_the_log(page_url, client, serve):
    before = len(serve.logs[page_url].read_text())
    for options in ({"strength": "much"}, {"mode": "both"}, {"size": -1}, {"backend": ["mpa"]}):
        with pytest.raises((AppError, ValueError)):
            client.predict(**PAIR, **{"size": 64, **options}, api_name="/stylise")
    post_bad = {"data": [{"path": 1}] * 17, "fn_index": 10**6, "session_hash": "bad"}
    with pytest.raises(HTTPError):
        post(f"{page_url}/gradio_api/queue/join", post_bad)
    assert "Traceback" not in serve.logs[page_url].read_text()[before:]


def test_the_queue_cannot_be_passed_by(page_url):
    with pytest.raises(HTTPError):
        post(f"{page_url}/gradio_api/run/stylise", {"data": [None] * 15})


def test_mcp_offers_the_tools(page_url):
    url, kinds = f"{page_url}/gradio_api/mcp/", "application/json, text/event-stream"
    answer = post(url, {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, kinds).read().decode()
    tools = {tool["name"]: tool for tool in json.loads(answer.partition("data: ")[2] or answer)["result"]["tools"]}
    assert set(tools) == {"stylise", "mix", "texture", "compare", "folder_of_urls", "video"}
    assert tools["stylise"]["inputSchema"]["properties"]["strength"]["description"].startswith("0 is the photo")


def data(path, kind="image/jpeg"):
    return f"data:{kind};base64," + base64.b64encode(path.read_bytes()).decode()


def call_tool(page_url, name, options):
    async def call():
        async with (streamablehttp_client(f"{page_url}/gradio_api/mcp/") as (read, write, _),
                    ClientSession(read, write) as session):
            await session.initialize()
            return await session.call_tool(name, options)

    return asyncio.run(call())


def test_an_mcp_client_makes_a_film(page_url, tmp_path):
    clip = film(tmp_path / "clip.mp4", panned(5))
    options = {"clip": data(clip, "video/mp4"), "style": data(STYLES[1]), "size": 64}
    made = call_tool(page_url, "video", options)
    url, line = (part.text for part in made.content)
    assert not made.isError and "5 frames in" in line
    with urlopen(url) as answer:
        (tmp_path / "made.mp4").write_bytes(answer.read())
    times, frames = pictures(tmp_path / "made.mp4")
    assert len(times) == 5 and frames[0].shape == (42, 64, 3)
    (tmp_path / "no.mp4").write_text("nothing")
    broken = call_tool(page_url, "video", options | {"clip": data(tmp_path / "no.mp4", "video/mp4")})
    assert broken.isError and "cannot be read" in broken.content[0].text
    assert call_tool(page_url, "video", options | {"clip": str(clip)}).isError  # a file of the server


def test_an_mcp_client_works_and_names_no_files_of_the_server(page_url):
    photo, painting = data(CONTENTS[1]), data(STYLES[3])
    made = call_tool(page_url, "stylise", {"content": photo, "style": painting, "size": 64})
    assert [part.type for part in made.content] == ["image", "text", "text"] and "encode" in made.content[2].text
    size = {"width": 64, "height": 64}
    made = call_tool(page_url, "texture", {"style": data(STYLES[3]), **size})
    assert not made.isError and made.content[0].type == "image" and "texture" in made.content[1].text
    with Image.open(BytesIO(base64.b64decode(made.content[0].data))) as picture:
        assert picture.size == (64, 64)
    assert call_tool(page_url, "texture", {"style": str(STYLES[3]), **size}).isError

    bad = "data:image/jpeg;base64," + base64.b64encode(b"nothing").decode()
    options = {"contents": f"{data(CONTENTS[1])}\n{bad}", "paintings": ["hokusai-poppies"], "size": 64}
    made = call_tool(page_url, "folder_of_urls", options)
    text = " ".join(part.text for part in made.content)
    assert not made.isError
    assert all(words in text for words in ("pictures.zip", "no picture of a known format", "1 pictures in"))
    for url in (str(CONTENTS[0]), f"file://{CONTENTS[0]}", f"{page_url}/config"):
        assert call_tool(page_url, "folder_of_urls", options | {"contents": url}).isError
    refused = call_tool(page_url, "texture", {"style": f"{page_url}/config", **size})
    assert refused.isError and "127.0.0.1" in refused.content[0].text  # says why


def test_a_full_queue_refuses_and_goes_on(ann):
    outcomes = []

    def run():
        try:
            outcomes.append(ann.predict(**PAIR, size=96, api_name="/stylise")[1])
        except Exception as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    done = [o for o in outcomes if "encode" in o]
    refused = [o for o in outcomes if "ueue is full" in o]
    assert len(outcomes) == 8 and done and refused and len(done) + len(refused) == 8, outcomes
    assert "encode" in ann.predict(**PAIR, size=96, api_name="/stylise")[1]


def test_what_is_too_large_is_made_as_large_as_it_may_be(ann):
    picture, _ = ann.predict(**PAIR, size=64, api_name="/stylise")
    assert max(Image.open(picture).size) == 64
    picture, told = ann.predict(**PAIR, size=128, api_name="/stylise")
    width, height = Image.open(picture).size
    assert 9_000 < width * height <= 10_000 and "the most that this page makes" in told


def test_nothing_without_the_password_and_no_tools(strict_url):
    with pytest.raises(Exception, match="[Ll]ogin|401|[Cc]redentials"):
        Client(strict_url, verbose=False)
    with pytest.raises(HTTPError):
        post(f"{strict_url}/gradio_api/mcp/", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"})


@pytest.mark.parametrize("arguments", [["--auth", "ann"], ["--auth", ":b"], ["--max-pixels", "0"], ["--device", "tpu"],
                                       ["--port", "99999"], ["--auth", "a:b", "--mcp"]])
def test_bad_usage(arguments):
    done = subprocess.run([sys.executable, ROOT / "app.py", *arguments], capture_output=True, text=True)
    assert done.returncode == 2 and "error: " in done.stderr and "Traceback" not in done.stderr
