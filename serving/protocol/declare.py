"""Messages of protocol buffers, declared in Python line by line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

_FIELD = re.compile(r"(?:oneof (?P<choice>\w+): )?(?P<repeated>repeated )?"
                    r"(?:map<string, (?P<value>[\w.]+)>|(?P<type>[\w.]+)) (?P<name>\w+) = (?P<number>\d+)")


def file_of(package: str, messages: Mapping[str, Iterable[str]], imports: Iterable[str] = ()) -> FileDescriptorProto:
    """A file of proto3 messages.

    Args:
        package: their package; the file is named after it.
        messages: by name, the fields as a .proto file has them; `Outer.Inner` stands after `Outer`. A message type is named in
            full with a leading dot. An enum is an int32: the bytes are the same.
        imports: the files whose types are used.

    Example:
        >>> file = file_of("shop", {"Item": ["string name = 1", "map<string, .shop.Item> parts = 2"]})
        >>> [field.name for field in file.message_type[0].field]
        ['name', 'parts']
    """
    file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3", dependency=imports)
    made: dict[str, DescriptorProto] = {}
    for name, fields in messages.items():
        outer, _, inner = name.rpartition(".")
        made[name] = made[outer].nested_type.add(name=inner) if outer else file.message_type.add(name=inner)
        for field in fields:
            match = _FIELD.fullmatch(field)
            if match is None:
                raise ValueError(f"{package}.{name}: not a field of proto3: {field!r}")
            _add(made[name], f".{package}.{name}", match)
    return file


def message_class(pool: Any, name: str) -> Any:
    """The class of a message in a descriptor pool."""
    factory: Any = message_factory
    # GetPrototype: protobuf before 4.22
    made: Any = getattr(factory, "GetMessageClass", None) or factory.MessageFactory(pool).GetPrototype
    return made(pool.FindMessageTypeByName(name))


def _add(message: DescriptorProto, full_name: str, match: re.Match[str]) -> None:
    many, kind = bool(match["repeated"]), match["type"]
    if match["value"]:
        # A map is a repeated message of keys and values.
        entry = message.nested_type.add(name=match["name"].title().replace("_", "") + "Entry")
        entry.options.map_entry = True
        _field(entry, "key", 1, "string")
        _field(entry, "value", 2, match["value"])
        many, kind = True, f"{full_name}.{entry.name}"
    field = _field(message, match["name"], int(match["number"]), kind, many)
    if match["choice"]:
        choices = [choice.name for choice in message.oneof_decl]
        if match["choice"] not in choices:
            message.oneof_decl.add(name=match["choice"])
            choices.append(match["choice"])
        field.oneof_index = choices.index(match["choice"])


def _field(message: DescriptorProto, name: str, number: int, kind: str, many: bool = False) -> Any:
    field = message.field.add(name=name, number=number)
    field.label = FieldDescriptorProto.LABEL_REPEATED if many else FieldDescriptorProto.LABEL_OPTIONAL
    if kind.startswith("."):
        field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, kind
    else:
        field.type = FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")
    return field
