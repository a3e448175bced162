"""The order on paper: both languages, Chinese names, and text that people typed stays text."""

from __future__ import annotations

import io
from dataclasses import replace
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest
from pypdf import PdfReader
from tests.house import House
from tests.mail_server import mail_server
from tests.purchasing.test_orders import do, order

from holdfast.notify.sending import send_due
from holdfast.purchasing import letters
from holdfast.purchasing.printing import LINES_ON_PAPER, order_pdf
from holdfast.purchasing.service import get_order
from holdfast.purchasing.suppliers import get_supplier
from holdfast.warehouses.service import get_warehouse

HOSTILE = '#panic("x") *bold* $x$ `raw` \\ #read("/etc/passwd") // <a> @b 竹制茶盘'


def words_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


async def printed(house: House, made: dict[str, Any]) -> bytes:
    async with house.database.transaction() as tx:
        detail = await get_order(tx, UUID(made["id"]))
        return await letters.printed(tx, detail, await get_supplier(tx, detail.order.supplier_id))


async def test_an_english_order_reads_as_it_was_written(house: House) -> None:
    await house.warehouse("GZ", address={"street": "1 Pearl Road", "city": "Guangzhou"})
    made = await order(house, ("TEA", 1200), ("CUP", 4), expected_at="2027-01-20", note="Ring twice.")
    lines = [" ".join(line.split()) for line in words_of(await printed(house, made)).splitlines()]
    tag = house.tag
    wanted = [
        f"Purchase order {made['number']}",
        "ACME Ltd",
        f"ACME-{tag}",
        "GZ house",
        "1 Pearl Road, Guangzhou",
        "20 Jan 2027",
        "Line Your code Item Quantity Unit cost Amount",
        "TEA name",
        f"Our code TEA-{tag}",
        "1,200 €1.50 €1,800.00",
        "CUP name",
        "Order value €1,806.00",
        "Ring twice.",
    ]
    assert [text for text in wanted if not any(text in line for line in lines)] == []
    assert f"{made['number']} Page 1 of 1" in " ".join(lines)


async def test_a_chinese_order_prints_chinese_names(house: House) -> None:
    await house.supplier("ACME", language="zh", name="顺德竹木制品厂", currency="CNY")
    await house.sku("TRAY", name="竹制茶盘（三件套）")
    made = await order(house, ("TRAY", 30))
    text = words_of(await printed(house, made))
    for wanted in ("采购订单", "顺德竹木制品厂", "竹制茶盘（三件套）", "订单金额", "¥45.00", "请确认数量与交货日期"):
        assert wanted in text
    fonts = {
        str(font.get_object()["/BaseFont"])
        for page in PdfReader(io.BytesIO(await printed(house, made))).pages
        for font in page["/Resources"]["/Font"].values()  # type: ignore[index]
    }
    assert all("HoldfastPrint" in font for font in fonts), "the font that we bring prints it, not one of this machine"


async def test_what_people_typed_is_printed_and_never_run(house: House) -> None:
    await house.sku("BAD", name=HOSTILE)
    made = await order(house, ("BAD", 1), note=HOSTILE)
    text = words_of(await printed(house, made)).replace("\n", " ")
    assert text.count("panic") == 2
    assert "root:" not in text
    assert '#read("/etc/passwd")' in text


async def test_the_same_order_gives_the_same_bytes(house: House) -> None:
    made = await order(house, ("TEA", 1))
    assert await printed(house, made) == await printed(house, made)


async def test_paper_ends_where_nobody_reads_on(house: House) -> None:
    made = await order(house, ("TEA", 1))
    async with house.database.transaction() as tx:
        detail = await get_order(tx, UUID(made["id"]))
        supplier = await get_supplier(tx, detail.order.supplier_id)
        warehouse = await get_warehouse(tx, detail.order.warehouse_id)
    long = replace(detail, lines=detail.lines * (LINES_ON_PAPER + 7))
    pages = PdfReader(io.BytesIO(await order_pdf(long, supplier, warehouse, ""))).pages
    assert "+ 7 more lines: see the CSV file." in "\n".join(page.extract_text() for page in pages[-2:])


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_letter_brings_the_paper_the_lines_and_a_signed_address(house: House, language: str) -> None:
    await house.supplier("ACME", language=language)
    await house.sku("BAD", name="=HYPERLINK(1)")
    made = await do(house, await order(house, ("BAD", 3)), "send")
    async with mail_server() as mailbox:
        work = house.with_settings(smtp_url=mailbox.url, public_url="https://stock.example")
        await send_due(work.database, work.settings)
        [mail] = mailbox.arrived
    body = mail.get_body(("plain",))
    assert isinstance(body, EmailMessage)
    address = body.get_content().strip().splitlines()[-1]
    assert address.startswith("https://stock.example/supplier/orders/")
    paper, lines = mail.iter_attachments()
    assert (paper.get_filename(), lines.get_filename()) == (f"{made['number']}.pdf", f"{made['number']}.csv")
    assert "=HYPERLINK(1)" in words_of(paper.get_content())
    assert "'=HYPERLINK(1)" in lines.get_content()
    [told] = (await house.get("/notifications", channel="email"))["notifications"]
    assert told["link"] == address.removeprefix("https://stock.example").rpartition(".")[0], (
        "nobody reads the signature"
    )
