-- Which installation an order was activated for: claimed before its file is made, so that of two installations one gets it.
create table activations (
    order_id bigint primary key references orders (id),
    registration_key text not null,
    -- Whether its file was made: what was only claimed when a process was killed is made later.
    made boolean not null,
    activated_at bigint not null
);
create index activations_key on activations (registration_key);
create index files_lrn on files (lrn);

-- Licenses that moved from one installation to another.
create table moves (
    id counted key,
    -- What its form calls it: sent twice, it is one move.
    request text not null unique,
    account_id bigint not null references accounts (id),
    from_key text not null,
    to_key text not null,
    reason text not null,
    moved_by text not null,
    moved_at bigint not null
);
create index moves_account on moves (account_id, moved_at);
