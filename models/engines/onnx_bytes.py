"""The messages of an ONNX file (protocol buffers) as lists of fields, to be changed and written again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_VARINT, _LENGTH = 0, 2
_FIXED = {1: 8, 5: 4}
"""Wire type -> bytes of a number of fixed size."""

Value = int | bytes


class OnnxMessage:
    """One message. Numbers of fields are those of onnx.proto; fields keep their order."""

    def __init__(self, data: bytes = b"") -> None:
        """Raises ValueError when the bytes are not a message."""
        self._fields = list(_fields(data))

    def values(self, number: int) -> list[Value]:
        """All values of a repeated field."""
        return [value for field, _, value in self._fields if field == number]

    def value(self, number: int) -> Value | None:
        """The last value of a field, or None."""
        return next(iter(reversed(self.values(number))), None)

    def text(self, number: int) -> str:
        """A field of text, empty where there is none."""
        value = self.value(number)
        return value.decode() if isinstance(value, bytes) else ""

    def texts(self, number: int) -> list[str]:
        """All texts of a repeated field."""
        return [value.decode() for value in self.values(number) if isinstance(value, bytes)]

    def numbers(self, number: int) -> list[int]:
        """All whole numbers of a repeated field, packed or not."""
        found: list[int] = []
        for value in self.values(number):
            found += [value] if isinstance(value, int) else _unpacked(value)
        return [value - (1 << 64) if value >> 63 else value for value in found]

    def messages(self, number: int) -> list[OnnxMessage]:
        """All messages of a repeated field, each read anew: a change has to be put back by `put`."""
        return [OnnxMessage(value) for value in self.values(number) if isinstance(value, bytes)]

    def put(self, number: int, values: Iterable[Value | str | OnnxMessage]) -> OnnxMessage:
        """Replace all values of a field by these, where its first one stood, else at the end. Returns the message."""
        places = [place for place, field in enumerate(self._fields) if field[0] == number]
        at = places[0] if places else len(self._fields)
        kept = [field for field in self._fields if field[0] != number]
        self._fields = [*kept[:at], *(_field(number, value) for value in values), *kept[at:]]
        return self

    def __bytes__(self) -> bytes:
        return b"".join(_written(*field) for field in self._fields)


def _field(number: int, value: Value | str | OnnxMessage) -> tuple[int, int, Value]:
    if isinstance(value, int):
        return number, _VARINT, value % (1 << 64)
    return number, _LENGTH, value.encode() if isinstance(value, str) else bytes(value)


def _fields(data: bytes) -> Iterator[tuple[int, int, Value]]:
    """Number, wire type and value of each field."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield key >> 3, wire, value
            continue
        if wire not in (_LENGTH, *_FIXED):
            raise ValueError(f"a field of wire type {wire}")
        size, at = _varint(data, at) if wire == _LENGTH else (_FIXED[wire], at)
        if at + size > len(data):
            raise ValueError("a field is cut off")
        yield key >> 3, wire, data[at : at + size]
        at += size


def _written(number: int, wire: int, value: Value) -> bytes:
    key = _encoded(number << 3 | wire)
    if isinstance(value, int):
        return key + _encoded(value)
    return key + (_encoded(len(value)) if wire == _LENGTH else b"") + value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at
    raise ValueError("a number is cut off")


def _unpacked(data: bytes) -> list[int]:
    found, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        found.append(value)
    return found


def _encoded(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)
