"""Train a network on real handwritten digits, on any device: `python train_digits.py --help`.

The data are the 1,797 scans of 8 by 8 pixels that come with scikit-learn (E. Alpaydin,
C. Kaynak, "Optical recognition of handwritten digits", UCI repository, 1998). A fifth of them
is held out for the test, the same ones for every seed.
"""

import argparse
import math
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import polygrad as pg

try:
    import safetensors  # noqa: F401  what pg.io writes with
    from matplotlib.figure import Figure
    from sklearn.datasets import load_digits
    from tqdm import tqdm
except ImportError as missing:
    sys.exit(f"error: {missing}; run: pip install 'polygrad-xp[examples]'")

SIZES = (64, 256, 128, 10)
TEST_SHARE = 0.2


@dataclass
class Run:
    """What a training run leaves: the model, and its numbers by step and by epoch."""

    model: pg.nn.MLP
    device: pg.Device
    losses: list[float]
    train_accuracy: list[float]
    test_accuracy: list[float]
    seconds: float
    examples: int


class TrainingError(RuntimeError):
    """The loss is no longer a finite number."""


def load_data(device: str | pg.Device = "cpu", dtype: str = "float32") -> Any:
    """The digits on a device, ``((pixels, labels), (pixels, labels))``: to train on, to test on."""
    digits = load_digits()
    pixels = pg.asarray(digits.data / 16.0, dtype=dtype, device=device)
    labels = pg.asarray(digits.target, dtype=pg.int64, device=device)
    return pg.data.train_test_split((pixels, labels), key=pg.random.key(0), test_size=TEST_SHARE)


def new_model(seed: int, device: str | pg.Device = "cpu", dtype: str = "float32") -> pg.nn.MLP:
    """The network before training."""
    key = pg.random.fold_in(pg.random.key(seed), 0)
    return pg.nn.MLP.init(key, SIZES, dtype=dtype, device=device)


def loss(model: pg.nn.MLP, pixels: Any, labels: Any) -> Any:
    """The mean cross-entropy of a batch."""
    return pg.mean(pg.nn.softmax_cross_entropy(model(pixels), labels))


def accuracy(model: pg.nn.MLP, pixels: Any, labels: Any) -> float:
    """The share of digits that the model names rightly."""
    right = pg.argmax(model(pixels), axis=-1) == labels
    return pg.mean(pg.astype(right, pg.float64)).item()


def train(
    device: str | pg.Device = "cpu",
    *,
    epochs: int = 40,
    seed: int = 0,
    lr: float = 1e-3,
    batch_size: int = 64,
    dtype: str = "float32",
    progress: bool = False,
) -> Run:
    """Train with Adam; the same seed gives the same losses on every device, to rounding."""
    place = pg.device(device)
    train_set, test_set = load_data(place, dtype)
    model = new_model(seed, place, dtype)
    optimizer = pg.optim.adam(lr)
    state = optimizer.init(model)
    loss_and_gradient = pg.value_and_grad(loss)
    order = pg.random.fold_in(pg.random.key(seed), 1)
    run = Run(model, place, [], [], [], 0.0, 0)

    # disable=None: no bar where the output is not a terminal.
    bar = tqdm(range(epochs), desc=str(place), unit="epoch", disable=None if progress else True)
    for epoch in bar:
        start = time.perf_counter()
        losses = []
        key = pg.random.fold_in(order, epoch)
        for pixels, labels in pg.data.minibatches(train_set, batch_size, key=key):
            value, gradient = loss_and_gradient(model, pixels, labels)
            updates, state = optimizer.update(gradient, state, model)
            model = pg.optim.apply_updates(model, updates)
            losses.append(value)
            run.examples += len(labels)
        # The only transfer of an epoch: asking for each loss at once would hold up a GPU.
        run.losses += pg.stack(losses).tolist()
        run.seconds += time.perf_counter() - start
        run.model = model
        run.train_accuracy.append(accuracy(model, *train_set))
        run.test_accuracy.append(accuracy(model, *test_set))
        if not math.isfinite(run.losses[-1]):
            raise TrainingError(
                f"the loss became {run.losses[-1]} in epoch {epoch + 1}; try a smaller --lr "
                f"than {lr:g}"
            )
        bar.set_postfix(loss=f"{run.losses[-1]:.4f}", test=f"{run.test_accuracy[-1]:.2%}")
    return run


def plot(run: Run, path: Path) -> None:
    """Draw the loss of each step and the accuracy after each epoch."""
    epochs = len(run.test_accuracy)
    per_epoch = len(run.losses) // epochs
    ends = range(1, epochs + 1)
    steps = [(i + 1) / per_epoch for i in range(len(run.losses))]
    means = [
        sum(run.losses[i * per_epoch : (i + 1) * per_epoch]) / per_epoch for i in range(epochs)
    ]

    figure = Figure(figsize=(10, 4), layout="constrained", dpi=150)
    left, right = figure.subplots(1, 2)
    left.semilogy(steps, run.losses, color="#9ecae1", linewidth=0.8, label="each step")
    left.semilogy(
        [end - 0.5 for end in ends], means, color="#08519c", linewidth=2, label="mean of each epoch"
    )
    left.set(xlabel="epoch", ylabel="training loss (cross-entropy)", title="Loss")
    left.legend(frameon=False)

    train_percent = [100 * a for a in run.train_accuracy]
    test_percent = [100 * a for a in run.test_accuracy]
    right.plot(ends, train_percent, color="#969696", linewidth=1.5, label="training digits")
    right.plot(ends, test_percent, color="#d94801", linewidth=2, label="held-out digits")
    right.plot(epochs, test_percent[-1], "o", color="#d94801")
    right.annotate(
        f"{test_percent[-1]:.1f} %",
        (epochs, test_percent[-1]),
        xytext=(0, -16),
        textcoords="offset points",
        ha="right",
        color="#d94801",
        fontweight="bold",
    )
    right.set(xlabel="epoch", ylabel="right answers (%)", title="Accuracy")
    right.legend(frameon=False, loc="lower right")
    for axes in (left, right):
        axes.set_xlim(0, epochs + 0.5)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"Handwritten digits on {run.device}, gradients by polygrad")
    figure.savefig(path)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}\n")


def whole(least: int, most: int) -> Any:
    """An argument type: an integer from ``least`` to ``most``."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(
                f"got {text!r}, expected an integer from {least} to {most}"
            )
        return value

    return read


def rate(text: str) -> float:
    """An argument type: a finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a number above 0, such as 0.001")
    return value


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = Parser(description="Train a network on scikit-learn's handwritten digits.")
    parser.add_argument(
        "--device", help="cpu, cuda, cuda:1, auto, strict:device1 ... (POLYGRAD_DEVICE, or cpu)"
    )
    parser.add_argument("--epochs", type=whole(1, 10**6), default=40, help="(40)")
    parser.add_argument("--seed", type=whole(0, 2**64 - 1), default=0, help="(0)")
    parser.add_argument("--lr", type=rate, default=1e-3, help="learning rate of Adam (0.001)")
    parser.add_argument("--batch-size", type=whole(1, 10**6), default=64, help="(64)")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument(
        "--output", type=Path, default=Path("runs/digits"), help="folder for the results"
    )
    options = vars(parser.parse_args(arguments))
    output = options.pop("output")
    curve, weights = output / "curve.png", output / "weights.safetensors"
    try:
        options["device"] = pg.device(options["device"] or pg.current_device())
        output.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # overflow: TrainingError says it
            run = train(**options, progress=True)
        plot(run, curve)
        pg.io.save(weights, run.model)
    except (pg.PolygradError, TrainingError, OSError) as error:
        sys.exit(f"error: {error}")
    print(f"learning curve: {curve}\nweights: {weights}")
    print(
        f"device {run.device}: {run.examples / run.seconds:,.0f} examples per second, "
        f"test accuracy {run.test_accuracy[-1]:.2%}"
    )


if __name__ == "__main__":
    main()
