-- Who comes to the portal, what they may do, and how they prove who they are. Only hashes of secrets are kept.
create table people (
    id counted key,
    -- What they sign in with, in lower case.
    mail text not null unique,
    name text not null,
    -- Words of `rights::Role`, with blanks between.
    roles text not null,
    -- Whose: partners, customers and auditors of one account and those under it.
    account_id bigint references accounts (id),
    active boolean not null,
    -- argon2id in PHC format; nothing until the invitation was taken.
    password text,
    -- The key of their codes, sealed; and the step of the latest code.
    totp text,
    totp_step bigint,
    -- Wrong passwords since the last right one, and when the next try counts.
    failures bigint not null default 0,
    try_after bigint not null default 0,
    version bigint not null,
    created_at bigint not null
);
create index people_account on people (account_id);

create table certifications (
    id counted key,
    person_id bigint not null references people (id),
    catalogue text not null,
    last_day text not null,
    unique (person_id, catalogue)
);

create table visits (
    hash text primary key,
    person_id bigint not null references people (id),
    -- Whether a second factor is still to be shown.
    half boolean not null,
    began_at bigint not null,
    seen_at bigint not null,
    -- When the person last proved who they are.
    proved_at bigint not null
);
create index visits_person on visits (person_id);

-- Links for a new password: invitations and resets, of use once.
create table tickets (
    hash text primary key,
    person_id bigint not null references people (id),
    ends_at bigint not null
);
create index tickets_person on tickets (person_id);

create table saved_filters (
    id counted key,
    person_id bigint not null references people (id),
    page text not null,
    name text not null,
    query text not null,
    unique (person_id, page, name)
);

-- Mail that is to go out; kept, so that what was sent can be looked up.
create table mails (
    id counted key,
    message_id text not null unique,
    recipient text not null,
    subject text not null,
    body text not null,
    created_at bigint not null,
    tries bigint not null default 0,
    next_at bigint not null,
    problem text,
    sent_at bigint
);
create index mails_waiting on mails (next_at) where sent_at is null;

-- What was chosen, as JSON, to begin an update with. Files of before have none.
alter table files add column selection text;
create index files_machine on files (account_id, machine);
create index orders_site on orders (site_id);
create index order_lines_part on order_lines (part);
