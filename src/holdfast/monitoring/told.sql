-- foreign_costs_fit
-- P2: what was paid in another currency is of an entry of its SKU, and times its rate what the ledger has (rounded once).
select concat('foreign cost of entry ', f.movement_id) as subject,
       case when m.id is null then 'an entry of ' || coalesce(s.code, f.sku_id::text)
            else concat('cost=', round(f.unit_cost * f.exchange_rate, 6)) end as expected,
       case when m.id is null then 'none' else concat('cost=', coalesce(m.unit_cost::text, 'unknown')) end as found
  from foreign_costs f
  left join skus s on s.id = f.sku_id
  left join inventory_movements m on m.id = f.movement_id and m.sku_id = f.sku_id
 where m.id is null or m.unit_cost is null or abs(m.unit_cost - f.unit_cost * f.exchange_rate) > 0.000001
 order by 1;

-- fills_are_their_levels
-- P2: whether a warehouse was told to be over its capacity, beside what its levels hold; what moved lately is looked at soon.
select 'fill of ' || w.code as subject, concat('over=', coalesce(h.on_hand, 0) > w.capacity) as expected,
       concat('over=', coalesce(f.is_over, false)) as found
  from warehouses w
  left join warehouse_fills f on f.warehouse_id = w.id
  left join (select warehouse_id, sum(on_hand_quantity) as on_hand, max(last_updated) as moved_at
               from inventory group by warehouse_id) h on h.warehouse_id = w.id
 where w.capacity is not null and (coalesce(h.on_hand, 0) > w.capacity) <> coalesce(f.is_over, false)
   and greatest(h.moved_at, w.updated_at, f.changed_at) < (select business_now()) - make_interval(mins => %(grace_minutes)s)
   and not exists (select from sandbox_warehouses x where x.warehouse_id = w.id)
 order by 1;

-- states_are_as_told
-- P2: whether a SKU was last told to be in stock, by the house and by each channel, beside what can be sold of it. What moved,
-- lapsed or expired lately, or waits for the publisher, is compared soon.
with lately as materialized (
    select business_now() - make_interval(mins => %(grace_minutes)s) as since
), settled as materialized (
    select s.id
      from skus s, lately
     where s.updated_at < lately.since
       and not exists (select from sandbox_skus x where x.sku_id = s.id)
       and not exists (select from warehouses w where w.updated_at >= lately.since)
       and not exists (select from outbox_events e where e.published_at is null and s.id = any (e.sku_ids))
       and not exists (select from (select s.id as sku_id union all select c.component_id from bundle_components c where c.bundle_id = s.id) p
                        where exists (select from inventory i where i.sku_id = p.sku_id and i.last_updated >= lately.since)
                           or exists (select from inventory_reservations l where l.sku_id = p.sku_id and l.status = 'active'
                                         and l.expires_at between lately.since and business_now())
                           or exists (select from inventory_batches b where b.sku_id = p.sku_id and b.sellable_quantity > 0
                                         and b.usable_until between lately.since and business_now()))
), here as (
    select a.sku_id, null::uuid as channel_id, a.available > 0 as is_in_stock
      from stock_sellable(array(select id from settled), null, null, null) a
    union all
    select p.sku_id, p.channel_id, p.published > 0
      from channel_published(array(select id from sales_channels where not is_changed), array(select id from settled)) p
    union all
    select s.id, c.id, false
      from skus s cross join (select null::uuid as id union all select id from sales_channels where not is_changed) c
     where s.archived_at is not null and s.id in (select id from settled)
)
select concat('state of ', s.code, ' in ', coalesce(c.code, 'the house')) as subject,
       concat('in stock=', h.is_in_stock) as expected, concat('in stock=', coalesce(t.is_in_stock, false)) as found
  from here h
  join skus s on s.id = h.sku_id
  left join sales_channels c on c.id = h.channel_id
  left join stock_states t on t.sku_id = h.sku_id and t.channel_id is not distinct from h.channel_id
 where h.is_in_stock <> coalesce(t.is_in_stock, false)
 order by 1;
