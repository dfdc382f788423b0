"""What tests of the page in a browser share: what somebody does there, and waits for."""

import re

from axe_playwright_python.sync_playwright import Axe
from common import CONTENTS
from playwright.sync_api import expect

PATIENCE = 120_000  # milliseconds
WAVE = "Katsushika Hokusai: The Great Wave off Kanagawa, c. 1831"
DONE = r"\d s \(encode"
SMALL = 96
expect.set_options(timeout=PATIENCE)  # a busy machine is slow


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


WATCH = """() => {
    window.moved = false;
    new MutationObserver(() => { window.moved ||= !!document.querySelector(".pending"); })
        .observe(document.body, {subtree: true, childList: true, attributeFilter: ["class"]});
    document.addEventListener("transitionrun", () => { window.moved = true; });
}"""  # whether a run begins on the page, or its colours change


def accessible(page):
    """See to it that axe finds nothing serious on the page as it stands; in the other theme are other colours."""
    for options in ({"rules": {"target-size": {"enabled": True}}}, {"runOnly": ["color-contrast"]}):
        for _ in range(3):
            expect(page.locator(".pending")).to_have_count(0)  # texts are faint while a run is on its way
            page.wait_for_timeout(300)  # colours change smoothly
            page.evaluate(WATCH)
            found = Axe().run(page, options=options).response["violations"]
            grave = [rule for rule in found if rule["impact"] in ("serious", "critical")]
            if not page.evaluate("window.moved"):
                break  # else a run began while axe looked, at texts that were faint for it
        assert not grave, [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in grave]
        page.evaluate("document.body.classList.toggle('dark')")


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


def drop(page, zone, *paths):
    """Drop files or folders on a part of the page."""
    box, session = zone.bounding_box(), page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {
            "type": kind, "x": box["x"] + 80, "y": box["y"] + 80,
            "data": {"items": [], "files": list(map(str, paths)), "dragOperationsMask": 1}})
