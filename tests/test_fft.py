"""Gradients of the Fourier transforms against PyTorch."""

from typing import Any

import numpy as np
import pytest

import polygrad as pg

FFT_CASES = [
    (name, {"n": n, "norm": norm})
    for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
    for n in (None, 4, 9)
    for norm in ("backward", "ortho", "forward")
] + [
    (name, {"s": s, "dim": (0, 1), "norm": "ortho"})
    for name in ("fftn", "ifftn", "rfftn", "irfftn")
    for s in (None, (4, 5))
]


@pytest.mark.parametrize(("name", "options"), FFT_CASES)
@pytest.mark.parametrize("single", [False, True])
def test_fft_gradients_are_those_of_torch(name: str, options: Any, single: bool) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    x = rng.normal(size=(3, 6))
    if name not in ("rfft", "ihfft", "rfftn"):
        x = x + 1j * rng.normal(size=x.shape)
    if single:
        x = x.astype("complex64" if x.dtype.kind == "c" else "float32")
    mine = {"axes" if key == "dim" else key: value for key, value in options.items()}

    def loss(xp: Any, fft: Any, x: Any, **options: Any) -> Any:
        y = fft(x, **options)
        return xp.sum(xp.real(y) ** 2 * 0.1 + xp.imag(y) if y.dtype in COMPLEX else y**2)

    COMPLEX = (pg.complex64, pg.complex128, torch.complex64, torch.complex128)
    leaf = torch.tensor(x, requires_grad=True)
    loss(torch, getattr(torch.fft, name), leaf, **options).backward()
    found = pg.grad(lambda x: loss(pg, getattr(pg.fft, name), x, **mine))(x)
    assert found.dtype == x.dtype
    np.testing.assert_allclose(
        found, leaf.grad.resolve_conj().numpy(), atol=1e-4 if single else 1e-12
    )


def test_fft_of_everything_there_is() -> None:
    x = np.ones((3, 4))
    assert pg.fft.irfftn(x, s=(2, -1), axes=(0, 1)).shape == (2, 6)
    assert pg.fft.fftfreq(4, dtype=pg.float32, device="strict:cpu").dtype == pg.float32
