"""Many clients at once: what a folder costs those who want a single picture."""

import threading
import time
from statistics import median

from common import CONTENTS, STYLES
from gradio_client import Client, handle_file

CLIENTS, RUNS, SIDE = 6, 3, 96


def waits(clients):
    """Seconds from asking to having, of RUNS single pictures of every client, all at the same time."""
    seconds = []

    def run(client, photo):
        for _ in range(RUNS):
            began = time.monotonic()
            client.predict(content=handle_file(photo), style=handle_file(STYLES[4]), size=SIDE, api_name="/stylise")
            seconds.append(time.monotonic() - began)

    threads = [threading.Thread(target=run, args=pair) for pair in zip(clients, CONTENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seconds) == len(clients) * RUNS
    return seconds


def test_a_folder_does_not_hold_single_pictures_up(page_url, tmp_path):
    clients = [Client(page_url, verbose=False, download_files=tmp_path) for _ in range(CLIENTS)]
    waits(clients[:1])  # warm
    alone = median(waits(clients))
    folder = Client(page_url, verbose=False, download_files=tmp_path).submit(
        contents=[handle_file(photo) for photo in CONTENTS], paintings=[path.stem for path in STYLES[:4]],
        size=3 * SIDE, api_name="/folder")
    while not folder.outputs():
        time.sleep(0.1)
    beside = median(waits(clients))
    assert not folder.done()  # it was there all the time
    assert beside <= 2 * alone, (beside, alone)
    folder.cancel()
