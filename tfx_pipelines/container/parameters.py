"""The settings of a stage, from the platform's parameters to TFX's execution properties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx.types import Artifact

# JSON knows numbers alone, and writes 1.0 as 1.
_NUMBERS = {"NUMBER_INTEGER": int, "NUMBER_DOUBLE": float}


def values(given: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter's value: schema 2.1 has plain ones, integers as floats; schema 2.0 names the type of each.

    Args:
        given: the `inputs` of an executor input.
        definitions: the component's `inputDefinitions`, which say what is an integer.

    Example:
        >>> values({"parameterValues": {"seed": 3.0}}, {"parameters": {"seed": {"parameterType": "NUMBER_INTEGER"}}})
        {'seed': 3}
    """
    declared = definitions.get("parameters", {})
    plain = {key: _NUMBERS.get(declared.get(key, {}).get("parameterType"), _same)(value)
             for key, value in given.get("parameterValues", {}).items()}
    typed = {key: int(value["intValue"]) if "intValue" in value else next(iter(value.values()))
             for key, value in given.get("parameters", {}).items() if value}
    return typed | plain


def resolve_span(settings: dict[str, Any], outputs: Mapping[str, list[Artifact]]) -> None:
    """Does what the driver of an ExampleGen does elsewhere, and nobody does on Kubeflow: finds the newest span and its files.

    Args:
        settings: of the stage; an ExampleGen's patterns are filled in.
        outputs: of the stage; an ExampleGen's examples get their span, version and fingerprint.
    """
    if not {"input_base", "input_config"} <= set(settings):
        return
    # All of TFX's components come with these, which takes seconds that no other step has to spend.
    from tfx.components.example_gen import driver, input_processor, utils
    from tfx.proto import example_gen_pb2, range_config_pb2
    from tfx.utils import proto_utils

    config = example_gen_pb2.Input()
    proto_utils.json_to_proto(settings["input_config"], config)
    if not any("{" in split.pattern for split in config.splits):
        return
    chosen = None
    if settings.get("range_config"):
        chosen = range_config_pb2.RangeConfig()  # pyright: ignore[reportAttributeAccessIssue]  (made at run time)
        proto_utils.json_to_proto(settings["range_config"], chosen)
    found = input_processor.FileBasedInputProcessor(settings["input_base"], config.splits, chosen)
    span, version = found.resolve_span_and_version()
    for split in config.splits:
        split.pattern = found.get_pattern_for_span_version(split.pattern, span, version)
    settings["input_config"] = proto_utils.proto_to_json(config)
    known = {utils.SPAN_PROPERTY_NAME: span, utils.VERSION_PROPERTY_NAME: version,
             utils.FINGERPRINT_PROPERTY_NAME: found.get_input_fingerprint(span, version)}
    settings.update(known)
    for examples in outputs["examples"]:
        driver.update_output_artifact(known, examples.mlmd_artifact)


def _same(value: Any) -> Any:
    return value
