"""One OpenAPI document for both lanes: routes outside the framework are added to the framework's document."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "A problem document (RFC 9457). `code` is stable; `errors` names fields or short lines.",
    "required": ["type", "title", "status", "code", "detail", "errors"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}
PROBLEM: dict[str, Any] = {
    "description": "Refused; see `code`.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
BEARER: dict[str, Any] = {"type": "http", "scheme": "bearer", "description": "An API key or the bootstrap token."}
IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A repeat with the same key and body gets the first answer and changes nothing.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}
_PUBLIC = ("/healthz", "/readyz", "/metrics")
_WRITES = ("post", "put", "patch", "delete")


def describe(app: FastAPI, paths: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Make ``app.openapi()`` include further paths, the problem documents, the token and the idempotency key."""
    framework = app.openapi

    def document() -> dict[str, Any]:
        if not app.openapi_schema:
            found = framework()
            for path, operations in paths.items():
                found["paths"].setdefault(path, {}).update(operations)
            components = found.setdefault("components", {})
            components.setdefault("schemas", {}).update({**schemas, "Problem": PROBLEM_SCHEMA})
            components["securitySchemes"] = {"Bearer": BEARER}
            for path, operations in found["paths"].items():
                for method, operation in operations.items():
                    _complete(path, method, operation)
            app.openapi_schema = found
        return app.openapi_schema

    app.openapi = document


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    if path not in _PUBLIC:
        operation["security"] = [{"Bearer": []}]
    if method in _WRITES:
        operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    operation["responses"] |= {"4XX": PROBLEM, "5XX": PROBLEM}
    operation["responses"].pop("422", None)
