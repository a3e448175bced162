-- pools_are_their_lines
-- P2: what a pool lent or sold beside its reservation lines that are held or consumed and its sales; it never gave more than it had.
select concat('pool of ', c.code, ' in ', s.code, '@', w.code) as subject,
       concat('taken=', coalesce(l.quantity, 0) + coalesce(x.quantity, 0), ' of at most ', p.quantity) as expected,
       concat('taken=', p.taken_quantity) as found
  from channel_pools p
  join sales_channels c on c.id = p.channel_id
  join skus s on s.id = p.sku_id
  join warehouses w on w.id = p.warehouse_id
  left join (select pool_id, sum(quantity) as quantity from inventory_reservations
              where pool_id is not null and status in ('active', 'consumed') group by pool_id) l on l.pool_id = p.id
  left join (select pool_id, sum(quantity) as quantity from pool_sales group by pool_id) x on x.pool_id = p.id
 where p.taken_quantity <> coalesce(l.quantity, 0) + coalesce(x.quantity, 0) or p.taken_quantity > p.quantity
 order by 1;

-- pooled_is_its_pools
-- P2: what a level keeps for channels beside what is left of its pools.
select s.code || '@' || w.code as subject, concat('pooled=', coalesce(p.quantity, 0)) as expected,
       concat('pooled=', i.pooled_quantity) as found
  from inventory i
  left join (select sku_id, warehouse_id, sum(remaining_quantity) as quantity
               from channel_pools where ended_at is null group by sku_id, warehouse_id) p using (sku_id, warehouse_id)
  join skus s on s.id = i.sku_id
  join warehouses w on w.id = i.warehouse_id
 where i.pooled_quantity <> coalesce(p.quantity, 0)
 order by 1;

-- pool_lines_are_of_their_channel
-- P2: a line is of a pool of its own level and of the channel of its reservation; both are there.
select concat('line ', l.line_no, ' of ', l.reservation_id) as subject, 'a pool of its level and of the reservation''s channel' as expected,
       coalesce(concat('pool ', p.id, ' of channel ', p.channel_id), 'pool ' || l.pool_id || ' is not there') as found
  from inventory_reservations l
  join reservations h on h.id = l.reservation_id
  left join channel_pools p on p.id = l.pool_id
 where l.pool_id is not null
   and (p.id is null or (p.sku_id, p.warehouse_id) <> (l.sku_id, l.warehouse_id) or p.channel_id is distinct from h.channel_id)
union all
select concat('reservation ', h.id), 'a channel that is there', 'channel ' || h.channel_id
  from reservations h left join sales_channels c on c.id = h.channel_id
 where h.channel_id is not null and c.id is null
 order by 1;
