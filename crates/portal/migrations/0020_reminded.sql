-- Whether the publisher's staff was reminded of a request's first answer: 0 not yet, 1 that it is due soon, 2 that it is late.
alter table requests add column reminded bigint not null default 0;
