"""Checks of bodies against GitHub's OpenAPI description (OpenAPI 3.0, where `nullable` allows null)."""

import json
from collections.abc import Iterator
from pathlib import Path

from openapi_schema_validator import OAS30Validator, oas30_format_checker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4


class Description:
    def __init__(self, node_modules: Path):
        self.document = json.loads(
            (node_modules / "@octokit/openapi/generated/api.github.com.json").read_text()
        )
        self._registry = Registry().with_resource("urn:github", Resource(self.document, DRAFT4))

    def problems(self, path: str, body: object, status: int = 200) -> list[str]:
        """What is wrong with a body as the answer to `GET path`, and which of its keys are not described."""
        answer = self.document["paths"][path]["get"]["responses"][str(status)]
        where = answer.get("$ref", f"#/paths/{path.replace('/', '~1')}/get/responses/{status}")
        where += "/content/application~1json/schema"
        schema = {"$ref": f"urn:github{where}"}
        validator = OAS30Validator(schema, registry=self._registry, format_checker=oas30_format_checker)
        wrong = [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(body)]
        return wrong + list(self._undescribed({"$ref": where}, body, "$"))

    def _resolve(self, schema: dict) -> dict:
        while "$ref" in schema:
            found = self.document
            for key in schema["$ref"].removeprefix("#/").split("/"):
                found = found[key.replace("~1", "/")]
            schema = found
        return schema

    def _undescribed(self, schema: dict, body: object, where: str) -> Iterator[str]:
        schemas = [self._resolve(schema)]
        for kind in ("oneOf", "anyOf", "allOf"):
            schemas += [self._resolve(part) for part in schemas[0].get(kind, ())]
        properties = {key: value for each in schemas for key, value in each.get("properties", {}).items()}
        if isinstance(body, dict) and properties:
            for key, value in body.items():
                if key in properties:
                    yield from self._undescribed(properties[key], value, f"{where}.{key}")
                else:
                    yield f"{where}.{key} is not described"
        if isinstance(body, list):
            for index, value in enumerate(body):
                yield from self._undescribed(schemas[0].get("items", {}), value, f"{where}[{index}]")
