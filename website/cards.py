"""The list of the model cards."""

from __future__ import annotations

from zoo.models import registry

CARDS = "zoo/models/cards"
STAGES = {"fine": "Fine ranking", "coarse": "Coarse ranking", "live": "Live rooms"}


def model_index() -> str:
    """A table for each folder of models: name and sentence, in the registry's order."""
    text = "# Models\n\nEach has a card: what it is, when to use it, settings, deviations from its paper, measured results.\n"
    text += "`zoo models show NAME` prints it, with all settings and their defaults.\n"
    for folder, title in STAGES.items():
        names = [name for name in registry.names() if registry.module_of(name).split(".")[2] == folder]
        rows = "".join(f"| [`{name}`]({name}.md) | {registry.summary(name)} |\n" for name in names)
        text += f"\n## {title}\n\n| model | what it is |\n| --- | --- |\n{rows}"
    return text
