-- What programs asked for under a name of their own, so that it is done once however often it is asked for.
create table requests_once (
    id counted key,
    key text not null unique,
    -- SHA-256 of what was asked: the same name for something else is a mistake, and told.
    digest text not null,
    -- JSON: what came of it.
    answer text not null,
    asked_at bigint not null
);
create index requests_once_asked on requests_once (asked_at);
