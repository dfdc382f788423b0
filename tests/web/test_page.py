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
PATIENCE = 120_000  # milliseconds
TABS = ("Stylise", "Mix", "Gallery", "Texture", "Compare", "Folder")
WAVE = "Katsushika Hokusai: The Great Wave off Kanagawa, c. 1831"
DONE = r"\d s \(encode"
SMALL = 96


@pytest.fixture(scope="module")
def browser():
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


def ready(page):
    expect(page.get_by_role("button", name="Stylise", exact=True)).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".picker .grid button").first).to_be_visible(timeout=PATIENCE)


def upload(page, label, *paths):
    """Upload into the visible input of that label."""
    box = page.locator(".block", has=page.get_by_text(label, exact=True)).locator("input[type=file]")
    box.locator("visible=true").or_(box).last.set_input_files(list(map(str, paths)))


def given(page, kind):
    """The buttons that take photos or paintings away again."""
    return page.locator(f".zone-{kind}").locator("visible=true").get_by_label("Remove Image")


def weights(page):
    """Of the paintings to mix."""
    return page.get_by_label(re.compile("^number input for Weight")).locator("visible=true")


def choose_photo(page, content=CONTENTS[1]):
    box = page.locator(".zone-photo").locator("visible=true").locator("input[type=file]")
    box.first.set_input_files(str(content))
    expect(given(page, "photo")).to_have_count(1, timeout=PATIENCE)


def choose_painting(page, name=WAVE):
    page.locator(".picker").locator("visible=true").get_by_role("button", name=name).first.click()


def choose_pair(page, content=CONTENTS[1], size=SMALL):
    choose_photo(page, content)
    choose_painting(page)
    expect(given(page, "painting")).to_have_count(1, timeout=PATIENCE)
    ask_for(page, size)


def ask_for(page, size):
    """A size other than the photo's."""
    page.get_by_label("Original size").locator("visible=true").uncheck()
    set_number(page, "Size", size)


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


def result(page):
    return page.locator(".compare .after").locator("visible=true")


def shown(page):
    """The address of the result that is on the page."""
    return result(page).get_attribute("src")


def another(page, before):
    """Wait for another result."""
    expect(page.locator(f".compare .after[src='{before}']")).to_have_count(0, timeout=PATIENCE)
    return shown(page)


def download(page, name, path):
    with page.expect_download() as got:
        press(page, name)
    got.value.save_as(path)
    return got.value.suggested_filename


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
    choose_pair(page, size=700)
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


def test_on_a_phone_the_result_and_its_strength_come_into_sight(open_page):
    page = open_page(390, 844)
    choose_pair(page)
    press(page, "Stylise")
    told(page, DONE)
    page.wait_for_timeout(800)  # it scrolls smoothly
    for part in (result(page), page.get_by_label("range slider for Strength").locator("visible=true")):
        box = part.bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 844, box


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
    page.wait_for_timeout(1000)  # it is kept
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
    page.wait_for_timeout(500)
    page.context.set_offline(True)
    expect(page.get_by_text("The server does not answer.")).to_be_visible(timeout=15_000)
    page.route("**/gradio_api/app_id", lambda route: route.fulfill(json={"app_id": 1}), times=1)  # a new server
    with page.expect_event("load", timeout=30_000):
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


def test_sizes_are_those_that_the_photo_can_have(open_page, tmp_path):
    Image.new("RGB", (4000, 1000), "olive").save(tmp_path / "large.jpg")
    Image.new("RGB", (4000, 3000), "olive").save(tmp_path / "larger.jpg")
    page = open_page()
    choose_photo(page, tmp_path / "large.jpg")
    expect(page.get_by_text("4000 × 1000 pixels").first).to_be_visible()
    page.get_by_label("Original size").locator("visible=true").uncheck()
    longest = page.get_by_label("range slider for Size").locator("visible=true")
    expect(longest).to_have_attribute("max", "4000")
    given(page, "photo").click()
    choose_photo(page, tmp_path / "larger.jpg")
    expect(page.get_by_text("4000 × 3000 pixels; made 2309 long").first).to_be_visible()
    expect(longest).to_have_attribute("max", "2309")


def test_an_example_fills_the_page_in_one_click(open_page):
    page = open_page()
    ask_for(page, SMALL)
    page.get_by_role("button", name=re.compile("^Example: moose")).click()
    told(page, DONE)
    expect(page.get_by_label("Remove Image")).to_have_count(2, timeout=PATIENCE)


def test_all_paintings_at_once_each_a_click_from_the_full_picture(open_page):
    page = open_page()
    choose_pair(page)
    page.get_by_role("tab", name="Gallery").click()  # the photo comes along
    press(page, "Show all paintings")
    told(page, f"All {len(STYLES)} paintings")
    tiles = page.locator(".wall").locator("visible=true").get_by_role("button")
    page.wait_for_timeout(300)
    assert tiles.count() == len(STYLES)
    tiles.nth(8).click()
    expect(page.get_by_role("tab", name="Stylise")).to_have_attribute("aria-selected", "true")
    told(page, DONE)
    expect(result(page)).to_have_attribute("alt", re.compile(STYLES[8].stem))


def test_compare_backends(open_page, tmp_path):
    page = open_page()
    choose_pair(page)
    page.get_by_role("tab", name="Compare").click()
    set_number(page, "Size", 128)
    set_number(page, "Repeats", 1)
    press(page, "Compare")  # on the pair chosen on the first tab
    told(page, "Medians of 1")
    expect(page.get_by_text(re.compile(r"zolotarev: \d+ of \d+ ms")).locator("visible=true").first).to_be_visible()
    download(page, "Download the table as CSV", tmp_path / "table.csv")
    rows = {row["backend"]: row for row in csv.DictReader((tmp_path / "table.csv").open())}
    assert set(rows) == {"mpa", "zolotarev", "svd"}
    for row in rows.values():
        stages = [float(row[f"{stage} ms"]) for stage in ("encode", "transform", "decode")]
        assert min(stages) > 0 and sum(stages) == pytest.approx(float(row["total ms"]), abs=0.2)
        assert float(row["residual"]) < 1e-2 and float(row["PSNR to svd, dB"]) > 35
    set_number(page, "Repeats", 2)
    told(page, "The settings have changed since")


def test_folder(open_page, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_text("not a picture")
    twin = tmp_path / "twin" / CONTENTS[0].name
    twin.parent.mkdir()
    twin.write_bytes(CONTENTS[1].read_bytes())
    page = open_page()
    page.get_by_role("tab", name="Folder").click()
    upload(page, "Photos", CONTENTS[0], broken, twin)
    page.get_by_label("Paintings that come with the program").click()
    page.get_by_role("option", name="The Great Wave").click()
    page.keyboard.press("Escape")
    ask_for(page, SMALL)
    press(page, "Stylise all")
    assert "1 failed" in told(page, "2 pictures in")
    expect(page.get_by_text("broken.jpg is no picture of a known format").locator("visible=true").first).to_be_visible()
    download(page, "Download all as a zip", tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        names = archive.namelist()
        assert names == [f"{CONTENTS[0].stem}{number}__hokusai-great-wave.png" for number in ("", "-2")]
        for name in names:
            with Image.open(archive.open(name)) as picture:
                picture.load()
                assert max(picture.size) == SMALL


def test_a_cancelled_folder_gives_what_it_has_made(open_page, tmp_path):
    page = open_page()
    page.get_by_role("tab", name="Folder").click()
    upload(page, "Photos", *CONTENTS)
    page.get_by_label("Paintings that come with the program").click()
    for name in ("The Great Wave", "Poppies", "Composition VIII"):
        page.get_by_role("option", name=name).click()
    page.keyboard.press("Escape")
    ask_for(page, 256)
    press(page, "Stylise all")
    told(page, "[1-9] of 18 pictures")
    press(page, "Cancel")
    made = int(re.search(r"Cancelled\. (\d+) of 18", told(page, "Cancelled")).group(1))
    download(page, "Download all as a zip", tmp_path / "some.zip")
    with zipfile.ZipFile(tmp_path / "some.zip") as archive:
        assert 0 < len(archive.namelist()) == made < 18


def test_a_mask_painted_on_the_photo(open_page, tmp_path):
    page = open_page()
    page.get_by_role("tab", name="Mix").click()
    expect(weights(page)).to_have_count(1)  # others on demand
    choose_photo(page)
    choose_painting(page)
    page.get_by_role("button", name=re.compile("Where painting 1 applies")).click()
    canvas = page.locator("canvas").locator("visible=true").first
    expect(canvas).to_be_visible(timeout=PATIENCE)
    page.wait_for_timeout(2000)  # the photo is drawn
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 3)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2, steps=8)
    page.mouse.up()
    page.wait_for_timeout(1000)
    ask_for(page, 128)
    press(page, "Mix")
    told(page, DONE)
    download(page, "Download PNG", tmp_path / "mix.png")
    with Image.open(tmp_path / "mix.png") as made, Image.open(CONTENTS[1]) as photo:
        change = np.abs(np.asarray(made, dtype=int) - np.asarray(photo.convert("RGB").resize(made.size), dtype=int))
    assert change[:, 70:].mean() < 6 and change[:, 10:60].max() > 60


def test_paintings_to_mix_come_one_by_one(open_page):
    page = open_page()
    page.get_by_role("tab", name="Mix").click()
    choose_photo(page)
    for number, name in enumerate((WAVE, "Wassily Kandinsky: Composition VIII, 1923"), 1):
        choose_painting(page, name)
        expect(weights(page)).to_have_count(number)
        expect(given(page, "painting")).to_have_count(number, timeout=PATIENCE)
    ask_for(page, SMALL)
    press(page, "Mix")
    told(page, DONE)
    press(page, "Add a painting")
    expect(weights(page)).to_have_count(3)


def test_texture(open_page, tmp_path):
    page = open_page()
    page.get_by_role("tab", name="Texture").click()
    choose_painting(page)
    expect(page.get_by_label("Remove Image")).to_have_count(1, timeout=PATIENCE)
    set_number(page, "Width", 128)
    set_number(page, "Height", 64)
    press(page, "Make a texture")
    told(page, DONE)
    download(page, "Download PNG", tmp_path / "texture.png")
    assert Image.open(tmp_path / "texture.png").size == (128, 64)


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


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_layout_and_accessibility(open_page, width, theme):
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(width, 844, theme)
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= width  # nothing sticks out
        nameless = page.evaluate("""() => [...document.querySelectorAll('button, input:not([type=file]), textarea')]
            .filter(e => e.checkVisibility() && !(e.ariaLabel || e.title || e.textContent.trim() || e.labels?.length))
            .map(e => e.outerHTML)""")
        assert not nameless
        found = [rule for rule in Axe().run(page).response["violations"] if rule["impact"] in ("serious", "critical")]
        assert not found, [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found]
    ink = page.locator("h1").evaluate("e => getComputedStyle(e).color.match(/\\d+/g).map(Number)")
    assert max(ink[:3]) < 80 if theme == "light" else min(ink[:3]) > 180


def test_a_page_with_a_result_is_accessible_too(open_page):
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(theme="dark")
    choose_pair(page)
    press(page, "Stylise")
    told(page, DONE)
    page.get_by_role("button", name="Advanced").click()
    found = [rule for rule in Axe().run(page).response["violations"] if rule["impact"] in ("serious", "critical")]
    assert not found, [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found]


def test_the_page_is_light(browser, page_url):
    page, weights = browser.new_page(), {}
    page.on("response", lambda response: weights.update({response.url: response}))
    page.goto(page_url)
    ready(page)
    page.wait_for_timeout(1500)
    pictures = [int(r.headers.get("content-length", 0)) for url, r in weights.items() if re.search(r"\.jpg$", url)]
    assert len(pictures) > len(STYLES) and max(pictures) < 170_000 and sum(pictures) < 500_000
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
