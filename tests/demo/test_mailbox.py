"""The demo's mailbox is a real SMTP server that keeps what it took."""

from __future__ import annotations

import asyncio
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest
from aiosmtpd.smtp import SMTP

from holdfast.demo.mailbox import KEPT_MAX, Keeper, list_letters, read_letter


@pytest.fixture
async def mailbox(tmp_path: Path) -> object:
    """(folder, port) of a running server."""
    folder = tmp_path / "mail"
    keeper = Keeper(folder)
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(keeper, enable_SMTPUTF8=True), "127.0.0.1", 0)
    async with server:
        yield folder, server.sockets[0].getsockname()[1]


def letter(subject: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "stock@holdfast.example"
    message["To"] = "orders@yunhe-gifts.example"
    message["Subject"] = subject
    message.set_content("请发货 12 件。\n")
    message.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="PO-00001.pdf")
    return message


async def test_what_was_sent_can_be_read(mailbox: tuple[Path, int]) -> None:
    folder, port = mailbox
    await aiosmtplib.send(letter("采购订单 PO-00001"), hostname="127.0.0.1", port=port)
    (found,) = list_letters(folder)
    assert (found.subject, found.recipients, found.text.strip(), found.attachments) == (
        "采购订单 PO-00001",
        "orders@yunhe-gifts.example",
        "请发货 12 件。",
        ("PO-00001.pdf",),
    )


async def test_the_newest_two_hundred_are_kept(mailbox: tuple[Path, int]) -> None:
    folder, port = mailbox
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port) as client:
        for number in range(KEPT_MAX + 3):
            await client.send_message(letter(f"PO-{number:05d}"))
    subjects = [found.subject for found in list_letters(folder)]
    assert len(subjects) == KEPT_MAX
    assert (subjects[0], subjects[-1]) == (f"PO-{KEPT_MAX + 2:05d}", "PO-00003")


@pytest.mark.parametrize("id", ["../secret", "", "7", "٣"])
def test_a_letter_that_is_not_there_is_none(tmp_path: Path, id: str) -> None:
    (tmp_path / "secret.eml").write_text("Subject: no\n\n")
    folder = tmp_path / "mail"
    folder.mkdir()
    assert read_letter(folder, id) is None
