"""Beside what a browser shows, where Chromium is installed."""

import base64
import struct
import zlib

import numpy as np
import pytest
from common import CHROMIUM
from pictures import ADOBE_RGB, bmp, cmyk_profile, exif, gamma, icc, noise, png, rgb_profile
from PIL import Image

from wct.images import open_picture

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium")

DRAW = """async ([kind, data]) => {
  const image = new Image();
  image.src = `data:image/${kind};base64,${data}`;
  document.body.replaceChildren(image);
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d", {colorSpace: "srgb", willReadFrequently: true});
  context.drawImage(image, 0, 0);
  return [canvas.width, canvas.height, Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data)];
}"""
RNG = np.random.default_rng(1)
COLOURS = RNG.integers(0, 256, (4, 6, 3), dtype=np.uint8)
ALPHA = RNG.integers(90, 256, (4, 6, 1), dtype=np.uint8)


@pytest.fixture(scope="module")
def browser():
    """A function of a path: the pixels (H, W, 4) that Chromium shows."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--force-color-profile=srgb"])
        page = chromium.new_page()

        def show(path):
            kind = {"jpg": "jpeg"}.get(path.suffix[1:], path.suffix[1:])
            width, height, data = page.evaluate(DRAW, [kind, base64.b64encode(path.read_bytes()).decode()])
            return np.array(data).reshape(height, width, 4)

        yield show
        chromium.close()


def compare(browser, path, most, mean=None):
    shown, picture = browser(path), open_picture(path)
    assert picture.size == shown.shape[1::-1], path.name
    alpha = 255 if picture.alpha is None else np.asarray(picture.alpha).astype(int)
    assert np.abs(alpha - shown[..., 3]).max() <= 1, path.name
    off = np.abs(np.asarray(picture.rgb).astype(int) - shown[..., :3])[shown[..., 3] > 0]
    assert off.max() <= most and (mean is None or off.mean() <= mean), (path.name, off.max(), off.mean())


def number(value):
    return struct.pack(">I", round(100000 * value))


def test_chunks_of_png(browser, tmp_path):
    wide = b"".join(map(number, (0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)))
    warm = b"".join(map(number, (0.3457, 0.3585, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)))
    profile = b"x\0\0" + zlib.compress(rgb_profile(ADOBE_RGB, 1.8))
    for i, chunks in enumerate((
        {}, {"gAMA": number(1)}, {"gAMA": number(0.45455)}, {"gAMA": number(0.55)}, {"cHRM": wide},
        {"gAMA": number(0.45455), "cHRM": wide}, {"gAMA": number(0.7), "cHRM": warm},
        {"sRGB": b"\0", "gAMA": number(1), "cHRM": wide}, {"gAMA": number(1), "sRGB": b"\0"},
        {"iCCP": profile}, {"iCCP": profile, "gAMA": number(1), "cHRM": wide}, {"iCCP": profile, "sRGB": b"\0"},
        {"iCCP": b"x\0\0" + zlib.compress(b"junk"), "gAMA": number(1)},
        {"cICP": bytes([12, 13, 0, 1])}, {"cICP": bytes([9, 1, 0, 1]), "iCCP": profile}, {"cICP": bytes([1, 8, 0, 1])},
    )):
        compare(browser, png(tmp_path / f"{i}.png", (6, 4), 8, 2, [row.tobytes() for row in COLOURS], **chunks), 2)


def test_greys_keys_and_alpha_of_png(browser, tmp_path):
    linear = {"iCCP": b"x\0\0" + zlib.compress(icc(b"GRAY", b"XYZ ", kTRC=gamma(1.0)))}
    grey, deep = COLOURS[..., :1], (COLOURS.astype(">u2") * 256)
    both = np.concatenate([COLOURS, ALPHA], axis=-1)
    for name, depth, colour, rows, chunks in (
        ("grey", 8, 0, grey, {}), ("linear", 8, 0, grey, linear), ("gamma", 8, 0, grey, {"gAMA": number(1)}),
        ("key", 8, 0, grey, {"tRNS": struct.pack(">H", grey[1, 1, 0])}),
        ("deep", 16, 0, deep[..., :1], {}),
        ("deep key", 16, 0, deep[..., :1], {"tRNS": deep[1, 1, :1].tobytes()}),
        ("deep colours", 16, 2, deep, {}), ("deep colour key", 16, 2, deep, {"tRNS": deep[2, 2].tobytes()}),
        ("alpha", 8, 6, both, {}), ("grey and alpha", 8, 4, both[..., 2:], {}),
        ("gamma and alpha", 8, 6, both, {"gAMA": number(0.8)}),
        ("deep grey and alpha", 16, 4, both[..., 2:].astype(">u2") * 257, {}),
    ):
        # the canvas holds colours times alpha in 8 bits
        most = 3 if "alpha" in name else 1
        path = png(tmp_path / f"{name}.png", (6, 4), depth, colour, [row.tobytes() for row in rows], **chunks)
        compare(browser, path, most)
    for depth in (1, 2, 4):
        rows = [bytes([0b01101100]), bytes([0b10010011])]
        compare(browser, png(tmp_path / f"{depth}.png", (8 // depth, 2), depth, 0, rows, tRNS=b"\0\1"), 1)


def test_photos(browser, tmp_path):
    image, wide = noise(96, 64), {"icc_profile": rgb_profile(ADOBE_RGB)}
    for name, options in (
        ("plain.jpg", {}), ("turned.jpg", {"exif": exif(6)}), ("wide.jpg", wide), ("a.webp", {}),
        ("progressive.jpg", {"progressive": True}), ("wide.webp", wide), ("a.gif", {}), ("a.bmp", {}), ("a.avif", {}),
        ("wide.avif", wide),
    ):
        image.save(tmp_path / name, **{"quality": 95} | options)
        compare(browser, tmp_path / name, 12, 1.5)
    for mode in ("L", "CMYK"):
        image.convert(mode).save(tmp_path / f"{mode}.jpg", quality=95)
        compare(browser, tmp_path / f"{mode}.jpg", 6, 1.5)
    compare(browser, bmp(tmp_path / "wide.bmp", image, rgb_profile(ADOBE_RGB)), 2)
    image.convert("CMYK").save(tmp_path / "inks.jpg", quality=95, icc_profile=cmyk_profile())
    compare(browser, tmp_path / "inks.jpg", 12, 4)


def test_a_cut_jpeg(browser, tmp_path):
    image = noise(96, 64)
    image.save(tmp_path / "cut.jpg", quality=95, subsampling=0)
    data = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) * 3 // 4])
    shown = browser(tmp_path / "cut.jpg")
    picture = open_picture(tmp_path / "cut.jpg")
    assert np.abs(np.asarray(picture.rgb).astype(int) - shown[..., :3])[:40].max() <= 2


def test_results(browser, tmp_path):
    """What is written is shown as it was meant."""
    from wct.images import save_picture

    for suffix in ("png", "jpg", "webp"):
        path = tmp_path / f"a.{suffix}"
        save_picture(noise(96, 64), path)
        assert np.abs(browser(path)[..., :3] - np.asarray(noise(96, 64)).astype(int)).mean() < 2
        with Image.open(path) as image:
            assert "srgb" in image.info or "icc_profile" in image.info
