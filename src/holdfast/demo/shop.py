"""What the demo shop is: its places, its suppliers, and how a product finds its category, cost and terms.

Orders, names and prices are real (see ``data/ATTRIBUTION.md``); everything in this file is invented around them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

CURRENCY = "GBP"
ACTOR = "demo"

MAIN, REGIONAL, LOCAL = "MIDLANDS", "EUROPE", "LONDON"

WAREHOUSES: tuple[dict[str, Any], ...] = (
    {
        "code": MAIN,
        "name": "Northampton distribution centre",
        "type": "main",
        "address": {"country": "GB", "city": "Northampton", "postcode": "NN4 7YB"},
        "latitude": 52.2405,
        "longitude": -0.9027,
        "time_zone": "Europe/London",
        "capacity": 400_000,
        "priority": 300,
    },
    {
        "code": REGIONAL,
        "name": "Venlo hub for the continent",
        "type": "regional",
        "address": {"country": "NL", "city": "Venlo", "postcode": "5928"},
        "latitude": 51.3704,
        "longitude": 6.1724,
        "time_zone": "Europe/Amsterdam",
        "capacity": 150_000,
        "priority": 200,
    },
    {
        "code": LOCAL,
        "name": "London shop and stockroom",
        "type": "local",
        "address": {"country": "GB", "city": "London", "postcode": "E1 6EA"},
        "latitude": 51.5194,
        "longitude": -0.0754,
        "time_zone": "Europe/London",
        "capacity": 60_000,
        "priority": 100,
    },
)

# What may be ordered beyond what is on its way: the money of a month, and what the London stockroom takes in a week.
ORDER_LIMITS: tuple[tuple[str | None, int, dict[str, Any]], ...] = (
    (None, 24_000, {"measure": "money", "per": "month", "currency": CURRENCY}),
    (LOCAL, 1_500, {"measure": "volume_l", "per": "week", "currency": None}),
)

# Which warehouse serves which customers. The home market is shared: London takes this part of its order lines.
HOME = "GB"
CONTINENT = ("NL", "DE", "FR", "BE", "CH", "ES", "PT", "XX")
LONDON_SHARE = 0.28


@dataclass(frozen=True, slots=True)
class Supplier:
    """Lead times in days; ``cost_share`` is what we pay of the price we ask."""

    code: str
    name: str
    email: str
    language: str
    lead_time_days: float
    lead_time_sd_days: float
    cost_share: float
    minimum_order_value: int
    review_weekday: int
    truck_volume_l: int


SUPPLIERS = (
    Supplier("PAPER", "Fernleigh Paper & Card", "orders@fernleigh-paper.example", "en", 4, 1, 0.42, 150, 0, 900),
    Supplier("KITCHEN", "Haldane Table & Kitchen", "sales@haldane-kitchen.example", "en", 7, 1.5, 0.50, 250, 1, 1800),
    Supplier("TEXTILE", "Varkala Textiles & Bags", "export@varkala-textiles.example", "en", 12, 3, 0.45, 300, 2, 1500),
    Supplier("GLASS", "Loxley Glass & Jewellery", "trade@loxley-glass.example", "en", 9, 2, 0.55, 200, 4, 700),
    Supplier("DECOR", "Yunhe Gifts & Lights", "orders@yunhe-gifts.example", "zh", 16, 3.5, 0.38, 400, 3, 2400),
)

# The first rule whose word is in the name decides. A name that says nothing gets no category.
_CATEGORIES: tuple[tuple[str, str, str], ...] = (
    ("Christmas", "DECOR", r"CHRISTMAS|XMAS|ADVENT|SANTA|REINDEER|SNOWFLAKE|BAUBLE"),
    ("Easter", "DECOR", r"EASTER|EGG"),
    ("Jewellery", "GLASS", r"NECKLACE|BRACELET|EARRING|RING\b|BROOCH|CHARM|HAIR|DIAMANTE|CRYSTAL"),
    ("Bags", "TEXTILE", r"\bBAGS?\b|PURSE|SATCHEL|SHOPPER|WASHBAG|RUCKSACK|LUGGAGE"),
    (
        "Stationery & wrap",
        "PAPER",
        r"CARDS?\b|WRAP\b|PAPER|NOTEBOOK|PENCIL|ENVELOPE|STICKER|TISSUE|PEN\b|STATIONERY|JOTTER|RIBBON",
    ),
    (
        "Kitchen & table",
        "KITCHEN",
        r"MUG|CUP\b|PLATE|BOWL|CAKE|TEA\b|TEAPOT|COFFEE|KITCHEN|CUTLERY|NAPKIN|JUG|JAR|BAKING|LUNCH|TRAY|BOTTLE|DISH|SPOON|RECIPE|BISCUIT|GLASSES",
    ),
    ("Candles & scent", "GLASS", r"CANDLE|T-LIGHT|TLIGHT|INCENSE|LANTERN|SCENT|LAVENDER|POTPOURRI|VOTIVE"),
    ("Lights", "DECOR", r"LIGHTS?\b|LAMP"),
    ("Textiles", "TEXTILE", r"CUSHION|THROW|RUG\b|CURTAIN|FELT|DOORMAT|APRON|TOWEL|BLANKET|QUILT|KNITTED|FABRIC"),
    ("Garden", "KITCHEN", r"GARDEN|PLANT|FLOWER POT|WATERING|BIRD ?HOUSE|BIRD ?TABLE|HERB"),
    ("Party", "PAPER", r"PARTY|BALLOON|BUNTING|BIRTHDAY|GARLAND|PAPER CHAIN"),
    ("Toys & games", "DECOR", r"TOY|GAME|DOLL|PUZZLE|SKITTLE|DOMINO|SPACEBOY|CRAFT|PAINT SET|PLAYING"),
    (
        "Home decoration",
        "DECOR",
        r"SIGN\b|FRAME|HOOK|CLOCK|MIRROR|HANGING|DECORATION|WALL|ORNAMENT|CABINET|DRAWER|DOOR|MAGNET|VASE|HEART|SHELF",
    ),
)
_RULES = tuple((category, supplier, re.compile(words)) for category, supplier, words in _CATEGORIES)


@dataclass(frozen=True, slots=True)
class Terms:
    """How one product is bought."""

    supplier: Supplier
    unit_cost: Decimal
    moq: int
    order_multiple: int


def category_of(name: str) -> str | None:
    """The category a product's name tells, or None."""
    return next((category for category, _, words in _RULES if words.search(name)), None)


def terms_of(code: str, name: str, price: Decimal) -> Terms:
    """Who delivers a product and on what terms. What has no category is spread over the suppliers by its code."""
    wanted = next((supplier for _, supplier, words in _RULES if words.search(name)), None)
    supplier = next((s for s in SUPPLIERS if s.code == wanted), SUPPLIERS[int(code[:5]) % len(SUPPLIERS)])
    cost = (price * Decimal(str(supplier.cost_share))).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    pack, packs = next((pack, packs) for below, pack, packs in _PACKS if price < below)
    return Terms(supplier, cost, pack * packs, pack)


def volume_of(code: str, term: Terms) -> Decimal:
    """Litres of one pack: dearer things are larger, and nobody knows why two of one price differ by half."""
    unit = Decimal("0.35") * (1 + term.unit_cost).sqrt() * (Decimal(75 + int(code[:5]) % 50) / 100)
    return (unit * term.order_multiple).quantize(Decimal("0.01"))


# Cheap things come in dozens, dear ones singly: price below, units in a pack, packs at least.
_PACKS = (
    (Decimal(1), 24, 2),
    (Decimal(3), 12, 1),
    (Decimal(8), 6, 1),
    (Decimal(20), 2, 1),
    (Decimal(10**9), 1, 1),
)


def shown_name(name: str) -> str:
    """The source writes names in capitals; words with digits ("3D", "18PC") stay as they are."""
    words = [word if re.search(r"\d", word) else word.lower() for word in name.split()]
    text = " ".join(words)
    return text[:1].upper() + text[1:]
