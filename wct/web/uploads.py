"""Files that clients of the page send and get; they lie in the folder of GRADIO_TEMP_DIR and go after a while."""

import os
import re
import shutil
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from urllib.parse import quote

import gradio as gr
from PIL import Image

from wct.images import open_picture, save_picture, with_alpha
from wct.runtime.files import NoSpaceError, check_space
from wct.web.gradio_internals import save_base64_to_cache, save_url_to_cache, with_preprocess

SHOWN = ("JPEG", "PNG", "WEBP", "GIF", "BMP")  # formats that every browser shows
THUMBNAIL = 180  # pixels
FULL = "The server's disk is full: try again later, or tell whoever runs it."


def folder():
    return Path(os.environ["GRADIO_TEMP_DIR"])


def guarded(component, default=None):
    """The component, taking no file but uploads, and nothing for its default.

    Gradio itself looks only at files that carry its mark.
    """
    preprocess = type(component).preprocess

    def checked(self, payload):
        if payload is None:
            return default
        _check(payload.model_dump() if hasattr(payload, "model_dump") else payload)
        return preprocess(self, payload)

    return with_preprocess(component, checked)


def _check(value):
    """Raise gr.Error for a path inside that is no upload."""
    if isinstance(value, dict):
        if value.get("path") and not Path(value["path"]).resolve().is_relative_to(folder().resolve()):
            raise gr.Error("Upload the picture first.", print_exception=False)
        value = list(value.values())
    for item in value if isinstance(value, list) else []:
        _check(item)


def image_input(**options):
    """A gr.Image that hands over the file as it was uploaded: `open_picture` reads it, and says what is wrong."""
    image = gr.Image(type="filepath", image_mode=None, **options)
    return guarded(with_preprocess(image, lambda self, payload: payload.path))


def new_folder():
    """A folder for results, where Gradio serves them from and in time removes them."""
    return Path(tempfile.mkdtemp(dir=folder()))


def served(path):
    """A file for a component drawn in HTML: Gradio adds its address."""
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}}


def without_folders(message):
    """A message that names uploaded files without the folders they happen to lie in."""
    return re.sub(rf"{re.escape(str(folder()))}(/[^/\s]+)*/", "", message)


def shipped(path):
    """A picture that comes with the program, which Gradio copies for a client. Raises gr.Error where it has no room."""
    try:
        check_space(folder(), path.stat().st_size)
    except NoSpaceError:
        raise gr.Error(FULL, print_exception=False) from None
    return str(path)


def keep(paths):
    """Keep files for another while: they go some time after the last change of their status, and this is one.

    The time of their last writing stays, by which pictures are told apart.
    """
    for path in map(Path, paths):
        if path.is_file():
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))


def fetched(url):
    """The path of the picture at a URL, http(s) or data:, fetched from public addresses alone. Raises ValueError."""
    short = url if len(url) < 80 else f"{url[:60]}..."
    try:
        if url.startswith("data:"):
            return save_base64_to_cache(url, str(folder()))
        if url.startswith(("http://", "https://")):
            return save_url_to_cache(url, str(folder()))
    except Exception as error:  # of networks there are as many kinds as of pictures
        raise ValueError(f"{short} cannot be fetched ({error})") from error
    raise ValueError(f"{short} is no URL that begins with http:, https: or data:")


def showable(path):
    """The picture as a file that browsers show: itself, or a PNG of the same name. Raises PictureError."""
    try:
        with Image.open(path) as image:
            if image.format in SHOWN and image.mode not in ("CMYK", "I;16"):
                return path
    except Exception:  # whatever it is, open_picture says it better
        pass
    picture = open_picture(path)
    shown = new_folder() / f"{Path(path).stem}.png"
    save_picture(with_alpha(picture.rgb, picture.alpha), shown)
    return str(shown)


def thumbnails(paths):
    """{path: the address of a small JPEG of it}, in a folder of their own."""
    into, made = new_folder(), {}
    for path in paths:
        small = into / f"{path.stem}.jpg"
        with Image.open(path) as image:
            image.draft("RGB", (2 * THUMBNAIL, 2 * THUMBNAIL))
            image.thumbnail((THUMBNAIL, THUMBNAIL))
            image.save(small, quality=80)
        made[path] = f"gradio_api/file={quote(str(small))}"
    return made


class Ledger:
    """Which files are whose: those of a client go when it leaves, unless another one has them too.

    By folder, as uploads of the same content lie in one, whatever they are called.
    """

    def __init__(self):
        self._owners, self._lock = defaultdict(set), threading.Lock()

    def add(self, client, paths):
        with self._lock:
            for path in filter(None, paths):
                home = Path(path).resolve().parent
                if folder().resolve() in home.parents:
                    self._owners[home].add(client)

    def left(self, client):
        """Remove what only this client had."""
        with self._lock:
            for home in [home for home, owners in self._owners.items() if client in owners]:
                self._owners[home].discard(client)
                if not self._owners[home]:
                    del self._owners[home]
                    shutil.rmtree(home, ignore_errors=True)
