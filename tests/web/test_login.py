"""The page behind a password, in a real browser."""

import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from browsing import PATIENCE, ready
from playwright.sync_api import expect


def test_in_and_out_and_what_strangers_may_not(browser, strict_url):
    for name in ("cancel", "reset"):
        body = json.dumps({"session_hash": "hers", "fn_index": 0, "event_id": "hers"}).encode()
        with pytest.raises(HTTPError, match="401"):
            urlopen(Request(f"{strict_url}/gradio_api/{name}", body, {"Content-Type": "application/json"}))

    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(strict_url)
    page.get_by_label("username").fill("ann")
    page.get_by_label("password").fill("wrong")
    page.get_by_role("button", name="Login").click()
    expect(page.get_by_text("Incorrect Credentials")).to_be_visible(timeout=PATIENCE)
    page.get_by_label("username").fill("ann")  # both are empty again
    page.get_by_label("password").fill("a:b")
    page.get_by_role("button", name="Login").click()
    ready(page)
    page.get_by_role("link", name="Log out").click()
    expect(page.get_by_role("button", name="Login")).to_be_visible(timeout=PATIENCE)
    page.goto(strict_url)
    expect(page.get_by_role("button", name="Login")).to_be_visible(timeout=PATIENCE)
    page.close()
