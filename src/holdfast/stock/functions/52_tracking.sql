-- Batches, serials and unsellable states of the lines that move: which units exactly, and keeping their balances.
-- Whoever holds the lock of a level owns its rows in inventory_batches and inventory_states, and its serials.


-- The lines of one request that names tracked SKUs or unsellable units, with what each refers to.
create or replace function stock_lines_of(p_request json) returns stock_line[]
language sql stable as $$
    select array_agg(row(coalesce(i.line, i.line_no), i.sku_id, i.warehouse_id, s.tracking, coalesce(i.bucket, 'sellable'),
               case when i.bucket = 'unsellable' then i.state end,
               coalesce(i.quantity, i.set_to - there.quantity), i.set_to, i.expected_quantity, there.quantity,
               i.unit_cost, coalesce(i.inbound_delta, 0), coalesce(i.batch_id, b.id), i.batch ->> 'number', i.batch,
               case when i.serials is not null then array(select json_array_elements_text(i.serials)) end,
               i.reservation_id, i.min_expiry_date)::stock_line order by i.line_no)
      from rows from (json_to_recordset(p_request -> 'items') as (line integer, sku_id uuid, warehouse_id uuid, bucket text,
               state text, quantity bigint, set_to bigint, expected_quantity bigint, unit_cost numeric, inbound_delta bigint,
               batch_id uuid, batch json, serials json, reservation_id uuid, min_expiry_date date))
           with ordinality as i (line, sku_id, warehouse_id, bucket, state, quantity, set_to, expected_quantity, unit_cost,
                                 inbound_delta, batch_id, batch, serials, reservation_id, min_expiry_date, line_no)
      left join skus s on s.id = i.sku_id
      left join batches b on b.sku_id = i.sku_id and b.number = i.batch ->> 'number'
      left join inventory v on (v.sku_id, v.warehouse_id) = (i.sku_id, i.warehouse_id)
     -- what the expectation is compared with: the batch if one is named, and the state if one is
     cross join lateral (
           select case when coalesce(i.set_to, i.expected_quantity) is null then null
                       when i.bucket = 'unsellable' then coalesce((
                            select sum(x.quantity) from inventory_states x
                             where x.sku_id = i.sku_id and x.warehouse_id = i.warehouse_id
                               and (i.batch is null or x.batch_id = b.id) and x.state = coalesce(i.state, x.state)), 0)
                       when i.batch is not null then coalesce((
                            select x.sellable_quantity from inventory_batches x
                             where x.sku_id = i.sku_id and x.warehouse_id = i.warehouse_id and x.batch_id = b.id), 0)
                       else coalesce(v.available_quantity + v.reserved_quantity, 0) end::bigint as quantity) there
$$;


-- Why these lines do not say which units they mean, or mean units that cannot be meant; no outcome when they do.
-- What we choose (a sale, a pick, a shipment) need not name units going out; what reports a fact (an adjustment) must.
create or replace function stock_naming_refusal(p_request json, p_lines stock_line[]) returns stock_answer
language sql stable as $$
    with verb as (
        select p_request ->> 'movement_type' = 'adjustment' or p_request ->> 'reference_type' = 'adjustment' as must_name,
               coalesce((p_request ->> 'by_batch')::boolean, false) as by_batch
    ), line as (
        select l.*, coalesce(l.batch_id, b.id) is not null as is_known, b.production_date, b.expiry_date
          from unnest(p_lines) l
          left join batches b on b.id = l.batch_id
    ), unit as (
        select l.line_no, sign(l.quantity) as direction, l.sku_id, x.serial_number,
               count(*) over (partition by l.sku_id, sign(l.quantity), x.serial_number) as times,
               bool_or(l.quantity < 0) over (partition by l.sku_id, x.serial_number) as leaves,
               u.warehouse_id is not distinct from l.warehouse_id
                   and (u.reservation_id is null or u.reservation_id = l.reservation_id)
                   and case when l.bucket = 'sellable' then u.state = 'sellable'
                            else u.state <> 'sellable' and u.state = coalesce(l.state, u.state) end as is_here,
               u.warehouse_id is not null as in_stock
          from line l cross join unnest(l.serials) as x (serial_number)
          left join serials u on u.sku_id = l.sku_id and u.serial_number = x.serial_number
    ), wrong as (
        select line_no, max(times) > 1 as repeated,
               array_agg(serial_number) filter (where direction < 0 and is_here is not true) as not_here,
               array_agg(serial_number) filter (where direction > 0 and in_stock and not leaves) as in_stock
          from unit group by line_no
    ), judged as (
        select l.*, w.not_here, w.in_stock,
               case when l.tracking is null then null
                    when l.tracking = 'none' and (l.batch_number is not null or l.serials is not null) then 'not_tracked'
                    when l.tracking = 'batch' and l.serials is not null then 'not_tracked'
                    when l.tracking = 'batch' and l.batch_number is null and l.batch_id is null
                         and (l.quantity > 0 or l.set_to is not null or (l.quantity < 0 and v.must_name)) then 'batch_required'
                    when l.tracking = 'serial' and (l.set_to is not null or (l.serials is null
                         and (l.quantity > 0 or (l.quantity < 0 and v.must_name)))) then 'serials_required'
                    when cardinality(l.serials) <> abs(l.quantity) then 'serials_mismatch'
                    when w.repeated then 'serial_repeated'
                    when l.tracking <> 'none' and l.state in ('quarantined', 'expired', 'recalled') and l.quantity > 0
                         and not v.by_batch then 'state_belongs_to_batch'
                    when l.batch_number is not null and not l.is_known and l.quantity < 0 then 'unknown_batch'
                    when not exists (select from suppliers x where x.id = coalesce((l.batch ->> 'supplier_id')::uuid, x.id))
                         and l.batch ->> 'supplier_id' is not null then 'unknown_supplier'
                    when l.quantity > 0 and coalesce((l.batch ->> 'production_date')::date, l.production_date)
                                            > coalesce((l.batch ->> 'expiry_date')::date, l.expiry_date) then 'batch_differs'
                    when l.quantity > 0 and l.expiry_date <> (l.batch ->> 'expiry_date')::date then 'batch_differs'
                    when l.quantity > 0 and l.production_date <> (l.batch ->> 'production_date')::date then 'batch_differs'
                    when w.in_stock is not null then 'serial_in_stock'
                    when w.not_here is not null then 'serial_not_here'
                    when l.expected_quantity <> l.there then 'version_conflict' end as code
          from line l cross join verb v left join wrong w using (line_no)
    ), first as (
        select code from judged where code is not null order by line_no limit 1
    )
    select (p_request ->> 'n')::integer, j.code,
           json_build_object('errors', json_agg(json_strip_nulls(json_build_object('line', j.line_no, 'sku_id', j.sku_id,
               'warehouse_id', j.warehouse_id, 'batch', j.batch_number, 'requested', coalesce(j.set_to, abs(j.quantity)),
               'expected', case j.code when 'version_conflict' then j.expected_quantity end,
               'actual', case j.code when 'version_conflict' then j.there end,
               'expiry_date', case j.code when 'batch_differs' then j.expiry_date end,
               'production_date', case j.code when 'batch_differs' then j.production_date end,
               'named', case j.code when 'serials_mismatch' then cardinality(j.serials) end,
               -- enough to find them; ten thousand would help nobody
               'serials', case j.code when 'serial_in_stock' then to_json(j.in_stock[1:20])
                                      when 'serial_not_here' then to_json(j.not_here[1:20]) end)) order by j.line_no)),
           false
      from judged j join first f using (code)
     group by j.code
$$;


-- The pieces that leave without units being named one by one: first expired first out, unless the line names a batch.
-- A batch past use is taken only by those who report or withdraw it (p_any).
create or replace function stock_pieces_out(p_lines stock_line[], p_any boolean, p_now timestamptz) returns setof stock_piece
language sql stable as $$
    with demand as (
        select l.*, sum(-quantity) over same - -quantity as from_unit, sum(-quantity) over same as to_unit
          from unnest(p_lines) l
         where quantity < 0 and (tracking = 'batch' or (tracking = 'none' and bucket = 'unsellable'))
        window same as (partition by sku_id, warehouse_id, bucket, batch_id, state, min_expiry_date order by line_no)
    ), named as (
        select sku_id, warehouse_id, batch_id, sum(-quantity) as quantity
          from demand where bucket = 'sellable' and batch_id is not null group by sku_id, warehouse_id, batch_id
    ), ask as (
        select distinct sku_id, warehouse_id, bucket, batch_id, state, min_expiry_date from demand
    ), shelf as (
        select a.sku_id, a.warehouse_id, a.bucket, a.batch_id as asked_batch, a.state as asked_state, a.min_expiry_date,
               b.batch_id, null::text as state, b.usable_until,
               b.sellable_quantity - case when a.batch_id is null then coalesce(n.quantity, 0) else 0 end as quantity
          from ask a
          join inventory_batches b on b.sku_id = a.sku_id and b.warehouse_id = a.warehouse_id
                                  and b.batch_id = coalesce(a.batch_id, b.batch_id)
          left join named n on (n.sku_id, n.warehouse_id, n.batch_id) = (b.sku_id, b.warehouse_id, b.batch_id)
         where a.bucket = 'sellable' and b.sellable_quantity > 0 and (p_any or b.usable_until > p_now)
           and (a.min_expiry_date is null
                or exists (select from batches m where m.id = b.batch_id and coalesce(m.expiry_date, 'infinity') >= a.min_expiry_date))
        union all
        select a.sku_id, a.warehouse_id, a.bucket, a.batch_id, a.state, a.min_expiry_date, x.batch_id, x.state,
               coalesce(b.usable_until, 'infinity'), x.quantity
          from ask a
          join inventory_states x on x.sku_id = a.sku_id and x.warehouse_id = a.warehouse_id
                                 and x.state = coalesce(a.state, x.state) and (a.batch_id is null or x.batch_id = a.batch_id)
          left join inventory_batches b on (b.sku_id, b.warehouse_id, b.batch_id) = (x.sku_id, x.warehouse_id, x.batch_id)
         where a.bucket = 'unsellable' and x.quantity > 0
    ), supply as (
        select *, sum(quantity) over before - quantity as from_unit, sum(quantity) over before as to_unit
          from shelf where quantity > 0
        window before as (partition by sku_id, warehouse_id, bucket, asked_batch, asked_state, min_expiry_date
            order by array_position(array['damaged', 'quality_hold', 'quarantined', 'expired', 'recalled'], state),
                     usable_until, batch_id)
    )
    select d.line_no, d.sku_id, d.warehouse_id, d.bucket, s.state,
           (greatest(d.from_unit, s.from_unit) - least(d.to_unit, s.to_unit))::bigint, d.unit_cost, 0::bigint, s.batch_id, null::text,
           null::text[], uuidv7()
      from demand d
      join supply s on (s.sku_id, s.warehouse_id, s.bucket) = (d.sku_id, d.warehouse_id, d.bucket)
                   and s.asked_batch is not distinct from d.batch_id and s.asked_state is not distinct from d.state
                   and s.min_expiry_date is not distinct from d.min_expiry_date
                   and s.from_unit < d.to_unit and d.from_unit < s.to_unit
     -- the ids are drawn in this order, and tell it to whoever lists the pieces
     order by d.line_no, s.from_unit
$$;


-- The units that lines without serial numbers take: those that their hold names first, then the ones that expire or came first.
-- Of each batch, and of those without one, no more are read than are wanted.
create or replace function stock_serials_in_turn(p_lines stock_line[], p_any boolean, p_now timestamptz)
returns table (line_no integer, serial_number text, state text, batch_id uuid)
language sql stable as $$
    with wanting as (
        -- lines of one kind are served from one queue
        select *, dense_rank() over (order by sku_id, warehouse_id, bucket, state, batch_id, min_expiry_date, reservation_id) as ask_no
          from unnest(p_lines) where quantity < 0 and tracking = 'serial' and serials is null
    ), demand as (
        select *, sum(-quantity) over same - -quantity as from_unit, sum(-quantity) over same as to_unit
          from wanting window same as (partition by ask_no order by line_no)
    ), ask as (
        select ask_no, sku_id, warehouse_id, bucket, state, batch_id, min_expiry_date, reservation_id, max(to_unit) as wanted
          from demand group by ask_no, sku_id, warehouse_id, bucket, state, batch_id, min_expiry_date, reservation_id
    ), named as (
        select l.sku_id, x.serial_number from unnest(p_lines) l, unnest(l.serials) as x (serial_number) where l.quantity < 0
    ), shelf as (
        select ask_no, b.batch_id
          from ask a join inventory_batches b on (b.sku_id, b.warehouse_id) = (a.sku_id, a.warehouse_id) and b.sellable_quantity > 0
         where b.batch_id = coalesce(a.batch_id, b.batch_id)
        union all
        select ask_no, null from ask where batch_id is null
    ), unit as (
        select a.ask_no, u.*
          from ask a join serials u on (u.reservation_id, u.sku_id, u.warehouse_id) = (a.reservation_id, a.sku_id, a.warehouse_id)
         where a.bucket = 'sellable'
        union all
        select a.ask_no, u.*
          from shelf f join ask a using (ask_no)
         cross join lateral (
               select * from serials
                where sku_id = a.sku_id and warehouse_id = a.warehouse_id
                  and coalesce(batch_id, '00000000-0000-0000-0000-000000000000') = coalesce(f.batch_id, '00000000-0000-0000-0000-000000000000')
                  and state = 'sellable' and reservation_id is null
                  and not exists (select from named n where (n.sku_id, n.serial_number) = (serials.sku_id, serials.serial_number))
                order by received_at, serial_number limit a.wanted) u
         where a.bucket = 'sellable'
        union all
        select a.ask_no, u.*
          from ask a join serials u on (u.sku_id, u.warehouse_id) = (a.sku_id, a.warehouse_id)
         where a.bucket = 'unsellable' and u.state <> 'sellable' and u.state = coalesce(a.state, u.state)
    ), offered as (
        select ask_no, u.serial_number, u.state as unit_state, u.batch_id as unit_batch,
               row_number() over (partition by ask_no order by u.reservation_id is null, b.usable_until, u.received_at, u.serial_number) as unit_no
          from unit u join ask a using (ask_no)
          left join inventory_batches b on (b.sku_id, b.warehouse_id, b.batch_id) = (u.sku_id, u.warehouse_id, u.batch_id)
          left join batches m on m.id = u.batch_id
         where (a.bucket = 'unsellable' or p_any or coalesce(b.usable_until, 'infinity') > p_now)
           and (a.batch_id is null or u.batch_id = a.batch_id)
           and (a.min_expiry_date is null or coalesce(m.expiry_date, 'infinity') >= a.min_expiry_date)
           and not exists (select from named n where (n.sku_id, n.serial_number) = (u.sku_id, u.serial_number))
    )
    select d.line_no, o.serial_number, o.unit_state, o.unit_batch
      from demand d
      join offered o using (ask_no)
     where o.unit_no > d.from_unit and o.unit_no <= d.to_unit
$$;


-- The pieces of serial-tracked SKUs that leave: the units named, else those whose turn it is.
create or replace function stock_serials_out(p_lines stock_line[], p_any boolean, p_now timestamptz) returns setof stock_piece
language sql stable as $$
    with taken as (
        select * from stock_serials_in_turn(p_lines, p_any, p_now)
        union all
        select l.line_no, u.serial_number, u.state, u.batch_id
          from unnest(p_lines) l
         cross join unnest(l.serials) as x (serial_number)
          join serials u on u.sku_id = l.sku_id and u.serial_number = x.serial_number
          left join inventory_batches b on (b.sku_id, b.warehouse_id, b.batch_id) = (u.sku_id, u.warehouse_id, u.batch_id)
         where l.quantity < 0 and (p_any or l.bucket = 'unsellable' or coalesce(b.usable_until, 'infinity') > p_now)
    )
    select l.line_no, l.sku_id, l.warehouse_id, l.bucket, nullif(t.state, 'sellable'), -count(*)::bigint, l.unit_cost, 0::bigint, t.batch_id,
           null::text, array_agg(t.serial_number order by t.serial_number), uuidv7()
      from taken t join unnest(p_lines) l using (line_no)
     group by l.line_no, l.sku_id, l.warehouse_id, l.bucket, t.state, l.unit_cost, t.batch_id
$$;


-- Which units a request moves: its lines as pieces, one per batch and state, or why not. Nothing is written.
-- p_request as stock_move takes it; an item may name batch {number, expiry_date, production_date, supplier_id} or batch_id,
-- serials, state, and (picking a hold) reservation_id and min_expiry_date. by_batch: the batch itself changed its state.
-- Outcomes besides those of stock_naming_refusal: p_short when fewer usable units are there than a line takes.
create or replace function stock_track(p_request json, p_short text, p_now timestamptz, out refusal stock_answer, out pieces stock_piece[])
language plpgsql as $$
declare
    v_any boolean := p_request ->> 'movement_type' = 'adjustment' or p_request ->> 'reference_type' = 'adjustment';
    v_lines stock_line[] := stock_lines_of(p_request);
begin
    refusal := stock_naming_refusal(p_request, v_lines);
    if refusal.outcome is not null then
        return;
    end if;

    select array_agg(p order by p.line_no, p.movement_id) into pieces from (
        -- what comes in, what only raises what is on its way, and what nobody tracks
        select l.line_no, l.sku_id, l.warehouse_id, l.bucket, case when l.bucket = 'unsellable' then coalesce(l.state, 'damaged') end as state,
               l.quantity, l.unit_cost, l.inbound_delta, l.batch_id, l.batch_number, l.serials, uuidv7() as movement_id
          from unnest(v_lines) l
         where l.serials is null and (l.quantity >= 0 or l.tracking is null or (l.tracking = 'none' and l.bucket = 'sellable'))
        union all
        -- a unit that comes back keeps the batch it has
        select l.line_no, l.sku_id, l.warehouse_id, l.bucket, case when l.bucket = 'unsellable' then coalesce(l.state, 'damaged') end,
               count(*), l.unit_cost, 0, coalesce(u.batch_id, l.batch_id), case when u.batch_id is null then l.batch_number end,
               array_agg(x.serial_number order by x.serial_number), uuidv7()
          from unnest(v_lines) l cross join unnest(l.serials) as x (serial_number)
          left join serials u on u.sku_id = l.sku_id and u.serial_number = x.serial_number
         where l.quantity > 0
         group by l.line_no, l.sku_id, l.warehouse_id, l.bucket, l.state, l.unit_cost, u.batch_id, l.batch_id, l.batch_number
        union all
        -- a line whose units are named one by one carries what it takes off the way apart from them
        select l.line_no, l.sku_id, l.warehouse_id, l.bucket, null, 0, null, l.inbound_delta, null, null, null, uuidv7()
          from unnest(v_lines) l
         where l.inbound_delta <> 0 and (l.serials is not null or (l.quantity < 0 and (l.tracking <> 'none' or l.bucket <> 'sellable')))
        union all
        select * from stock_pieces_out(v_lines, v_any, p_now)
        union all
        select * from stock_serials_out(v_lines, v_any, p_now)) p;
    refusal := stock_short_refusal(p_request, p_short, v_lines, pieces);
end $$;


-- The lines that take more units than there are pieces for, or pieces that together take more than their batch has.
create or replace function stock_short_refusal(p_request json, p_short text, p_lines stock_line[], p_pieces stock_piece[])
returns stock_answer
language sql stable as $$
    with found as (
        select line_no, sum(quantity) as quantity from unnest(p_pieces) group by line_no
    ), short as (
        select l.*, -coalesce(f.quantity, 0) as available
          from unnest(p_lines) l left join found f using (line_no)
         where l.quantity < 0 and l.tracking is not null and l.quantity < coalesce(f.quantity, 0)
        union all
        select l.*, x.available
          from (select p.sku_id, p.warehouse_id, p.bucket, p.batch_id, p.state, min(p.line_no) as line_no,
                       coalesce(case p.bucket when 'sellable' then min(b.sellable_quantity) else min(s.quantity) end, 0) as available
                  from unnest(p_pieces) p
                  left join inventory_batches b on (b.sku_id, b.warehouse_id, b.batch_id) = (p.sku_id, p.warehouse_id, p.batch_id)
                  left join inventory_states s on (s.sku_id, s.warehouse_id, s.state) = (p.sku_id, p.warehouse_id, p.state)
                                              and s.batch_id is not distinct from p.batch_id
                 where p.quantity < 0 and (p.batch_id is not null or p.state is not null)
                 group by p.sku_id, p.warehouse_id, p.bucket, p.batch_id, p.state
                having -sum(p.quantity) > coalesce(case p.bucket when 'sellable' then min(b.sellable_quantity) else min(s.quantity) end, 0)) x
          join unnest(p_lines) l using (line_no)
    )
    select (p_request ->> 'n')::integer, p_short,
           json_build_object('errors', json_agg(json_strip_nulls(json_build_object('line', line_no, 'sku_id', sku_id,
               'warehouse_id', warehouse_id, 'batch', batch_number, 'state', state, 'requested', -quantity,
               'available', available)) order by line_no)),
           false
      from short having count(*) > 0
$$;
