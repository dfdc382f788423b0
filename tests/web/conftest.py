import re

import pytest
from browsing import PATIENCE, ready
from common import CHROMIUM
from playwright.sync_api import sync_playwright

QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")


@pytest.fixture(scope="module")
def browser():
    """For a module: while it is open, its event loop is in the way of others."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, page_url):
    """Opens the page; afterwards checks that the browser asked nobody but the server, and nothing went wrong in it."""
    hosts, errors, contexts = set(), [], []

    def open_page(width=1280, height=900, theme="light", at=""):
        context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
        contexts.append(context)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: hosts.add(re.sub(r"^(\w+://[^/]*).*", r"\1", request.url)))
        page.on("pageerror", lambda error: errors.append(error))
        page.on("console", lambda message: "Security Policy" in message.text and errors.append(message.text))
        page.goto(f"{page_url}/?__theme={theme}{at}")
        ready(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert {host for host in hosts if not host.startswith(("data:", "blob:"))} == {page_url}
    assert not errors


@pytest.fixture(scope="session")
def strict_url(serve, tmp_path_factory):
    """A page that asks ann for a:b, makes 10,000 pixels at most and lets one run wait. Its uploads go with it."""
    folder = tmp_path_factory.mktemp("uploads")
    options = ("--auth", "ann:a:b", "--max-pixels", "10000", "--queue-size", "1")
    with serve(*options, TMPDIR=str(folder)) as url:
        yield url
        assert list(folder.glob("wct-*/*"))
    assert not list(folder.glob("wct-*"))
