-- A batch that was quarantined, recalled or given other dates is one action too. Batches that are born with a receipt are
-- not taken away by its undo: the number was read from a box.
create trigger changes_are_noted after update on batches for each row execute function note_row_change('id', '', 'changed_at');
