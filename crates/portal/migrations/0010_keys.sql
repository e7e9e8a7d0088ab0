-- Changes of signing keys: asked for by one administrator, decided by another.
create table key_changes (
    id counted key,
    -- `use`, `retire` or `revoke`.
    what text not null,
    publisher text not null,
    signing_key text not null,
    -- The KEY line of `use`, the REVOKED line of `revoke`.
    line text not null,
    reason text not null,
    asked_by text not null,
    asked_at bigint not null,
    -- `approved` or `declined`; nothing: it waits for another administrator.
    outcome text,
    decided_by text,
    decided_at bigint
);
-- Which key signed a file, and when; nothing for files of before, whose text says it.
alter table files add column signing_key text;
alter table files add column signed_at bigint;
create index files_signing_key on files (signing_key);
