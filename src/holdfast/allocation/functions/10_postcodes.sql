-- Where a postcode is: the place of its longest prefix that is known. Case, spaces and dashes do not matter.
create or replace function postcodes_of(p_country text, p_postcode text) returns table (latitude double precision, longitude double precision)
language sql stable as $$
    with asked as (
        select regexp_replace(upper(p_postcode), '[^0-9A-Z]', '', 'g') as code
    )
    select p.latitude, p.longitude
      from asked a
      join postcodes p on p.country = upper(trim(p_country))
                      and p.prefix = any (array(select left(a.code, n) from generate_series(1, length(a.code)) n))
     order by length(p.prefix) desc
     limit 1
$$;
