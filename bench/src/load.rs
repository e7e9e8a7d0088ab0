//! How long a large license file takes from bytes to pools: what a server does when it loads one.

use std::time::Instant;

use grantor_license::{Machine, Offer};
use jiff::civil::date;

use crate::issue;

/// Measures each step once more than it takes to warm up, and prints the shortest.
pub(crate) fn run(lines: usize) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let bytes = issue::file(lines, 100)?.to_bytes();
    println!("{lines} lines, {} bytes", bytes.len());
    let trust = issue::trust();
    for round in 1..=3 {
        let start = Instant::now();
        let parsed = grantor_license::parse("bench.lic", &bytes);
        let read = start.elapsed();
        let admission =
            grantor_license::admit(&[parsed.document], &trust, &Machine::default(), date(2026, 6, 1));
        let admitted = start.elapsed();
        let offers: Vec<Offer> = admission.offers.into_iter().map(|admitted| admitted.offer).collect();
        let pools = grantor_license::pools(&offers, &|_| true).pools.len();
        let pooled = start.elapsed();
        println!(
            "round {round}: read {read:.0?}, verified {:.0?}, pooled {:.0?}, in all {pooled:.0?}, {pools} pools",
            admitted - read,
            pooled - admitted
        );
    }
    Ok(())
}
