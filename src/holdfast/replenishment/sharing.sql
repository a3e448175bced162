-- spare_levels
-- Of some SKUs, what every active warehouse has above its own order-up-to level and has promised to no other: what it can spare.
-- Only what is on the shelf can be moved. A level no plan has seen spares nothing.
select i.sku_id, i.warehouse_id, w.parent_id,
       greatest(i.available_quantity - i.pooled_quantity - i.backordered_quantity - i.computed_order_up_to - coalesce(d.quantity, 0)
                - coalesce(r.quantity, 0), 0)::bigint as spare
  from inventory i
  join warehouses w on w.id = i.warehouse_id and w.is_active
  left join lateral (
       select sum(l.quantity) as quantity
         from transfers t
         join transfer_lines l on l.transfer_id = t.id
        where t.status = 'draft' and t.from_warehouse_id = i.warehouse_id and l.sku_id = i.sku_id) d on true
  left join lateral (
       -- Proposed to other levels than those being planned now.
       select sum(x.suggested_quantity) as quantity
         from replenishment_suggestions x
        where x.kind = 'transfer' and x.status in ('pending', 'approved') and x.transfer_id is null
          and x.from_warehouse_id = i.warehouse_id and x.sku_id = i.sku_id
          and not exists (select from unnest(%(sku_ids)s::uuid[], %(warehouse_ids)s::uuid[]) as p (sku_id, warehouse_id)
                           where p.sku_id = x.sku_id and p.warehouse_id = x.warehouse_id)) r on true
 where i.sku_id = any(%(needed)s::uuid[]) and i.computed_order_up_to is not null;

-- approve_transfers
-- Decided: on which transfer, how many.
update replenishment_suggestions r
   set status = 'approved', transfer_id = a.transfer_id, suggested_quantity = a.quantity,
       arithmetic = case when a.quantity = r.suggested_quantity then r.arithmetic
                         else r.arithmetic || jsonb_build_array(jsonb_build_object('key', 'decided_by_hand',
                             'sign', sign(a.quantity - r.suggested_quantity)::integer,
                             'amount', abs(a.quantity - r.suggested_quantity), 'facts', jsonb_build_object('actor', %(actor)s::text))) end,
       processed_by = %(actor)s, processed_at = business_now(), updated_at = business_now(), version = r.version + 1
  from unnest(%(ids)s::uuid[], %(quantities)s::bigint[], %(transfer_ids)s::uuid[]) as a (id, quantity, transfer_id)
 where r.id = a.id and r.status = 'pending';

-- buy_instead
-- A supplier was named for what was to be moved: it is bought.
update replenishment_suggestions set kind = 'purchase', from_warehouse_id = null where id = any(%(ids)s) and status = 'pending';

-- follow_transfers
-- What became of the transfers that approved suggestions went into.
update replenishment_suggestions r
   set status = x.status, updated_at = business_now(), version = r.version + 1
  from (select f.id,
               case when t.status = 'cancelled' or not exists (
                         select from transfer_lines l where l.transfer_id = t.id and l.sku_id = f.sku_id) then 'withdrawn'
                    when t.status in ('received', 'closed') then 'received'
                    when t.status in ('shipped', 'partly_received') then 'ordered'
                    else 'approved' end as status
          from (select id, sku_id, transfer_id
                  from replenishment_suggestions
                 where status in ('approved', 'ordered') and transfer_id is not null
                 order by id
                   for update) f
          join transfers t on t.id = f.transfer_id) x
 where r.id = x.id and r.status <> x.status;
