"""The page in a real browser: the tabs but the first."""

import csv
import re
import zipfile
from io import BytesIO

import numpy as np
import pytest
from browsing import (
    DONE,
    PATIENCE,
    SMALL,
    WAVE,
    accessible,
    ask_for,
    choose_painting,
    choose_pair,
    choose_photo,
    download,
    drop,
    given,
    press,
    result,
    set_number,
    told,
    upload,
    weights,
)
from common import CONTENTS, STYLES
from PIL import Image
from playwright.sync_api import expect


def test_all_paintings_at_once_each_a_click_from_the_full_picture(open_page):
    page = open_page()
    choose_pair(page)
    page.get_by_role("tab", name="Gallery").click()  # the photo comes along
    expect(given(page, "photo")).to_have_count(1, timeout=PATIENCE)
    press(page, "Show all paintings")
    told(page, f"All {len(STYLES)} paintings")
    tiles = page.locator(".wall").locator("visible=true").get_by_role("button")
    page.wait_for_timeout(300)
    assert tiles.count() == len(STYLES)
    accessible(page)
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
    accessible(page)
    download(page, "Download the table as CSV", tmp_path / "table.csv")
    rows = {row["backend"]: row for row in csv.DictReader((tmp_path / "table.csv").open())}
    assert set(rows) == {"mpa", "zolotarev", "svd"}
    for row in rows.values():
        stages = [float(row[f"{stage} ms"]) for stage in ("encode", "transform", "decode")]
        assert min(stages) > 0 and sum(stages) == pytest.approx(float(row["total ms"]), abs=0.2)
        assert float(row["residual"]) < 1e-2 and float(row["PSNR to svd, dB"]) > 35
    set_number(page, "Repeats", 2)
    told(page, "The settings have changed since")


def test_a_change_during_a_run_marks_what_comes_of_it(open_page):
    page = open_page()
    choose_pair(page)
    page.get_by_role("tab", name="Compare").click()
    wave = page.locator(".picker").locator("visible=true").get_by_role("button", name=WAVE)
    expect(wave).to_have_attribute("aria-pressed", "true")  # it came along
    set_number(page, "Size", 128)
    press(page, "Compare")
    set_number(page, "Repeats", 4)
    told(page, "The settings have changed since")
    expect(page.get_by_text(re.compile(r"svd: \d+ of \d+ ms")).locator("visible=true").first).to_be_visible()


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
    accessible(page)
    download(page, "Download all as a zip", tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        names = archive.namelist()
        assert names == [f"{CONTENTS[0].stem}{number}__hokusai-great-wave.png" for number in ("", "-2")]
        for name in names:
            with Image.open(archive.open(name)) as picture:
                picture.load()
                assert max(picture.size) == SMALL


def test_a_dropped_folder_is_taken_with_all_inside(open_page, tmp_path):
    (tmp_path / "trip" / "day").mkdir(parents=True)
    for name in ("trip/one.jpg", "trip/day/two.png"):
        Image.new("RGB", (64, 64), "olive").save(tmp_path / name)
    (tmp_path / "trip" / "notes.txt").write_text("Nice weather")
    page = open_page()
    page.get_by_role("tab", name="Folder").click()
    zone = page.locator(".takes-photos").locator("visible=true").first
    drop(page, zone, tmp_path / "trip")
    expect(page.get_by_text("2 of the 3 files dropped are pictures.")).to_be_visible()
    expect(zone).to_contain_text("one")
    expect(zone).to_contain_text("two")
    Image.new("RGB", (64, 64), "navy").save(tmp_path / "three.png")
    with page.expect_file_chooser() as chooser:
        zone.get_by_label("Add files").press("Enter")
    chooser.value.set_files(tmp_path / "three.png")
    expect(zone).to_contain_text("three")
    expect(zone).to_contain_text("one")


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
    canvas.scroll_into_view_if_needed()
    for _ in range(40):  # until the photo is drawn
        page.wait_for_timeout(500)
        with Image.open(BytesIO(canvas.screenshot())) as seen:
            if np.asarray(seen.convert("L")).std() > 20:
                break
    page.wait_for_timeout(1000)
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
    page.get_by_label("Clear canvas").click()  # keeps the photo under the brush
    page.wait_for_timeout(2000)
    with Image.open(BytesIO(canvas.screenshot())) as seen:
        assert np.asarray(seen.convert("L")).std() > 20
    accessible(page)


def test_paintings_to_mix_come_one_by_one(open_page):
    page = open_page()
    page.get_by_role("tab", name="Mix").click()
    choose_photo(page)
    for number, name in enumerate((WAVE, "Wassily Kandinsky: Composition VIII, 1923"), 1):
        choose_painting(page, name)
        expect(weights(page)).to_have_count(number)
        expect(given(page, "painting")).to_have_count(number, timeout=PATIENCE)
    chosen = page.locator(".picker button[aria-pressed=true]").locator("visible=true")
    expect(chosen).to_have_count(2)
    given(page, "painting").last.click()
    expect(chosen).to_have_count(1)
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
    accessible(page)
