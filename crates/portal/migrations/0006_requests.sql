-- Questions and requests for license files, what was said of them, and what was attached.
alter table mails add column reply_to text;
create table requests (
    id counted key,
    -- Of the form that was sent, so that the same form sent twice is one request.
    once text not null unique,
    -- A word of `requests::Kind`.
    kind text not null,
    first_name text not null,
    last_name text not null,
    mail text not null,
    -- Further addresses that get the answers, with blanks between.
    others text not null,
    subject text not null,
    urgent boolean not null,
    -- JSON: every other field of the form by its name.
    fields text not null,
    -- Whose it is: known only if somebody signed in who reaches the account sent it, or an analyst says so.
    account_id bigint references accounts (id),
    assignee_id bigint references people (id),
    -- `open`, `waiting` for the requester, or `done`.
    state text not null,
    created_at bigint not null,
    due_at bigint not null,
    answered_at bigint,
    changed_at bigint not null
);
create index requests_state on requests (state, due_at);
create index requests_account on requests (account_id, id);
create table request_messages (
    id counted key,
    request_id bigint not null references requests (id),
    -- `requester`, `staff`, or `note`, which only staff reads.
    side text not null,
    author text not null,
    body text not null,
    -- Of the mail it came in, so that a mail delivered twice is taken once.
    message_id text unique,
    written_at bigint not null
);
create index request_messages_request on request_messages (request_id, id);
create table attachments (
    id counted key,
    request_id bigint not null references requests (id),
    name text not null,
    -- What the bytes are, found out from them.
    kind text not null,
    size bigint not null,
    data bytes not null,
    author text not null,
    added_at bigint not null
);
create index attachments_request on attachments (request_id, id);
