"""A mapping that drops what was used longest ago, beyond a number of entries or of bytes. Not safe between threads."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Generic, TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class RecentlyUsed(Generic[_Key, _Value]):
    """Holds up to `entries_max` values, whose sizes sum up to `bytes_max` at most; None is no bound."""

    def __init__(self, entries_max: int, bytes_max: int | None = None):
        self._kept: OrderedDict[_Key, tuple[_Value, int]] = OrderedDict()
        self._entries_max = entries_max
        self._bytes_max = bytes_max
        self.bytes = 0

    def __len__(self) -> int:
        """Return how many values are held."""
        return len(self._kept)

    def __iter__(self) -> Iterator[_Key]:
        """Yield the keys, what was used longest ago first. That is no use of them."""
        return iter(list(self._kept))

    def get(self, key: _Key) -> _Value | None:
        """Return a value and count it as used now; None if it is not held."""
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: _Key, value: _Value, size_bytes: int) -> None:
        """Hold a value in the place of one of the same key, as used now. One that is larger than all may be is not held."""
        self.pop(key)
        self._kept[key] = (value, size_bytes)
        self.bytes += size_bytes
        self._drop()

    def pop(self, key: _Key) -> _Value | None:
        """Drop a value and return it; None if it was not held."""
        found = self._kept.pop(key, None)
        if found is None:
            return None
        self.bytes -= found[1]
        return found[0]

    def clear(self) -> None:
        """Drop every value."""
        self._kept.clear()
        self.bytes = 0

    def bound(self, entries_max: int, bytes_max: int | None) -> None:
        """Hold no more than this from now on."""
        self._entries_max, self._bytes_max = entries_max, bytes_max
        self._drop()

    def _drop(self) -> None:
        while self._kept and (
            len(self._kept) > self._entries_max or (self._bytes_max is not None and self.bytes > self._bytes_max)
        ):
            _, (_, size_bytes) = self._kept.popitem(last=False)
            self.bytes -= size_bytes
