"""Values and gradients by hand in NumPy, with temporaries written over where that is easy."""

import math
from typing import Any

import numpy as np

from benchmarks.cases import EPSILON, HEADS

Result = tuple[Any, list[Any]]


def _cross_entropy(logits: Any, labels: Any) -> tuple[Any, Any]:
    """The mean loss, and its gradient by the logits, which are written over."""
    rows = np.arange(len(labels))
    logits -= logits.max(axis=1, keepdims=True)
    e = np.exp(logits)
    total = e.sum(axis=1, keepdims=True)
    loss = np.mean(np.log(total[:, 0]) - logits[rows, labels])
    e /= total
    e[rows, labels] -= 1
    e /= len(labels)
    return loss, e


def mlp(weights: list[Any], x: Any, labels: Any) -> Result:
    """See `benchmarks.cases.Mlp`."""
    last = len(weights) // 2 - 1
    h, kept = x, []
    for i in range(last + 1):
        kept.append(h)
        h = h @ weights[2 * i]
        h += weights[2 * i + 1]
        if i < last:
            np.tanh(h, out=h)
    loss, g = _cross_entropy(h, labels)
    grads: list[Any] = [None] * len(weights)
    for i in range(last, -1, -1):
        h = kept[i]
        grads[2 * i], grads[2 * i + 1] = h.T @ g, g.sum(axis=0)
        if i:
            g = g @ weights[2 * i].T
            h *= h
            np.subtract(1, h, out=h)
            g *= h
    return loss, grads


def _patches(x: Any, step: int) -> Any:
    """What each place of a 3x3 convolution sees, as rows of a matrix: (rows, 9 channels)."""
    seen = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
    seen = seen[:, ::step, ::step].transpose(0, 1, 2, 4, 5, 3)
    return seen.reshape(-1, 9 * x.shape[-1])


def _from_patches(g: Any, shape: tuple[int, ...], step: int, rows: int, columns: int) -> Any:
    """The transpose of `_patches`."""
    n, _, _, channels = shape
    g = g.reshape(n, rows, columns, 3, 3, channels)
    out = np.zeros(shape, g.dtype)
    for i in range(3):
        for j in range(3):
            place = out[:, i : i + step * rows : step, j : j + step * columns : step]
            place += g[:, :, :, i, j]
    return out


def conv(weights: list[Any], x: Any, labels: Any) -> Result:
    """See `benchmarks.cases.Conv`."""
    w1, b1, w2, b2, w3, b3 = weights
    n, side, c1, c2 = len(x), x.shape[1], len(b1), len(b2)
    side1 = side - 2
    side2 = (side1 - 3) // 2 + 1
    half = side2 // 2

    seen1 = _patches(x, 1)
    h1 = seen1 @ w1.reshape(-1, c1)
    h1 += b1
    np.maximum(h1, 0, out=h1)
    seen2 = _patches(h1.reshape(n, side1, side1, c1), 2)
    h2 = seen2 @ w2.reshape(-1, c2)
    h2 += b2
    np.maximum(h2, 0, out=h2)
    pooled = h2.reshape(n, half, 2, half, 2, c2).mean(axis=(2, 4)).reshape(n, -1)
    logits = pooled @ w3
    logits += b3
    loss, g = _cross_entropy(logits, labels)

    g_w3, g_b3 = pooled.T @ g, g.sum(axis=0)
    g = (g @ w3.T).reshape(n, half, 1, half, 1, c2)
    g /= 4
    g = np.broadcast_to(g, (n, half, 2, half, 2, c2)).reshape(-1, c2)
    g *= h2 > 0
    g_w2, g_b2 = (seen2.T @ g).reshape(w2.shape), g.sum(axis=0)
    g = g @ w2.reshape(-1, c2).T
    g = _from_patches(g, (n, side1, side1, c1), 2, side2, side2).reshape(-1, c1)
    g *= h1 > 0
    g_w1, g_b1 = (seen1.T @ g).reshape(w1.shape), g.sum(axis=0)
    return loss, [g_w1, g_b1, g_w2, g_b2, g_w3, g_b3]


def _norm(x: Any, scale: Any, shift: Any) -> tuple[Any, Any, Any]:
    """The norm, and what its gradient needs: the rows scaled to one, and their deviation."""
    unit = x - x.mean(axis=1, keepdims=True)
    deviation = np.sqrt(np.einsum("ij,ij->i", unit, unit)[:, None] / x.shape[1] + EPSILON)
    unit /= deviation
    out = unit * scale
    out += shift
    return out, unit, deviation


def _norm_back(g: Any, unit: Any, deviation: Any, scale: Any) -> tuple[Any, Any, Any]:
    """The gradients by the input, the scale and the shift."""
    by_scale, by_shift = np.einsum("ij,ij->j", g, unit), g.sum(axis=0)
    g = g * scale
    unit *= np.einsum("ij,ij->i", g, unit)[:, None] / g.shape[1]
    g -= g.mean(axis=1, keepdims=True)
    g -= unit
    g /= deviation
    return g, by_scale, by_shift


def _gelu(x: Any) -> tuple[Any, Any]:
    """The tanh form of gelu, and its derivative."""
    root = math.sqrt(2 / math.pi)
    square = x * x
    t = square * 0.044715
    t += 1
    t *= x
    t *= root
    np.tanh(t, out=t)
    slope = square
    slope *= 3 * 0.044715 * root
    slope += root
    slope *= x
    slope *= 1 - t * t
    t += 1
    slope += t
    slope *= 0.5
    t *= x
    t *= 0.5
    return t, slope


def transformer(weights: list[Any], x: Any, target: Any) -> Result:
    """See `benchmarks.cases.Transformer`."""
    scale1, shift1, w_qkv, b_qkv, w_out, b_out, scale2, shift2, w1, b1, w2, b2 = weights
    batch, length, width = x.shape
    x, target = x.reshape(-1, width), target.reshape(-1, width)
    root = (width // HEADS) ** -0.5

    h1, unit1, _ = _norm(x, scale1, shift1)
    qkv = h1 @ w_qkv
    qkv += b_qkv
    qkv = qkv.reshape(batch, length, 3, HEADS, -1).transpose(2, 0, 3, 1, 4)
    q, k, v = qkv = np.ascontiguousarray(qkv)
    q *= root
    weight = q @ k.mT
    weight -= weight.max(axis=-1, keepdims=True)
    np.exp(weight, out=weight)
    weight /= weight.sum(axis=-1, keepdims=True)
    seen = (weight @ v).transpose(0, 2, 1, 3).reshape(-1, width)
    y = seen @ w_out
    y += b_out
    y += x
    h2, unit2, deviation2 = _norm(y, scale2, shift2)
    a = h2 @ w1
    a += b1
    a, slope = _gelu(a)
    error = a @ w2
    error += b2
    error += y
    error -= target
    loss = np.vdot(error, error) / error.size

    g = error
    g *= 2 / error.size
    g_w2, g_b2 = a.T @ g, g.sum(axis=0)
    g_a = g @ w2.T
    g_a *= slope
    g_w1, g_b1 = h2.T @ g_a, g_a.sum(axis=0)
    g_y, g_scale2, g_shift2 = _norm_back(g_a @ w1.T, unit2, deviation2, scale2)
    g_y += g
    g_w_out, g_b_out = seen.T @ g_y, g_y.sum(axis=0)
    g_seen = (g_y @ w_out.T).reshape(batch, length, HEADS, -1).transpose(0, 2, 1, 3)
    g_qkv = np.empty((batch, length, 3, HEADS, width // HEADS), x.dtype)
    g_q, g_k, g_v = g_qkv.transpose(2, 0, 3, 1, 4)
    np.matmul(weight.mT, g_seen, out=g_v)
    g_s = g_seen @ v.mT
    g_s -= np.einsum("...ij,...ij->...i", g_s, weight)[..., None]
    g_s *= weight
    np.matmul(g_s, k, out=g_q)
    g_q *= root
    np.matmul(g_s.mT, q, out=g_k)
    g_qkv = g_qkv.reshape(-1, 3 * width)
    g_w_qkv, g_b_qkv = h1.T @ g_qkv, g_qkv.sum(axis=0)
    g_h1 = g_qkv @ w_qkv.T
    g_scale1, g_shift1 = np.einsum("ij,ij->j", g_h1, unit1), g_h1.sum(axis=0)
    return loss, [
        g_scale1, g_shift1, g_w_qkv, g_b_qkv, g_w_out, g_b_out,
        g_scale2, g_shift2, g_w1, g_b1, g_w2, g_b2,
    ]  # fmt: skip


def gp(arguments: list[Any], x: Any, y: Any) -> Result:
    """See `benchmarks.cases.GaussianProcess`.

    The gradient by a parameter t is tr((K^-1 - a a^T) dK/dt) / 2 with a = K^-1 y (Rasmussen and
    Williams, Gaussian Processes for Machine Learning, 2006, equation 5.9).
    """
    scales, amplitude, noise = arguments
    z = (x / np.exp(scales)).T
    apart = z[:, :, None] - z[:, None, :]
    apart *= apart
    kernel = apart.sum(axis=0)
    kernel *= -0.5
    kernel += 2 * amplitude
    np.exp(kernel, out=kernel)
    variance = np.exp(2 * noise)
    covariance = kernel.copy()
    np.fill_diagonal(covariance, covariance.diagonal() + variance)
    factor, inverse = np.linalg.cholesky(covariance), np.linalg.inv(covariance)
    solved = inverse @ y
    value = 0.5 * (y @ solved) + np.log(factor.diagonal()).sum()
    value += 0.5 * len(y) * math.log(2 * math.pi)
    inverse -= np.outer(solved, solved)
    by_noise = variance * np.trace(inverse)
    inverse *= kernel
    by_scales = 0.5 * np.einsum("ij,kij->k", inverse, apart)
    return value, [by_scales, np.sum(inverse), by_noise]


def chain(arguments: list[Any]) -> Result:
    """See `benchmarks.cases.Chain`: the gradient alone, in plain NumPy expressions."""
    (x,) = arguments
    t, e = np.tanh(x), np.exp(-(x**2))
    return None, [(1 - t**2) * e + t * e * (-2 * x) + 2 * x / (1 + x**2)]
