-- The orders that lists begin with: the first page of a long list needs no sorting of the whole.
create index orders_placed on orders (placed_at);
create index files_generated on files (account_id, generated_at);
