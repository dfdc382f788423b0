"""Files that clients of the page send and get; they lie in the folder of GRADIO_TEMP_DIR and go after a while."""

import os
import re
import tempfile
import time
from pathlib import Path

import gradio as gr
from gradio.processing_utils import save_base64_to_cache, save_url_to_cache


def guarded(component):
    """The component, taking no file but uploads: Gradio itself looks only at those that carry its mark."""
    preprocess, uploads = component.preprocess, Path(os.environ["GRADIO_TEMP_DIR"]).resolve()

    def check(value):
        if isinstance(value, dict):
            if value.get("path") and not Path(value["path"]).resolve().is_relative_to(uploads):
                raise gr.Error("Upload the picture first.", print_exception=False)
            value = list(value.values())
        for item in value if isinstance(value, list) else []:
            check(item)

    def checked(payload):
        if payload is not None:
            check(payload.model_dump())
        return preprocess(payload)

    component.preprocess = checked
    return component


def image_input(**options):
    """A gr.Image that hands over the file as it was uploaded: `open_picture` reads it, and says what is wrong."""
    image = gr.Image(type="filepath", image_mode=None, **options)
    image.preprocess = lambda payload: payload and payload.path
    return guarded(image)


def new_folder():
    """A folder for results, where Gradio serves them from and in time removes them."""
    return Path(tempfile.mkdtemp(dir=os.environ["GRADIO_TEMP_DIR"]))


def without_folders(message):
    """A message that names uploaded files without the folders they happen to lie in."""
    return re.sub(rf"{re.escape(os.environ['GRADIO_TEMP_DIR'])}(/[^/\s]+)*/", "", message)


def keep(paths):
    """Keep files for another while: they go some time after the last change of their status, and this is one.

    The time of their last writing stays, by which pictures are told apart.
    """
    for path in map(Path, paths):
        if path.is_file():
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))


def fetched(url):
    """The path of the picture at a URL, http(s) or data:, fetched from public addresses alone. Raises ValueError."""
    folder = os.environ["GRADIO_TEMP_DIR"]
    short = url if len(url) < 80 else f"{url[:60]}..."
    try:
        if url.startswith("data:"):
            return save_base64_to_cache(url, folder)
        if url.startswith(("http://", "https://")):
            return save_url_to_cache(url, folder)
    except Exception as error:  # of networks there are as many kinds as of pictures
        raise ValueError(f"{short} cannot be fetched ({error})") from error
    raise ValueError(f"{short} is no URL that begins with http:, https: or data:")
