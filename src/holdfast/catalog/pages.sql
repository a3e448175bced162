-- find_scanned
-- What a scanner or a person typed: the code or barcode in full before names; what is sold as parts has no shelf.
select s.id, s.code, s.name, s.barcode, s.unit, s.tracking,
       lower(s.code) = lower(%(q)s) or coalesce(s.barcode = %(q)s, false)
           or exists (select from sku_packs p where p.sku_id = s.id and p.barcode = %(q)s) as is_exact
  from skus s
 where s.archived_at is null and not s.is_bundle and not exists (select from sandbox_skus x where x.sku_id = s.id)
   and (s.code ilike %(prefix)s or s.barcode = %(q)s or s.name ilike %(like)s
        or s.id = (select p.sku_id from sku_packs p where p.barcode = %(q)s))
 order by is_exact desc, s.name, s.code
 limit %(limit)s;

-- get_scanned
-- The one a person chose among several.
select s.id, s.code, s.name, s.barcode, s.unit, s.tracking, true as is_exact
  from skus s
 where s.id = %(id)s and s.archived_at is null and not s.is_bundle;
