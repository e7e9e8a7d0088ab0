//! The grammar as a table: what is read as what, and what is refused with which words at which place.

use crate::common::*;
use grantor_license::{Body, Count, Expiry, HostId, LineState, Problem, parse};
use jiff::civil::date;

/// Line, column and code of every problem.
fn problems(text: &str) -> Vec<(u32, u32, &'static str)> {
    parse("x", text.as_bytes()).problems.iter().map(|p| (p.line, p.column, p.code)).collect()
}

/// A text, and line, column and code of each of its problems.
type Case = (&'static str, &'static [(u32, u32, &'static str)]);

#[test]
fn every_problem_is_found_at_its_place() {
    let cases: [Case; 39] = [
        ("FEATRUE f v 1 permanent 1", &[(1, 1, "unknown-keyword")]),
        ("\n SIGN=\"x\"", &[(2, 2, "no-keyword")]),
        ("FEATURESET v x", &[(1, 1, "obsolete")]),
        ("FEATURE f v 1 permanent", &[(1, 1, "missing-field")]),
        ("FEATURE f v v1 31-dec-26 x", &[(1, 13, "bad-version"), (1, 16, "bad-date"), (1, 26, "bad-count")]),
        ("FEATURE f v 1 permanent -1", &[(1, 25, "bad-count")]),
        ("FEATURE f v 1 permanent 4294967296", &[(1, 25, "bad-count")]),
        ("FEATURE f v 1.2.3 permanent 1", &[(1, 13, "bad-version")]),
        ("FEATURE f v 1 0000 1", &[(1, 15, "bad-date")]),
        ("FEATURE f v 1 \\\n 31-feb-2027 1", &[(2, 2, "bad-date")]),
        ("FEATURE f v 1 permanent 1 ISSUED=1-jan-0", &[(1, 27, "bad-date")]),
        ("FEATURE f v 1 permanent 1 START=soon", &[(1, 27, "bad-date")]),
        ("FEATURE f v 1 permanent 1 HOSTID=INTERNET=1.2", &[(1, 27, "bad-host-id")]),
        ("FEATURE f v 1 permanent 1 HOSTID=xyz", &[(1, 27, "unknown-host-id")]),
        ("FEATURE f v 1 permanent 1 DUP_GROUP=UX", &[(1, 27, "bad-value")]),
        ("FEATURE f v 1 permanent 1 MODEL=floatng", &[(1, 27, "bad-value")]),
        ("FEATURE f v 1 permanent 1 OVERDRAFT HOLD=x", &[(1, 27, "bad-value"), (1, 37, "bad-value")]),
        ("FEATURE f v 1 permanent 1 SN=1 SN=2", &[(1, 32, "repeated-attribute")]),
        ("FEATURE f v 1 permanent 1 HOSTDI=ANY", &[(1, 27, "unknown-attribute")]),
        ("FEATURE f v 1 permanent 1 SUPERSEDE", &[(1, 27, "no-issue-date")]),
        ("FEATURE f v 1 permanent 1\nFEATURE  f v 1 permanent 1", &[(2, 1, "repeated-line")]),
        ("PACKAGE p v 1", &[(1, 1, "no-components")]),
        ("PACKAGE p v 1 COMPONENTS=\"a:x\"", &[(1, 15, "bad-value")]),
        ("PACKAGE p v 1 COMPONENTS=\"a:1:0\"", &[(1, 15, "bad-value")]),
        ("UPGRADE f v 2.0 1.0 permanent 1", &[(1, 13, "bad-upgrade")]),
        ("SERVER h ANY 70000", &[(1, 14, "bad-port")]),
        ("SERVER h ANY 0", &[(1, 14, "bad-port")]),
        ("SERVER h ANY HEARTBEAT_INTERVAL=x", &[(1, 14, "bad-number")]),
        ("SERVER h ANY\nSERVER i 0800200005ac", &[(2, 1, "server-count")]),
        ("SERVER h ANY 7260\nVENDOR acme\nSERVER h ANY 7260", &[]),
        ("VENDOR v PORT=x", &[(1, 10, "bad-port")]),
        ("USE_SERVER now", &[(1, 12, "unexpected-word")]),
        ("LICENSE L STATE=actve ISSUED=1-jan-2026", &[(1, 11, "bad-state")]),
        ("LICENSE L STATE=active", &[(1, 1, "missing-field")]),
        ("LICENSE L STATE=active ISSUED=1-jan-2026 DISCONNECT=0", &[(1, 42, "bad-number")]),
        ("LICENSE L STATE=active ISSUED=1-jan-2026 DISCONNECT=hourly", &[(1, 42, "bad-number")]),
        ("KEY a b c NOT_BEFORE=1-jan-2026", &[(1, 9, "bad-key")]),
        ("FEATURE f v 1 permanent 1 N=\"a", &[(1, 29, "open-quote")]),
        ("SERVER h ANY\nVENDOR w\nFEATURE f v 1 permanent 1", &[(3, 1, "no-vendor-line")]),
    ];
    for (text, expected) in cases {
        assert_eq!(problems(text), expected, "{text}");
        let hints = parse("x", text.as_bytes()).problems;
        assert!(hints.iter().all(|problem| problem.hint.is_some()), "{text}");
    }
}

#[test]
fn hints_name_what_was_meant() {
    let hint = |text: &str| parse("x", text.as_bytes()).problems.remove(0).hint.unwrap_or_default();
    assert_eq!(hint("FEATRUE f v 1 permanent 1"), "did you mean `FEATURE`?");
    assert_eq!(hint("FEATURE f v 1 permanent 1 MODEL=floatng"), "did you mean `floating`?");
    assert_eq!(hint("FEATURE f v 1 permanent 1 HOSTDI=ANY"), "did you mean `HOSTID`?");
    assert_eq!(hint("LICENSE L STATE=actve ISSUED=1-jan-2026"), "did you mean `active`?");
    assert!(hint("FEATURE f v 1 permanent 1\nSIGN=\"x\"").contains("end line 1 with `\\`"));
}

#[test]
fn the_grammar_of_the_genesys_guide_is_read() {
    let text = "#1111\nSERVER licensehost 00b0d0abb1b2 7260\nDAEMON genesys.d c:\\flexlm\\genesys.d.exe port=7261\n\
        FEATURE 3GP07021ABAA genesys.d 7.0 6-may-2005 100 05B93F46AAE8\\\n    vendor_info=\"v7.0 - Routing - MS\" \\\n\
        \x20   NOTICE=\"Customer (Reseller) use\" SIGN=64C2C0C0A262\n\
        FEATURE tserver_sdn genesys.d 7.0 01-jan-00 100 8F796FD181BC \\\n    SIGN=9004ED5C4D08\n\n# Site#      : 1111\n";
    let doc = document(text);
    let server = doc.servers().next().unwrap();
    assert_eq!(
        (server.port, &server.host_ids[..]),
        (Some(7260), &[HostId::parse("00b0d0abb1b2").unwrap()][..])
    );
    let Body::Vendor(vendor) = &doc.statements()[1].body else { panic!("no vendor") };
    assert_eq!((vendor.path.as_deref(), vendor.port), (Some("c:\\flexlm\\genesys.d.exe"), Some(7261)));
    let first = doc.statements()[2].capacity().unwrap();
    assert_eq!(first.license_key.as_deref(), Some("05B93F46AAE8"));
    assert_eq!((first.expiry, first.count), (Some(Expiry::On(date(2005, 5, 6))), Count::Counted(100)));
    assert_eq!(doc.statements()[2].attributes.get("NOTICE"), Some("Customer (Reseller) use"));
    assert_eq!(doc.statements()[3].capacity().unwrap().expiry, Some(Expiry::Permanent));
    assert!(states(&doc).iter().all(|(_, state)| *state == LineState::Reference));
}

#[test]
fn a_list_of_v4_and_v6_addresses_may_be_wrapped() {
    let text = "FEATURE f1 myvendor 1.0 1-jan-2010 uncounted \\\n  HOSTID=\"INTERNET=127.17.0.*,\\\n  \
        INTERNET=2001:0db8:0000:0000:*:*:*:000*\" \\\n  SIGN(\"<...>\")\n";
    let doc = document(text);
    let ids = grantor_license::parse_host_ids(doc.statements()[0].attributes.get("HOSTID").unwrap()).unwrap();
    assert_eq!(ids.len(), 2);
}

#[test]
fn a_statement_with_an_error_keeps_its_words_and_grants_nothing() {
    let parsed = parse("x", b"FEATURE f v 1 never 5 SN=7 SIGN=\"0011\"\n");
    let statement = &parsed.document.statements()[0];
    assert_eq!((statement.name(), statement.attributes.get("SN")), ("f", Some("7")));
    assert_eq!(statement.body, Body::Malformed);
    assert!(parsed.problems.iter().any(Problem::is_error));
}

#[test]
fn vendor_lines_take_places_or_names() {
    let vendor = |text: &str| match &document(text).statements()[0].body {
        Body::Vendor(vendor) => (vendor.path.clone(), vendor.options.clone(), vendor.port),
        _ => panic!("{text}"),
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(vendor("VENDOR v"), (None, None, None));
    assert_eq!(vendor("VENDOR v a/d o/f 4321"), (some("a/d"), some("o/f"), Some(4321)));
    assert_eq!(vendor("VENDOR v a/d o/f PORT=4321"), (some("a/d"), some("o/f"), Some(4321)));
    assert_eq!(vendor("VENDOR v options= port=0"), (None, None, Some(0)));
    assert_eq!(vendor("DAEMON v \"/a b/d\" port=1"), (some("/a b/d"), None, Some(1)));
    assert_eq!(vendor("VENDOR v port=1 OPTIONS=\"D:/x y.opt\""), (None, some("D:/x y.opt"), Some(1)));
}
