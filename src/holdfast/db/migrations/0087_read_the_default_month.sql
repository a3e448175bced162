-- Stock as of an instant looks into the months and, beside them, into what lies outside every month.
grant select on inventory_movements_default to holdfast_app;
