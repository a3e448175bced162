-- Choose and take the very units that leave for holds on tracked SKUs, one request after the other: the batch or serials
-- the picker names, else first expired first out among those still usable. A request that cannot be served is refused and
-- takes nothing. Answers the refusals, and the pieces with the number of their request as line_no.
-- p_tracked: the requests that consume tracked SKUs. The caller holds the level locks and writes the ledger afterwards.
create or replace function stock_pick_units(p_requests json, p_takes stock_take[], p_tracked integer[], p_now timestamptz,
    out refused stock_answer[], out pieces stock_piece[])
language plpgsql as $$
declare
    v_request integer;
    v_pick json;
    v_track record;
begin
    foreach v_request in array p_tracked loop
        v_pick := stock_pick_request(p_requests, p_takes, v_request);
        select * into v_track from stock_track(v_pick, 'units_not_usable', p_now);
        if (v_track.refusal).outcome is not null then
            refused := refused || v_track.refusal;
        else
            perform stock_settle(v_pick, v_track.pieces, p_now);
            pieces := pieces || array(
                select row(v_request, p.sku_id, p.warehouse_id, p.bucket, p.state, p.quantity, p.unit_cost, 0, p.batch_id, null,
                           p.serials, p.movement_id)::stock_piece
                  from unnest(v_track.pieces) p);
            update reservations h
               set picked = coalesce(h.picked, '[]') || (
                   select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('sku_id', p.sku_id, 'warehouse_id', p.warehouse_id,
                              'quantity', -p.quantity, 'batch', case when b.id is not null then
                                  jsonb_build_object('id', b.id, 'number', b.number, 'expiry_date', b.expiry_date) end,
                              'serials', to_jsonb(p.serials))) order by p.sku_id, b.expiry_date)
                     from unnest(v_track.pieces) p left join batches b on b.id = p.batch_id)
              from unnest(p_takes) t
             where t.request_no = v_request and h.id = t.reservation_id;
        end if;
    end loop;
end $$;


-- What one request takes of tracked SKUs, as lines for stock_track: what it names, and per level the rest.
create or replace function stock_pick_request(p_requests json, p_takes stock_take[], p_request integer) returns json
language sql stable as $$
    with take as (
        select t.reservation_id, t.sku_id, t.warehouse_id, sum(t.quantity) as quantity, max(l.min_expiry_date) as min_expiry_date,
               min(t.line_no) as line_no
          from unnest(p_takes) t
          join skus s on s.id = t.sku_id and s.tracking <> 'none'
          join inventory_reservations l on (l.reservation_id, l.line_no) = (t.reservation_id, t.line_no)
         where t.request_no = p_request
         group by t.reservation_id, t.sku_id, t.warehouse_id
    ), item as (
        select i.*
          from json_to_recordset(p_requests) as r (n integer, items json)
         cross join rows from (json_to_recordset(r.items) as (sku_id uuid, warehouse_id uuid, quantity bigint, batch text, serials json))
               with ordinality as i (sku_id, warehouse_id, quantity, batch, serials, item_no)
         where r.n = p_request and (i.batch is not null or i.serials is not null)
    ), named as (
        -- a hold in one warehouse need not name it again
        select i.*, t.warehouse_id as level, t.reservation_id, t.min_expiry_date
          from item i
          join lateral (select * from take t
                         where t.sku_id = i.sku_id and t.warehouse_id = coalesce(i.warehouse_id, t.warehouse_id)
                         order by t.line_no limit 1) t on true
    )
    select json_build_object('n', p_request, 'movement_type', 'out', 'reference_type', 'order', 'items', json_agg(line))
      from (select json_build_object('line', item_no, 'sku_id', sku_id, 'warehouse_id', level, 'quantity', -quantity,
                       'batch', case when batch is not null then json_build_object('number', batch) end, 'serials', serials,
                       'reservation_id', reservation_id, 'min_expiry_date', min_expiry_date) as line
              from named
            union all
            select json_build_object('line', 1000000 + t.line_no, 'sku_id', t.sku_id, 'warehouse_id', t.warehouse_id,
                       'quantity', coalesce(n.quantity, 0) - t.quantity, 'reservation_id', t.reservation_id,
                       'min_expiry_date', t.min_expiry_date)
              from take t
              left join (select sku_id, level, sum(quantity) as quantity from named group by sku_id, level) n
                     on (n.sku_id, n.level) = (t.sku_id, t.warehouse_id)
             where t.quantity > coalesce(n.quantity, 0)) lines
$$;


-- Named units belong to their hold only while its lines are open: those too many are free again. The caller holds the locks.
create or replace function stock_free_units(p_reservations uuid[]) returns void
language sql as $$
    update serials u set reservation_id = null
      from (select s.sku_id, s.serial_number,
                   row_number() over (partition by s.reservation_id, s.sku_id, s.warehouse_id order by s.serial_number) as unit_no,
                   (select coalesce(sum(l.quantity), 0) from inventory_reservations l
                     where l.reservation_id = s.reservation_id and l.sku_id = s.sku_id and l.warehouse_id = s.warehouse_id
                       and l.status = 'active') as open
              from serials s where s.reservation_id = any (p_reservations)) x
     where (u.sku_id, u.serial_number) = (x.sku_id, x.serial_number) and x.unit_no > x.open
$$;
