-- By which accounts at other houses people sign in.
create table identities (
    id counted key,
    person_id bigint not null references people (id),
    -- Who vouches, and by what it knows the person for good.
    issuer text not null,
    subject text not null,
    -- What the person is called there, to tell one from another: the mail address, or the subject.
    name text not null,
    created_at bigint not null,
    used_at bigint,
    unique (issuer, subject),
    unique (person_id, issuer)
);
