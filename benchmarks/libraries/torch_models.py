"""The functions to differentiate in PyTorch; eager and torch.compile share them.

A dense layer is ``addmm``, as in PyTorch's own layers, which takes less time than ``x @ w + b``.
"""

import math
from typing import Any

import torch
from torch.nn import functional

from benchmarks.cases import EPSILON, HEADS, Case


def tensors(case: Case) -> tuple[list[Any], list[Any]]:
    """Arguments to differentiate by and data, filters and images in PyTorch's order of axes."""
    arguments, data = map(torch.tensor, case.arguments()), map(torch.tensor, case.data())
    found, given = list(arguments), list(data)
    if case.kind == "conv":
        found = [_filters(a) for a in found]
        given[0] = given[0].permute(0, 3, 1, 2).contiguous()
    return [a.requires_grad_() for a in found], given


def _filters(a: Any) -> Any:
    return a.permute(3, 2, 0, 1).contiguous() if a.ndim == 4 else a


def arrays(case: Case, found: list[Any]) -> list[Any]:
    """The arguments again, in the order of axes of the case."""
    found = [a.detach() for a in found]
    if case.kind != "conv":
        return found
    return [a.permute(2, 3, 1, 0) if a.ndim == 4 else a for a in found]


def mlp(weights: Any, x: Any, labels: Any) -> Any:
    """See `benchmarks.cases.Mlp`."""
    *pairs, w, b = weights
    for i in range(0, len(pairs), 2):
        x = torch.tanh(torch.addmm(pairs[i + 1], x, pairs[i]))
    return functional.cross_entropy(torch.addmm(b, x, w), labels)


def conv(weights: Any, x: Any, labels: Any) -> Any:
    """See `benchmarks.cases.Conv`."""
    w1, b1, w2, b2, w3, b3 = weights
    x = functional.relu(functional.conv2d(x, w1, b1))
    x = functional.relu(functional.conv2d(x, w2, b2, stride=2))
    x = functional.avg_pool2d(x, 2).permute(0, 2, 3, 1)
    return functional.cross_entropy(torch.addmm(b3, x.reshape(x.shape[0], -1), w3), labels)


def transformer(weights: Any, x: Any, target: Any) -> Any:
    """See `benchmarks.cases.Transformer`."""
    scale1, shift1, w_qkv, b_qkv, w_out, b_out, scale2, shift2, w1, b1, w2, b2 = weights
    batch, length, width = x.shape
    x, target = x.reshape(-1, width), target.reshape(-1, width)
    h = functional.layer_norm(x, (width,), scale1, shift1, EPSILON)
    qkv = torch.addmm(b_qkv, h, w_qkv).reshape(batch, length, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
    seen = functional.scaled_dot_product_attention(*qkv.unbind())
    x = x + torch.addmm(b_out, seen.transpose(1, 2).reshape(-1, width), w_out)
    h = functional.layer_norm(x, (width,), scale2, shift2, EPSILON)
    h = functional.gelu(torch.addmm(b1, h, w1), approximate="tanh")
    x = x + torch.addmm(b2, h, w2)
    return functional.mse_loss(x, target)


def gp(arguments: Any, x: Any, y: Any) -> Any:
    """See `benchmarks.cases.GaussianProcess`."""
    scales, amplitude, noise = arguments
    z = x / torch.exp(scales)
    apart = z[:, None, :] - z[None, :, :]
    kernel = torch.exp(2 * amplitude - 0.5 * (apart * apart).sum(-1))
    factor = torch.linalg.cholesky(kernel + torch.exp(2 * noise) * torch.eye(len(y), dtype=x.dtype))
    solved = torch.linalg.solve_triangular(factor, y[:, None], upper=False)
    value = 0.5 * (solved * solved).sum() + torch.log(torch.diagonal(factor)).sum()
    return value + 0.5 * len(y) * math.log(2 * math.pi)


def chain(arguments: Any) -> Any:
    """See `benchmarks.cases.Chain`."""
    (x,) = arguments
    return (torch.tanh(x) * torch.exp(-(x**2)) + torch.log1p(x**2)).sum()
