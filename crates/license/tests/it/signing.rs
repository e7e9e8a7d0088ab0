//! What a signature covers, and what it does not (design §3).

use crate::common::*;
use grantor_license::{Expiry, LineState, RootKey, SigningKey, Trust, parse, sign, verify, verify_proof};
use jiff::civil::date;

fn states_of(text: &str) -> Vec<(String, LineState)> {
    states(&parse("license.dat", text.as_bytes()).document)
}

fn all_valid(text: &str) -> bool {
    let states = states_of(text);
    states.len() == 4 && states.iter().all(|(_, state)| *state == LineState::Valid)
}

#[test]
fn a_signed_file_verifies_and_signing_adds_nothing_but_signatures() {
    let doc = signed(FILE);
    let text = doc.to_string();
    assert!(all_valid(&text), "{text}");
    let added = text.lines().filter(|line| !FILE.contains(line.trim_end_matches(" \\")));
    assert!(added.into_iter().all(|line| line.chars().count() <= 78), "{text}");
    assert_eq!(sign(&doc, &signing_key(), &certificate()), doc, "signing again changes nothing");
    assert!(FILE.lines().all(|line| text.contains(line.trim_end_matches(" \\"))), "{text}");
}

#[test]
fn host_name_port_paths_comments_spacing_and_wrapping_may_be_edited() {
    let text = signed(FILE).to_string();
    let edits: [(&str, &str); 12] = [
        ("lichost", "other.example.com"),
        ("00b0d0abb1b2 7260", "00B0D0ABB1B2"),
        ("/opt/acme/daemon PORT=7261", "\"c:\\acme dir\\acme.exe\" options=x.opt"),
        ("VENDOR", "DAEMON"),
        ("# Acme license", "# anything \\"),
        ("FEATURE edit acme", "  FEATURE\tedit   acme"),
        ("8.5 31-dec-2026 100", "8.5 \\\n\\\n 31-dec-2026 \\  # why\n 100"),
        ("\"Licensed to Müller & Co\"", "\"Licensed \\\n   to  Müller & Co \""),
        ("SN=123-456", "SN=\"123-456\""),
        ("DUP_GROUP=UH", "DUP_GROUP=UH sort=3 asset_info=\"7 8\" user_info=x dist_info=y"),
        ("\n", "\r\n"),
        ("INCREMENT", "increment"),
    ];
    for (from, to) in edits {
        let edited = text.replace(from, to);
        assert_ne!(edited, text, "{from}");
        assert!(all_valid(&edited), "{from} -> {to}\n{edited}\n{:?}", states_of(&edited));
    }
    let latin1: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let document = parse("license.dat", &latin1).document;
    assert!(states(&document).iter().all(|(_, state)| *state == LineState::Valid), "Latin-1");
}

#[test]
fn attributes_may_change_places() {
    let text = signed(FILE).to_string();
    let edited = text.replace("LRN=LRN-1 DUP_GROUP=UH", "DUP_GROUP=UH LRN=LRN-1");
    assert_ne!(edited, text);
    assert!(all_valid(&edited));
}

#[test]
fn any_other_edit_voids_its_line_and_only_its_line() {
    let text = signed(FILE).to_string();
    let edits = [
        ("FEATURE edit", "INCREMENT edit", 1),
        ("edit acme", "edit2 acme", 1),
        ("8.5 31-dec", "8.50 31-dec", 1),
        ("31-dec-2026", "31-dec-2027", 1),
        (" 100 ", " 1000 ", 1),
        ("SN=123-456", "SN=123-457", 1),
        ("SN=123-456", "", 1),
        ("SN=123-456", "SN=123-456 OVERDRAFT=1", 1),
        ("SN=123-456", "SN=123-456 dup_group=UH", 1),
        ("to Müller", "to Miller", 1),
        ("v8.5 - edit", "v9.5 - edit", 1),
        ("permanent 20 LRN=LRN-1", "permanent 20 LRN=LRN-2", 2),
        ("DUP_GROUP=HU", "DUP_GROUP=H", 3),
        ("TYPE=production", "TYPE=test", 0),
        ("STATE=active", "STATE=active EXPIRES=permanent", 0),
    ];
    for (from, to, line) in edits {
        let edited = text.replacen(from, to, 1);
        assert_ne!(edited, text, "{from}");
        let states = states_of(&edited);
        for (i, (name, state)) in states.iter().enumerate() {
            let expected = if i == line { LineState::BadSignature } else { LineState::Valid };
            assert_eq!(*state, expected, "{from} -> {to}: {name}");
        }
    }
}

#[test]
fn a_signature_does_not_fit_another_host_line_or_kind() {
    let text = signed(FILE).to_string();
    let void = |edited: &str| states_of(edited).iter().all(|(_, state)| *state == LineState::BadSignature);
    assert!(void(&text.replace("00b0d0abb1b2", "00b0d0abb1b3")), "another host id");
    assert!(void(&text.replace("SERVER lichost 00b0d0abb1b2 7260\n", "")), "no host id");
    let second = "SERVER lichost 00b0d0abb1b2 7260\nSERVER b 00b0d0abb1b4 7260\n";
    assert!(void(&text.replace("SERVER lichost 00b0d0abb1b2 7260\n", second)), "a further host id");
}

#[test]
fn every_flipped_bit_of_a_signature_is_noticed() {
    let doc = signed("LICENSE L STATE=active ISSUED=01-jun-2026\n");
    let text = doc.to_string();
    let start = text.rfind("SIGN=\"").unwrap() + 6;
    for (i, byte) in text.bytes().enumerate().skip(start).take(60) {
        for bit in 0..7 {
            let mut bytes = text.clone().into_bytes();
            bytes[i] = byte ^ (1 << bit);
            if bytes[i].is_ascii_whitespace() || bytes[i].eq_ignore_ascii_case(&byte) && i < start + 16 {
                continue;
            }
            let document = parse("x", &bytes).document;
            assert!(
                states(&document).iter().all(|(_, state)| *state != LineState::Valid),
                "byte {i} bit {bit}"
            );
        }
    }
}

#[test]
fn keys_must_be_certified_for_the_publisher_by_a_trusted_root() {
    let doc = signed(FILE);
    let state = |trust: &Trust| verify(&doc, trust).last().unwrap().1;
    assert_eq!(state(&Trust::new()), LineState::UnknownPublisher);
    let other_root = RootKey::from_seed([9; 32]).public();
    assert_eq!(state(&Trust::new().with_root(PUBLISHER, &other_root).unwrap()), LineState::UnknownKey);
    let other_publisher = Trust::new().with_root("other", &root().public()).unwrap();
    assert_eq!(state(&other_publisher), LineState::UnknownPublisher);
    let without_key: String = doc.to_string().replace("KEY ", "# KEY ");
    assert!(states_of(&without_key).iter().all(|(_, state)| *state == LineState::UnknownKey));
}

#[test]
fn a_key_certified_for_one_publisher_cannot_sign_for_another() {
    let both = trust().with_root("rival", &RootKey::from_seed([7; 32]).public()).unwrap();
    let forged = FILE.replace("acme", "rival");
    let key = signing_key();
    // The certificate names `acme`; its text is edited to claim `rival`.
    let rival = root().certify("rival", &key.public_key(), date(2025, 1, 1), Expiry::Permanent);
    let doc = sign(&document(&forged), &key, &rival);
    assert!(verify(&doc, &both).iter().all(|(_, state)| *state != LineState::Valid));
}

#[test]
fn a_key_signs_only_for_its_days() {
    let key = SigningKey::from_seed([3; 32]);
    let certify = |from, until| root().certify(PUBLISHER, &key.public_key(), from, Expiry::On(until));
    let state = |certificate| {
        let doc = sign(&document("LICENSE L STATE=active ISSUED=01-jun-2026\n"), &key, &certificate);
        states(&doc)[0].1
    };
    let day = date(2026, 6, 1);
    assert_eq!(state(certify(day, day)), LineState::Valid);
    assert_eq!(state(certify(date(2026, 6, 2), date(2027, 1, 1))), LineState::KeyNotYetValid);
    assert_eq!(state(certify(date(2025, 6, 2), date(2026, 5, 31))), LineState::KeyExpired);
}

#[test]
fn lines_signed_by_others_are_for_reference() {
    let text = "FEATURE a v 1.0 permanent 5 65EF67CD99F6\nFEATURE b v 1.0 permanent 5 SIGN=\"0A1B 2C3D\"\n\
                FEATURE c v 1.0 permanent 5 AUTH={a=\"x\"}\nFEATURE d v 1.0 permanent 5\n";
    let states: Vec<LineState> = states_of(text).into_iter().map(|(_, state)| state).collect();
    use LineState::{Reference, Unsigned};
    assert_eq!(states, [Reference, Reference, Reference, Unsigned]);
}

#[test]
fn a_grant_proves_itself_and_only_with_the_right_root() {
    let admission = admitted(&[signed(FILE)]);
    assert_eq!(admission.refused, []);
    for admitted in &admission.offers {
        let [offer] = verify_proof(&admitted.proof, &trust(), today()).unwrap().try_into().unwrap();
        assert_eq!(
            (&offer.feature, offer.count, offer.last_day, &offer.pool_key),
            (
                &admitted.offer.feature,
                admitted.offer.count,
                admitted.offer.last_day,
                &admitted.offer.pool_key
            )
        );
    }
    let proof = &admission.offers[0].proof;
    assert_eq!(verify_proof(proof, &Trust::new(), today()), Err(LineState::UnknownPublisher));
    assert_eq!(
        verify_proof(&proof.replace(" 100 ", " 900 "), &trust(), today()),
        Err(LineState::BadSignature)
    );
    assert_eq!(verify_proof(proof, &trust(), date(2027, 1, 1)), Err(LineState::Expired));
    assert!(verify_proof(proof, &trust(), date(2026, 12, 31)).is_ok());
    assert_eq!(verify_proof("", &trust(), today()), Err(LineState::Malformed));
}

#[test]
fn debug_output_hides_the_secret() {
    let shown = format!("{:?} {:?}", signing_key(), root());
    assert!(shown.contains("secret") && !shown.contains("[2, 2"), "{shown}");
}
