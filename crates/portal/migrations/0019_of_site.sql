-- The files of an install site: who makes one looks for those that are there.
create index files_site on files (site_id);
