-- License files that don't count any more, and installations that said afterwards that they use them all the same.
create table still_used (
    id counted key,
    account_id bigint not null references accounts (id),
    file_id bigint not null references files (id),
    -- The installation, and what its machine is called.
    registration_key text not null,
    machine text not null,
    -- When it said so first, and last.
    since bigint not null,
    seen_at bigint not null,
    unique (file_id, registration_key)
);
create index still_used_account on still_used (account_id, seen_at);
create index still_used_seen on still_used (seen_at);
create index still_used_key on still_used (registration_key);
-- The way from a file to the one that took its place.
create index files_replaces on files (replaces_id) where replaces_id is not null;
