"""What has to hold of every JSON Schema that is shipped: it is strict, and every property says what it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from jsonschema import Draft202012Validator

Schema = dict[str, Any]
Spoil = Callable[[Any], Any]


def check_strict(schema: Schema, spoiled: Iterable[tuple[Any, Spoil]]) -> None:
    """Each document, which is valid, is so no more when it is spoiled."""
    validator = Draft202012Validator(schema)
    for document, spoil in spoiled:
        assert validator.is_valid(document)
        bad = json.loads(json.dumps(document))
        spoil(bad)
        assert not validator.is_valid(bad)


def check_documented(schema: Schema) -> None:
    """Every definition and every property has a description."""
    nodes = [schema, *schema["$defs"].values()]
    assert all("description" in node for node in nodes)
    assert [name for node in nodes for name in _undocumented(node)] == []


def check_shared(schema: Schema, report: Schema, family: str, least: int) -> None:
    """What it defines as the report's schema does is the same, but for the family of codes that its verb has."""
    common = schema["$defs"].keys() & report["$defs"].keys()
    assert len(common) >= least
    text = json.dumps({name: schema["$defs"][name] for name in common})
    told = json.loads(text.replace(f"|internal|{family})", "|internal)"))
    assert told == {name: report["$defs"][name] for name in common}


def _undocumented(node: Any) -> list[str]:
    found = []
    for name, part in node.get("properties", {}).items():
        found += [] if "description" in part or "$ref" in part else [name]
        found += _undocumented(part)
    return found
