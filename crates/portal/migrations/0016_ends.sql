-- The last file of a serial number: it says to servers that the license was given back, and grants nothing.
alter table files add column deactivates boolean not null default false;
-- The file that came of an activation; nothing where it was activated before this was kept.
alter table activations add column file_id bigint references files (id);
