-- Tokens by which programs act for a person, within scopes. Only hashes are kept.
create table api_tokens (
    id counted key,
    person_id bigint not null references people (id),
    name text not null,
    hash text not null unique,
    -- Words of `tokens::Scope`, with blanks between.
    scopes text not null,
    created_at bigint not null,
    ends_at bigint not null,
    used_at bigint
);
create index api_tokens_person on api_tokens (person_id);
