"""Matrices and the clock of benchmarks and experiments."""

import time

import torch

from wct.runtime.trials import random_matrices, working_seconds


def test_random_matrices_have_the_condition_that_was_asked_for():
    A = random_matrices(20, 6, 1e3, torch.float64, "cpu", 0)
    values = torch.linalg.eigvalsh(A)
    assert A.shape == (20, 6, 6) and torch.equal(A, A.mT)
    assert torch.allclose(values[:, -1] / values[:, 0], torch.tensor(1e3).double())
    assert not torch.equal(A[0], A[1]) and not torch.equal(A, random_matrices(20, 6, 1e3, torch.float64, "cpu", 1))


def test_the_clock_counts_work_and_not_waiting():
    device = torch.device("cpu")
    begin = working_seconds(device)
    x = torch.ones(200, 200)
    while working_seconds(device) == begin:
        x = x @ x / 200
    if time.get_clock_info("thread_time").resolution < 1e-6:
        begin = working_seconds(device)
        time.sleep(0.3)
        assert working_seconds(device) - begin < 0.2
