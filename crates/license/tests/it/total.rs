//! Reading is total: whatever the bytes, no panic, and printing gives them back.

use crate::common::*;
use grantor_license::{Machine, combine, diff, parse, pools, sign, verify_proof};
use proptest::prelude::*;

/// Bytes that look like license files often enough to reach the deeper code.
fn words() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("FEATURE".to_owned()),
        Just("INCREMENT".into()),
        Just("PACKAGE".into()),
        Just("UPGRADE".into()),
        Just("SERVER".into()),
        Just("VENDOR".into()),
        Just("USE_SERVER".into()),
        Just("LICENSE".into()),
        Just("KEY".into()),
        Just("REVOKED".into()),
        Just("\\\n".into()),
        Just("\n".into()),
        Just("\r\n".into()),
        Just("\"".into()),
        Just("{".into()),
        Just("}".into()),
        Just("(".into()),
        Just("#".into()),
        Just("#123".into()),
        Just("acme".into()),
        Just("1.0".into()),
        Just("2.0".into()),
        Just("permanent".into()),
        Just("1-jan-0".into()),
        Just("31-dec-2026".into()),
        Just("5".into()),
        Just("uncounted".into()),
        Just("ANY".into()),
        Just("COMPONENTS=\"a b:1.0:2\"".into()),
        Just("OPTIONS=SUITE".into()),
        Just("SUPERSEDE=\"a b\"".into()),
        Just("ISSUED=01-jan-2026".into()),
        Just("HOSTID=\"ANY INTERNET=1.2.3.*\"".into()),
        Just("LRN=L".into()),
        Just("STATE=inactive".into()),
        Just("\"a b\"=c".into()),
        Just("\"p q\"".into()),
        Just("\nLICENSE L STATE=active ISSUED=01-jun-2026\nFEATURE f acme 1.0 permanent 5 LRN=L".into()),
        Just("A={x \"y z\" (w)}".into()),
        Just("SUPERSEDE_SIGN={a:b, c:d}".into()),
        Just("sort=7".into()),
        "[ -~]{0,8}",
        "\\PC{0,4}",
    ];
    proptest::collection::vec((word, prop_oneof![Just(" "), Just(""), Just("\t"), Just("\n")]), 0..60)
        .prop_map(|words| words.into_iter().map(|(word, blank)| word + blank).collect())
}

fn survives(bytes: &[u8]) {
    let parsed = parse("x", bytes);
    let doc = parsed.document;
    assert_eq!(doc.to_bytes(), bytes);
    let signed = sign(&doc, &signing_key(), &certificate());
    let docs = [doc, signed];
    let admission = admitted(&docs);
    let offers: Vec<_> = admission.offers.iter().map(|admitted| admitted.offer.clone()).collect();
    let _ = pools(&offers, &|i| i % 3 != 1);
    for admitted in &admission.offers {
        assert!(
            !matches!(
                verify_proof(&admitted.proof, &trust(), today()),
                Err(grantor_license::LineState::BadSignature | grantor_license::LineState::Malformed)
            ),
            "{}",
            admitted.proof
        );
    }
    let _ = (combine(&docs), diff(&docs[0], &docs[1]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        survives(&bytes);
    }

    #[test]
    fn arbitrary_statements_never_panic(text in words()) {
        survives(text.as_bytes());
    }

    #[test]
    fn cut_and_flipped_files_never_panic(cut in 0_usize..900, flip in 0_usize..900, bit in 0_u8..8) {
        let mut bytes = signed(FILE).to_bytes();
        let at = flip % bytes.len();
        bytes[at] ^= 1 << bit;
        bytes.truncate(bytes.len().saturating_sub(cut));
        survives(&bytes);
    }

    #[test]
    fn a_signed_file_survives_any_wrapping(blanks in proptest::collection::vec(0_usize..5, 120)) {
        let text = signed(FILE).to_string();
        let blank = [" ", "\t", "   ", " \\\n  ", "\\ # why\r\n"];
        let mut at = 0;
        let mut in_quotes = false;
        let mut edited = String::new();
        for c in text.lines().skip(1).flat_map(|line| line.chars().chain(['\n'])) {
            in_quotes ^= c == '"';
            if c == ' ' && !edited.ends_with('\\') {
                at += 1;
                // A comment cannot stand inside quotes.
                let choice = blanks[at % blanks.len()] % if in_quotes { 4 } else { 5 };
                edited.push_str(blank[choice]);
            } else {
                edited.push(c);
            }
        }
        // A break before the backslash of the original would leave a blank line; keep those as they were.
        let edited = edited.replace("\n  \\\n", "\n").replace("\n\\\n", "\n");
        let doc = parse("edited", edited.as_bytes()).document;
        let states = states(&doc);
        prop_assert_eq!(states.len(), 4, "{}", edited);
        for (name, state) in states {
            prop_assert_eq!(state, grantor_license::LineState::Valid, "{}\n{}", name, edited);
        }
    }

    #[test]
    fn arbitrary_host_ids_read_back_as_they_are_written(text in "[A-Z]{0,12}[=#]{0,1}[0-9a-f.:*+-]{0,20}") {
        if let Ok(id) = grantor_license::HostId::parse(&text) {
            let _ = id.matches(&Machine::default());
            prop_assert_eq!(grantor_license::HostId::parse(&id.to_string()), Ok(id));
        }
    }
}

#[test]
fn an_oversized_file_is_refused_by_name() {
    let bytes = vec![b'A'; grantor_license::MAX_BYTES + 1];
    let parsed = parse("x", &bytes);
    assert_eq!(parsed.problems[0].code, "too-large");
    assert_eq!(parsed.document.statements().len(), 0);
    assert_eq!(parsed.document.to_bytes(), bytes);
}

#[test]
fn utf_16_is_refused_by_name() {
    assert_eq!(parse("x", b"\xff\xfeF\0").problems[0].code, "utf-16");
}

#[test]
fn statements_and_words_are_bounded_by_name() {
    let many = "USE_SERVER\n".repeat(grantor_license::MAX_STATEMENTS + 5);
    let parsed = parse("x", many.as_bytes());
    assert_eq!(parsed.document.statements().len(), grantor_license::MAX_STATEMENTS);
    assert_eq!(
        parsed.problems.iter().map(|problem| problem.code).collect::<Vec<_>>(),
        ["too-many-statements"]
    );
    let wide = format!("FEATURE f acme 1.0 permanent 5{}", " A".repeat(500));
    assert!(parse("x", wide.as_bytes()).problems.iter().any(|problem| problem.code == "too-many-words"));
}
