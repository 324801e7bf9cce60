"""Device strings, the current device and its precedence, threads, and moving between devices."""

import asyncio
import ctypes
import os
import pickle
import platform
import subprocess
import sys
import threading

import pytest

import polygrad as pg
from polygrad.errors import BackendError, DeviceError, DeviceUnavailableError

module = sys.modules["polygrad.device"]  # pg.device is the function
ONE, TWO = "strict:device1", "strict:device2"


@pytest.fixture(autouse=True)
def restored(monkeypatch):
    """Each test begins as a new process does, and leaves no default behind."""
    monkeypatch.setattr(module, "_default", None)
    monkeypatch.delenv("POLYGRAD_DEVICE", raising=False)


def test_strings_of_one_device_give_one_object():
    cpu = pg.device("cpu")
    for spelling in ("cpu", " CPU ", "cpu:0", "numpy", "numpy:cpu", cpu):
        assert pg.device(spelling) is cpu
    assert pg.device("strict") is pg.device("strict:cpu")
    assert cpu == "cpu"
    assert cpu != "strict:cpu"
    assert hash(cpu) == hash(pg.device("numpy"))
    assert (str(cpu), repr(cpu)) == ("cpu", "Device('cpu')")


def test_a_device_of_a_library_is_taken():
    import array_api_strict

    raw = array_api_strict.Device("device1")
    assert pg.device(raw) is pg.device(ONE)
    assert pg.zeros(2, device=raw).device == ONE
    assert pg.device(pg.zeros(2, device=ONE).device) == ONE


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("gpu", DeviceError, "unknown backend or device 'gpu'; expected one of 'auto', 'cpu', "),
        ("", DeviceError, "unknown backend or device ''"),
        ("cuda1", DeviceError, "see `python -m polygrad devices`"),
        (None, DeviceError, "got None, expected a device string such as 'auto', 'cpu'"),
        (0, DeviceError, "got 0, expected a device string"),
        ("cpu:1", DeviceUnavailableError, "'cpu:1' is not available: NumPy has one device, 'cpu'"),
        ("strict:device9", DeviceUnavailableError, "has the devices cpu, device1, device2"),
    ],
)
def test_wrong_device_strings(name, error, message):
    with pytest.raises(error) as caught:
        pg.device(name)
    assert message in str(caught.value)
    assert isinstance(caught.value, ValueError if error is DeviceError else RuntimeError)


@pytest.mark.parametrize(
    "use",
    [
        lambda: pg.set_device("gpu"),
        lambda: pg.zeros(2, device="gpu"),
        lambda: pg.asarray([1.0], device="gpu"),
        lambda: pg.to_device(pg.ones(2), "gpu"),
        lambda: pg.ones(2).to_device("gpu"),
        lambda: pg.ones_like(pg.ones(2), device="gpu"),
        lambda: pg.from_dlpack(pg.ones(2), device="gpu"),
    ],
)
def test_a_wrong_string_is_refused_wherever_a_device_is_given(use):
    with pytest.raises(DeviceError, match="unknown backend or device 'gpu'"):
        use()
    assert pg.current_device() == "cpu"


def test_devices_starts_with_the_cpu_and_lists_what_can_be_used():
    found = pg.devices()
    assert found[0] == "cpu"
    assert {ONE, TWO} <= set(map(str, found))
    for device in found:
        x = pg.ones(2, device=device)
        assert x.device is device
        assert pg.sum(x).item() == 2.0


def test_auto_is_an_accelerator_if_there_is_one():
    found = [str(d) for d in pg.devices()]
    assert pg.device("auto") == ("cuda:0" if "cuda:0" in found else "cpu")


def test_precedence(monkeypatch):
    assert pg.current_device() == "cpu"
    monkeypatch.setattr(module, "_default", None)
    monkeypatch.setenv("POLYGRAD_DEVICE", TWO)
    assert pg.current_device() == TWO
    assert pg.zeros(1).device == TWO
    assert pg.set_device(ONE) == ONE
    assert pg.zeros(1).device == ONE
    with pg.device("cpu") as inner:
        assert inner == "cpu"
        assert pg.zeros(1).device == "cpu"
        assert pg.zeros(1, device=TWO).device == TWO
        pg.set_device(TWO)  # the block still takes precedence
        assert pg.zeros(1).device == "cpu"
    assert pg.zeros(1).device == TWO


def test_scopes_nest_and_end_with_an_exception():
    device = pg.device(ONE)

    def fail():
        with device:
            with pg.device(TWO), device:
                assert pg.current_device() == ONE
            assert pg.current_device() == ONE
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert pg.current_device() == "cpu"


def test_a_wrong_environment_variable_is_named_each_time(monkeypatch):
    monkeypatch.setenv("POLYGRAD_DEVICE", "warp")
    for _ in range(2):
        with pytest.raises(DeviceError, match="environment variable POLYGRAD_DEVICE='warp': unk"):
            pg.zeros(1)
    monkeypatch.setenv("POLYGRAD_DEVICE", "cpu:4")
    with pytest.raises(DeviceUnavailableError, match="POLYGRAD_DEVICE='cpu:4': device 'cpu:4'"):
        pg.zeros(1)
    pg.set_device("cpu")  # the way out within a program
    assert pg.zeros(1).device == "cpu"


def test_the_environment_variable_in_a_process_of_its_own():
    done = subprocess.run(
        [sys.executable, "-c", "import polygrad as pg; print(pg.asarray([1.0]).device)"],
        env={**os.environ, "POLYGRAD_DEVICE": ONE},
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"{ONE}\n", done.stderr


def test_a_scope_belongs_to_its_thread_and_set_device_to_the_process():
    entered, checked, seen = threading.Event(), threading.Event(), {}

    def other():
        with pg.device(TWO):
            entered.set()
            checked.wait(10)
            seen["inside"] = str(pg.zeros(1).device)
        seen["after"] = str(pg.zeros(1).device)

    thread = threading.Thread(target=other)
    thread.start()
    assert entered.wait(10)
    assert pg.zeros(1).device == "cpu"
    pg.set_device(ONE)
    assert pg.zeros(1).device == ONE
    checked.set()
    thread.join()
    assert seen == {"inside": TWO, "after": ONE}


def test_a_scope_belongs_to_its_task():
    async def task(name):
        with pg.device(name):
            await asyncio.sleep(0)
            made = str(pg.zeros(1).device)
            await asyncio.sleep(0)
        return made, str(pg.zeros(1).device)

    async def both():
        return await asyncio.gather(task(ONE), task(TWO))

    assert asyncio.run(both()) == [(ONE, "cpu"), (TWO, "cpu")]


def test_python_numbers_compute_on_the_current_device():
    with pg.device(ONE):
        assert pg.add(1.0, 2.0).device == ONE
        assert pg.grad(lambda x: pg.sum(x * pg.ones(2)))(2.0) == 2.0


@pytest.mark.parametrize(("source", "target"), [("cpu", ONE), (ONE, "cpu"), (ONE, TWO)])
@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_to_device_is_differentiable_and_the_gradient_comes_home(source, target, dtype):
    x = pg.asarray([1.0, -2.0], dtype=dtype, device=source)

    def f(x):
        y = pg.to_device(x, target)
        assert y.device == target
        return pg.sum(pg.to_device(pg.abs(y) ** 2, source)) + pg.sum(pg.abs(x) ** 2)

    gradient = pg.grad(f)(x)
    assert gradient.device == source
    assert gradient.dtype == dtype
    assert gradient.tolist() == [4.0, -8.0]
    value, tangent = pg.jvp(f, (x,), (pg.ones_like(x),))
    assert value.device == tangent.device == source
    assert tangent.item() == -4.0
    second = pg.grad(lambda x: pg.sum(pg.abs(pg.grad(f)(x)) ** 2))(x)
    assert second.device == source
    assert second.tolist() == [32.0, -64.0]


def test_to_device_copies_only_to_another_device():
    x = pg.ones(2)
    assert pg.to_device(x, "cpu") is x
    y = pg.to_device(x, ONE)
    x[0] = 5.0
    assert y.tolist() == [1.0, 1.0]
    with pytest.raises(TypeError, match="stream has to be None"):
        x.to_device("cpu", stream=3)


def test_devices_pickle_by_name():
    assert pickle.loads(pickle.dumps(pg.device(ONE))) is pg.device(ONE)


def test_synchronize_returns():
    for device in pg.devices():
        assert device.synchronize() is None


KEPT = """
import os, resource, numpy as np, polygrad as pg
page = os.sysconf("SC_PAGE_SIZE")
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * page >> 20
def use():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(3):
        many = [pg.exp(x) for _ in range(60)]
        del many
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
x = np.ones(400_000)  # 3.2 MB
start = resident()
found = []
for on in (True, False):
    pg.device("cpu").keep_memory(on)
    idle = resident() - start
    use()
    found += [idle, use(), resident() - start]
print(*found)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_keep_memory_keeps_it_until_it_is_switched_off():
    # In a process of its own: what others freed decides on how the allocator behaves.
    run = subprocess.run([sys.executable, "-c", KEPT], capture_output=True, text=True, check=True)
    _, faults, held, given_back, more_faults, usual = map(int, run.stdout.split())
    assert held > 180  # MiB of 60 arrays
    assert max(given_back, usual) < 120
    assert faults < more_faults / 10


def test_keep_memory_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    with pytest.raises(BackendError, match=r"has no mallopt; .* on Linux"):
        pg.device("cpu").keep_memory()
