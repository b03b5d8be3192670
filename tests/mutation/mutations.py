"""What may be broken: one place of one file, what that means, and the tests that should notice."""

from __future__ import annotations

from pathlib import Path

from zoo.config import Config, ConfigError, load_yaml, parse

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_name("mutations.yaml")


class Mutation(Config):
    """One change of the code that a good suite must notice.

    Args:
        name: short, in words joined by dashes.
        means: what the code does then, in one sentence.
        file: what is changed, from the root of the repository.
        old: text that stands there exactly once.
        new: what stands there instead.
        tests: test files (or single tests) that should notice, the most likely one first.
    """

    name: str
    means: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def apply(self, root: Path) -> str:
        """The whole text of the file with the change.

        Raises:
            ConfigError: the old text is not there, or more than once, or the new one is not Python.
        """
        path = root / self.file
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        found = text.count(self.old)
        if found != 1:
            raise ConfigError(f"{LIST.name}: {self.name}: {self.file} has this text {found} times, and it must stand there "
                              f"once; say it anew:\n{self.old}")
        changed = text.replace(self.old, self.new)
        try:
            compile(changed, self.file, "exec")
        except SyntaxError as error:
            raise ConfigError(f"{LIST.name}: {self.name}: what is left is not Python: {error}") from None
        return changed


class Mutations(Config):
    """The list.

    Args:
        mutations: in the order in which they are tried.
    """

    mutations: tuple[Mutation, ...]


def load(path: Path = LIST) -> tuple[Mutation, ...]:
    """Reads the list.

    Raises:
        ConfigError: a key is wrong, or two mutations have one name.
    """
    found = parse(Mutations, load_yaml(path), path.name).mutations
    names = [mutation.name for mutation in found]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{path.name}: {name!r} is the name of {names.count(name)} mutations; one of them needs another")
    return found
