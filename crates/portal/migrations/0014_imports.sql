-- Files of orders that are booked in the background, and what became of each order.
create table imports (
    id counted key,
    -- Of the form that was sent, so that the same form sent twice is one import.
    once text not null unique,
    started_by text not null,
    started_at bigint not null,
    ended_at bigint,
    -- Until then the process that books it has it to itself.
    held_until bigint not null
);
create index imports_waiting on imports (id) where ended_at is null;
create table imported_orders (
    id counted key,
    import_id bigint not null references imports (id),
    position bigint not null,
    number text not null,
    account text not null,
    -- JSON: the order; nothing once it is decided.
    body text,
    -- `waiting`, `booked`, `before`: it was booked already, `refused` or `stopped`.
    state text not null,
    lrn text,
    problem text,
    unique (import_id, position)
);
create index imported_orders_state on imported_orders (import_id, state, position);
