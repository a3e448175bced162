-- Give every piece its batch: one that was never seen is made, and dates that nobody knew are filled in.
create or replace function stock_name_batches(p_request json, p_pieces stock_piece[], p_now timestamptz) returns stock_piece[]
language plpgsql as $$
declare
    v_dated uuid[];
begin
    if not exists (select from unnest(p_pieces) where batch_number is not null) then
        return p_pieces;
    end if;
    insert into batches (sku_id, number, production_date, expiry_date, supplier_id, created_by, created_at, changed_at)
    select distinct on (i.sku_id, i.batch ->> 'number') i.sku_id, i.batch ->> 'number', (i.batch ->> 'production_date')::date,
           (i.batch ->> 'expiry_date')::date, (i.batch ->> 'supplier_id')::uuid, p_request ->> 'actor', p_now, p_now
      from json_to_recordset(p_request -> 'items') as i (sku_id uuid, batch json)
      join unnest(p_pieces) p on p.sku_id = i.sku_id and p.batch_number = i.batch ->> 'number' and p.batch_id is null and p.quantity <> 0
     order by i.sku_id, i.batch ->> 'number'
    on conflict (sku_id, number) do nothing;

    with said as (
        select b.id, max((i.batch ->> 'production_date')::date) as production_date, max((i.batch ->> 'expiry_date')::date) as expiry_date,
               max(i.batch ->> 'supplier_id')::uuid as supplier_id
          from json_to_recordset(p_request -> 'items') as i (sku_id uuid, batch json)
          join batches b on b.sku_id = i.sku_id and b.number = i.batch ->> 'number'
         group by b.id
    ), filled as (
        update batches b
           set production_date = coalesce(b.production_date, s.production_date), expiry_date = coalesce(b.expiry_date, s.expiry_date),
               supplier_id = coalesce(b.supplier_id, s.supplier_id), changed_at = p_now, version = b.version + 1
          from said s
         where b.id = s.id and ((b.production_date is null and s.production_date is not null)
                             or (b.expiry_date is null and s.expiry_date is not null)
                             or (b.supplier_id is null and s.supplier_id is not null))
        returning b.id
    )
    select array_agg(id) into v_dated from filled;
    perform stock_rework_usable(v_dated);

    return array(select row(p.line_no, p.sku_id, p.warehouse_id, p.bucket, p.state, p.quantity, p.unit_cost, p.inbound_delta,
                            coalesce(p.batch_id, b.id), p.batch_number, p.serials, p.movement_id)::stock_piece
                   from unnest(p_pieces) p
                   left join batches b on b.sku_id = p.sku_id and b.number = p.batch_number);
end $$;


-- Work out anew until when the units of these batches are usable.
create or replace function stock_rework_usable(p_batches uuid[]) returns void
language sql as $$
    update inventory_batches i
       set usable_until = stock_usable_until(b.state, b.expiry_date, s.min_remaining_days, w.time_zone)
      from batches b, skus s, warehouses w
     where b.id = any (p_batches) and i.batch_id = b.id and s.id = i.sku_id and w.id = i.warehouse_id
       and i.usable_until <> stock_usable_until(b.state, b.expiry_date, s.min_remaining_days, w.time_zone)
$$;


-- Keep the balances of batches and states, and the place of every unit, in step with the pieces that move.
create or replace function stock_settle(p_request json, p_pieces stock_piece[], p_now timestamptz) returns void
language plpgsql as $$
begin
    if exists (select from unnest(p_pieces) where batch_id is not null) then
        -- Whoever quarantines or recalls a batch waits for us, or we for him: a row is born with the rule of its time.
        perform from batches where id in (select batch_id from unnest(p_pieces)) order by id for share;
        insert into inventory_batches (sku_id, warehouse_id, batch_id, usable_until)
        select distinct p.sku_id, p.warehouse_id, b.id, stock_usable_until(b.state, b.expiry_date, s.min_remaining_days, w.time_zone)
          from unnest(p_pieces) p
          join batches b on b.id = p.batch_id
          join skus s on s.id = p.sku_id
          join warehouses w on w.id = p.warehouse_id
         order by 1, 2, 3
        on conflict do nothing;
        update inventory_batches b
           set sellable_quantity = b.sellable_quantity + c.sellable,
               unsellable_quantity = b.unsellable_quantity + c.unsellable,
               stranded_quantity = least(b.stranded_quantity, b.sellable_quantity + c.sellable),
               unit_cost = case when c.costed > 0
                                then round((coalesce(b.unit_cost, c.cost / c.costed) * (b.sellable_quantity + b.unsellable_quantity) + c.cost)
                                           / (b.sellable_quantity + b.unsellable_quantity + c.costed), 6) else b.unit_cost end
          from (select sku_id, warehouse_id, batch_id,
                       coalesce(sum(quantity) filter (where bucket = 'sellable'), 0)::bigint as sellable,
                       coalesce(sum(quantity) filter (where bucket = 'unsellable'), 0)::bigint as unsellable,
                       coalesce(sum(quantity) filter (where quantity > 0 and unit_cost is not null), 0) as costed,
                       coalesce(sum(quantity * unit_cost) filter (where quantity > 0 and unit_cost is not null), 0) as cost
                  from unnest(p_pieces) where batch_id is not null group by sku_id, warehouse_id, batch_id) c
         where (b.sku_id, b.warehouse_id, b.batch_id) = (c.sku_id, c.warehouse_id, c.batch_id);
    end if;

    if exists (select from unnest(p_pieces) where bucket = 'unsellable') then
        insert into inventory_states (sku_id, warehouse_id, batch_id, state)
        select distinct sku_id, warehouse_id, batch_id, state from unnest(p_pieces) where bucket = 'unsellable' and quantity <> 0
         order by 1, 2, 3, 4
        on conflict do nothing;
        update inventory_states s
           set quantity = s.quantity + c.quantity
          from (select sku_id, warehouse_id, batch_id, state, sum(quantity)::bigint as quantity
                  from unnest(p_pieces) where bucket = 'unsellable' group by sku_id, warehouse_id, batch_id, state) c
         where s.sku_id = c.sku_id and s.warehouse_id = c.warehouse_id and s.batch_id is not distinct from c.batch_id and s.state = c.state;
    end if;

    if exists (select from unnest(p_pieces) where serials is not null) then
        perform stock_settle_serials(p_request ->> 'movement_type', p_request ->> 'reference_type', p_pieces, p_now);
    end if;
end $$;


-- Where each unit is now, and the ledger entries it was part of.
create or replace function stock_settle_serials(p_movement_type text, p_reference_type text, p_pieces stock_piece[], p_now timestamptz)
returns void
language plpgsql as $$
declare
    v_is_state_change boolean := p_movement_type = 'transfer' and p_reference_type <> 'transfer';
    v_wanted bigint;
    v_written bigint;
begin
    update serials u
       set warehouse_id = null, reservation_id = null, changed_at = p_now,
           state = case when p_movement_type = 'transfer' then 'in_transit' when p_reference_type = 'scrap' then 'scrapped'
                        when p_movement_type = 'out' then 'shipped' else 'lost' end
      from unnest(p_pieces) p, unnest(p.serials) as x (serial_number)
     where p.quantity < 0 and u.sku_id = p.sku_id and u.serial_number = x.serial_number
       and u.warehouse_id = p.warehouse_id;
    get diagnostics v_written = row_count;
    select coalesce(sum(cardinality(serials)), 0) into v_wanted from unnest(p_pieces) where quantity < 0;
    if v_written <> v_wanted then
        raise exception 'a unit left meanwhile' using errcode = '40001';
    end if;

    insert into serials as u (sku_id, serial_number, state, warehouse_id, batch_id, received_at, changed_at)
    select p.sku_id, x.serial_number, coalesce(p.state, 'sellable'), p.warehouse_id, p.batch_id, p_now, p_now
      from unnest(p_pieces) p, unnest(p.serials) as x (serial_number)
     where p.quantity > 0
     order by p.sku_id, x.serial_number
    on conflict (sku_id, serial_number) do update
       set state = excluded.state, warehouse_id = excluded.warehouse_id, batch_id = excluded.batch_id, changed_at = p_now,
           received_at = case when v_is_state_change then u.received_at else p_now end
     where u.warehouse_id is null;
    get diagnostics v_written = row_count;
    select coalesce(sum(cardinality(serials)), 0) into v_wanted from unnest(p_pieces) where quantity > 0;
    if v_written <> v_wanted then
        -- Somebody received the same unit in another warehouse since we looked: repeated, this is a typed refusal.
        raise exception 'a unit came in elsewhere meanwhile' using errcode = '40001';
    end if;

    insert into serial_movements (sku_id, serial_number, created_at, movement_id, warehouse_id)
    select p.sku_id, x.serial_number, greatest(p_now, i.last_updated), p.movement_id, p.warehouse_id
      from unnest(p_pieces) p
      join inventory i on (i.sku_id, i.warehouse_id) = (p.sku_id, p.warehouse_id)
     cross join unnest(p.serials) as x (serial_number);
end $$;
