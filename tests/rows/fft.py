"""The discrete Fourier transforms: lengths cut and padded, axes, normalisations."""

import numpy as np
from op_table import case, cplx, real, row

ONE = (
    case(real(5)),
    case(real(4), norm="ortho"),
    case(real(2, 5, 3), axis=1, norm="forward"),
    case(real(2, 5), n=8, axis=1),
    case(real(2, 5), n=3, axis=-1, norm="forward"),
    case(real(5, 2), n=6, axis=0, norm="ortho"),
    case(real(1), n=2),
    case(real(3), n=1),
    case(real(0, 3)),
)
MANY = (
    case(real(3, 4)),
    case(real(2, 3, 4), axes=(0, 2), norm="ortho"),
    case(real(2, 3, 4), s=(5, 2), axes=(2, 1), norm="forward"),
    case(real(3, 4), s=(2, -1), axes=(0, 1)),
    case(real(3, 4), axes=(1,)),
    case(real(3, 4), axes=(-1, 0), norm="forward"),
)


def half(*cases: object) -> tuple[object, ...]:
    """The cases with at least two elements along the axes, whose default length is then 2."""
    return tuple(one for one in cases if one.args[0].shape[-1] > 1)  # type: ignore[attr-defined]


ROWS = [
    row("fft.fft", *ONE, reference=np.fft.fft, complex=True),
    row("fft.ifft", *ONE, reference=np.fft.ifft, complex=True),
    row("fft.fftn", *MANY, reference=np.fft.fftn, complex=True),
    row("fft.ifftn", *MANY, reference=np.fft.ifftn, complex=True),
    row("fft.rfft", *ONE, reference=np.fft.rfft),
    row("fft.ihfft", *ONE, reference=np.fft.ihfft),
    row("fft.rfftn", *MANY, reference=np.fft.rfftn),
    row("fft.irfft", *half(*ONE), case(cplx(1), n=5), reference=np.fft.irfft, complex=True),
    row("fft.hfft", *half(*ONE), case(cplx(3), n=5), reference=np.fft.hfft, complex=True),
    row(
        "fft.irfftn",
        *(one for one in MANY if -1 not in one.kwargs.get("s", ())),
        case(cplx(2, 3), s=(2, 5), axes=(0, 1)),
        reference=np.fft.irfftn,
        complex=True,
    ),
    row("fft.fftshift", *MANY[:1], case(real(2, 5), axes=1), reference=np.fft.fftshift),
    row("fft.ifftshift", *MANY[:1], case(real(2, 5), axes=(1,)), reference=np.fft.ifftshift),
    *[
        row(
            f"fft.{name}",
            case(4),
            case(5, d=0.5),
            case(1),
            reference=getattr(np.fft, name),
            gradient="none",
            creates=True,
        )
        for name in ("fftfreq", "rfftfreq")
    ],
]
