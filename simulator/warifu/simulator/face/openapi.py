"""The OpenAPI 3.1 description of the face, made from the contract's descriptors, so that it cannot say other than what is served."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from warifu.simulator.face.comments import comments
from warifu.simulator.face.mapping import PROBLEM
from warifu.simulator.face.operations import OPERATIONS, Operation

_DIALECT: Final = "3.1.0"
_TIMESTAMP: Final = "google.protobuf.Timestamp"
_SCALARS: Final[Mapping[int, Mapping[str, Any]]] = {
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    FieldDescriptor.TYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.TYPE_UINT32: {"type": "integer", "format": "int64", "minimum": 0},
    FieldDescriptor.TYPE_INT64: {"type": "string", "format": "int64"},
    FieldDescriptor.TYPE_UINT64: {"type": "string", "format": "uint64"},
}
"""The proto3 JSON mapping; 64-bit numbers are texts there, and may be sent as numbers."""
_PROBLEM: Final = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "reason", "message", "retryable", "metadata"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "reason": {"type": "string", "description": "Reason code, docs/PROTOCOL.md §9."},
        "message": {
            "type": "object",
            "required": ["ja", "en"],
            "properties": {"ja": {"type": "string"}, "en": {"type": "string"}},
        },
        "retryable": {"type": "boolean", "description": "The same again later may succeed."},
        "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
_COUNTS: Final = ("lines", "malformed", "duplicates", "answered", "waiting", "refused", "left")
_BATCH: Final = {
    "type": "object",
    "required": ["batchId", "state", "result", *_COUNTS],
    "properties": {
        "batchId": {"type": "string", "format": "uuid"},
        "state": {"type": "string", "enum": ["RUNNING", "DONE", "FAILED"]},
        "result": {"type": "string", "description": "Path of the result file."},
        "problem": {"$ref": "#/components/schemas/Problem", "description": "Why it waits, or failed."},
        **{name: {"type": "integer", "minimum": 0} for name in _COUNTS},
    },
}


def document(url: str, institution: str, *, token: bool) -> dict[str, Any]:
    """The description of the face of `institution` at `url`; `token`: a bearer token is wanted."""
    schemas: dict[str, Any] = {"Problem": _PROBLEM, "BatchState": _BATCH}
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(_path(operation), {})[operation.method.lower()] = _operation(operation, schemas)
    paths |= _batches()
    return {
        "openapi": _DIALECT,
        "info": {
            "title": f"Interim server of {institution}, plain face",
            "version": version("warifu"),
            "description": "A simulator for training and tests. 個人番号などの実在の情報を入れないこと。Never send a real person's data. "
            "The field `institution` may be left out everywhere.",
        },
        "servers": [{"url": url}],
        "security": [{"token": []}] if token else [],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            **({"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}} if token else {}),
        },
    }


def schema_of(kind: Descriptor, schemas: dict[str, Any]) -> dict[str, Any]:
    """A reference to the schema of a message, which is added to `schemas` with all that it needs."""
    if kind.full_name == _TIMESTAMP:
        return {"type": "string", "format": "date-time"}
    if kind.name not in schemas:
        schemas[kind.name] = {}
        said = comments(kind.file.name)
        schemas[kind.name] = {
            "type": "object",
            "description": said.get(kind.name, ""),
            "properties": {field.json_name: _property(field, said, schemas) for field in kind.fields},
            "additionalProperties": False,
        }
    return {"$ref": f"#/components/schemas/{kind.name}"}


def _property(field: FieldDescriptor, said: Mapping[str, str], schemas: dict[str, Any]) -> dict[str, Any]:
    one = _one(field, schemas)
    told = said.get(_name(field), "")
    if field.containing_oneof is not None and len(field.containing_oneof.fields) > 1:
        told += f" One of {', '.join(other.json_name for other in field.containing_oneof.fields)}."
    whole = {"type": "array", "items": one} if field.is_repeated else dict(one)
    return {**whole, "description": told.strip()} if told else whole


def _of(field: FieldDescriptor) -> Descriptor:
    """The message that has the field."""
    assert field.containing_type is not None  # only an extension has none
    return field.containing_type


def _name(field: FieldDescriptor) -> str:
    return f"{_of(field).name}.{field.name}"


def _one(field: FieldDescriptor, schemas: dict[str, Any]) -> dict[str, Any]:
    if field.message_type is not None:
        return schema_of(field.message_type, schemas)
    if field.enum_type is not None:
        return _enum(field.enum_type, schemas)
    return dict(_SCALARS[field.type])


def _enum(kind: EnumDescriptor, schemas: dict[str, Any]) -> dict[str, Any]:
    if kind.name not in schemas:
        said = comments(kind.file.name)
        lines = [f"{value.name}: {said.get(f'{kind.name}.{value.name}', '')}" for value in kind.values]
        schemas[kind.name] = {
            "type": "string",
            "enum": [value.name for value in kind.values],
            "description": "\n".join([said.get(kind.name, ""), *lines]),
        }
    return {"$ref": f"#/components/schemas/{kind.name}"}


def _path(operation: Operation) -> str:
    path = operation.path
    for name in operation.parameters:
        path = path.replace(f"{{{name}}}", f"{{{operation.request.fields_by_name[name].json_name}}}")
    return path


def _operation(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    said = {"operationId": operation.rpc, "summary": operation.en, "description": operation.ja}
    parameters = [
        _parameter(field, "path", schemas)
        for name in operation.parameters
        if (field := operation.request.fields_by_name[name])
    ]
    if operation.method == "GET":
        parameters += [
            _parameter(field, "query", schemas)
            for field in operation.request.fields
            if field.name not in {*operation.parameters, "institution"}
        ]
    body = {}
    if operation.method == "POST":
        content = {"schema": _body(operation.request, operation.lists and operation.lists[0], schemas)}
        if operation.example:
            content["example"] = dict(operation.example)
        body = {"requestBody": {"required": True, "content": {"application/json": content}}}
    answer = _body(operation.response, operation.lists and operation.lists[1], schemas)
    return {**said, "parameters": parameters, **body, "responses": _responses("200", "application/json", answer)}


def _body(kind: Descriptor, name: str | None, schemas: dict[str, Any]) -> dict[str, Any]:
    """The message itself, or of a stream a list under a name. A message that holds such a list is that object already."""
    if name is None or name in kind.fields_by_name:
        return schema_of(kind, schemas)
    items = {"type": "array", "items": schema_of(kind, schemas)}
    return {"type": "object", "required": [name], "properties": {name: items}, "additionalProperties": False}


def _parameter(field: FieldDescriptor, where: str, schemas: dict[str, Any]) -> dict[str, Any]:
    told = comments(_of(field).file.name).get(_name(field), "")
    return {
        "name": field.json_name,
        "in": where,
        "required": where == "path",
        "description": told,
        "schema": _one(field, schemas),
    }


def _responses(status: str, media: str, schema: Mapping[str, Any], told: str = "It was done.") -> dict[str, Any]:
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": told, "content": {media: {"schema": dict(schema)}}},
        "default": {"description": "It failed; the reason says why.", "content": {PROBLEM: problem}},
    }


def _batches() -> dict[str, Any]:
    state, text = {"$ref": "#/components/schemas/BatchState"}, {"type": "string"}
    name = {"name": "batchId", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
    wait = {
        "name": "waitMs",
        "in": "query",
        "required": False,
        "description": "Wait up to this long for the end (at most 20,000).",
        "schema": {"type": "integer", "minimum": 0},
    }
    return {
        "/v1/batch-inquiries": {
            "post": {
                "operationId": "StartBatch",
                "summary": "Starts the inquiries of a batch inquiry file (docs/BUSINESS.md §3). The same file again is the same batch.",
                "description": "一括照会ファイル（18項目）を受け付ける。同じファイルは同じ一括照会になり、二度は照会しない。",
                "requestBody": {"required": True, "content": {"text/csv": {"schema": text}}},
                "responses": _responses("202", "application/json", state, "It runs."),
            }
        },
        "/v1/batch-inquiries/{batchId}": {
            "get": {
                "operationId": "GetBatch",
                "summary": "How far a batch is.",
                "description": "一括照会の進み具合。",
                "parameters": [name, wait],
                "responses": _responses("200", "application/json", state, "How it stands."),
            }
        },
        "/v1/batch-inquiries/{batchId}/result": {
            "get": {
                "operationId": "GetBatchResult",
                "summary": "The result file of a batch that ran to its end; what waits for a clerk is asked for once more.",
                "description": "一括照会の結果ファイル。確認待ちの行は、もう一度確かめてから返す。",
                "parameters": [name],
                "responses": _responses("200", "text/csv", text, "The result file."),
            }
        },
    }
