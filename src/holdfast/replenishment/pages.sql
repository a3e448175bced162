-- worklist_rows
-- Pending suggestions as people decide them: by supplier, the most pressing first.
-- Everything a row needs beside its order is joined to the rows of the page only.
with page as materialized (
    select r.id, r.version, r.sku_id, s.code, s.name, r.warehouse_id, r.supplier_id, coalesce(p.name, v.name, '') as supplier,
           r.kind = 'transfer' as is_transfer,
           p.lead_time_sd_days, r.suggested_quantity as quantity, r.priority, r.reason, r.days_of_cover,
           r.lead_time_days as lead_days, r.estimated_cost as cost, coalesce(r.currency, '') as currency, r.arithmetic,
           array_position(array['urgent', 'high', 'medium', 'low'], r.priority) as rank
      from replenishment_suggestions r
      join skus s on s.id = r.sku_id
      left join suppliers p on p.id = r.supplier_id
      left join warehouses v on v.id = r.from_warehouse_id
     where r.status = 'pending'
       and (%(supplier_id)s::uuid is null or r.supplier_id = %(supplier_id)s)
       and (%(warehouse_id)s::uuid is null or r.warehouse_id = %(warehouse_id)s)
       and (%(priority)s::text is null or r.priority = %(priority)s)
       and (%(like)s::text is null or s.name ilike %(like)s or s.code ilike %(prefix)s)
       and (%(after_id)s::uuid is null
            or (coalesce(p.name, v.name, ''), array_position(array['urgent', 'high', 'medium', 'low'], r.priority), r.id)
               > (%(after_supplier)s, %(after_rank)s::integer, %(after_id)s::uuid))
     order by supplier, rank, r.id
     limit %(limit)s
)
select g.id, g.version, g.sku_id, g.code, g.name, g.warehouse_id, w.name as warehouse, g.supplier_id, g.supplier, g.is_transfer, g.quantity,
       g.priority, g.reason, g.days_of_cover, g.lead_days,
       coalesce(si.lead_time_sd_days, g.lead_time_sd_days)::float8 as lead_spread,
       g.cost, g.currency, g.arithmetic,
       coalesce(i.available_quantity + i.reserved_quantity, 0)::bigint as sellable,
       coalesce(i.available_quantity, 0)::bigint as available,
       coalesce(i.reorder_point, i.computed_reorder_point) as reorder_point,
       f.daily_mean, business_now()::date as today, g.rank
  from page g
  join warehouses w on w.id = g.warehouse_id
  left join supplier_items si on si.supplier_id = g.supplier_id and si.sku_id = g.sku_id
  left join inventory i on i.sku_id = g.sku_id and i.warehouse_id = g.warehouse_id
  left join forecasts f on f.sku_id = g.sku_id and f.warehouse_id = g.warehouse_id
 order by g.supplier, g.rank, g.id;

-- worklist_days
-- Net change of what is sellable per day for the levels of one page, for the small pictures.
select m.sku_id, m.warehouse_id, m.created_at::date as day, sum(m.quantity)::bigint as quantity
  from unnest(%(sku_ids)s::uuid[], %(warehouse_ids)s::uuid[]) as wanted (sku_id, warehouse_id)
  join inventory_movements m on m.sku_id = wanted.sku_id and m.warehouse_id = wanted.warehouse_id
 where m.bucket = 'sellable' and m.created_at >= %(since)s::date
 group by 1, 2, 3;

-- worklist_suppliers
-- What is pending per supplier: the heads of the groups and the filter.
select coalesce(r.supplier_id::text, '') as id, coalesce(p.name, '') as name, coalesce(r.currency, '') as currency,
       count(*) as lines, coalesce(sum(r.estimated_cost), 0)::numeric as cost,
       count(*) filter (where r.priority = 'urgent') as urgent
  from replenishment_suggestions r
  left join suppliers p on p.id = r.supplier_id
 where r.status = 'pending'
 group by 1, 2, 3
 order by 2, 3;

-- last_run
-- When the plan was made and what it looked at.
select id, status, started_at, finished_at, pairs_total, pairs_done
  from replenishment_runs
 order by started_at desc
 limit 1;

-- warehouse_choices
-- Active warehouses for the filter, most important first.
select id::text as value, name as label from warehouses where is_active order by priority desc, name;
