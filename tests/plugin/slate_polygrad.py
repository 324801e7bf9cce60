"""The record that makes polygrad know slates; importing it does not import the library."""

import importlib.util

from polygrad.backend import Backend


class SlateBackend(Backend):
    """Slates, on two devices."""

    name = "slate"
    array_classes = ("slate:Slate",)
    immutable = True

    def namespace(self):
        import slate

        return slate.namespace

    def unavailable(self):
        return None if importlib.util.find_spec("slate") else "pip install slate-arrays"

    def version(self):
        import slate

        return slate.__version__

    def device_names(self):
        import slate

        return [f"slate:{name}" for name in slate.DEVICES]

    def find_device(self, rest):
        import slate

        if (rest or slate.DEVICES[0]) not in slate.DEVICES:
            raise ValueError(f"a slate has the devices {', '.join(slate.DEVICES)}, not {rest!r}")
        return rest or slate.DEVICES[0]

    def device_name(self, device):
        if device not in ("upper", "lower"):
            raise ValueError(f"not a device of a slate: {device!r}")
        return f"slate:{device}"

    def memory(self, device):
        return 3 * 2**30, 6 * 2**30

    def from_host(self, value, dtype, device):
        return self.xp.asarray(value, dtype=dtype, device=device)

    def to_host(self, array):
        return array.host
