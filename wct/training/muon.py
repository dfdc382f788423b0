"""The optimiser of `wct.training`."""

import torch

from wct.sqrtm import matrix_inverse_sqrt

RIDGE = 1e-5  # relative to the mean eigenvalue of G G^T: what lies below is noise


def polar_factor(G):
    """U V^T = (G G^T)^{-1/2} G for G = U S V^T (n, m): the orthogonal matrix nearest to G; directions lost in
    rounding are left out."""
    if G.shape[0] > G.shape[1]:
        return polar_factor(G.mT).mT
    G = G / G.abs().amax().clamp(min=torch.finfo(G.dtype).tiny)  # so that nothing below leaves the range of the dtype
    G = G * (len(G) ** 0.5 / torch.linalg.matrix_norm(G).clamp(min=1))
    gram = G @ G.mT
    gram.diagonal().add_(RIDGE)
    return matrix_inverse_sqrt(gram, "zolotarev", lower=RIDGE) @ G


class Muon(torch.optim.Optimizer):
    """Steps along the polar factor of the momentum (Jordan et al., "Muon", 2024), so that a weight matrix learns as
    fast in its faint directions as in its strong ones. Kernels are matrices (out, rest), biases are columns.

    lr: the step has a root mean square of 0.2 lr, about that of Adam with the same rate (Liu et al., "Muon is
    scalable for LLM training", 2025).
    """

    def __init__(self, params, lr=1e-4, momentum=0.95):
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["momentum"] = torch.zeros_like(p)
                momentum = state["momentum"].mul_(group["momentum"]).add_(p.grad)
                ahead = p.grad.add(momentum, alpha=group["momentum"])  # Nesterov's
                matrix = ahead.flatten(1) if p.ndim > 1 else ahead[:, None]
                step = polar_factor(matrix).view_as(ahead)
                p.add_(step, alpha=-0.2 * group["lr"] * max(matrix.shape) ** 0.5)
