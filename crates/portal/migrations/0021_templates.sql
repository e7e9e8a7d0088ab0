-- Which template a mail was written with, and what it fills in, as JSON: a publisher's own words for it are used when it is sent.
alter table mails add column template text;
alter table mails add column fields text;
