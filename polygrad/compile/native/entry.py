"""The call from Python: a built-in function that checks its arguments and makes the results.

It takes the arrays (and Python floats) of the inputs by position and returns a tuple of new
arrays, or None where an argument is not laid out as the program needs it, or the program gave
up: the caller then runs the graph another way. What an array object looks like in memory is
said by a `Layout` of the backend.
"""

import ctypes
from typing import Any

from polygrad.compile.native.host import Layout
from polygrad.compile.native.types import is_float, memory
from polygrad.compile.native.writer import Module

LONG = 200_000
"""Work from which on the interpreter is let go while a program runs."""
_FLOAT_AT = 16


RUNTIME = (
    "Py_IncRef", "Py_DecRef", "PyTuple_New", "PyTuple_SetItem", "PyEval_SaveThread",
    "PyEval_RestoreThread", "PyMem_RawMalloc", "PyMem_RawFree", "PyErr_NoMemory",
    "PyLong_AsLongLongAndOverflow",
)  # fmt: skip


def runtime() -> list[int]:
    """The addresses of the interpreter's functions."""
    found = []
    for name in RUNTIME:
        function = ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value
        assert function is not None
        found.append(function)
    return found


def addresses(module: Module, layout: Layout) -> list[int]:
    """What ``@outside`` holds: functions, None, and classes and data types, in a fixed order."""
    fixed = [*runtime(), id(None), id(float), id(int), layout.kind, layout.new]
    return [*fixed, *(layout.dtypes[name] for name in dtype_names(module))]


def dtype_names(module: Module) -> list[str]:
    """The data types of the inputs."""
    return sorted({v.dtype.name for v in module.graph.inputs if not v.weak})


class _Entry:
    def __init__(self, module: Module, layout: Layout) -> None:
        self.module, self.layout = module, layout
        self.dtypes = dtype_names(module)
        self.lines: list[str] = []
        self.globals: list[str] = []
        self.count = 0

    def put(self, text: str) -> str:
        self.count += 1
        self.lines.append(f"  %t{self.count} = {text}")
        return f"%t{self.count}"

    def do(self, text: str) -> None:
        self.lines.append(f"  {text}")

    def outside(self, name: str) -> str:
        fixed = [*RUNTIME, "None", "float", "int", "kind", "new", *self.dtypes]
        return self.put(f"load ptr, ptr getelementptr (ptr, ptr @outside, i64 {fixed.index(name)})")

    def field(self, thing: str, at: int, kind: str = "ptr") -> str:
        place = self.put(f"getelementptr i8, ptr {thing}, i64 {at}")
        return self.put(f"load {kind}, ptr {place}")

    def need(self, condition: str) -> None:
        self.count += 1
        self.do(f"br i1 {condition}, label %ok{self.count}, label %decline")
        self.lines.append(f"ok{self.count}:")

    def text(self) -> str:
        module, n = self.module, len(self.module.graph.inputs)
        size = len(RUNTIME) + 5 + len(self.dtypes)
        self.globals += [
            f"@outside = global [{size} x ptr] zeroinitializer",
            "@spare = global ptr null",
            "@refused = global i32 0",
        ]
        buffers = self.put(f"alloca [{module.scratch_at + 2} x ptr]")
        status = self.put("alloca i32")
        slots = {
            i: self.put(f"alloca {memory(v.dtype)}")
            for i, v in enumerate(module.graph.inputs)
            if v.weak
        }
        self.need(self.put(f"icmp eq i64 %count, {n}"))
        for i in range(n):
            self._input(i, buffers, slots.get(i))
        made = self._outputs(buffers)
        base = self._scratch(buffers)
        self.do(f"store i32 0, ptr {status}")
        self._set(buffers, module.scratch_at + 1, status)
        long = module.work >= LONG
        if long:
            state = self.put(f"call ptr {self.outside('PyEval_SaveThread')}()")
        result = self.put(f"call i32 @program(ptr {buffers})")
        if long:
            self.do(f"call void {self.outside('PyEval_RestoreThread')}(ptr {state})")
        if module.scratch:
            old = self.put(f"atomicrmw xchg ptr @spare, ptr {base} seq_cst")
            self.do(f"call void {self.outside('PyMem_RawFree')}(ptr {old})")
        self.count += 1
        good = self.put(f"icmp eq i32 {result}, 0")
        self.do(f"br i1 {good}, label %well, label %ill")
        self.lines += ["well:", f"  ret ptr {made}", "ill:"]
        self.do(f"store i32 {result}, ptr @refused")
        self.do(f"call void {self.outside('Py_DecRef')}(ptr {made})")
        self.do("br label %decline")
        self.lines.append("decline:")
        none = self.outside("None")
        self.do(f"call void {self.outside('Py_IncRef')}(ptr {none})")
        self.lines += [f"  ret ptr {none}", "failed:"]
        self.do(f"call void {self.outside('Py_DecRef')}(ptr {made})")
        self.lines.append("  ret ptr null")
        head = "define ptr @entry(ptr %self, ptr %args, i64 %count) nounwind {\nstart:"
        return "\n".join([*self.globals, head, *self.lines, "}"]) + "\n"

    def _set(self, buffers: str, number: int, pointer: str) -> None:
        place = self.put(f"getelementptr ptr, ptr {buffers}, i64 {number}")
        self.do(f"store ptr {pointer}, ptr {place}")

    def _input(self, i: int, buffers: str, slot: str | None) -> None:
        value, at = self.module.graph.inputs[i], self.layout
        given = self.field("%args", 8 * i)
        kind = self.field(given, at.kind_at)
        if slot is not None and not is_float(value.dtype):
            self.need(self.put(f"icmp eq ptr {kind}, {self.outside('int')}"))
            over = self.put("alloca i32")
            function = self.outside("PyLong_AsLongLongAndOverflow")
            number = self.put(f"call i64 {function}(ptr {given}, ptr {over})")
            self.need(self.put(f"icmp eq i32 {self.put(f'load i32, ptr {over}')}, 0"))
            self.do(f"store i64 {number}, ptr {slot}")
            self._set(buffers, i, slot)
            return
        if slot is not None:
            self.need(self.put(f"icmp eq ptr {kind}, {self.outside('float')}"))
            self.do(f"store double {self.field(given, _FLOAT_AT, 'double')}, ptr {slot}")
            self._set(buffers, i, slot)
            return
        self.need(self.put(f"icmp eq ptr {kind}, {self.outside('kind')}"))
        self._dtype(self.field(given, at.dtype_at), value.dtype.name)
        flags = self.put(f"and i32 {self.field(given, at.flags_at, 'i32')}, {at.flags}")
        self.need(self.put(f"icmp eq i32 {flags}, {at.flags}"))
        self.need(self.put(f"icmp eq i32 {self.field(given, at.ndim_at, 'i32')}, {value.ndim}"))
        if value.ndim:
            shape = self.field(given, at.shape_at)
            for axis, length in enumerate(value.shape):
                found = self.field(shape, 8 * axis, "i64")
                self.need(self.put(f"icmp eq i64 {found}, {length}"))
        self._set(buffers, i, self.field(given, at.data_at))

    def _dtype(self, given: str, name: str) -> None:
        """Data types are equal by what they say; out of a pickle they are not the usual object."""
        at = self.layout
        same = self.put(f"icmp eq ptr {given}, {self.outside(name)}")
        self.count += 1
        here = self.count
        self.do(f"br i1 {same}, label %ok{here}, label %other{here}")
        self.lines.append(f"other{here}:")
        number = self.field(given, at.number_at, "i32")
        good = [self.put(f"icmp eq i32 {number}, {n}") for n in at.numbers[name]]
        known = good[0]
        for one in good[1:]:
            known = self.put(f"or i1 {known}, {one}")
        order = self.field(given, at.order_at, "i8")
        native = self.put(f"icmp ne i8 {order}, {at.foreign}")
        both = self.put(f"and i1 {known}, {native}")
        self.do(f"br i1 {both}, label %ok{here}, label %decline")
        self.lines.append(f"ok{here}:")

    def _outputs(self, buffers: str) -> str:
        outputs = self.module.graph.outputs
        made = self.put(f"call ptr {self.outside('PyTuple_New')}(i64 {len(outputs)})")
        for i, value in enumerate(outputs):
            shape = "null"
            if value.ndim:
                shape = f"@shape{i}"
                inside = ", ".join(f"i64 {n}" for n in value.shape)
                self.globals.append(
                    f"@shape{i} = internal constant [{value.ndim} x i64] [{inside}]"
                )
            array = self.put(
                f"call ptr {self.outside('new')}(ptr {self.outside('kind')}, i32 {value.ndim}, "
                f"ptr {shape}, i32 {self.layout.numbers[value.dtype.name][0]}, ptr null, ptr null, "
                "i32 0, i32 0, ptr null)"
            )
            some = self.put(f"icmp ne ptr {array}, null")
            self.count += 1
            self.do(f"br i1 {some}, label %ok{self.count}, label %failed")
            self.lines.append(f"ok{self.count}:")
            self.put(
                f"call i32 {self.outside('PyTuple_SetItem')}(ptr {made}, i64 {i}, ptr {array})"
            )
            data = self.field(array, self.layout.data_at)
            self._set(buffers, len(self.module.graph.inputs) + i, data)
        return made

    def _scratch(self, buffers: str) -> str:
        """Scratch memory: what an earlier run left, or new; two runs never share it."""
        size = self.module.scratch
        if not size:
            return "null"
        spare = self.put("atomicrmw xchg ptr @spare, ptr null seq_cst")
        there = self.put(f"icmp ne ptr {spare}, null")
        self.lines += [
            "  br label %look", "look:", f"  br i1 {there}, label %have, label %get", "get:",
        ]  # fmt: skip
        fresh = self.put(f"call ptr {self.outside('PyMem_RawMalloc')}(i64 {size + 64})")
        some = self.put(f"icmp ne ptr {fresh}, null")
        self.lines += [f"  br i1 {some}, label %got, label %without", "without:"]
        self.put(f"call ptr {self.outside('PyErr_NoMemory')}()")
        self.lines += ["  br label %failed", "got:", "  br label %have", "have:"]
        base = self.put(f"phi ptr [ {spare}, %look ], [ {fresh}, %got ]")
        number = self.put(f"ptrtoint ptr {base} to i64")
        aligned = self.put(f"and i64 {self.put(f'add i64 {number}, 63')}, -64")
        self._set(buffers, self.module.scratch_at, self.put(f"inttoptr i64 {aligned} to ptr"))
        return base


def entry_text(module: Module, layout: Layout) -> str:
    """The assembly of ``@entry``, which goes behind that of the module."""
    return _Entry(module, layout).text()


class _Method(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    ]


_FASTCALL = 0x80


def builtin(address: int, name: str) -> tuple[Any, Any]:
    """A built-in function of arguments by position, and what has to be kept as long as it is."""
    method = _Method(name.encode(), address, _FASTCALL, None)
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype = ctypes.py_object
    make.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    return make(ctypes.addressof(method), None, None), method
