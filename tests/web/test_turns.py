"""Whose turn it is, and who is refused: without a server."""

import threading
import time

import pytest

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


def test_nobody_waits_for_ever():
    turns, done = Turns(), []
    with turns.turn(1):
        old = runs(turns, [("long", 0.02)], done)  # due in 0.2 s
        time.sleep(0.3)
        threads = old + runs(Later(turns), [("short", 0.001)], done)
    for thread in threads:
        thread.join(5)
    assert done == ["long", "short"]


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


def test_the_pace_follows_the_machine():
    pace = Pace()
    for _ in range(30):
        pace.learn(2, 10.5)
        pace.learn(0.01, 0.55)
    assert pace.expected(4) == pytest.approx(20.5, rel=0.01)
