-- Other programs that are told of what happens: each goes through the log at its own pace.
create table hooks (
    id counted key,
    address text not null,
    -- What the log calls it, with commas between; empty for everything.
    events text not null,
    -- The secret that signs, sealed.
    secret text not null,
    active boolean not null,
    -- The place in the log of the next entry to tell.
    next_position bigint not null,
    tries bigint not null,
    next_at bigint not null,
    problem text,
    created_at bigint not null
);
