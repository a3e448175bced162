-- Levels a person sets for one SKU and warehouse; null gives the decision back to the plan.
create or replace function stock_set_policy(p_sku uuid, p_warehouse uuid, p_safety_stock bigint, p_reorder_point bigint,
    p_max_stock bigint) returns void
language sql security definer set search_path = public, pg_temp as $$
    -- A level is born empty and then changed, so that the change can be seen and undone.
    insert into inventory (sku_id, warehouse_id) values (p_sku, p_warehouse) on conflict do nothing;
    update inventory
       set safety_stock = p_safety_stock, reorder_point = p_reorder_point, max_stock = p_max_stock
     where (sku_id, warehouse_id) = (p_sku, p_warehouse)
$$;


-- What the last plan found, for many levels at once; rows that would not change are left alone.
create or replace function stock_set_computed(p_skus uuid[], p_warehouses uuid[], p_safety_stock bigint[],
    p_reorder_point bigint[], p_order_up_to bigint[]) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_count integer;
begin
    perform from inventory i
      where (i.sku_id, i.warehouse_id) in (select * from unnest(p_skus, p_warehouses))
      order by i.sku_id, i.warehouse_id
        for no key update;
    update inventory i
       set computed_safety_stock = n.safety, computed_reorder_point = n.point, computed_order_up_to = n.target
      from unnest(p_skus, p_warehouses, p_safety_stock, p_reorder_point, p_order_up_to) as n (sku_id, warehouse_id, safety, point, target)
     where (i.sku_id, i.warehouse_id) = (n.sku_id, n.warehouse_id)
       and (i.computed_safety_stock, i.computed_reorder_point, i.computed_order_up_to)
           is distinct from (n.safety, n.point, n.target);
    get diagnostics v_count = row_count;
    return v_count;
end $$;
