"""Many clients at once: what a folder costs those who want a single picture.

Ten minutes of it, on a machine that does nothing else: SOAK=600 python -m pytest -s tests/web/test_load.py -k soak
"""

import os
import threading
import time
from pathlib import Path
from statistics import median

import pytest
from common import CONTENTS, STYLES
from gradio_client import Client, handle_file

CLIENTS, RUNS, SIDE = 6, 3, 96
SOAK = float(os.environ.get("SOAK", 0))  # seconds
PARTS = 10  # of them, with and without a folder in turn


def client_of(url):
    return Client(url, verbose=False, download_files=False, httpx_kwargs={"timeout": 300})


def waits(clients, enough, **options):
    """Seconds from asking to having, of the single pictures of all clients at the same time, each until it has enough.

    enough: called with how many it has.
    """
    seconds = []

    def run(client, photo):
        runs = 0
        while not enough(runs):
            began = time.monotonic()
            client.predict(content=handle_file(photo), style=handle_file(STYLES[4]), size=SIDE, **options,
                           api_name="/stylise")
            seconds.append(time.monotonic() - began)
            runs += 1

    threads = [threading.Thread(target=run, args=(client, CONTENTS[i % len(CONTENTS)]))
               for i, client in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seconds


def a_folder(client, paintings):
    """Of every photo in so many paintings, at work: what tells of it."""
    folder = client.submit(
        contents=[handle_file(photo) for photo in CONTENTS], paintings=[path.stem for path in STYLES[:paintings]],
        size=3 * SIDE, api_name="/folder")
    while not folder.outputs():
        time.sleep(0.1)
    return folder


def test_a_folder_does_not_hold_single_pictures_up(page_url):
    clients = [client_of(page_url) for _ in range(CLIENTS)]
    waits(clients[:1], lambda runs: runs == RUNS)  # warm
    alone = waits(clients, lambda runs: runs == RUNS)
    folder = a_folder(client_of(page_url), 4)
    beside = waits(clients, lambda runs: runs == RUNS)
    assert not folder.done()  # it was there all the time
    folder.cancel()
    assert len(alone) == len(beside) == CLIENTS * RUNS
    assert median(beside) <= 2 * median(alone), (median(beside), median(alone))


def memory(process):
    """Megabytes of a process, on Linux."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


@pytest.mark.skipif(not SOAK, reason="it takes the minutes that SOAK says")
def test_soak_twenty_clients_one_with_a_folder(serve):
    with serve() as url:
        *clients, last = [client_of(url) for _ in range(20)]
        waits(clients, lambda runs: runs == RUNS, network="small")  # warm
        medians, used, made = {False: [], True: []}, [], 0
        for part in range(PARTS):
            beside, end = bool(part % 2), time.monotonic() + SOAK / PARTS
            folder = beside and a_folder(last, len(STYLES))
            got = waits(clients, lambda _: time.monotonic() > end, network="small")
            pictures = int(folder.outputs()[-1][-1].split()[0]) if folder else 0  # "3 of 96 pictures"
            if folder:
                folder.cancel()
            made += pictures
            medians[beside].append(median(got))
            used.append(memory(serve.processes[url]))
            print(f"\n{'beside a folder' if beside else 'alone':15} {len(got):5} pictures, median {median(got):5.2f} s,"
                  f" longest {max(got):5.2f} s; of the folder {pictures:3}; {used[-1]:5.0f} MB", end="", flush=True)
        ratio, growth = median(medians[True]) / median(medians[False]), used[-1] - used[1]
        print(f"\nratio of the medians {ratio:.2f}, pictures of the folder {made}, memory grew by {growth:.0f} MB")
        assert ratio <= 2 and made and growth < 100
