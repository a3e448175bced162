-- Undo where units are told apart: the very batch, state and serial numbers an entry moved go back the way they came.


-- The pieces that take these entries back, in their order; each has the id its own entry will have.
create or replace function stock_undo_pieces(p_entries inventory_movements[]) returns stock_piece[]
language sql volatile as $$
    select coalesce(array_agg(row(e.n::integer, e.sku_id, e.warehouse_id, e.bucket,
               case when e.bucket = 'unsellable' then coalesce(e.state, 'damaged') end, -e.quantity, null, 0, e.batch_id, null,
               (select array_agg(x.serial_number order by x.serial_number) from serial_movements x
                 where x.movement_id = e.id and x.sku_id = e.sku_id), uuidv7())::stock_piece order by e.n), '{}')
      from (select u.*, row_number() over (order by u.seq) as n from unnest(p_entries) u) e
$$;


-- Why the units themselves cannot go back, or an answer without an outcome. The caller holds the level locks.
create or replace function stock_undo_units_refusal(p_pieces stock_piece[]) returns stock_answer
language sql stable as $$
    with change as (
        select sku_id, warehouse_id, batch_id, bucket, state, sum(quantity)::bigint as quantity
          from unnest(p_pieces) group by 1, 2, 3, 4, 5
    ), balance as (
        select c.sku_id, c.warehouse_id, c.batch_id, c.bucket, c.state, -c.quantity as requested,
               case c.bucket when 'sellable' then coalesce(b.sellable_quantity, 0) else coalesce(s.quantity, 0) end as available
          from change c
          left join inventory_batches b on (b.sku_id, b.warehouse_id, b.batch_id) = (c.sku_id, c.warehouse_id, c.batch_id)
          left join inventory_states s on (s.sku_id, s.warehouse_id, s.state) = (c.sku_id, c.warehouse_id, c.state)
                                      and s.batch_id is not distinct from c.batch_id
         where c.quantity < 0 and (c.bucket = 'unsellable' or c.batch_id is not null)
    ), unit as (
        select p.sku_id, p.warehouse_id, p.quantity > 0 as comes_back, x.serial_number, u.warehouse_id is not null as in_stock,
               u.warehouse_id = p.warehouse_id and u.reservation_id is null and u.state = coalesce(p.state, 'sellable') as is_here,
               -- one that only changes its state leaves and comes back in the same undo
               exists (select from unnest(p_pieces) o
                        where o.quantity < 0 and o.sku_id = p.sku_id and x.serial_number = any (o.serials)) as leaves
          from unnest(p_pieces) p cross join unnest(p.serials) as x (serial_number)
          left join serials u on u.sku_id = p.sku_id and u.serial_number = x.serial_number
    ), judged as (
        select 'insufficient_stock' as code, 1 as rank, sku_id, warehouse_id,
               json_build_object('bucket', bucket, 'batch_id', batch_id, 'state', state, 'requested', requested, 'available', available) as facts
          from balance where available < requested
        union all
        select 'serial_not_here', 2, sku_id, warehouse_id, json_build_object('serials', json_agg(serial_number order by serial_number))
          from unit where not comes_back and is_here is not true group by sku_id, warehouse_id
        union all
        select 'serial_in_stock', 3, sku_id, warehouse_id, json_build_object('serials', json_agg(serial_number order by serial_number))
          from unit where comes_back and in_stock and not leaves group by sku_id, warehouse_id
    )
    select 0, code, json_build_object('errors', json_agg(json_strip_nulls(
               (jsonb_build_object('sku_id', sku_id, 'warehouse_id', warehouse_id) || facts::jsonb)::json))), false
      from judged where rank = (select min(rank) from judged)
     group by code
$$;


-- Units with a number go before they come: one that changed its state does both. What comes back keeps the day it was
-- received.
create or replace function stock_settle_undo_units(p_pieces stock_piece[], p_now timestamptz) returns void
language plpgsql as $$
begin
    perform stock_settle('{}', array(select p from unnest(p_pieces) p where p.serials is null), p_now);
    perform stock_settle('{"movement_type": "adjustment", "reference_type": "adjustment"}',
                         array(select p from unnest(p_pieces) p where p.serials is not null and p.quantity < 0), p_now);
    perform stock_settle('{"movement_type": "transfer", "reference_type": "adjustment"}',
                         array(select p from unnest(p_pieces) p where p.serials is not null and p.quantity > 0), p_now);
end $$;


-- What is usable follows from batches, SKUs and warehouses: where the undo gave one of them back its old row, it is worked
-- out anew, before units move.
create or replace function stock_rework_restored(p_posted_in bigint, p_acted_at timestamptz) returns void
language plpgsql as $$
begin
    perform stock_rework_usable(array(
        with touched as (
            select c.table_name, (c.row_key ->> 'id')::uuid as id from row_changes c
             where c.posted_in = p_posted_in and c.changed_at = p_acted_at and c.table_name in ('batches', 'skus', 'warehouses')
        )
        select b.id from batches b
         where exists (select from touched t where t.table_name = 'batches' and t.id = b.id)
            or exists (select from touched t where t.table_name = 'skus' and t.id = b.sku_id)
            or exists (select from touched t join inventory_batches i on i.warehouse_id = t.id
                        where t.table_name = 'warehouses' and i.batch_id = b.id)));
end $$;
