"""A real HTTP receiver of webhooks: verifies every signature, remembers what it took, misbehaves when told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.listening import listening


class Receiver:
    """``answers`` are given to the next requests instead of 204: a status, or a status and headers."""

    def __init__(self) -> None:
        self.secret = ""
        self.answers: list[int | tuple[int, dict[str, str]]] = []
        self.taken: list[dict[str, Any]] = []
        self.message_ids: list[str] = []
        self.forged = 0
        self.requests = 0
        self.url = ""
        self._changed = threading.Condition()

    @property
    def types(self) -> list[str]:
        return [message["type"] for message in self.taken]

    def answer_to(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str]]:
        self.requests += 1
        try:
            message = Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError:
            self.forged += 1
            return 401, {}
        if self.answers:
            answer = self.answers.pop(0)
            return answer if isinstance(answer, tuple) else (answer, {})
        with self._changed:
            self.taken.append(message)
            self.message_ids.append(headers["webhook-id"])
            self._changed.notify_all()
        return 204, {}

    def wait_for(self, count: int, seconds: float = 30) -> None:
        """Until so many messages were taken; fails after ``seconds``."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.taken) >= count, seconds), self.types


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    with listening("/hook", receiver.answer_to) as receiver.url:
        yield receiver
