-- Who made a person an administrator; nothing: whoever has the books in their hands, or it was before this was kept.
alter table people add column appointed_by bigint;
