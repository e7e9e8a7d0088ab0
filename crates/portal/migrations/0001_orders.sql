-- Whom the publisher deals with. Days are `yyyy-mm-dd`; instants are milliseconds since 1970, UTC.
create table accounts (
    id counted key,
    reference text not null unique,
    name text not null,
    kind text not null,
    parent_id bigint references accounts (id),
    created_at bigint not null
);
create index accounts_name on accounts (name);
create index accounts_parent on accounts (parent_id);

create table sites (
    id counted key,
    account_id bigint not null references accounts (id),
    name text not null,
    address1 text not null,
    address2 text not null,
    address3 text not null,
    city text not null,
    state text not null,
    country text not null,
    postal_code text not null,
    active boolean not null,
    -- Goes up by one with each change: two people can't overwrite each other's unseen.
    version bigint not null,
    unique (account_id, name)
);

-- Every edition that was ever loaded: an order keeps the one it was made with.
create table editions (
    id counted key,
    catalogue text not null,
    edition text not null,
    digest text not null,
    text text not null,
    loaded_at bigint not null,
    unique (catalogue, digest)
);

create table orders (
    id counted key,
    number text not null unique,
    -- SHA-256 of what was ordered: the same number with the same contents is the same order.
    digest text not null,
    lrn text not null unique,
    account_id bigint not null references accounts (id),
    sold_to_id bigint not null references accounts (id),
    site_id bigint not null references sites (id),
    term text not null,
    -- Through which day; `9999-12-31`: perpetual.
    last_day text not null,
    maintenance_until text,
    placed_by text not null,
    placed_at bigint not null
);
create index orders_account on orders (account_id, placed_at);

create table order_lines (
    id counted key,
    order_id bigint not null references orders (id),
    position bigint not null,
    edition_id bigint not null references editions (id),
    part text not null,
    quantity bigint not null check (quantity > 0),
    unique (order_id, position)
);

-- What a site owns of a part through the same last day.
create table entitlements (
    id counted key,
    account_id bigint not null references accounts (id),
    site_id bigint not null references sites (id),
    catalogue text not null,
    part text not null,
    last_day text not null,
    total bigint not null,
    used bigint not null default 0,
    mirrored boolean not null default false,
    unique (account_id, site_id, catalogue, part, last_day, mirrored),
    check (used >= 0 and used <= total)
);
