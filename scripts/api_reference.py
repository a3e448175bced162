"""Write docs/reference/api.md from the OpenAPI document: ``make reference``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from holdfast.app import Application
from holdfast.settings import Settings

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "api.md"
HEAD = """# API

Base `/api/v1`; JSON; `Authorization: Bearer <token>`. The running server describes every body and answer at
`/api/v1/openapi.json`. Lists take `limit` (default 50, at most 500) and `cursor`; writes take `Idempotency-Key`.
Refusals are [problem documents](errors.md).
"""


def main() -> None:
    document = Application(Settings(db_url="postgresql://nowhere/nothing")).pages.openapi()
    groups: dict[str, list[str]] = {}
    for path, operations in sorted(document["paths"].items()):
        for method, operation in operations.items():
            call = f"{method.upper()} {path.removeprefix('/api/v1')}"
            groups.setdefault(operation["tags"][0], []).append(f"| `{call}` | {_first_sentence(operation)} |")
    parts = [HEAD]
    for tag in sorted(groups):
        parts += [f"\n## {tag}\n\n| call | what it does |\n|---|---|\n", "\n".join(groups[tag]), "\n"]
    PAGE.write_text("".join(parts), encoding="utf-8")


def _first_sentence(operation: dict[str, Any]) -> str:
    text: str = operation.get("description") or operation.get("summary") or ""
    return text.split("\n\n", maxsplit=1)[0].replace("\n", " ").replace("``", "`").strip()


main()
