"""The address of a list: what a person chose (filter, order, page) is in the URL and survives a reload."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class Address:
    """A path and its query in the order given. Empty values are not part of an address."""

    path: str
    query: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, path: str, **chosen: str | None) -> Address:
        return cls(path, tuple((key, value) for key, value in chosen.items() if value))

    def value(self, key: str) -> str:
        """What is chosen for `key`, or the empty string."""
        return next((value for name, value in self.query if name == key), "")

    def having(self, **changes: str | None) -> str:
        """This address with some choices changed; changing anything but the page starts at the first."""
        kept = {k: v for k, v in self.query if k not in changes and (k != "cursor" or not changes)}
        kept |= {k: v for k, v in changes.items() if v}
        return f"{self.path}?{urlencode(kept)}" if kept else self.path

    def sorted_by(self, key: str) -> str:
        """Sorting by the column already in charge turns its direction round."""
        return self.having(sort=f"-{key}" if self.value("sort") == key else key)

    def direction(self, key: str) -> str:
        """`ascending`, `descending` or `none`: the words aria-sort uses."""
        return {key: "ascending", f"-{key}": "descending"}.get(self.value("sort"), "none")

    @property
    def is_filtered(self) -> bool:
        return any(key not in ("sort", "cursor") for key, _ in self.query)

    def __str__(self) -> str:
        return self.having()
