"""Every public object is documented, typed, and its examples give what they show.

The objects are found from the package itself: what `polygrad` and its public modules export.
Elementwise functions are made by a factory, so their docstrings are read from the functions
and not, as the standard library's doctest finder does, from the source of a module.
"""

import doctest
import inspect
import sys
from dataclasses import is_dataclass
from types import ModuleType

import pytest

import polygrad as pg

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
PARSER = doctest.DocTestParser()


def exported(module):
    """The public names of a module: its __all__, else what it defines itself."""
    for name in getattr(module, "__all__", None) or dir(module):
        value = getattr(module, name)
        own = getattr(value, "__module__", None) == module.__name__
        if not name.startswith("_") and (hasattr(module, "__all__") or own):
            yield name, value


def public():
    """All public objects by the name a user writes; each object once."""
    found, modules, seen = {}, [("pg", pg)], set()
    while modules:
        path, module = modules.pop(0)
        if id(module) in seen:
            continue
        seen.add(id(module))
        found[path] = module
        for name, value in exported(module):
            if isinstance(value, ModuleType):
                if value.__name__.startswith("polygrad"):
                    modules.append((f"{path}.{name}", value))
            elif (inspect.isroutine(value) or inspect.isclass(value)) and id(value) not in seen:
                seen.add(id(value))
                found[f"{path}.{name}"] = value
    device = sys.modules["polygrad.device"]  # hidden behind the function of that name
    found |= {f"device.{n}": v for n, v in exported(device) if id(v) not in seen and callable(v)}
    return found


PUBLIC = public()
FUNCTIONS = {n: v for n, v in PUBLIC.items() if inspect.isroutine(v)}
CLASSES = {n: v for n, v in PUBLIC.items() if inspect.isclass(v)}


def members(cls):
    """Methods and properties that a class defines itself, by name."""
    for name, value in vars(cls).items():
        if not name.startswith("_"):
            value = getattr(value, "fget", None) or getattr(value, "__func__", value)
            if inspect.isfunction(value) and value.__module__.startswith("polygrad"):
                yield name, value


def documented():
    """Everything with a docstring that may hold examples."""
    for name, value in PUBLIC.items():
        yield name, value
        if inspect.isclass(value):
            for member, function in members(value):
                yield f"{name}.{member}", function


EXAMPLES = {name: value.__doc__ for name, value in documented() if ">>>" in (value.__doc__ or "")}


@pytest.fixture
def as_started(monkeypatch):
    """The current device is the one of a new process, before the example and after it."""
    monkeypatch.setattr(sys.modules["polygrad.device"], "_default", None)
    monkeypatch.delenv("POLYGRAD_DEVICE", raising=False)


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples(name, as_started):
    test = PARSER.get_doctest(EXAMPLES[name], {"pg": pg}, name, None, 0)
    runner = doctest.DocTestRunner(optionflags=OPTIONS, verbose=False)
    report = []
    runner.run(test, out=report.append)
    assert runner.tries > 0
    assert runner.failures == 0, "".join(report)


def summary_fault(text):
    """What is wrong with the first line of a docstring, or None."""
    lines = inspect.cleandoc(text or "").splitlines()
    if not lines or not lines[0].strip():
        return "no docstring"
    if not lines[0].rstrip().endswith((".", "?")):
        return f"the summary is not one sentence on one line: {lines[0]!r}"
    if len(lines) > 1 and lines[1].strip():
        return "no blank line after the summary"
    return None


def annotation_fault(function):
    """The parameters without annotation, or None."""
    signature = inspect.signature(function)
    missing = [
        p.name
        for i, p in enumerate(signature.parameters.values())
        if p.annotation is p.empty and not (i == 0 and p.name in ("self", "cls"))
    ]
    if signature.return_annotation is signature.empty:
        missing.append("return")
    return f"no annotation of {', '.join(missing)}" if missing else None


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_functions(name):
    function = FUNCTIONS[name]
    assert summary_fault(function.__doc__) is None, summary_fault(function.__doc__)
    assert ">>>" in function.__doc__, "no example"
    assert annotation_fault(function) is None, annotation_fault(function)


@pytest.mark.parametrize("name", CLASSES)
def test_public_classes(name):
    cls = CLASSES[name]
    assert summary_fault(vars(cls).get("__doc__")) is None, summary_fault(cls.__doc__)
    # Records (named tuples, data classes) are shown by the functions that return them.
    record = issubclass(cls, tuple) or is_dataclass(cls)
    if not issubclass(cls, Exception) and not record:
        assert ">>>" in cls.__doc__ or any(">>>" in (f.__doc__ or "") for _, f in members(cls))
    for member, function in members(cls):
        faults = summary_fault(function.__doc__), annotation_fault(function)
        assert faults == (None, None), (member, faults)


@pytest.mark.parametrize("name", [n for n, v in PUBLIC.items() if isinstance(v, ModuleType)])
def test_public_modules(name):
    assert summary_fault(PUBLIC[name].__doc__) is None, summary_fault(PUBLIC[name].__doc__)


def test_the_walk_finds_what_it_should():
    """A walk that finds nothing would pass everything."""
    for name in ("pg.sum", "pg.tanh", "pg.grad", "pg.device", "pg.tree.map", "pg.Array"):
        assert name in PUBLIC, name
    assert "pg.backend.backends" in PUBLIC
    assert len(EXAMPLES) > 200


def test_help_is_that_of_the_function():
    """The functions that explain bad arguments keep name, signature and docstring."""
    assert pg.sum.__name__ == "sum"
    assert list(inspect.signature(pg.sum).parameters)[:2] == ["x", "axis"]
    assert pg.tanh.__doc__.startswith("The hyperbolic tangent")
