"""Files that travel with a model."""

from __future__ import annotations


class Assets:
    """Files that travel with a model."""

    def copy_to(self, folder: str) -> None:
        pass

    @classmethod
    def from_folder(cls, folder: str) -> Assets:
        return cls()
