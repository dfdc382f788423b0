"""The page in a real browser, as somebody uses it."""

import csv
import re
import zipfile

import numpy as np
import pytest
from common import CHROMIUM, CONTENTS, STYLES
from PIL import Image
from playwright.sync_api import expect, sync_playwright

QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")
PATIENCE = 60_000  # milliseconds


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, page_url):
    """Opens the page; afterwards checks that the browser asked nobody but the server, and nothing went wrong in it."""
    hosts, errors, pages = set(), [], []

    def open_page(width=1280, height=1000, theme="light"):
        page = browser.new_page(viewport={"width": width, "height": height})
        pages.append(page)
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: hosts.add(re.sub(r"^(\w+://[^/]*).*", r"\1", request.url)))
        page.on("pageerror", lambda error: errors.append(error))
        page.goto(f"{page_url}/?__theme={theme}")
        expect(page.get_by_role("button", name="Stylise", exact=True)).to_be_visible(timeout=PATIENCE)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert {host for host in hosts if not host.startswith(("data:", "blob:"))} == {page_url}
    assert not errors


def upload(page, label, *paths):
    """Upload into the visible input of that label."""
    box = page.locator(".block", has=page.get_by_text(label, exact=True)).locator("input[type=file]")
    box.locator("visible=true").or_(box).last.set_input_files(list(map(str, paths)))


def choose_pair(page, content=CONTENTS[1], painting=3):
    upload(page, "Photo", content)
    expect(page.get_by_label("Remove Image")).to_have_count(1)
    page.locator(".paintings").locator("visible=true").locator("button").nth(painting).click()
    expect(page.get_by_label("Remove Image")).to_have_count(2)


def set_number(page, label, value):
    box = page.get_by_label(f"number input for {label}").locator("visible=true")
    box.fill(str(value))
    box.press("Tab")


def press(page, name):
    page.get_by_role("button", name=name, exact=True).locator("visible=true").click()


def told(page, pattern):
    """Wait until the page says something like this; what it says."""
    line = page.locator(".block.told").locator("visible=true")
    expect(line).to_have_text(re.compile(pattern), timeout=PATIENCE)
    return line.inner_text()


def toast(page, words):
    message = page.locator(".toast-body")
    expect(message.filter(has_text=words)).to_be_visible(timeout=PATIENCE)
    message.get_by_role("button").or_(page.locator(".toast-close")).first.click()


def seen(page, text):
    return page.get_by_text(text).locator("visible=true").first


def shown(page):
    """The address of the result that is on the page."""
    return page.locator("[data-testid=imageslider] img, .slider-wrap img").last.get_attribute("src")


def test_stylise_then_change_the_strength_by_keyboard(open_page, tmp_path):
    page = open_page()
    choose_pair(page)
    set_number(page, "Size", 128)
    press(page, "Stylise")
    told(page, r"\d s \(encode")
    before = shown(page)

    page.get_by_label("range slider for Strength").locator("visible=true").press("ArrowLeft")
    expect(page.get_by_label("number input for Strength").locator("visible=true")).to_have_value("0.95")
    assert "encode 0.00" in told(page, r"encode 0\.00")  # the features were kept
    expect(page.locator(f"img[src='{before}']")).to_have_count(0)

    with page.expect_download() as download:
        press(page, "Download as PNG")
    download.value.save_as(tmp_path / "result.png")
    with Image.open(tmp_path / "result.png") as picture:
        assert picture.format == "PNG" and max(picture.size) == 128
    assert download.value.suggested_filename == f"{CONTENTS[1].stem}__{STYLES[3].stem}.png"


def test_an_example_fills_the_page_in_one_click(open_page):
    page = open_page()
    page.locator("tr.tr-body, table tbody tr").first.click()
    told(page, r"\d s \(encode")
    expect(page.get_by_label("Remove Image")).to_have_count(2)


def test_compare_backends(open_page, tmp_path):
    page = open_page()
    choose_pair(page)
    page.get_by_role("tab", name="Compare").click()
    set_number(page, "Size", 128)
    set_number(page, "Repeats", 1)
    press(page, "Compare")  # on the pair chosen on the first tab
    told(page, "Medians of 1")
    expect(seen(page, re.compile(r"zolotarev: \d+ of \d+ ms"))).to_be_visible()
    with page.expect_download() as download:
        press(page, "Download the table as CSV")
    download.value.save_as(tmp_path / "table.csv")
    rows = {row["backend"]: row for row in csv.DictReader((tmp_path / "table.csv").open())}
    assert set(rows) == {"mpa", "zolotarev", "svd"}
    for row in rows.values():
        stages = [float(row[f"{stage} ms"]) for stage in ("encode", "transform", "decode")]
        assert min(stages) > 0 and sum(stages) == pytest.approx(float(row["total ms"]), abs=0.2)
        assert float(row["residual"]) < 1e-2 and float(row["PSNR to svd, dB"]) > 35


def test_folder(open_page, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_text("not a picture")
    page = open_page()
    page.get_by_role("tab", name="Folder").click()
    upload(page, "Photos", CONTENTS[0], broken, CONTENTS[1])
    page.get_by_label("Paintings that come with the program").click()
    page.get_by_role("option", name="The Great Wave").click()
    page.keyboard.press("Escape")
    set_number(page, "Size", 96)
    press(page, "Stylise all")
    assert "1 failed" in told(page, "2 pictures in")
    expect(seen(page, "broken.jpg is no picture of a known format")).to_be_visible()
    with page.expect_download() as download:
        press(page, "Download all as a zip")
    download.value.save_as(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        names = archive.namelist()
        assert names == [f"{content.stem}__hokusai-great-wave.png" for content in CONTENTS[:2]]
        for name in names:
            with Image.open(archive.open(name)) as picture:
                picture.load()
                assert max(picture.size) == 96


def test_a_mask_painted_on_the_photo(open_page, tmp_path):
    page = open_page()
    page.get_by_role("tab", name="Mix").click()
    upload(page, "Photo", CONTENTS[1])
    upload(page, "Painting 1", STYLES[3])
    page.get_by_text("Or paint on the photo where painting 1 applies").click()
    canvas = page.locator("canvas").locator("visible=true").first
    expect(canvas).to_be_visible(timeout=PATIENCE)
    page.wait_for_timeout(2000)  # the photo is drawn
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 3)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2, steps=8)
    page.mouse.up()
    page.wait_for_timeout(1000)
    set_number(page, "Size", 128)
    press(page, "Mix")
    told(page, r"\d s \(encode")
    with page.expect_download() as download:
        press(page, "Download as PNG")
    download.value.save_as(tmp_path / "mix.png")
    with Image.open(tmp_path / "mix.png") as result, Image.open(CONTENTS[1]) as photo:
        change = np.abs(np.asarray(result, dtype=int) - np.asarray(photo.convert("RGB").resize(result.size), dtype=int))
    assert change[:, 70:].mean() < 6 and change[:, 10:60].max() > 60


def test_texture(open_page, tmp_path):
    page = open_page()
    page.get_by_role("tab", name="Texture").click()
    page.locator(".paintings").locator("visible=true").locator("button").nth(3).click()
    expect(page.get_by_label("Remove Image")).to_have_count(1)
    set_number(page, "Width", 128)
    set_number(page, "Height", 64)
    press(page, "Make a texture")
    told(page, r"\d s \(encode")
    with page.expect_download() as download:
        page.get_by_label("Download").or_(page.get_by_title("Download")).locator("visible=true").click()
    download.value.save_as(tmp_path / "texture.png")
    assert Image.open(tmp_path / "texture.png").size == (128, 64)


def test_errors_are_readable_and_the_page_goes_on(open_page, tmp_path):
    text = tmp_path / "letter.jpg"
    text.write_text("Dear reader")
    page = open_page()
    press(page, "Stylise")
    toast(page, "Choose a photo first.")
    choose_pair(page, text)
    press(page, "Stylise")
    toast(page, "letter.jpg is no picture of a known format")
    page.get_by_label("Remove Image").first.click()
    upload(page, "Photo", CONTENTS[1])
    set_number(page, "Size", 96)
    press(page, "Stylise")
    told(page, r"\d s \(encode")


def test_cancel(open_page):
    page = open_page()
    choose_pair(page)
    set_number(page, "Size", 1600)
    page.get_by_label("Cascade").locator("visible=true").check()
    press(page, "Stylise")
    expect(page.get_by_text("encode").first).to_be_visible()  # the stage's name
    press(page, "Cancel")
    told(page, "Cancelled")
    set_number(page, "Size", 96)
    press(page, "Stylise")
    told(page, r"\d s \(encode")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_layout(open_page, width, theme):
    page = open_page(width, 844, theme)
    for tab in ("Stylise", "Mix", "Texture", "Compare", "Folder"):
        page.get_by_role("tab", name=tab).click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width  # nothing sticks out
        nameless = page.evaluate("""() => [...document.querySelectorAll('button, input:not([type=file]), textarea')]
            .filter(e => e.checkVisibility() && !(e.ariaLabel || e.title || e.textContent.trim() || e.labels?.length))
            .map(e => e.outerHTML)""")
        assert not nameless
    ink = page.locator("h1").evaluate("e => getComputedStyle(e).color.match(/\\d+/g).map(Number)")
    assert max(ink[:3]) < 80 if theme == "light" else min(ink[:3]) > 180


def test_everything_by_keyboard(open_page):
    page = open_page()
    choose_pair(page)
    set_number(page, "Size", 96)
    reached = set()
    page.get_by_role("tab", name="Stylise").focus()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("(e => e.ariaLabel || e.textContent.trim() || e.type)(document.activeElement)"))
    wanted = {"Stylise", "Cancel", "Download as PNG", "Thumbnail 1 of 16", "range slider for Strength"}
    assert wanted <= reached, wanted - reached
    page.get_by_role("button", name="Stylise", exact=True).press("Enter")
    told(page, r"\d s \(encode")
