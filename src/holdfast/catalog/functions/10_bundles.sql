-- Say what a bundle is made of; no components: it is none any more. Reads stock, because what lies on a shelf cannot become
-- a bundle: it has no stock of its own. Open reservations keep the definition they were made with.
-- p_components: [{sku_id, quantity}]. Answers null when it was done, else the code of the refusal:
-- sku_not_found, unknown_sku, sku_archived, nested_bundle, sku_has_stock.
create or replace function catalog_set_bundle(p_bundle uuid, p_components json) returns text
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_parts uuid[] := array(select sku_id from json_to_recordset(p_components) as c (sku_id uuid));
begin
    -- All rows of SKUs in order: two definitions that would nest each other meet here, and a first receipt, whose new level
    -- refers to the SKU, waits as well.
    perform from skus where id = p_bundle or id = any (v_parts) order by id for update;
    perform from inventory where sku_id = p_bundle order by sku_id, warehouse_id for no key update;
    if not exists (select from skus where id = p_bundle) then
        return 'sku_not_found';
    elsif (select count(*) from skus where id = any (v_parts)) < cardinality(v_parts) then
        return 'unknown_sku';
    elsif exists (select from skus where id = any (v_parts) and archived_at is not null) then
        return 'sku_archived';
    elsif cardinality(v_parts) > 0 and (p_bundle = any (v_parts)
                                        or exists (select from skus where id = any (v_parts) and is_bundle)
                                        or exists (select from bundle_components where component_id = p_bundle)) then
        return 'nested_bundle';
    elsif cardinality(v_parts) > 0 and exists (
            select from inventory where sku_id = p_bundle
               and (on_hand_quantity > 0 or in_transit_quantity > 0 or backordered_quantity > 0)) then
        return 'sku_has_stock';
    end if;

    delete from bundle_components where bundle_id = p_bundle;
    insert into bundle_components (bundle_id, component_id, quantity)
    select p_bundle, sku_id, quantity from json_to_recordset(p_components) as c (sku_id uuid, quantity bigint);
    update skus set is_bundle = cardinality(v_parts) > 0, updated_at = now(), version = version + 1 where id = p_bundle;
    return null;
end $$;
