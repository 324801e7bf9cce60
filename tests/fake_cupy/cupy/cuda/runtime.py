"""The part of the CUDA runtime that is asked for devices."""

import os
import threading

_thread = threading.local()
synchronized = []


class CUDARuntimeError(RuntimeError):
    """A CUDA call failed."""


def getDeviceCount():
    gpus = os.environ.get("FAKE_CUPY_GPUS", "2")
    if not gpus.isdecimal():
        raise CUDARuntimeError(gpus)
    return int(gpus)


def driverGetVersion():
    return int(os.environ.get("FAKE_CUPY_DRIVER", "13000"))


def runtimeGetVersion():
    return 13020


def getDevice():
    return getattr(_thread, "current", 0)  # a number of each thread


def setDevice(number):
    _thread.current = number
