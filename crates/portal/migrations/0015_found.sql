-- What orders are found by, from its beginning: the number in small letters, and the license reference number in small letters
-- without `LRN` and dashes. Compared byte by byte, so that an index serves.
alter table orders add column folded text bytewise not null default '';
alter table orders add column lrn_folded text bytewise not null default '';
update orders set folded = lower(number bytewise), lrn_folded = replace(substr(lower(lrn bytewise), 5), '-', '');
create index orders_folded on orders (folded);
create index orders_lrn_folded on orders (lrn_folded);
