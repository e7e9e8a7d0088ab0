//! Ratios beside the rows, and which targets they reach.

use std::fmt::Write;

use crate::job::Row;

/// The best of a peer's rows at `clients` connections, by operations per second.
fn best<'a>(rows: &'a [Row], start: &str, clients: usize) -> Option<&'a Row> {
    let of = rows.iter().filter(|row| row.name.starts_with(start) && row.clients == clients);
    of.max_by(|one, other| one.rate.total_cmp(&other.rate))
}

fn exact<'a>(rows: &'a [Row], name: &str, pools: usize, clients: usize) -> Option<&'a Row> {
    rows.iter().find(|row| row.name == name && row.pools == pools && row.clients == clients)
}

const OURS: &str = "ours, TLS";
const THREE: &str = "ours, three servers, TLS";

/// A line for each target that these rows say something about. Ours is the row of 100 pools; the peer's is its best.
pub(crate) fn verdict(rows: &[Row]) -> String {
    let mut text = String::new();
    for clients in [64, 1000] {
        let (one, three) = (exact(rows, OURS, 100, clients), exact(rows, THREE, 100, clients));
        let redis = best(rows, "Redis", clients);
        rate(&mut text, "Redis", clients, one, redis, 1.0);
        rate(&mut text, "PostgreSQL's best layout", clients, one, best(rows, "PostgreSQL", clients), 3.0);
        let etcd = rows.iter().filter(|row| row.name == "etcd" && row.clients == clients);
        rate(&mut text, "etcd", clients, one, etcd.max_by(|one, other| one.rate.total_cmp(&other.rate)), 5.0);
        rate(&mut text, "100 pools, by one hot pool", clients, exact(rows, OURS, 1, clients), one, 0.85);
        rate(
            &mut text,
            "etcd's three, by our three",
            clients,
            three,
            best(rows, "etcd, three", clients),
            5.0,
        );
        rate(&mut text, "our one, by our three", clients, three, one, 0.5);
    }
    if let (Some(ours), Some(redis)) = (exact(rows, OURS, 100, 1000), best(rows, "Redis", 1000)) {
        let word = if ours.p99 <= redis.p99 { "reached" } else { "NOT reached" };
        let _fits = writeln!(text, "p99 at 1000: {:.1} ms, Redis {:.1} ms: {word}", ours.p99, redis.p99);
    }
    text
}

fn rate(text: &mut String, what: &str, clients: usize, ours: Option<&Row>, other: Option<&Row>, target: f64) {
    let (Some(ours), Some(other)) = (ours, other) else { return };
    let ratio = ours.rate / other.rate.max(1.0);
    let word = if ratio >= target { "reached" } else { "NOT reached" };
    let _fits = writeln!(text, "at {clients:>4}: {ratio:>5.2} x {what} (target {target}): {word}");
}
