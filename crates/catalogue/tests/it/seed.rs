//! Compares the catalogues with the documents they were made from. Runs where those are at hand, and says so where not.

use crate::common;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::common::catalogues;
use grantor_catalogue::Catalogue;

const GENESYS: &str = "004_6ee617811fc9e82b.txt";
const PURECONNECT: &str = "002_bf9afb310ff3b49d.txt";
const ELEVEO: &str = "001_57ba0f5cc4af8395.txt";
const WFO: &str = "000_3d5f57b53d8fc198.txt";

/// The lines of a document, the first one at 1, or nothing with a message.
#[expect(clippy::print_stdout, clippy::disallowed_macros, reason = "a skipped test says so")]
fn seed(name: &str) -> Option<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/seeds").join(name);
    let Ok(text) = fs::read_to_string(&path) else {
        println!("skipped: {} is not here", path.display());
        return None;
    };
    Some([String::new()].into_iter().chain(text.lines().map(str::to_owned)).collect())
}

fn genesys() -> Catalogue {
    common::catalogue("genesys-8", common::GENESYS)
}

/// The corrections at the head of `genesys-8.toml`, applied to a row.
fn corrected(number: usize, row: &str) -> Vec<String> {
    let mut cells: Vec<&str> = row.split('\t').map(str::trim).collect();
    match number {
        1979 => cells = vec![cells[1], cells[2], "Required"],
        1980..=1986 => cells.swap(0, 1),
        _ => {}
    }
    let fix = |cell: &str| match (number, cell) {
        (1797, "ISDK_FACTORY 7.0") => "ISDK_FACTORY 8.0".to_owned(),
        (1549, "DESKTOP_AGENT") => "desktop_agent".to_owned(),
        (1589, "tserver_nts_call_treatments") => "tserver_nts_calltreatments".to_owned(),
        (_, cell) => cell.replace("tserver_isc ", "tserver_iscc ").replace("tserver_jsc ", "tserver_iscc "),
    };
    cells.into_iter().map(fix).collect()
}

/// Rows of a table: those with tabs, without headings.
fn rows(lines: &[String], from: usize, to: usize) -> Vec<(usize, Vec<String>)> {
    let heading = |row: &str| {
        ["Product Name", "Technical License Name", "Genesys Application Name", "LRM "]
            .iter()
            .any(|head| row.starts_with(head))
    };
    (from..=to)
        .filter(|number| lines[*number].contains('\t') && !heading(&lines[*number]))
        .map(|number| (number, corrected(number, &lines[number])))
        .collect()
}

#[test]
fn every_row_of_the_product_mapping_is_in_the_catalogue_and_no_other() {
    let Some(lines) = seed(GENESYS) else { return };
    let mut seeds: BTreeMap<String, BTreeSet<(String, bool)>> = BTreeMap::new();
    let mut product = String::new();
    for (number, row) in rows(&lines, 1634, 2050) {
        if !row[0].is_empty() {
            product.clone_from(&row[0]);
        }
        assert!(["Required", "Optional"].contains(&row[2].as_str()), "line {number}: {row:?}");
        let new = seeds.entry(product.clone()).or_default().insert((row[1].clone(), row[2] == "Optional"));
        assert!(new, "line {number} repeats {}", row[1]);
    }
    let ours: BTreeMap<String, BTreeSet<(String, bool)>> = genesys()
        .group("Products")
        .map(|item| {
            let needs = item.needs.iter().map(|need| (need.license.clone(), need.optional));
            (item.name.clone(), needs.collect())
        })
        .collect();
    assert_eq!(ours, seeds);
    assert_eq!((ours.len(), ours.values().map(BTreeSet::len).sum::<usize>()), (93, 347));
}

#[test]
fn the_41_technical_licenses_are_those_of_the_list() {
    let Some(lines) = seed(GENESYS) else { return };
    let listed: Vec<String> = rows(&lines, 2061, 2115)
        .into_iter()
        .map(|(_, row)| row[0].clone())
        .filter(|name| !name.is_empty())
        .collect();
    assert_eq!(listed.len(), 41);
    let catalogue = genesys();
    let ours: BTreeSet<&String> = catalogue
        .technical_licenses
        .iter()
        .filter(|(_, license)| !license.earlier)
        .map(|(key, _)| key)
        .collect();
    assert_eq!(ours, listed.iter().collect());
}

#[test]
fn the_25_measured_items_are_those_of_the_usage_reporting_table() {
    let Some(lines) = seed(GENESYS) else { return };
    let catalogue = genesys();
    let table = rows(&lines, 251, 280);
    assert_eq!((table.len(), catalogue.measures.len()), (25, 25));
    for (number, row) in table {
        let measure = &catalogue.measures[&row[0]];
        let marks = [measure.enabled_seats, measure.peak.is_some()].map(|mark| if mark { "x" } else { "" });
        assert_eq!(marks, [row[1].as_str(), row[2].as_str()], "line {number}");
        assert_eq!(measure.since.as_deref(), Some(row[3].trim_end_matches('+')), "line {number}");
        assert!(!measure.items.is_empty(), "line {number}");
    }
}

#[test]
fn every_feature_of_every_application_is_in_the_catalogue() {
    let Some(lines) = seed(GENESYS) else { return };
    let catalogue = genesys();
    let mut application = None;
    let mut features = 0;
    for (number, row) in rows(&lines, 1540, 1626) {
        if !row[0].is_empty() {
            application = catalogue.applications.values().find(|ours| {
                row[0].starts_with(&ours.name)
                    && row[0].len() < ours.name.len() + 200
                    && !catalogue
                        .applications
                        .keys()
                        .any(|other| other.len() > ours.name.len() && row[0].starts_with(other))
            });
        }
        let Some(feature) = row[1].split(' ').next().filter(|feature| !feature.is_empty()) else { continue };
        let uses = &application.unwrap_or_else(|| panic!("line {number}: {row:?}")).uses;
        assert!(uses.keys().any(|key| key.split(' ').next() == Some(feature)), "line {number}: {feature}");
        features += 1;
    }
    assert_eq!((catalogue.applications.len(), features), (27, 70));
}

#[test]
fn every_name_of_the_catalogue_is_in_the_guide() {
    let Some(lines) = seed(GENESYS) else { return };
    let text = lines.join("\n");
    let catalogue = genesys();
    for item in catalogue.items.keys().chain(catalogue.measures.keys()).chain(catalogue.applications.keys()) {
        assert!(text.contains(item.as_str()), "{item}");
    }
    for license in catalogue.technical_licenses.values() {
        assert!(text.contains(&license.feature), "{}", license.feature);
    }
}

#[test]
fn every_part_and_key_of_the_pureconnect_reference_is_in_the_catalogue() {
    let Some(lines) = seed(PURECONNECT) else { return };
    let catalogue = catalogues().remove("pureconnect-4").unwrap();
    let text = lines.join("\n").replace("SW-001- 4.0-", "SW-001-4.0-").replace("4.0-DS2", "4.0-IDS2");
    let words: BTreeSet<&str> =
        text.split(|c: char| !(c.is_ascii_alphanumeric() || "_-.".contains(c))).collect();
    let keys = words.iter().filter(|word| word.starts_with("I3_")).map(|word| word.trim_end_matches('.'));
    for key in keys {
        assert!(catalogue.license(key).is_some(), "{key}");
    }
    let parts =
        words.iter().filter(|word| word.starts_with("SW-001-")).map(|word| word.trim_end_matches('.'));
    for part in parts {
        assert!(catalogue.items.contains_key(part), "{part}");
    }
    for license in catalogue.technical_licenses.values().filter(|license| !license.formed) {
        assert!(words.contains(license.feature.as_str()), "{}", license.feature);
    }
}

#[test]
fn all_license_types_of_the_pureconnect_reference_are_in_the_catalogue() {
    let Some(lines) = seed(PURECONNECT) else { return };
    let catalogue = catalogues().remove("pureconnect-4").unwrap();
    for line in &lines[681..=690] {
        let title = line.split('\t').next().unwrap();
        assert!(catalogue.license_types.values().any(|ours| ours.title == title), "{title}");
    }
    let kinds: BTreeSet<String> = lines[614..=626]
        .iter()
        .map(|line| line.split('\t').next().unwrap().to_lowercase().replace([' ', '-'], "-"))
        .collect();
    assert_eq!(catalogue.kinds.keys().cloned().collect::<BTreeSet<_>>(), kinds);
}

#[test]
fn all_add_ons_of_the_pureconnect_reference_are_in_the_catalogue() {
    let Some(lines) = seed(PURECONNECT) else { return };
    let catalogue = catalogues().remove("pureconnect-4").unwrap();
    for line in &lines[765..=787] {
        let name = line.split('\t').next().unwrap();
        assert!(catalogue.items.contains_key(name), "{name}");
    }
    for line in lines[824..=844].iter().filter(|line| !line.starts_with("Basic Station")) {
        let name = line.split('\t').next().unwrap();
        assert!(catalogue.items.contains_key(name), "{name}");
    }
}

#[test]
fn names_that_were_not_formed_are_in_the_pages_of_eleveo_and_the_suite() {
    for (name, document) in [("eleveo", ELEVEO), ("wfo", WFO)] {
        let Some(lines) = seed(document) else { return };
        let text = lines.join("\n");
        let catalogue = catalogues().remove(name).unwrap();
        for license in catalogue.technical_licenses.values().filter(|license| !license.formed) {
            assert!(text.contains(&license.feature), "{}", license.feature);
        }
        if name == "eleveo" {
            assert!(catalogue.items.keys().all(|item| text.contains(item)));
            assert!(catalogue.exempt_users.iter().all(|user| text.contains(user)));
        }
    }
}
