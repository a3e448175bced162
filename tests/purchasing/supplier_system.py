"""A supplier's own system: verifies signature and content of every order, takes a message id once, fails on demand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from tests.listening import Answer, listening

ORDER_FIELDS = {
    "purchase_order_id": str,
    "number": str,
    "supplier_code": str,
    "currency": str,
    "total": str,
    "deliver_to": dict,
    "note": str,
    "lines": list,
}
LINE_FIELDS = {"line_no": int, "sku_code": str, "name": str, "quantity": int, "unit_cost": str}


class SupplierSystem:
    """``troubles`` befall the next requests: a status to answer, or ``vanish`` after (``miss`` before) taking it."""

    def __init__(self) -> None:
        self.secret = ""
        self.url = ""
        self.troubles: list[int | str] = []
        self.taken: dict[str, dict[str, Any]] = {}
        self.requests = 0
        self.complaints: list[str] = []

    def answer_to(self, headers: dict[str, str], body: bytes) -> Answer:
        self.requests += 1
        assert json.loads(body)
        trouble = self.troubles.pop(0) if self.troubles else None
        if isinstance(trouble, int):
            return trouble, {}
        if trouble == "miss":
            return None
        try:
            message = Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError as error:
            self.complaints.append(str(error))
            return 401, {}
        self._check(message)
        self.taken.setdefault(headers["webhook-id"], message)
        return None if trouble == "vanish" else (200, {})

    def _check(self, message: dict[str, Any]) -> None:
        known = {"purchase_order.sent": ORDER_FIELDS, "purchase_order.test": {"supplier_code": str}}
        wanted = known.get(message["type"], {"number": str})
        found = [(message["data"], wanted), *((line, LINE_FIELDS) for line in message["data"].get("lines", ()))]
        for facts, kinds in found:
            self.complaints += [
                f"{name}: {facts.get(name)!r}" for name, k in kinds.items() if type(facts.get(name)) is not k
            ]


@contextmanager
def supplier_system() -> Iterator[SupplierSystem]:
    system = SupplierSystem()
    with listening("/orders", system.answer_to) as system.url:
        yield system
