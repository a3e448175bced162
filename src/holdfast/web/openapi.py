"""One OpenAPI document for both lanes: the hot routes are described here, from the very types that decode them."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI


def with_hot_routes(app: FastAPI) -> None:
    """Placeholder until the hot lane describes itself; replaced by ``describe``."""


def describe(app: FastAPI, paths: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Make ``app.openapi()`` include the given paths and component schemas."""
    framework = app.openapi

    def document() -> dict[str, Any]:
        if not app.openapi_schema:
            found = framework()
            for path, operations in paths.items():
                found["paths"].setdefault(path, {}).update(operations)
            found.setdefault("components", {}).setdefault("schemas", {}).update(schemas)
            app.openapi_schema = found
        return app.openapi_schema

    app.openapi = document
