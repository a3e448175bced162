-- suppliers_to_learn
-- Suppliers with receipts, or changed terms, since they were last learned from.
select p.id
  from suppliers p
  left join supplier_lead_factors f on f.supplier_id = p.id
 where exists (select from purchase_orders o
                 join purchase_receipts r on r.purchase_order_id = o.id
                where o.supplier_id = p.id and o.sent_at is not null and r.received_at > coalesce(f.learned_at, '-infinity'))
    or f.learned_at < greatest(p.updated_at,
                               (select max(i.updated_at) from supplier_items i where i.supplier_id = p.id and i.updated_at > f.learned_at))
 order by p.id;

-- deliveries
-- What arrived of a supplier in two years: one row per SKU and order, its days weighted by how many came when.
select a.sku_id, a.purchase_order_id as order_id, (sum(a.days * a.quantity) / sum(a.quantity))::double precision as days,
       coalesce(i.lead_time_days, p.lead_time_days)::double precision as promised_days
  from purchase_arrivals a
  join suppliers p on p.id = a.supplier_id
  left join supplier_items i on i.supplier_id = a.supplier_id and i.sku_id = a.sku_id
 where a.supplier_id = %(supplier_id)s and a.quantity > 0 and a.received_at > (select business_now()) - interval '2 years'
   -- goods that are there within the hour were written down afterwards: they say nothing of how long it takes
   and a.received_at >= a.sent_at + interval '1 hour'
 group by a.sku_id, a.purchase_order_id, i.lead_time_days, p.lead_time_days
 order by max(a.received_at), a.purchase_order_id, a.sku_id;

-- promised_share
-- The promised spread of a supplier as a share of its promised days; null when no spread was promised.
select (nullif(lead_time_sd_days, 0) / greatest(lead_time_days, 1))::double precision from suppliers where id = %(supplier_id)s;

-- write_factor
-- What a supplier as a whole taught.
insert into supplier_lead_factors (supplier_id, receipts, mean_factor, sd_factor, low_factor, high_factor, is_used, learned_at)
values (%(supplier_id)s, %(receipts)s, %(mean)s, %(sd)s, %(low)s, %(high)s, %(is_used)s, business_now())
on conflict (supplier_id) do update
   set receipts = excluded.receipts, mean_factor = excluded.mean_factor, sd_factor = excluded.sd_factor,
       low_factor = excluded.low_factor, high_factor = excluded.high_factor, is_used = excluded.is_used,
       learned_at = excluded.learned_at;

-- write_lead_times
-- What its SKUs taught, all of them anew.
with learned as (
    select * from json_to_recordset(%(rows)s) as x (sku_id uuid, receipts integer, mean double precision, sd double precision,
        low double precision, median double precision, high double precision, is_used boolean)
), gone as (
    delete from supplier_lead_times
     where supplier_id = %(supplier_id)s and sku_id not in (select sku_id from learned)
)
insert into supplier_lead_times (supplier_id, sku_id, receipts, mean_days, sd_days, low_days, median_days, high_days, is_used,
    learned_at)
select %(supplier_id)s, sku_id, receipts, mean, sd, low, median, high, is_used, business_now() from learned
on conflict (supplier_id, sku_id) do update
   set receipts = excluded.receipts, mean_days = excluded.mean_days, sd_days = excluded.sd_days, low_days = excluded.low_days,
       median_days = excluded.median_days, high_days = excluded.high_days, is_used = excluded.is_used,
       learned_at = excluded.learned_at;

-- list_lead_times
-- One page of what was learned about a supplier's SKUs beside what it promises, by SKU code.
select t.sku_id, s.code as sku_code, s.name as sku_name, l.receipts, l.mean_days, l.sd_days, l.low_days, l.median_days,
       l.high_days, l.learned_at, t.promised_days, t.promised_sd_days, t.lead_time_days, t.lead_time_sd_days,
       t.lead_time_source as source
  from supplier_terms t
  join skus s on s.id = t.sku_id
  left join supplier_lead_times l on l.supplier_id = t.supplier_id and l.sku_id = t.sku_id
 where t.supplier_id = %(supplier_id)s and (%(after)s::text is null or s.code > %(after)s)
 order by s.code
 limit %(limit)s;

-- score
-- On time and in full, counted by lines whose first promised day lies in the window: on time when all that was not
-- refused had arrived by then, in full when all that was ordered arrived in the end. Open lines count once they are due.
with line as (
    select l.purchase_order_id, l.line_no, l.ordered_quantity, l.received_quantity, l.refused_quantity, l.open_quantity, l.promised_at,
           coalesce((select sum(a.quantity) from purchase_arrivals a
                      where a.purchase_order_id = l.purchase_order_id and a.line_no = l.line_no
                        and a.received_at::date <= l.promised_at), 0) as by_then
      from purchase_order_lines l
      join purchase_orders o on o.id = l.purchase_order_id
     where o.supplier_id = %(supplier_id)s and o.sent_at is not null and o.status <> 'cancelled'
       and l.promised_at between business_now()::date - %(days)s::integer and business_now()::date - 1
)
select count(*) as lines_due,
       count(*) filter (where by_then >= greatest(ordered_quantity - refused_quantity, 1)) as lines_on_time,
       count(*) filter (where received_quantity >= ordered_quantity) as lines_in_full,
       count(*) filter (where by_then >= ordered_quantity) as lines_on_time_in_full,
       count(*) filter (where refused_quantity > 0) as lines_cut
  from line;

-- score_lead_time
-- What is known of the supplier's lead time, as a factor on its promise.
select f.receipts, f.mean_factor, f.sd_factor, f.low_factor, f.high_factor, f.is_used, f.learned_at,
       p.lead_time_days::double precision as promised_days, p.lead_time_sd_days::double precision as promised_sd_days
  from suppliers p
  left join supplier_lead_factors f on f.supplier_id = p.id
 where p.id = %(supplier_id)s;

-- cost_changes
-- Prices that changed in the window, newest first.
select c.sku_id, s.code as sku_code, s.name as sku_name, c.cost_before, c.cost_after, c.changed_at
  from supplier_cost_changes c
  join skus s on s.id = c.sku_id
 where c.supplier_id = %(supplier_id)s and c.changed_at > (select business_now()) - make_interval(days => %(days)s)
 order by c.changed_at desc, s.code
 limit %(limit)s;

-- deliveries_seen
-- Each delivery of the window as one point: when it came, after how many days, and when it had been promised.
select r.received_at, o.number, extract(epoch from r.received_at - o.sent_at)::double precision / 86400 as days,
       (select max(l.promised_at) from purchase_order_lines l where l.purchase_order_id = o.id) - o.sent_at::date as promised_days
  from purchase_receipts r
  join purchase_orders o on o.id = r.purchase_order_id
 where o.supplier_id = %(supplier_id)s and o.sent_at is not null and r.received_at > (select business_now()) - make_interval(days => %(days)s)
   and r.received_at >= o.sent_at + interval '1 hour'
 order by r.received_at desc
 limit 300;

-- is_learned
-- Whether anything was learned of a supplier yet.
select true from supplier_lead_factors where supplier_id = %(supplier_id)s;

-- score_months
-- The same by month of the first promised day, as in score.
with line as (
    select date_trunc('month', l.promised_at)::date as month, l.ordered_quantity, l.received_quantity, l.refused_quantity,
           coalesce((select sum(a.quantity) from purchase_arrivals a
                      where a.purchase_order_id = l.purchase_order_id and a.line_no = l.line_no
                        and a.received_at::date <= l.promised_at), 0) as by_then
      from purchase_order_lines l
      join purchase_orders o on o.id = l.purchase_order_id
     where o.supplier_id = %(supplier_id)s and o.sent_at is not null and o.status <> 'cancelled'
       and l.promised_at between business_now()::date - %(days)s::integer and business_now()::date - 1
)
select month, count(*) as lines_due,
       count(*) filter (where by_then >= greatest(ordered_quantity - refused_quantity, 1)) as lines_on_time,
       count(*) filter (where received_quantity >= ordered_quantity) as lines_in_full
  from line
 group by month
 order by month;

-- accept_supplier
-- The supplier's promise becomes what it really takes.
update suppliers p
   set lead_time_days = least(round((f.mean_factor * greatest(p.lead_time_days, 1))::numeric, 2), 3650),
       lead_time_sd_days = least(round((f.sd_factor * greatest(p.lead_time_days, 1))::numeric, 2), 3650), updated_at = now()
  from supplier_lead_factors f
 where p.id = %(supplier_id)s and f.supplier_id = p.id and f.is_used;

-- accept_own_promises
-- SKUs with a promise of their own get what was learned of them, and without that what the supplier's others take.
update supplier_items i
   set lead_time_days = least(round(t.lead_time_days::numeric, 2), 3650),
       lead_time_sd_days = least(round(t.lead_time_sd_days::numeric, 2), 3650), updated_at = now()
  from supplier_terms t
 where i.supplier_id = %(supplier_id)s and i.lead_time_days is not null
   and t.supplier_id = i.supplier_id and t.sku_id = i.sku_id and t.lead_time_source = 'learned';

-- accept_sku
-- The promise for one SKU becomes what it really takes.
update supplier_items i
   set lead_time_days = least(round(t.lead_time_days::numeric, 2), 3650),
       lead_time_sd_days = least(round(t.lead_time_sd_days::numeric, 2), 3650), updated_at = now()
  from supplier_terms t
 where i.supplier_id = %(supplier_id)s and i.sku_id = %(sku_id)s
   and t.supplier_id = i.supplier_id and t.sku_id = i.sku_id and t.lead_time_source = 'learned';
