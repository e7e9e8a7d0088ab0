//! Fills the portal's tables with as many accounts, order lines and license files as a large publisher has: by statements that make
//! rows from numbers, on both databases the same. Every hundredth row is the first account's, so that there is a large one.

use std::time::Instant;

use grantor_portal::store::Store;
use sea_orm::{ConnectionTrait, DbBackend};

use super::{CATALOGUE, NOW, PARTS};
use crate::drive::Failure;

/// Rows that one statement makes.
const CHUNK: u64 = 100_000;
/// Lines of an order.
const OF_ORDER: u64 = 10;
/// Install sites of an account.
const SITES: u64 = 3;
/// What an account owns: the parts and the server.
const OWNED: u64 = PARTS + 1;

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) accounts: u64,
    pub(crate) lines: u64,
    pub(crate) files: u64,
}

/// A table, its columns, and what they are for the row `i`, from 1.
struct Rows<'a> {
    table: &'a str,
    columns: &'a str,
    values: String,
    count: u64,
}

/// Fills empty tables, into which the catalogue and one signed-in person have been put. `text` is the text of every file and
/// `selection` what it was made from.
pub(crate) async fn fill(store: &Store, size: Size, text: &str, selection: &str) -> Result<(), Failure> {
    let begin = Instant::now();
    let edition = format!("(select max(id) from editions where catalogue = '{CATALOGUE}')");
    for rows in
        accounts(size).into_iter().chain(orders(size, &edition)).chain(files(size, &edition, text, selection))
    {
        insert(store, &rows).await?;
    }
    let db = store.read();
    let entries = size.lines.div_ceil(OF_ORDER) + size.files;
    insert(store, &log(entries)).await?;
    db.execute_unprepared("update log_head set size = (select max(position) + 1 from log_entries)").await?;
    if db.get_database_backend() == DbBackend::Postgres {
        for table in ["accounts", "sites", "orders", "order_lines", "entitlements", "files", "file_items"] {
            let next = format!(
                "select setval(pg_get_serial_sequence('{table}', 'id'), (select max(id) from {table}))"
            );
            db.execute_unprepared(&next).await?;
        }
        db.execute_unprepared("analyze").await?;
    }
    println!("filled in {:.1} s", begin.elapsed().as_secs_f64());
    Ok(())
}

async fn insert(store: &Store, rows: &Rows<'_>) -> Result<(), Failure> {
    let Rows { table, columns, values, count } = rows;
    let mut from = 1;
    while from <= *count {
        let to = (from + CHUNK - 1).min(*count);
        let statement = format!(
            "insert into {table} ({columns}) with recursive n(i) as (select cast({from} as bigint) union all \
             select i + 1 from n where i < {to}) select {values} from n"
        );
        store.read().execute_unprepared(&statement).await?;
        from = to + 1;
    }
    Ok(())
}

/// The account of a row.
fn account(accounts: u64) -> String {
    format!("(case when i % 100 = 0 then 1 else 1 + i % {accounts} end)")
}

/// The first site of an account.
fn site(account: &str) -> String {
    format!("(({account} - 1) * {SITES} + 1)")
}

fn accounts(size: Size) -> Vec<Rows<'static>> {
    let accounts = Rows {
        table: "accounts",
        columns: "id, reference, name, kind, parent_id, created_at",
        // Every tenth is a partner's that has nine under it.
        values: format!(
            "i, 'A' || i, 'Account ' || i, 'end-user', case when i % 10 = 1 then null else i - (i - 1) % 10 end, {NOW}"
        ),
        count: size.accounts,
    };
    let sites = Rows {
        table: "sites",
        columns: "id, account_id, name, address1, address2, address3, city, state, country, postal_code, active, version",
        values: format!(
            "i, (i - 1) / {SITES} + 1, 'Site ' || i, 'Street ' || i, '', '', 'City', '', 'Country', '', true, 1"
        ),
        count: size.accounts * SITES,
    };
    let owned = Rows {
        table: "entitlements",
        columns: "id, account_id, site_id, catalogue, part, last_day, total, used, mirrored",
        values: format!(
            "i, (i - 1) / {OWNED} + 1, ((i - 1) / {OWNED}) * {SITES} + 1, '{CATALOGUE}', \
             case when (i - 1) % {OWNED} = 0 then 'S-1' else 'P-' || ((i - 1) % {OWNED}) end, '9999-12-31', 1000000, 100000, false"
        ),
        count: size.accounts * OWNED,
    };
    vec![accounts, sites, owned]
}

fn orders(size: Size, edition: &str) -> Vec<Rows<'static>> {
    let whose = account(size.accounts);
    let orders = Rows {
        table: "orders",
        columns: "id, number, digest, lrn, account_id, sold_to_id, site_id, term, last_day, maintenance_until, placed_by, placed_at",
        values: format!(
            "i, 'SO-' || i, 'd' || i, 'LRN-' || i, {whose}, {whose}, {site}, 'perpetual', '9999-12-31', '2030-12-31', 'bench', \
             {NOW} + i",
            site = site(&whose)
        ),
        count: size.lines.div_ceil(OF_ORDER),
    };
    let lines = Rows {
        table: "order_lines",
        columns: "id, order_id, position, edition_id, part, quantity",
        values: format!(
            "i, (i - 1) / {OF_ORDER} + 1, (i - 1) % {OF_ORDER} + 1, {edition}, 'P-' || (1 + i % {PARTS}), 1 + i % 50"
        ),
        count: size.lines,
    };
    vec![orders, lines]
}

fn files(size: Size, edition: &str, text: &str, selection: &str) -> Vec<Rows<'static>> {
    let whose = account(size.accounts);
    let quoted = |text: &str| text.replace('\'', "''");
    let (text, selection) = (quoted(text), quoted(selection));
    let files = Rows {
        table: "files",
        columns: "id, request, account_id, site_id, edition_id, catalogue, license_type, lrn, host_id, machine, system_type, \
                  mail_connector, generation, last_day, generated_on, generated_by, generated_at, active, ended, unsigned, signed, \
                  selection",
        values: format!(
            "i, 'bench/' || i, {whose}, {site}, {edition}, '{CATALOGUE}', 'standard', 'LRN-' || i, '0050569a1b2c', \
             'machine' || i, 'Media Server Based', '', 1, '9999-12-31', \
             '20' || (10 + i % 16) || '-0' || (1 + i % 9) || '-1' || (i % 10), 'bench', {NOW} + i, i % 3 <> 0, \
             case when i % 3 = 0 then 'superseded' end, '{text}', '{text}', '{selection}'",
            site = site(&whose)
        ),
        count: size.files,
    };
    // The server, and one part.
    let row = format!("(({whose} - 1) * {OWNED} + 1");
    let items = |table: &'static str, offset: u64, of: String| Rows {
        table,
        columns: "id, file_id, entitlement_id, quantity",
        values: format!("i * 2 - {offset}, i, {of}, 1"),
        count: size.files,
    };
    let server = items("file_items", 1, format!("{row})"));
    let part = items("file_items", 0, format!("{row} + 1 + i % {PARTS})"));
    vec![files, server, part]
}

fn log(count: u64) -> Rows<'static> {
    Rows {
        table: "log_entries",
        columns: "position, body",
        values: format!(
            "(select size from log_head) + i - 1, '{{\"v\":1,\"at\":{NOW},\"by\":\"bench\",\"what\":\"file generated\",\"more\":{{\"file\":\"AF-' || i || '\",\
             \"account\":\"A1\",\"site\":\"Site 1\"}}}}'"
        ),
        count,
    }
}
