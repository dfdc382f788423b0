"""The page in a real browser, as somebody uses it: its first tab, and what all have in common."""

import os
import re
import time
from urllib.error import HTTPError
from urllib.request import urlopen

import pillow_heif
import pytest
from browsing import (
    DONE,
    PATIENCE,
    SMALL,
    WAVE,
    accessible,
    another,
    ask_for,
    choose_painting,
    choose_pair,
    choose_photo,
    download,
    drop,
    given,
    press,
    ready,
    result,
    set_number,
    shown,
    told,
)
from common import CONTENTS, STYLES
from PIL import ExifTags, Image
from playwright.sync_api import expect

TABS = ("Stylise", "Mix", "Gallery", "Texture", "Compare", "Folder")
SCREENS = [(1280, 900, "light"), (640, 450, "light"), (390, 844, "dark")]  # the second is the first at 200 %


def test_stylise_then_what_stands_there_follows_the_settings(open_page, tmp_path):
    page = open_page()
    expect(page.get_by_role("button", name="Download", exact=True).locator("visible=true")).to_be_disabled()
    choose_pair(page)
    press(page, "Stylise")
    told(page, DONE)
    first = shown(page)

    page.get_by_label("range slider for Strength").locator("visible=true").press("ArrowLeft")
    second = another(page, first)
    assert "encode 0.00" in told(page, r"encode 0\.00")  # the features were kept
    page.locator(".option-strength").locator("visible=true").get_by_role("button").first.click()  # back to the default
    third = another(page, second)
    choose_painting(page, "Wassily Kandinsky: Composition VIII, 1923")
    fourth = another(page, third)
    page.get_by_label("Keep the photo's colours").locator("visible=true").check()
    another(page, fourth)

    assert download(page, "Download PNG", tmp_path / "result.png") \
        == f"{CONTENTS[1].stem}__kandinsky-composition-viii.png"
    with Image.open(tmp_path / "result.png") as picture:
        assert picture.format == "PNG" and max(picture.size) == SMALL
    for kind, name in (("JPEG", "Download JPG"), ("WebP", "Download WEBP")):
        page.get_by_label(kind).locator("visible=true").check()
        download(page, name, tmp_path / kind)
        with Image.open(tmp_path / kind) as other:
            assert other.format == kind.upper() and max(other.size) == SMALL


def test_the_newest_settings_win_and_a_double_click_runs_once(open_page):
    page = open_page()
    choose_pair(page, size=400)
    page.get_by_role("button", name="Stylise", exact=True).dblclick()
    told(page, DONE)
    assert page.locator(".past button").count() == 0  # there is one result
    before = shown(page)
    slider = page.get_by_label("range slider for Strength").locator("visible=true")
    for _ in range(12):
        slider.press("ArrowLeft")
    last = another(page, before)
    page.wait_for_timeout(1500)
    assert shown(page) == last or page.locator(".past button").count() < 8  # most of the twelve were never made
    expect(page.get_by_label("number input for Strength").locator("visible=true")).to_have_value("0.4")


def test_the_result_and_its_strength_come_into_sight_on_every_screen(open_page):
    page = open_page()
    choose_pair(page, CONTENTS[0])
    for content in (None, CONTENTS[1]):  # a square photo, a wide one
        if content:
            given(page, "photo").click()
            choose_photo(page, content)
        for width, height, _ in SCREENS:
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate("scrollTo(0, 0)")
            press(page, "Stylise")
            page.wait_for_timeout(800)  # it scrolls smoothly
            told(page, DONE)
            expect(result(page)).to_have_count(1)
            for part in (result(page), page.get_by_label("range slider for Strength").locator("visible=true")):
                box = part.bounding_box()
                assert box["y"] >= 0 and box["y"] + box["height"] <= height, (width, height, box)
    page.get_by_role("button", name="Advanced").click()
    accessible(page)


def test_an_error_leaves_the_result_and_an_emptied_number_its_default(open_page, tmp_path):
    text = tmp_path / "letter.jpg"
    text.write_text("Dear reader")
    page = open_page()
    press(page, "Stylise")
    told(page, "Choose a photo first.")
    choose_pair(page)
    press(page, "Stylise")
    told(page, DONE)
    before = shown(page)
    given(page, "photo").click()
    told(page, "Choose a photo first.")
    choose_photo(page, text)
    told(page, "letter.jpg is no picture of a known format")
    assert shown(page) == before

    given(page, "photo").click()
    choose_photo(page)
    told(page, DONE)
    set_number(page, "Strength", "")
    expect(page.get_by_label("number input for Strength").locator("visible=true")).to_have_value("1")


def test_before_and_after_by_keyboard_with_alternative_texts(open_page):
    page = open_page()
    choose_pair(page)
    press(page, "Stylise")
    told(page, DONE)
    assert result(page).get_attribute("alt") == f"Result: {CONTENTS[1].stem} in the style of hokusai-great-wave"
    slide = page.get_by_label("Photo on the left, result on the right").locator("visible=true")
    cut = "e => getComputedStyle(e).clipPath"
    before = result(page).evaluate(cut)
    slide.focus()
    slide.press("ArrowRight")
    assert result(page).evaluate(cut) != before


def test_paintings_are_found_by_name_and_by_chance(open_page):
    page = open_page()
    search = page.get_by_label("Search the paintings").locator("visible=true")
    grid = page.locator(".picker").locator("visible=true").locator(".grid button")
    assert grid.count() == len(STYLES)
    search.fill("gogh bridge")
    expect(grid.locator("visible=true")).to_have_count(1)
    assert "Langlois Bridge" in grid.locator("visible=true").first.get_attribute("title")
    search.fill("nobody")
    expect(page.get_by_text("No painting has such a name.")).to_be_visible()
    search.fill("")
    press(page, "Surprise me")
    expect(given(page, "painting")).to_have_count(1, timeout=PATIENCE)
    expect(page.locator(".picker button[aria-pressed=true]")).to_have_count(1)


def test_a_reload_and_a_link_bring_everything_back(open_page, page_url):
    page = open_page()
    choose_pair(page)
    set_number(page, "Strength", 0.55)
    page.wait_for_function("localStorage.wct?.includes('0.55')")  # it is kept
    press(page, "Copy a link to this painting and these settings")
    expect(page.get_by_text("The link is copied.")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    page.goto(page_url)
    ready(page)
    expect(page.get_by_label("Remove Image")).to_have_count(2, timeout=PATIENCE)
    expect(page.get_by_label("number input for Strength").locator("visible=true")).to_have_value("0.55")
    expect(page.get_by_label("number input for Size").locator("visible=true")).to_have_value(str(SMALL))

    elsewhere = open_page(at="&from=elsewhere#" + link.partition("#")[2])
    expect(elsewhere.get_by_label("Remove Image")).to_have_count(1)  # the painting, no photo
    expect(elsewhere.get_by_label("number input for Strength").locator("visible=true")).to_have_value("0.55")
    expect(elsewhere.get_by_role("button", name=WAVE).first).to_have_attribute("aria-pressed", "true")


def test_earlier_results_come_back_by_a_click(open_page):
    page = open_page()
    choose_pair(page)
    press(page, "Stylise")
    told(page, DONE)
    first = shown(page)
    set_number(page, "Strength", 0.3)
    another(page, first)
    page.get_by_role("button", name=re.compile("^Result 2")).click()
    expect(page.get_by_label("number input for Strength").locator("visible=true")).to_have_value("1")
    expect(result(page)).to_have_attribute("src", first)


def test_a_lost_server_is_said_and_the_page_comes_back(open_page):
    page = open_page()
    choose_photo(page)
    page.wait_for_timeout(1500)  # it is kept
    page.context.set_offline(True)
    expect(page.get_by_text("The server does not answer.")).to_be_visible()
    page.route("**/gradio_api/app_id", lambda route: route.fulfill(json={"app_id": 1}), times=1)  # a new server
    with page.expect_event("load", timeout=PATIENCE):
        page.context.set_offline(False)
    ready(page)
    expect(page.get_by_text("The server does not answer.")).to_have_count(0)
    expect(page.get_by_label("Remove Image")).to_have_count(1, timeout=PATIENCE)


def test_a_picture_is_pasted_anywhere_and_others_than_browsers_show_are_shown(open_page, tmp_path):
    page = open_page()
    page.evaluate("""async () => {
        const canvas = document.createElement('canvas'); canvas.width = canvas.height = 64;
        const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));
        const data = new DataTransfer(); data.items.add(new File([blob], 'pasted.png', {type: 'image/png'}));
        document.body.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true}));
    }""")
    photo = page.locator(".zone-photo").locator("visible=true")
    expect(photo.get_by_label("Remove Image")).to_have_count(1, timeout=PATIENCE)
    photo.get_by_label("Remove Image").click()
    with Image.open(CONTENTS[1]) as picture:
        picture.reduce(4).save(tmp_path / "scan.tif")
    choose_photo(page, tmp_path / "scan.tif")
    expect(photo.locator("img")).to_have_attribute("src", re.compile(r"scan\.png"))
    page.wait_for_function("(e) => e.naturalWidth > 0", arg=photo.locator("img").element_handle())


def test_a_photo_of_a_phone_is_dropped_shown_and_gone_with_the_page(open_page, tmp_path):
    pillow_heif.from_pillow(Image.open(CONTENTS[1])).save(tmp_path / "phone.heic")
    page = open_page()
    zone = page.locator(".zone-photo").locator("visible=true")
    drop(page, zone, tmp_path / "phone.heic")
    expect(zone.locator("img")).to_have_attribute("src", re.compile(r"phone\.png"), timeout=PATIENCE)
    choose_painting(page)
    ask_for(page, SMALL)
    press(page, "Stylise")
    told(page, DONE)
    files = [zone.locator("img").get_attribute("src"), shown(page)]
    assert all(urlopen(url).status == 200 for url in files)
    page.close()
    for url in files:
        with pytest.raises(HTTPError):
            for _ in range(60):
                urlopen(url)
                time.sleep(1)


def test_best_is_another_network(open_page):
    page = open_page()
    choose_pair(page)
    press(page, "Stylise")
    told(page, DONE)
    before = shown(page)
    page.get_by_label("Best").locator("visible=true").check()
    another(page, before)
    page.get_by_label("Fast").locator("visible=true").check()
    page.get_by_role("button", name="Advanced").click()
    set_number(page, "Shapes", 1)
    told(page, "Fast has no shapes: set them to 0, or take Best")


def test_sizes_are_those_that_the_photo_can_have(open_page, tmp_path):
    Image.new("RGB", (4000, 1000), "olive").save(tmp_path / "large.jpg")
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6  # as phones write photos taken upright
    Image.new("RGB", (4000, 3000), "olive").save(tmp_path / "larger.jpg", exif=turned)
    page = open_page()
    choose_photo(page, tmp_path / "large.jpg")
    expect(page.get_by_text("4000 × 1000 pixels").first).to_be_visible()
    page.get_by_label("Original size").locator("visible=true").uncheck()
    longest = page.get_by_label("range slider for Size").locator("visible=true")
    expect(longest).to_have_attribute("max", "4000")
    given(page, "photo").click()
    choose_photo(page, tmp_path / "larger.jpg")
    expect(page.get_by_text("3000 × 4000 pixels; made 2309 long").first).to_be_visible()
    expect(longest).to_have_attribute("max", "2309")


def test_an_example_fills_the_page_in_one_click(open_page):
    page = open_page()
    ask_for(page, SMALL)
    page.get_by_role("button", name=re.compile("^Example: moose")).click()
    told(page, DONE)
    expect(page.get_by_label("Remove Image")).to_have_count(2, timeout=PATIENCE)


def test_cancel(open_page):
    page = open_page()
    choose_pair(page, size=1400)
    page.get_by_label("Cascade").locator("visible=true").check()
    press(page, "Stylise")
    expect(page.get_by_text("encode").first).to_be_visible()  # the stage's name
    press(page, "Cancel")
    told(page, "Cancelled")
    set_number(page, "Size", SMALL)
    told(page, DONE)


@pytest.mark.parametrize("width, height, theme", SCREENS)
def test_layout_and_accessibility(open_page, width, height, theme):
    page = open_page(width, height, theme)
    ink = page.locator("h1").evaluate("e => getComputedStyle(e).color.match(/\\d+/g).map(Number)")
    assert max(ink[:3]) < 80 if theme == "light" else min(ink[:3]) > 180
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= width  # nothing sticks out
        nameless = page.evaluate("""() => [...document.querySelectorAll('button, input:not([type=file]), textarea')]
            .filter(e => e.checkVisibility() && !(e.ariaLabel || e.title || e.textContent.trim() || e.labels?.length))
            .map(e => e.outerHTML)""")
        assert not nameless
        accessible(page)


def test_the_page_is_light(browser, page_url):
    page, weights = browser.new_page(), {}
    page.on("response", lambda response: weights.update({response.url: response}))
    page.goto(page_url)
    ready(page)
    page.wait_for_timeout(1500)
    pictures = [int(r.headers.get("content-length", 0)) for url, r in weights.items() if re.search(r"\.jpg$", url)]
    assert len(pictures) > len(STYLES) and max(pictures) < 20_000 and sum(pictures) < 250_000
    assert weights[f"{page_url}/"].headers["content-encoding"] == "gzip"
    page.close()


def test_everything_by_keyboard(open_page):
    page = open_page()
    choose_pair(page)
    reached = set()
    page.get_by_role("tab", name="Stylise").focus()
    for _ in range(70):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("(e => e.ariaLabel || e.textContent.trim() || e.type)(document.activeElement)"))
    wanted = {"Stylise", "Cancel", "Surprise me", WAVE, "range slider for Strength"}
    assert wanted <= reached, wanted - reached
    page.get_by_role("button", name="Stylise", exact=True).press("Enter")
    told(page, DONE)


@pytest.mark.skipif("PICTURE" not in os.environ, reason="takes the picture of the page in README: PICTURE=page.jpg")
def test_the_picture_of_the_page(open_page):
    page = open_page(1280, 1000)
    page.get_by_role("button", name=re.compile("^Example: astronaut")).click()
    told(page, DONE)
    page.wait_for_timeout(3000)  # until everything stands still
    page.screenshot(path=os.environ["PICTURE"], type="jpeg", quality=80)
    assert os.path.getsize(os.environ["PICTURE"]) < 250_000
