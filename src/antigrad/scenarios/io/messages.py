"""The protobuf messages of Waymo's files, described here instead of generated; unknown fields are skipped."""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

SCENARIO = """
MapPoint: 1 double x, 2 double y
Line: 2 repeated MapPoint polyline
Lane: 8 repeated MapPoint polyline
MapFeature: 3 Lane lane, 5 Line road_edge
ObjectState: 2 double x, 3 double y, 5 float length, 6 float width, 8 float heading
ObjectState: 9 float velocity_x, 10 float velocity_y, 11 bool valid
Track: 1 int32 id, 2 int32 kind, 3 repeated ObjectState states
Scenario: 1 repeated double timestamps, 2 repeated Track tracks, 5 string id, 6 int32 ego, 8 repeated MapFeature map
"""
EXAMPLE = """
Bytes: 1 repeated bytes value
Floats: 1 packed float value
Ints: 1 packed int64 value
Feature: 1 Bytes bytes, 2 Floats floats, 3 Ints ints
Entry: 1 string key, 2 Feature value
Features: 1 repeated Entry feature
Example: 1 Features features
"""
_TYPES = {
    "double": Field.TYPE_DOUBLE,
    "float": Field.TYPE_FLOAT,
    "int32": Field.TYPE_INT32,
    "int64": Field.TYPE_INT64,
    "bool": Field.TYPE_BOOL,
    "string": Field.TYPE_STRING,
    "bytes": Field.TYPE_BYTES,
}


@cache
def message(description: str) -> Any:
    """Build the class of the last message of a description.

    Args:
        description: One line `Name: number [repeated|packed] type name, ...` a message; a name may have several lines.

    Returns:
        A protobuf message class (proto2).

    Example:
        >>> kind = message("Point: 1 double x, 2 double y")
        >>> kind.FromString(kind(x=1.5).SerializeToString()).x
        1.5
    """
    file = FileDescriptorProto(name="antigrad", package="antigrad", syntax="proto2")
    kinds: dict[str, Any] = {}
    owner = ""
    for line in description.strip().splitlines():
        owner, _, fields = line.partition(": ")
        if owner not in kinds:
            kinds[owner] = file.message_type.add(name=owner)
        for text in fields.split(", "):
            number, *label, kind, name = text.split(" ")
            field = kinds[owner].field.add(name=name, number=int(number))
            field.label = Field.LABEL_REPEATED if label else Field.LABEL_OPTIONAL
            field.type = _TYPES.get(kind, Field.TYPE_MESSAGE)
            if kind not in _TYPES:
                field.type_name = f".antigrad.{kind}"
            if label == ["packed"]:
                field.options.packed = True
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName(f"antigrad.{owner}"))
