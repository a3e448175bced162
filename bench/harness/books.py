"""After a run: is every acknowledged hold in the database, and was nothing promised twice?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

# Per design: units held beyond what a SKU ever had. Levels and lines must also agree, or the levels prove nothing.
PLAIN_OVERSOLD = b"""
select coalesce(sum(greatest(0, coalesce(l.held, 0) - (i.available_quantity + i.reserved_quantity))
                    + abs(i.reserved_quantity - coalesce(l.held, 0))), 0)::bigint
  from inventory i
  left join (select warehouse_id, sku_id, sum(quantity) as held from reservation_line group by 1, 2) l
       using (warehouse_id, sku_id)
"""
PLAIN_LOST = b"""
select count(*) from acknowledged a
 where not exists (select from reservation r where r.reservation_id = a.reservation_id)
"""


HOLDFAST_OVERSOLD = b"""
select coalesce(sum(greatest(0, coalesce(l.held, 0) - coalesce(m.there, 0))
                    + abs(i.reserved_quantity - coalesce(l.held, 0))
                    + abs(i.on_hand_quantity - coalesce(m.there, 0))), 0)::bigint
  from inventory i
  left join (select sku_id, warehouse_id, sum(quantity) as held
               from inventory_reservations where status = 'active' group by 1, 2) l using (sku_id, warehouse_id)
  left join (select sku_id, warehouse_id, sum(quantity) as there
               from inventory_movements group by 1, 2) m using (sku_id, warehouse_id)
"""
HOLDFAST_LOST = b"""
select count(*) from acknowledged a where not exists (select from reservations r where r.id = a.reservation_id)
"""


@dataclass(frozen=True, slots=True)
class Books:
    """`oversold`: units promised beyond the stock or not in both books; `lost`: answered 201, not stored."""

    oversold: int
    lost: int
    acknowledged: int


def check_books(url: str, reservation_ids: Sequence[str], *, oversold: bytes, lost: bytes) -> Books:
    """Compare the ids a load generator was given with the rows in the database at `url`."""
    with psycopg.connect(url) as connection:
        connection.execute("create temporary table acknowledged (reservation_id uuid)")
        with connection.cursor().copy("copy acknowledged from stdin") as copy:
            for reservation_id in reservation_ids:
                copy.write_row((reservation_id,))
        found_oversold = connection.execute(oversold).fetchone()
        found_lost = connection.execute(lost).fetchone()
    assert found_oversold is not None
    assert found_lost is not None
    return Books(found_oversold[0], found_lost[0], len(reservation_ids))
