"""The tab of films in a browser, and its API; its tool is in test_api."""

import pytest
from browsing import PATIENCE, WAVE, accessible, choose_painting, press, set_number, told, upload
from common import STYLES
from films import film, panned, pictures, sound
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from playwright.sync_api import expect


def chosen(page, clip, size=96):
    page.get_by_role("tab", name="Video").click()
    upload(page, "Film", clip)
    expect(page.locator(".before-film video")).to_have_count(1, timeout=PATIENCE)
    choose_painting(page, WAVE)
    expect(page.locator(".zone-painting").locator("visible=true").get_by_label("Remove Image")).to_have_count(
        1, timeout=PATIENCE)
    set_number(page, "Size", size)


def test_a_film_is_stylised_and_played(open_page, tmp_path):
    clip = film(tmp_path / "clip.mp4", panned(24), sound="aac")
    page = open_page()
    chosen(page, clip)
    press(page, "Stylise the film")
    told(page, r"24 frames in \d+ s")
    player = page.locator(".film video")
    expect(player).to_have_count(1, timeout=PATIENCE)
    for one in (player, page.locator(".before-film video")):
        one.evaluate("(video) => { video.muted = true; return video.play(); }")
        page.wait_for_function("(video) => video.currentTime > 0.2", arg=one.element_handle())
    assert player.evaluate("(video) => [video.videoWidth, video.videoHeight, video.error]") == [96, 64, None]
    accessible(page)
    with page.expect_download() as got:
        page.locator(".film").get_by_label("Download").click()
    got.value.save_as(tmp_path / "made.mp4")
    assert len(pictures(tmp_path / "made.mp4")[0]) == 24 and sound(tmp_path / "made.mp4") == sound(clip)


def test_a_film_is_cancelled(open_page, tmp_path):
    page = open_page()
    chosen(page, film(tmp_path / "long.mp4", panned(600, (320, 180), 0.1)), 320)
    press(page, "Stylise the film")
    told(page, r"s of the film, \d+ s left")
    press(page, "Cancel")
    told(page, "Cancelled")
    expect(page.locator(".film video")).to_have_count(1, timeout=PATIENCE)


def test_what_is_no_film(open_page, tmp_path):
    (tmp_path / "clip.mp4").write_text("nothing")
    page = open_page()
    page.get_by_role("tab", name="Video").click()
    press(page, "Stylise the film")
    told(page, "Choose a film first")


def test_the_api(page_url, tmp_path):
    clip = film(tmp_path / "clip.mp4", panned(5))
    client = Client(page_url, verbose=False, download_files=tmp_path / "downloads")
    path, line = client.predict(clip=handle_file(clip), style=handle_file(STYLES[1]), size=64, api_name="/video")
    times, frames = pictures(path)
    assert len(times) == 5 and frames[0].shape == (42, 64, 3) and "5 frames in" in line
    (tmp_path / "no.mp4").write_text("nothing")
    with pytest.raises(AppError, match=r"no\.mp4 cannot be read"):
        client.predict(clip=handle_file(tmp_path / "no.mp4"), style=handle_file(STYLES[1]), api_name="/video")
