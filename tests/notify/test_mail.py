"""Nothing that was to be told is lost, and nothing is told twice by us."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from email.message import EmailMessage
from typing import Any

import pytest
from tests.house import House
from tests.mail_server import Mailbox, mail_server, only

from holdfast.jobs import Work
from holdfast.kernel.errors import CannotStart
from holdfast.notify import service
from holdfast.notify.mail import MailServer
from holdfast.notify.model import ATTEMPTS_MAX, retry_seconds
from holdfast.notify.sending import send_due
from holdfast.settings import Settings

FACTS = {"number": "PO-1", "supplier_name": "ACME", "reason": "no longer needed"}


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with mail_server() as found:
        yield found


async def queue(house: House, recipient: str = "a@example.org", key: str | None = None, **options: Any) -> Any:
    async with house.database.transaction() as tx:
        return await service.queue_email(
            tx,
            kind="purchase_order_cancelled",
            recipient=recipient,
            language=options.get("language", "en"),
            facts={**FACTS, **options.get("facts", {})},
            dedupe_key=key,
            link=options.get("link"),
        )


async def run(house: House, mailbox: Mailbox, **settings: Any) -> int:
    work: Work = house.with_settings(smtp_url=mailbox.url, **settings)
    return await send_due(work.database, work.settings)


async def log_of(house: House) -> list[tuple[str, int, str | None]]:
    found = (await house.get("/notifications"))["notifications"]
    return [(n["status"], n["attempts"], n["last_error"]) for n in found]


async def make_due(house: House) -> None:
    async with house.database.connection() as connection:
        await connection.execute("update notifications set next_attempt_at = now() where status = 'queued'")


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return body.get_content()


async def test_a_queued_mail_arrives_once_however_often_the_job_runs(house: House, mailbox: Mailbox) -> None:
    await queue(house)
    assert [await run(house, mailbox), await run(house, mailbox)] == [1, 0]
    [mail] = mailbox.arrived
    assert (mail["To"], mail["Subject"]) == ("a@example.org", "Cancelled: purchase order PO-1")
    assert await log_of(house) == [("sent", 1, None)]


async def test_the_same_cause_tells_the_same_person_once(house: House, mailbox: Mailbox) -> None:
    assert await queue(house, key="cause") is not None
    assert await queue(house, key="cause") is None
    assert await queue(house, recipient="b@example.org", key="cause") is not None
    assert await run(house, mailbox) == 2


async def test_people_are_written_in_their_language(house: House, mailbox: Mailbox) -> None:
    await queue(house, language="zh", facts={"supplier_name": "茶叶公司"})
    await run(house, mailbox)
    [mail] = mailbox.arrived
    assert mail["Subject"] == "取消通知：采购订单 PO-1"
    assert "茶叶公司，您好" in text_of(mail)


async def test_a_name_cannot_add_mail_headers(house: House, mailbox: Mailbox) -> None:
    await queue(house, facts={"number": "PO-1\r\nBcc: spy@example.org"})
    await run(house, mailbox)
    [mail] = mailbox.arrived
    assert (mail["Bcc"], mail["Subject"]) == (None, "Cancelled: purchase order PO-1")


async def test_without_a_mail_server_mail_waits_and_the_log_says_why(house: House, mailbox: Mailbox) -> None:
    await queue(house)
    assert await send_due(house.database, house.application.settings) == 0
    page = await house.get("/notifications", status="queued")
    assert page["notice"] == "1 e-mail waits because no mail server is set: set HOLDFAST_SMTP_URL and it is sent."
    assert await run(house, mailbox) == 1


async def test_a_mail_server_that_is_down_costs_nothing_but_time(house: House, mailbox: Mailbox) -> None:
    await queue(house)
    await queue(house, recipient="b@example.org")
    await mailbox.stop()
    assert await run(house, mailbox) == 0
    assert [(status, attempts) for status, attempts, _ in await log_of(house)] == [("queued", 1), ("queued", 1)]
    await mailbox.start()
    assert await run(house, mailbox) == 0, "not before the back-off is over"
    await make_due(house)
    assert await run(house, mailbox) == 2
    assert len(mailbox.arrived) == 2


async def test_a_temporary_refusal_is_tried_again_and_does_not_stop_the_next_mail(
    house: House, mailbox: Mailbox
) -> None:
    await queue(house)
    await queue(house, recipient="b@example.org")
    mailbox.answers = ["451 4.3.0 try later"]
    assert await run(house, mailbox) == 1
    assert sorted((s, a, e) for s, a, e in await log_of(house)) == [
        ("queued", 1, "451 4.3.0 try later"),
        ("sent", 1, None),
    ]
    await make_due(house)
    assert await run(house, mailbox) == 1


async def test_a_final_refusal_is_given_up_and_shown_and_can_be_tried_again(house: House, mailbox: Mailbox) -> None:
    await queue(house)
    mailbox.refused_recipients = {"a@example.org"}
    await run(house, mailbox)
    [failed] = (await house.get("/notifications", status="failed"))["notifications"]
    assert failed["last_error"] == "550 5.1.1 no such user (a@example.org)"
    mailbox.refused_recipients = set()
    await house.post(f"/notifications/{failed['id']}/retry", expect=204)
    assert await run(house, mailbox) == 1
    refused = await house.post(f"/notifications/{failed['id']}/retry", expect=409)
    assert refused["code"] == "not_failed"


async def test_after_the_last_attempt_a_mail_is_given_up(house: House, mailbox: Mailbox) -> None:
    await queue(house)
    async with house.database.connection() as connection:
        await connection.execute("update notifications set attempts = %s", [ATTEMPTS_MAX - 1])
    mailbox.answers = ["451 4.3.0 try later"]
    await run(house, mailbox)
    assert await log_of(house) == [("failed", ATTEMPTS_MAX, "451 4.3.0 try later")]


async def test_an_address_that_is_none_harms_only_itself(house: House, mailbox: Mailbox) -> None:
    await queue(house, recipient="wrong\naddress@example.org")
    await queue(house, recipient="b@example.org")
    assert await run(house, mailbox) == 1
    assert sorted(status for status, _, _ in await log_of(house)) == ["failed", "sent"]


async def test_a_crash_between_handing_in_and_booking_repeats_the_mail_under_the_same_id(
    house: House, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    await queue(house)
    broken = replace(service.sql.mark_sent, text="select 1/0")
    with monkeypatch.context() as patch:
        patch.setitem(service.sql.found, "mark_sent", broken)
        with pytest.raises(Exception, match="division by zero"):
            await run(house, mailbox)
    assert await run(house, mailbox) == 1
    first, second = mailbox.arrived
    assert first["Message-ID"] == second["Message-ID"]


async def test_an_account_is_used_and_a_wrong_password_loses_nothing(house: House) -> None:
    await queue(house)
    async with mail_server(authenticator=only(b"me", b"p@ss"), auth_required=True, auth_require_tls=False) as mailbox:
        for password, took in (("wrong", 0), ("p%40ss", 1)):
            settings = Settings(smtp_url=f"smtp://me:{password}@127.0.0.1:{mailbox.port}")
            await make_due(house)
            assert await send_due(house.database, settings) == took
        assert len(mailbox.arrived) == 1


async def test_a_link_leads_into_the_console(house: House, mailbox: Mailbox) -> None:
    await queue(house, link="/alerts")
    await run(house, mailbox, public_url="https://stock.example")
    assert text_of(mailbox.arrived[0]).rstrip().endswith("https://stock.example/alerts")


async def test_a_supplier_gets_the_order_and_all_its_lines_as_a_file(house: House, mailbox: Mailbox) -> None:
    supplier = await house.supplier("ACME")
    body = {
        "supplier_id": supplier,
        "warehouse_id": await house.warehouse("GZ", address={"street": "1 Pearl Road", "city": "Guangzhou"}),
        "items": [
            {"sku_id": await house.sku("TEA"), "quantity": 1200, "unit_cost": "1.5"},
            {"sku_id": await house.sku("BAD", name="=HYPERLINK(1)"), "quantity": 2, "unit_cost": "3"},
        ],
    }
    order = await house.post("/purchase-orders", body)
    await house.post(f"/purchase-orders/{order['id']}/send", expect=200)
    await run(house, mailbox)
    [mail] = mailbox.arrived
    text = text_of(mail)
    assert "1 Pearl Road, Guangzhou" in text
    assert "1,200 x" in text
    assert "€1,806.00" in text
    paper, file = mail.iter_attachments()
    assert paper.get_content_type() == "application/pdf"
    rows = file.get_content().lstrip("\ufeff").splitlines()
    assert file.get_filename() == f"{order['number']}.csv"
    assert [row.split(",")[4] for row in rows[1:]] == ["1200", "2"]
    assert "'=HYPERLINK(1)" in rows[2]


async def test_the_inbox_is_worded_in_the_language_of_its_reader(house: House) -> None:
    async with house.database.transaction() as tx:
        await service.queue_inbox(
            tx, kind="order_not_mailed", facts={"number": "PO-7", "supplier_name": "ACME"}, dedupe_key=None
        )
    [entry] = (await house.get("/notifications", channel="inbox", language="zh"))["notifications"]
    assert entry["subject"] == "订单 PO-7 未发送邮件"
    await house.post(f"/notifications/{entry['id']}/read", expect=204)
    assert (await house.get("/notifications", channel="inbox", unread="true"))["notifications"] == []


def test_attempts_spread_from_seconds_to_a_day() -> None:
    waits = [retry_seconds(n, 1.0) for n in range(1, ATTEMPTS_MAX)]
    assert (waits[:4], waits[-1]) == ([15, 30, 60, 120], 3600)
    assert 20 <= sum(waits) / 3600 <= 26
    assert retry_seconds(3, 0.0) == 45


@pytest.mark.parametrize("url", ["mail.example.org", "http://mail.example.org", "smtp://", "smtp://host:port"])
def test_an_address_of_no_mail_server_stops_the_start_with_one_sentence(url: str) -> None:
    with pytest.raises(CannotStart, match="HOLDFAST_SMTP_URL is not"):
        MailServer.of(url)
