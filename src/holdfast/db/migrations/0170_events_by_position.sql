-- Every reader of events goes by position or by what is not published yet; nothing read this index, and each event wrote it
-- twice: when it was written and when it was published.
drop index outbox_events_by_type;
