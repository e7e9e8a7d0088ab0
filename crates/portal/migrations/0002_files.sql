-- License files: made from entitlement, first planned and logged, then signed.
create table files (
    id counted key,
    -- What the caller calls its request: the same one again gives the same file.
    request text not null unique,
    account_id bigint not null references accounts (id),
    site_id bigint not null references sites (id),
    edition_id bigint not null references editions (id),
    catalogue text not null,
    license_type text not null,
    lrn text not null,
    host_id text not null,
    machine text not null,
    switchover_host_id text,
    switchover_machine text,
    system_type text not null,
    mail_connector text not null,
    registration_key text,
    -- The file that this one took the place of, and how many there were before it.
    replaces_id bigint references files (id),
    generation bigint not null,
    last_day text not null,
    generated_on text not null,
    generated_by text not null,
    generated_at bigint not null,
    active boolean not null,
    -- `superseded` or the reason that was given.
    ended text,
    unsigned text not null,
    -- Nothing: planned and logged, not yet signed.
    signed text
);
create index files_account on files (account_id, generated_on);
create index files_unsigned on files (id) where signed is null;

create table file_items (
    id counted key,
    file_id bigint not null references files (id),
    entitlement_id bigint not null references entitlements (id),
    quantity bigint not null check (quantity > 0)
);
create index file_items_file on file_items (file_id);

-- Everything issued, changed and decided, in order. One row of `log_head` is locked by whoever appends.
create table log_entries (
    position bigint primary key,
    body text not null
);
create table log_head (
    id bigint primary key,
    size bigint not null,
    -- The signer's latest word for the log.
    checkpoint text
);
insert into log_head (id, size) values (1, 0);
