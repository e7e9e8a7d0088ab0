-- Passkeys, what browsers are asked for them, and how a visit began.
create table passkeys (
    id counted key,
    person_id bigint not null references people (id),
    name text not null,
    -- Base64 without padding, for the authenticator's number of it.
    credential text not null unique,
    -- As above: by which the authenticator knows the person, the public key, and what changes when it is used.
    handle text not null,
    public_key text not null,
    counter text not null,
    created_at bigint not null,
    used_at bigint
);
create index passkeys_person on passkeys (person_id);
-- What somebody's browser was asked, until the answer comes; each is used once.
create table challenges (
    hash text primary key,
    -- What for, a word of `challenges`.
    purpose text not null,
    person_id bigint references people (id),
    state text not null,
    ends_at bigint not null
);
-- Whether the visit began with two factors in one, a passkey.
alter table visits add column strong boolean not null default false;
