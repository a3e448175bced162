-- The inbox is shared by people of several languages: its entries keep their facts and are worded when they are read.
alter table notifications
    add column facts jsonb not null default '{}',
    -- where it leads in the console, such as /purchase-orders/<id>
    add column link text;
create index notifications_by_kind on notifications (kind, id);
