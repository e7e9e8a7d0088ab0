//! What counts, what adds up, and in which order (flexnet-formats §3).

use crate::common::*;
use grantor_license::{Count, Offer, Pool, Pools, SuiteKind, Version, WhyIgnored, pools};

fn offers(lines: &str) -> Vec<Offer> {
    let lines: String = lines.lines().map(|line| format!("{} LRN=L\n", line.trim())).collect();
    let text = format!("LICENSE L STATE=active ISSUED=01-jun-2026\n{lines}");
    let admission = admitted(&[signed(&text)]);
    assert_eq!(admission.refused, []);
    admission.offers.into_iter().map(|admitted| admitted.offer).collect()
}

fn pooled(lines: &str) -> Pools {
    pools(&offers(lines), &|_| true)
}

/// Feature, version and capacity of each pool, in serving order.
fn shown(pools: &Pools) -> Vec<String> {
    pools.pools.iter().map(show).collect()
}

fn show(pool: &Pool) -> String {
    match pool.capacity {
        Count::Counted(count) => format!("{} {} x{count}", pool.feature, pool.version),
        Count::Uncounted => format!("{} {} uncounted", pool.feature, pool.version),
    }
}

#[test]
fn increments_that_agree_in_every_pooling_field_add_up() {
    let result =
        pooled("INCREMENT f acme 1.0 31-dec-2026 5\nINCREMENT F acme 1.00 30-nov-2026 5 SN=9 NOTICE=x");
    assert_eq!(shown(&result), ["f 1.0 x10"]);
    assert_eq!(result.pools[0].offers, [0, 1]);
}

#[test]
fn every_pooling_field_makes_a_pool_of_its_own() {
    let fields = [
        "BORROW",
        "BORROW=12",
        "DUP_GROUP=UH",
        "FLOAT_OK",
        "HOST_BASED=2",
        "HOSTID=ANY",
        "PLATFORMS=i86_n",
        "TZ=SERVERTZ",
        "USER_BASED",
        "VM_PLATFORMS=PHYSICAL",
        "VENDOR_STRING=a",
        "MODEL=assignable",
        "VERSION_RULE=same-major",
        "HOLD=3600",
    ];
    let lines: String =
        fields.iter().map(|field| format!("INCREMENT f acme 1.0 permanent 1 {field}\n")).collect();
    let result =
        pooled(&format!("INCREMENT f acme 1.0 permanent 1\n{lines}INCREMENT f acme 2.0 permanent 1"));
    assert_eq!(result.pools.len(), fields.len() + 2);
}

#[test]
fn equal_terms_in_another_spelling_are_one_pool() {
    let result = pooled(
        "INCREMENT f acme 1.0 permanent 1 DUP_GROUP=UH HOSTID=\"ANY 00B0D0ABB1B2\" BORROW\n\
         INCREMENT f acme 1 permanent 1 dup_group=hu HOSTID=\"00b0d0abb1b2 any\" BORROW=168",
    );
    assert_eq!(shown(&result), ["f 1.0 x2"]);
}

#[test]
fn a_value_cannot_pass_for_another_field() {
    let result = pooled(
        "INCREMENT f acme 1.0 permanent 1 TZ=a VENDOR_STRING=b\nINCREMENT f acme 1.0 permanent 1 VENDOR_STRING=\"a TZ=b\"",
    );
    assert_eq!(result.pools.len(), 2);
}

#[test]
fn only_the_first_counted_feature_of_a_name_counts() {
    let lines = "FEATURE f acme 1.0 permanent 5\nFEATURE F acme 2.0 permanent 7\nFEATURE f acme 1.0 permanent 0 HOSTID=ANY\n\
                 INCREMENT f acme 1.0 permanent 3";
    let result = pooled(lines);
    assert_eq!(shown(&result), ["f 1.0 uncounted", "f 1.0 x8"]);
    assert_eq!(result.ignored[0].offer, 1);
    assert_eq!(result.ignored[0].why, WhyIgnored::FeatureTwice { first: 0 });
    let without_first = pools(&offers(lines), &|i| i != 0);
    assert_eq!(shown(&without_first), ["f 1.0 uncounted", "F 2.0 x7", "f 1.0 x3"]);
}

#[test]
fn lines_are_sorted_by_name_kind_count_version_and_issue() {
    let result = pooled(
        "INCREMENT b acme 2.0 permanent 1\nINCREMENT b acme 10.0 permanent 2\nINCREMENT b acme 9.5 permanent 3\n\
         FEATURE b acme 30.0 permanent 4\nINCREMENT b acme 1.0 permanent uncounted\nFEATURE a acme 1.0 permanent 5",
    );
    let order = ["a 1.0 x5", "b 30.0 x4", "b 1.0 uncounted", "b 2.0 x1", "b 9.5 x3", "b 10.0 x2"];
    assert_eq!(shown(&result), order);
}

#[test]
fn the_newest_issue_comes_first_and_sort_overrides_everything() {
    let newest = pooled(
        "INCREMENT b acme 1.0 permanent 1 VENDOR_STRING=x ISSUED=01-jan-2026\n\
         INCREMENT b acme 1.0 permanent 2 VENDOR_STRING=y ISSUED=02-jan-2026",
    );
    assert_eq!(shown(&newest), ["b 1.0 x2", "b 1.0 x1"]);
    let sorted = pooled(
        "INCREMENT b acme 1.0 permanent 1\nINCREMENT b acme 3.0 permanent 3 sort=50\n\
         INCREMENT b acme 2.0 permanent 2 sort=50\nFEATURE b acme 4.0 permanent 4 sort=999",
    );
    assert_eq!(shown(&sorted), ["b 3.0 x3", "b 2.0 x2", "b 1.0 x1", "b 4.0 x4"]);
}

#[test]
fn a_package_is_opened_into_its_components() {
    let package = "PACKAGE suite acme 1.0 COMPONENTS=\"apple:1.5:2 orange:3.0:4 pear\"";
    let result = pooled(&format!("FEATURE suite acme 1.0 permanent 3\n{package}"));
    assert_eq!(shown(&result), ["apple 1.5 x6", "orange 3.0 x12", "pear 1.0 x3"]);
    assert_eq!(result.pools[0].offers, [0, 1]);
    let alone = pooled(package);
    assert_eq!((alone.pools.len(), alone.ignored[0].why), (0, WhyIgnored::NotEnabled));
    let other_version = pooled(&format!("FEATURE suite acme 2.0 permanent 3\n{package}"));
    assert_eq!(shown(&other_version), ["suite 2.0 x3"]);
}

#[test]
fn components_of_a_suite_also_take_the_suite() {
    let result = pooled(
        "PACKAGE s acme 1.0 COMPONENTS=\"a b:2.0\" OPTIONS=SUITE_RESERVED\n\
         INCREMENT s acme 1.0 permanent 3 DUP_GROUP=UH SUITE_DUP_GROUP=U\nINCREMENT a acme 1.0 permanent 9 DUP_GROUP=UH",
    );
    assert_eq!(shown(&result), ["a 1.0 x3", "a 1.0 x9", "b 2.0 x3", "s 1.0 x3"]);
    let suite = result.pools[0].suite.as_ref().unwrap();
    assert_eq!(suite.kind, SuiteKind::Reserved);
    let own = result.pools.iter().find(|pool| pool.pool_key == suite.pool_key).unwrap();
    assert_eq!((own.feature.as_str(), own.dup_group.user, own.dup_group.host), ("s", true, false));
    assert!(result.pools[0].dup_group.host && result.pools[1].suite.is_none());
}

#[test]
fn an_upgrade_takes_from_the_nearest_line_above() {
    let result = pooled(
        "INCREMENT f acme 1.0 permanent 9 VENDOR_STRING=far\nINCREMENT f acme 1.0 permanent 5\n\
         UPGRADE f acme 1.0 2.0 permanent 2\nINCREMENT f acme 1.5 permanent 4",
    );
    assert_eq!(shown(&result), ["f 1.0 x9", "f 1.0 x3", "f 1.5 x4", "f 2.0 x2"]);
}

#[test]
fn upgrades_take_no_more_than_there_is_and_build_on_each_other() {
    let result = pooled(
        "INCREMENT f acme 1.0 permanent 5\nUPGRADE f acme 1.0 2.0 permanent 9\nUPGRADE f acme 1.0 3.0 permanent 2\n\
         UPGRADE f acme 3.0 4.0 permanent 1\nUPGRADE g acme 1.0 2.0 permanent 1",
    );
    assert_eq!(shown(&result), ["f 2.0 x3", "f 3.0 x1", "f 4.0 x1"]);
    assert_eq!(result.ignored[0].why, WhyIgnored::NothingToUpgrade);
}

#[test]
fn a_superseding_line_ends_older_lines_and_lines_without_date() {
    let lines = "INCREMENT f acme 1.0 permanent 1\nINCREMENT f acme 1.0 permanent 2 ISSUED=01-jan-2026\n\
                 INCREMENT f acme 1.0 permanent 4 ISSUED=02-jan-2026 SUPERSEDE\n\
                 INCREMENT f acme 1.0 permanent 8 ISSUED=02-jan-2026\nINCREMENT g acme 1.0 permanent 16";
    assert_eq!(shown(&pooled(lines)), ["f 1.0 x12", "g 1.0 x16"]);
    assert_eq!(pooled(lines).ignored.len(), 2);
    let idle = pools(&offers(lines), &|i| i != 2);
    assert_eq!(shown(&idle), ["f 1.0 x11", "g 1.0 x16"], "a line out of force supersedes nothing");
    let named = pooled(
        "INCREMENT f acme 1.0 permanent 1\nINCREMENT g acme 1.0 permanent 2\n\
         INCREMENT h acme 1.0 permanent 4 ISSUED=02-jan-2026 SUPERSEDE=\"f g\"",
    );
    assert_eq!(shown(&named), ["h 1.0 x4"]);
}

#[test]
fn supersede_sign_ends_exactly_the_lines_it_names() {
    let old = offers("INCREMENT f acme 1.0 permanent 1\nINCREMENT f acme 1.0 permanent 2 SN=2");
    let sign = &old[0].sign;
    let new = offers(&format!(
        "INCREMENT f acme 1.0 permanent 1\nINCREMENT f acme 1.0 permanent 2 SN=2\n\
         INCREMENT f acme 2.0 permanent 7 SUPERSEDE_SIGN={{f:{sign}, g:x}}"
    ));
    assert_eq!(shown(&pools(&new, &|_| true)), ["f 1.0 x2", "f 2.0 x7"]);
}

#[test]
fn a_pool_serves_by_its_version_rule() {
    let result =
        pooled("INCREMENT f acme 9.5 permanent 1\nINCREMENT g acme 8.5 permanent 1 VERSION_RULE=same-major");
    let serves = |pool: usize, text: &str| result.pools[pool].serves(&Version::parse(text).unwrap());
    assert!(serves(0, "9.5") && serves(0, "1") && serves(0, "9.10") && !serves(0, "10.0"));
    assert!(
        serves(1, "8.0") && serves(1, "8.5") && !serves(1, "8.6") && !serves(1, "7.0") && !serves(1, "9.0")
    );
}

#[test]
fn capacity_is_conserved_whatever_the_lines() {
    use proptest::prelude::*;
    let mut runner = proptest::test_runner::TestRunner::default();
    let base =
        offers("INCREMENT f acme 1.0 permanent 1\nUPGRADE f acme 1.0 2.0 permanent 1").into_boxed_slice();
    let line = (any::<bool>(), 1_u32..20, 1_u32..4, 1_u32..4);
    runner
        .run(&proptest::collection::vec(line, 0..20), |lines| {
            let make = |(i, (upgrade, count, from, by)): (usize, &(bool, u32, u32, u32))| {
                let mut offer = base[usize::from(*upgrade)].clone();
                offer.line = u32::try_from(i).unwrap();
                offer.count = Count::Counted(*count);
                let to = if *upgrade { from + by } else { *from };
                offer.version = Version::parse(&to.to_string()).unwrap();
                if let grantor_license::OfferKind::Upgrade { from: start } = &mut offer.kind {
                    *start = Version::parse(&from.to_string()).unwrap();
                }
                offer
            };
            let offers: Vec<Offer> = lines.iter().enumerate().map(make).collect();
            let bought: u32 = lines.iter().filter(|line| !line.0).map(|line| line.1).sum();
            let pooled = pools(&offers, &|_| true);
            let have: u32 = pooled
                .pools
                .iter()
                .map(|pool| match pool.capacity {
                    Count::Counted(count) => count,
                    Count::Uncounted => 0,
                })
                .sum();
            prop_assert_eq!(have, bought, "an upgrade makes nothing and loses nothing");
            Ok(())
        })
        .unwrap();
}
