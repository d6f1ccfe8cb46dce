"""The JSON Schema of suite files, for editors.

`python -m harness.cases.schema` prints it, `--write` updates the published file beside this module. The
loader is stricter about what JSON Schema cannot express: ids are unique, a seed must be present once defaults
are applied, and 2.0 is not a whole number.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from harness.cases.entries import SuiteEntry

SCHEMA_PATH = Path(__file__).with_name("suite.schema.json")


class _Generator(GenerateJsonSchema):
    """Omits what pydantic adds and editors do not need: titles, and null as the default."""

    def field_title_should_be_set(self, *_: Any) -> bool:
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


def suite_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a suite file."""
    schema = SuiteEntry.model_json_schema(schema_generator=_Generator)
    for definition in [schema, *schema["$defs"].values()]:
        # The class name and docstring are for readers of the code. Each key has its own description.
        del definition["title"], definition["description"]
    header = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A suite of the harness"}
    return header | schema


def schema_text() -> str:
    """Return the text of the published schema file."""
    return json.dumps(suite_schema(), indent=2, sort_keys=True) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """Print the schema, or write it to its place in the package."""
    parser = argparse.ArgumentParser(
        prog="python -m harness.cases.schema", description="The JSON Schema of suite files"
    )
    parser.add_argument("--write", action="store_true", help=f"write it to {SCHEMA_PATH.name} in the package")
    if parser.parse_args(arguments).write:
        SCHEMA_PATH.write_text(schema_text(), encoding="utf-8")
    else:
        print(schema_text(), end="")


if __name__ == "__main__":
    main()
