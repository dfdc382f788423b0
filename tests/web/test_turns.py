"""Whose turn it is, and who is refused: without a server."""

import threading
import time
from statistics import mean, median
from types import SimpleNamespace

import pytest

from wct.options import NETWORK
from wct.web import clips, handlers
from wct.web import turns as turns_module
from wct.web.handlers import Web
from wct.web.turns import Cancelled, Pace, Turns


def runs(turns, waiting, done):
    """Starts a run for each (name, seconds, how many wait before it is started)."""
    threads = []
    for name, seconds in waiting:
        def run(name=name, seconds=seconds):
            with turns.turn(seconds):
                done.append(name)

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        while len(turns._waiting) < len(threads):
            time.sleep(0.001)
    return threads


def test_short_runs_come_before_long_ones_one_at_a_time():
    turns, done = Turns(), []
    with turns.turn(1):
        threads = runs(turns, [("folder", 100), ("short", 1), ("shorter", 0.5)], done)
        assert not done
    for thread in threads:
        thread.join(5)
    assert done == ["shorter", "short", "folder"]


def test_a_folder_stands_behind_single_pictures_and_is_counted_by_the_picture():
    turns, lines, done = Turns(), [], []

    def folder():
        with turns.turn(2, pictures=50):
            done.append("folder")

    with turns.turn(5):
        threads = [threading.Thread(target=folder)]
        threads[0].start()
        while not turns._waiting:
            time.sleep(0.001)
        with pytest.raises(Cancelled), turns.turn(150, lines.append, lambda: bool(lines)):
            pass
        threads += runs(Later(turns), [("single", 3)], done)
    for thread in threads:
        thread.join(5)
    assert lines == ["2 before yours, about 7 s"]
    assert done == ["single", "folder"]


@pytest.fixture
def clock(monkeypatch):
    """A clock for the turns that goes on only where a test says so: [seconds]."""
    now = [0.0]
    monkeypatch.setattr(turns_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_who_was_passed_by_for_long_is_next(clock):
    turns, done = Turns(), []
    with turns.turn(1):
        old = runs(turns, [("long", 20)], done)
        clock[0] += 3 * 20
        threads = old + runs(Later(turns), [("short", 1)], done)
    for thread in threads:
        thread.join(5)
    assert done == ["long", "short"]


@pytest.mark.parametrize("picture", [0.5, 4, 20])
def test_a_folder_has_a_fair_share_beside_short_runs_that_keep_coming(clock, picture):
    """Six clients ask for one short run after the other, and a folder for 500 pictures."""
    def share_and_wait(folders):
        turns, waits, made, end, clients = Turns(), [], [], clock[0] + 300, []

        def turn(seconds, pictures=1):
            asked = clock[0]
            with turns.turn(seconds, pictures=pictures):
                waits.append((seconds, clock[0] - asked))
                while len(turns._waiting) < sum(client.is_alive() for client in clients) - 1:
                    time.sleep(0)  # until all the others have asked
                clock[0] += seconds

        def short():
            together.wait()
            while clock[0] < end:
                turn(1)

        def folder():
            together.wait()
            for left in range(500, 0, -1):
                if clock[0] < end:
                    turn(picture, left)
                    made.append(picture)

        clients += [threading.Thread(target=run) for run in [short] * 6 + [folder] * folders]
        together = threading.Barrier(len(clients))
        for client in clients:
            client.start()
        for client in clients:
            client.join(60)
        return sum(made) / 300, [wait for seconds, wait in waits if seconds == 1]

    _, alone = share_and_wait(0)
    share, beside = share_and_wait(1)
    assert share > (0.05 if picture < 1 else 0.15)  # small pictures do not ask for more
    assert median(beside) <= 1.5 * median(alone) and mean(beside) <= 1.7 * mean(alone)


class Later:
    """Turns in which one run waits already."""

    def __init__(self, turns):
        self.turns, self.turn = turns, turns.turn

    @property
    def _waiting(self):
        return self.turns._waiting[1:]


def test_a_run_that_nobody_waits_for_gives_its_place_up():
    turns, lines = Turns(), []
    with turns.turn(7), pytest.raises(Cancelled), turns.turn(1, lines.append, lambda: len(lines) > 1):
        pass
    assert lines[0] == "1 before yours, about 7 s"
    with turns.turn(1):
        pass


def test_a_full_queue_says_so():
    turns = Turns(1)
    with turns.turn(1):
        (thread,) = runs(turns, [("one", 1)], [])
        with pytest.raises(ValueError, match="The queue is full"), turns.turn(1):
            pass
    thread.join(5)


def test_a_run_that_was_let_in_is_not_refused_half_way(monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    for module in (handlers, clips):
        monkeypatch.setattr(module, "somebody_waits", lambda: lambda: True)
    monkeypatch.setattr(clips, "TURN", 0)

    def stylise_video(*_, progress, **__):
        web.turns.most = 0
        progress(1, 2, 0.1)
        return SimpleNamespace(frames=2, notes=[])

    web = Web({NETWORK.default: SimpleNamespace(max_pixels=1, stylise_video=stylise_video)}, 1)
    clips.Clips(web).made("film.mp4", "style.jpg", 64, NETWORK.default, nobody)
    with web.turn(nobody, NETWORK.default, 1, i=1, count=2):
        pass
    with pytest.raises(ValueError, match="The queue is full"), web.turn(nobody, NETWORK.default, 1, count=2):
        pass


def nobody(share, desc):
    """Is told of progress."""


def test_the_pace_follows_the_machine():
    pace = Pace()
    for _ in range(30):
        pace.learn(2, 10.5)
        pace.learn(0.01, 0.55)
    assert pace.expected(4) == pytest.approx(20.5, rel=0.01)
