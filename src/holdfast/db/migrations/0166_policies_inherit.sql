-- What a policy does not say is as in the next wider policy; what none says is the default, and the target what was cheapest on
-- the shop's own past. Policies that were written before keep all they said.
alter table replenishment_policies
    alter column mode drop not null, alter column mode drop default,
    alter column target_service drop not null, alter column target_service drop default,
    alter column method drop not null, alter column method drop default,
    alter column review_days drop not null, alter column review_days drop default,
    alter column prebuild_days drop not null, alter column prebuild_days drop default,
    alter column order_cost drop not null, alter column order_cost drop default,
    alter column holding_rate drop not null, alter column holding_rate drop default;
-- Beside a fill rate the service level was there without anybody having said it.
update replenishment_policies set target_service = null where target_fill_rate is not null;
alter table replenishment_policies
    add constraint one_target_at_most check (target_service is null or target_fill_rate is null);
