"""Backpropagation by hand: from the definition of the derivative to gradient descent.

The steps are not typed in. Each is read from the computation graph that polygrad records
(`pg.explain`) and checked against the limit definition of the derivative and against `pg.grad`.

    python examples/backprop_by_hand.py
    python examples/backprop_by_hand.py --device strict:device1 --seed 3 --alpha 0.02
"""

import argparse
import itertools
import math
import random
import sys
from pathlib import Path

import polygrad as pg
from polygrad.explain import graph, name

EXAMPLES = [(-1.0, -1.4), (0.5, 1.1), (2.0, 2.9)]  # (x, y): the m = 3 examples of section 5
NAMES = ["w[1]_11", "b[1]_1", "w[2]_11", "w[2]_21", "b[2]_1", "b[2]_2"]
NAMES += ["w[3]_11", "w[3]_12", "b[3]_1"]
TRUE_WEIGHTS = (1.5, 2.0)  # of the little network that made the data of section 7
VALLEY_X = (-1.5, -0.5)


class Failure(Exception):
    """The script cannot go on; the message says why and what to do."""


class Checks:
    """Counts the comparisons; one that fails is shown where it happens and at the end."""

    def __init__(self):
        self.passed, self.failed = 0, []

    def close(self, what, got, expected, tolerance=1e-6):
        """Whether two numbers agree; the word to print beside them."""
        near = abs(got - expected) <= tolerance * (1 + abs(expected))
        return self.true(what, near, got, expected)

    def true(self, what, holds, got="", expected=""):
        if holds:  # a nan holds nowhere
            self.passed += 1
            return "ok"
        self.failed.append(f"{what}: got {got}, expected {expected}" if expected != "" else what)
        return "WRONG"


def title(number, text):
    print(f"\n{number}. {text}\n" + "-" * (len(text) + len(str(number)) + 2))


def scalar(value):
    return pg.asarray(value, dtype=pg.float64)


def slope(f, at, h=1e-5):
    """The limit definition with a small h on both sides: the error shrinks with h squared."""
    return (f(at + h).item() - f(at - h).item()) / (2 * h)


def derivative(checks):
    title(1, "The derivative as a limit")
    print("f'(x) is what (f(x + h) - f(x)) / h comes to as h shrinks; here at x = 3.\n")
    print(f"{'h':>8}  {'f(x) = 2x':>14}  {'f(x) = x^2':>14}")
    functions = [lambda x: 2 * x, lambda x: x * x]
    for exponent in range(7):
        h = 10.0**-exponent
        quotients = [((f(scalar(3.0 + h)) - f(scalar(3.0))) / h).item() for f in functions]
        print(f"{h:8.0e}  {quotients[0]:14.9f}  {quotients[1]:14.9f}")
    by_grad = [pg.grad(f)(scalar(3.0)).item() for f in functions]
    marks = [checks.close("1: d(2x)/dx", by_grad[0], 2.0, 0.0)]
    for text, limit, computed in zip(["2x", "x^2"], quotients, by_grad, strict=True):
        marks.append(checks.close(f"1: the limit for {text}", limit, computed, 1e-5))
    mark = max(marks, key=len)
    print(f"{'pg.grad':>8}  {by_grad[0]:14.9f}  {by_grad[1]:14.9f}   {mark}")
    print("\n2x is a straight line: the quotient is 2 for every h. For x^2 it is 2x + h = 6 + h,")
    print("which comes to 6 only in the limit.")


def vehicles(checks):
    title(2, "The chain rule: a car, a bicycle and a walker")
    print("The car is twice as fast as the bicycle, the bicycle four times as fast as the walker.")
    print("How far does the car come for each metre of the walker? 2 * 4, by the chain rule:\n")

    def car(walker):
        bicycle = name("bicycle", 4 * walker)
        return name("car", 2 * bicycle)

    steps = graph(car)(scalar(1.0)).steps()
    print(steps)
    product = math.prod(step.local.item() for step in steps[1:])
    mark = checks.close("2: product of the local derivatives", product, 8.0)
    checks.close("2: gradient", steps.gradient("walker").item(), 8.0)
    checks.close("2: limit", slope(lambda w: car(scalar(w)), 1.0), 8.0)
    text = " * ".join(f"{step.local.item():g}" for step in steps[1:])
    print(f"\nd car/d walker = d car/d bicycle * d bicycle/d walker = {text} = {product:g} {mark}")


def several_paths(checks):
    title(3, "The chain rule over several paths: add the contributions")
    print("z = u * v with u = x^2 and v = 3x. A change of x reaches z through u and through v:")
    print("dz/dx = dz/du * du/dx + dz/dv * dv/dx. At x = 2:\n")

    def z(x):
        u = name("u", pg.square(x))
        v = name("v", 3 * x)
        return name("z", u * v)

    steps = graph(z)(scalar(2.0)).steps()
    print(steps)
    got, limit = steps.gradient("x").item(), slope(lambda x: z(scalar(x)), 2.0)
    mark = checks.close("3: dz/dx", got, limit)
    checks.close("3: dz/dx by pg.grad", got, pg.grad(z)(scalar(2.0)).item())
    print(f"\nz is 3x^3 and dz/dx is 9x^2 = 36: backpropagation {got:g}, limit {limit:.6f} {mark}")


def line(checks):
    title(4, "Backpropagation on y = mx + c")
    print("The function as a graph: a node for each value, an edge from operand to node.\n")

    def y(m, x, c):
        return name("y", name("p", m * x) + c)

    recorded = graph(y)(scalar(2.0), scalar(3.0), scalar(1.0))
    print(recorded)
    print("\nEach edge has a local derivative:\n")
    print("\n".join(f"   {edge}" for edge in recorded.edges()))
    print("\nFrom the last node to every leaf; the incoming gradient times the local derivative:\n")
    print(recorded.steps())
    print()
    grads = pg.grad(y, argnums=(0, 1, 2))(scalar(2.0), scalar(3.0), scalar(1.0))
    against_the_limit(checks, "4", "y", recorded, dict(zip("mxc", grads, strict=True)))


def against_the_limit(checks, section, output, recorded, grads):
    """Hold the gradient of every node, and every local derivative, against the definition."""
    steps = recorded.steps()
    width = max(map(len, recorded.nodes))
    print(f"{'':8}{'':{width}}  {'by the steps':>14}  {'by the limit':>14}  {'by pg.grad':>14}")
    for node in recorded.nodes.values():
        label = f"d{output}/d {node.name:{width}}"
        got = steps.gradient(node.name).item()
        limit = slope(lambda v, n=node.name: recorded.evaluate({n: v}), node.value.item())
        marks = [checks.close(f"{section}: {label} by the limit", got, limit)]
        other = ""
        if node.name in grads:
            other = f"{grads[node.name].item():14.8f}"
            what = f"{section}: {label} by pg.grad"
            marks.append(checks.close(what, got, grads[node.name].item(), 1e-12))
        print(f"   {label}  {got:14.8f}  {limit:14.8f}  {other:>14}   {max(marks, key=len)}")
    edges, wrong = recorded.edges(), len(checks.failed)
    for edge in edges:
        node = recorded.nodes[edge.node]
        fixed = {s: recorded.nodes[s].value for s in node.sources if s not in (None, edge.operand)}
        limit = slope(
            lambda v, e=edge, others=fixed: recorded.evaluate({**others, e.operand: v}, e.node),
            recorded.nodes[edge.operand].value.item(),
        )
        checks.close(f"{section}: local derivative {edge}", edge.local.item(), limit)
    agree = len(edges) - len(checks.failed) + wrong
    print(f"   {agree} of {len(edges)} local derivatives agree with the limit definition")


def network(p, x, mark=""):
    """Four layers of 1, 1, 2 and 1 linear neurons: each adds up weight * input, and its bias."""
    a1 = name(f"a[1]_1{mark}", p["w[1]_11"] * x + p["b[1]_1"])
    a21 = name(f"a[2]_1{mark}", p["w[2]_11"] * a1 + p["b[2]_1"])
    a22 = name(f"a[2]_2{mark}", p["w[2]_21"] * a1 + p["b[2]_2"])
    return name(f"out{mark}", p["w[3]_11"] * a21 + p["w[3]_12"] * a22 + p["b[3]_1"])


def loss(p, x, y, mark=""):
    """L, the squared error of one example."""
    for key in p:
        name(key, p[key])
    return name(f"L{mark}", pg.square(name(f"error{mark}", network(p, x, mark) - y)))


def cost(p, examples=EXAMPLES):
    """J, the mean of L over the examples."""
    losses = [loss(p, x, y, f" ({i})") for i, (x, y) in enumerate(examples, 1)]
    total = losses[0]
    for other in losses[1:]:
        total = total + other
    return name("J", total / len(losses))


def random_parameters(generator):
    return {key: scalar(generator.uniform(-1.0, 1.0)) for key in NAMES}


def network_steps(checks, parameters):
    title(5, "Backpropagation through a 1-1-2-1 network")
    print("Linear neurons. w[i]_jk is the weight in layer i from neuron k to neuron j, b[i]_j the")
    print("bias of neuron j in layer i, a[i]_j its value; L = (out - y)^2 the loss of one example.")
    x, y = EXAMPLES[0]
    print(f"\nThe graph of L for the first example, x = {x:g}, y = {y:g}:\n")
    recorded = graph(loss)(parameters, scalar(x), scalar(y))
    print(recorded)
    print("\nIts backpropagation, step by step:\n")
    print(recorded.steps())
    print("\nWhere paths meet (a[1]_1 feeds both neurons of layer 2) the contributions are added.")
    print("Checked against the limit definition (L(v + h) - L(v - h)) / 2h for every node:\n")
    grads, dx, dy = pg.grad(loss, argnums=(0, 1, 2))(parameters, scalar(x), scalar(y))
    against_the_limit(checks, "5, L", "L", recorded, {**grads, "x": dx, "y": dy})

    m = len(EXAMPLES)
    print(f"\nThe cost J is the mean of L over m = {m} examples; (1), (2), ... tell them apart.")
    print("Each parameter takes part in every example, so it is reached by a path through each:\n")
    recorded = graph(cost)(parameters)
    print(recorded.steps())
    print("\nChecked in the same way:\n")
    against_the_limit(checks, "5, J", "J", recorded, pg.grad(cost)(parameters))


def mean_of_gradients(checks, parameters):
    m = len(EXAMPLES)
    title(6, "The gradient of J is the mean of the gradients of L")
    each = [pg.grad(loss)(parameters, scalar(x), scalar(y)) for x, y in EXAMPLES]
    whole = pg.grad(cost)(parameters)
    heads = "  ".join(f"{f'dL({i})/dp':>11}" for i in range(1, m + 1))
    print(f"parameter p  {heads}  {'their mean':>11}  {'dJ/dp':>11}")
    for key in NAMES:
        values = [g[key].item() for g in each]
        mean = sum(values) / m
        mark = checks.close(f"6: dJ/d {key}", mean, whole[key].item(), 1e-12)
        row = "  ".join(f"{v:11.6f}" for v in (*values, mean, whole[key].item()))
        print(f"{key:11}  {row}   {mark}")


def descend(f, start, alpha, most, enough):
    """Gradient descent: p <- p - alpha * gradient. The points passed, and the cost at each."""
    step = pg.value_and_grad(f)
    point, points, costs = start, [], []
    for _ in range(most):
        value, gradient = step(point)
        points.append(point)
        costs.append(value.item())
        if not math.isfinite(costs[-1]) or costs[-1] > 1e6 * (1 + costs[0]):
            raise Failure(f"--alpha {alpha:g} is too large: the cost grew to {costs[-1]:g}")
        if max(pg.max(pg.abs(g)).item() for g in pg.tree.leaves(gradient)) < enough:
            return points, costs
        point = pg.tree.map(lambda p, g: p - alpha * g, point, gradient)
    raise Failure(
        f"--alpha {alpha:g}: no minimum after {most} steps, the cost is {costs[-1]:g}; "
        "a larger one goes further in a step, a smaller one does not jump to and fro"
    )


def fit_line(checks, parameters, alpha):
    title(7, "Gradient descent")
    print(f"Each parameter moves against its gradient: p <- p - alpha * dJ/dp, alpha = {alpha:g}.")
    print("First the 1-1-2-1 network of section 5, from its random start:\n")
    points, costs = descend(cost, parameters, alpha, 3000, 1e-5)
    print(f"{'step':>6}  {'J':>12}")
    shown = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
    for i in [*(i for i in shown if i < len(costs) - 1), len(costs) - 1]:
        print(f"{i:6}  {costs[i]:12.8f}")
    rises = sum(after >= before for before, after in itertools.pairwise(costs))
    rose = f"J rose in {rises} of {len(costs) - 1} steps: alpha is large for this start"
    print(rose if rises else "J falls at every step")
    checks.true("7: J ends below its start", costs[-1] < costs[0], costs[-1], costs[0])
    c = network(points[-1], scalar(0.0)).item()
    m = network(points[-1], scalar(1.0)).item() - c
    xs, ys = zip(*EXAMPLES, strict=True)
    x0, y0 = sum(xs) / len(xs), sum(ys) / len(ys)
    best = sum((x - x0) * (y - y0) for x, y in EXAMPLES) / sum((x - x0) ** 2 for x in xs)
    marks = {
        checks.close("7: slope of the fitted line", m, best, 1e-3),
        checks.close("7: intercept of the fitted line", c, y0 - best * x0, 1e-3),
    }
    print("\nA network of linear neurons is itself a line y = mx + c, however deep. This one found")
    print(f"m = {m:.4f}, c = {c:.4f}; least squares by formula: {best:.4f}, {y0 - best * x0:.4f}")
    print("/".join(sorted(marks)))


def valley(w):
    """The cost of out = w2 tanh(w1 x + 1/2) on two examples: a surface with two minima."""
    x = scalar(VALLEY_X)
    target = TRUE_WEIGHTS[1] * pg.tanh(TRUE_WEIGHTS[0] * x + 0.5)
    w1, w2 = w[0, ..., None], w[1, ..., None]
    return pg.mean(pg.square(w2 * pg.tanh(w1 * x + 0.5) - target), axis=-1)


def at(point):
    return f"({point[0]:6.3f}, {point[1]:6.3f})"


def two_valleys(checks, generator, alpha, folder):
    print("\nWhere a descent ends depends on where it starts. J of a neuron with a bend in it,")
    print(f"out = w2 tanh(w1 x + 1/2), on data made with w1, w2 = {TRUE_WEIGHTS}, has two minima.")
    print("Random starts, until two have reached different ones:\n")
    runs = []
    for _ in range(50):
        start = scalar([generator.uniform(-2.5, 2.5), generator.uniform(-2.5, 2.5)])
        points, costs = descend(valley, start, alpha, 20000, 1e-4)
        path = [point.tolist() for point in points]
        if runs and math.dist(runs[0][0][-1], path[-1]) < 0.1:
            print(f"   the start {at(path[0])} ends where a did; once more")
            continue
        begin, end = "ab"[len(runs)], "cd"[len(runs)]
        print(f"   {begin} = {at(path[0])}, J = {costs[0]:.5f}, in {len(path) - 1} steps reaches")
        print(f"   {end} = {at(path[-1])}, J = {costs[-1]:.5f}")
        runs.append((path, costs))
        if len(runs) == 2:
            break
    else:
        raise Failure("50 random starts reached one minimum only; expected two")
    marks = set()
    for (path, _), end in zip(runs, "cd", strict=True):
        units = (scalar([1.0, 0.0]), scalar([0.0, 1.0]))
        second = [pg.jvp(pg.grad(valley), (scalar(path[-1]),), (u,))[1].tolist() for u in units]
        (p, q), (_, r) = second  # positive definite: a minimum, not a saddle
        marks.add(checks.true(f"7: J bends upwards around {end}", p > 0 and p * r - q * q > 0))
    best = min(runs, key=lambda run: run[1][-1])
    distance = math.dist(best[0][-1], TRUE_WEIGHTS)
    marks.add(checks.close("7: the lower minimum is the network of the data", distance, 0.0, 0.01))
    print("   both are minima: the gradient vanishes and J bends upwards in every direction;")
    print(f"   the lower one has found the network that made the data   {'/'.join(sorted(marks))}")
    draw([path for path, _ in runs], folder)


def draw(paths, folder):
    """The two paths on a contour plot of J."""
    try:
        from matplotlib.colors import LogNorm
        from matplotlib.figure import Figure
    except ImportError:
        print("\nNo picture without matplotlib: install the extra viz, pip install -e '.[viz]'")
        return
    n, low, high = 161, -2.75, 2.75
    axis = [low + (high - low) * i / (n - 1) for i in range(n)]
    surface = valley(scalar([[axis] * n, [[v] * n for v in axis]])).tolist()
    figure = Figure(figsize=(7.2, 6.0), dpi=150, layout="constrained")
    axes = figure.subplots()
    levels = [0.01 * 1.22**k for k in range(39)]
    norm = LogNorm(levels[0], levels[-1])
    filled = axes.contourf(
        axis, axis, surface, levels, cmap="viridis_r", norm=norm, extend="both", alpha=0.85
    )
    axes.contour(axis, axis, surface, levels, colors="white", linewidths=0.45, alpha=0.75)
    for path, colour, (begin, end) in zip(paths, ["#d62728", "#ff7f0e"], ["ac", "bd"], strict=True):
        axes.plot(*zip(*path, strict=True), ".-", color=colour, ms=3.5, lw=1.3)
        for point, letter, shape in [(path[0], begin, "o"), (path[-1], end, "*")]:
            size = 8 if shape == "o" else 15
            axes.plot(*point, shape, color=colour, ms=size, mec="black", mew=0.9, zorder=5)
            axes.annotate(
                letter, point, (9, 7), textcoords="offset points", fontsize=15, weight="bold",
                bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.75},
            )  # fmt: skip
    axes.set(xlabel="$w_1$", ylabel="$w_2$", xlim=(low, high), ylim=(low, high), aspect="equal")
    axes.set_title("Two random starts a and b reach different minima c and d")
    bar = figure.colorbar(filled, ax=axes, ticks=[0.01, 0.03, 0.1, 0.3, 1, 3, 10], format="%g")
    bar.set_label("cost J")
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "backprop_by_hand.png"
    figure.savefig(target)
    print(f"\nThe two paths on a contour plot of J: {target}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default=None, help="cpu, cuda, strict:device1, auto, ...")
    parser.add_argument("--seed", type=int, default=0, help="of the random starts")
    parser.add_argument("--alpha", type=float, default=0.05, help="learning rate of section 7")
    parser.add_argument("--output", type=Path, default=Path("runs"), help="folder for the picture")
    options = parser.parse_args(argv)
    if not 0 < options.alpha < math.inf:
        parser.error(f"--alpha: got {options.alpha:g}, expected a number above 0, such as 0.05")
    try:
        device = pg.current_device() if options.device is None else pg.device(options.device)
    except pg.PolygradError as error:
        parser.error(f"--device: {error}")
    checks, generator = Checks(), random.Random(options.seed)
    with device:
        print(f"Backpropagation by hand, on {device}, seed {options.seed}")
        try:
            for section in (derivative, vehicles, several_paths, line):
                section(checks)
            parameters = random_parameters(generator)
            network_steps(checks, parameters)
            mean_of_gradients(checks, parameters)
            fit_line(checks, parameters, options.alpha)
            two_valleys(checks, generator, options.alpha, options.output)
        except Failure as failure:
            checks.failed.append(str(failure))
    if checks.failed:
        print(f"\n{len(checks.failed)} checks failed, {checks.passed} passed:")
        for text in checks.failed:
            print(f"   {text}")
        return 1
    print(f"\nAll {checks.passed} checks passed.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
