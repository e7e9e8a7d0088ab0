//! A revoked key: what it signed counts until a day and not beyond, wherever the root key's word for it came from.

use crate::common;
use crate::common::{
    FILE, PUBLISHER, admitted, certificate, document, root, signed, signing_key, states, trust,
};
use grantor_license::{
    Document, Expiry, LineState, Revocation, RootKey, SigningKey, admit, carry, parse, sign, sign_with,
    verify,
};
use jiff::civil::{Date, date};

fn revocation(from: Date) -> Revocation {
    root().revoke(PUBLISHER, &signing_key().id(), from)
}

/// A file of nothing but the root key's word.
fn word(revocation: &Revocation) -> Document {
    document(&format!("{}\n", revocation.to_line()))
}

#[test]
fn from_its_day_on_nothing_that_a_revoked_key_signed_is_admitted() {
    let docs = [signed(FILE), word(&revocation(date(2026, 6, 15)))];
    let admission = admitted(&docs);
    assert!(admission.offers.is_empty() && admission.licenses.is_empty());
    let refused = admission.refused.iter().filter(|line| line.state == LineState::KeyRevoked);
    assert!(refused.count() >= 1, "{:?}", admission.refused);
    assert_eq!(admission.revocations, [revocation(date(2026, 6, 15)).to_line()]);
}

#[test]
fn until_then_what_it_signed_works_and_ends_on_the_day_before() {
    let docs = [signed(FILE), word(&revocation(date(2026, 7, 1)))];
    let admission = admitted(&docs);
    assert_eq!(admission.offers.len(), 3, "{:?}", admission.refused);
    assert!(admission.offers.iter().all(|admitted| admitted.offer.last_day == Some(date(2026, 6, 30))));
    assert!(
        states(&carry(&docs[0], &[revocation(date(2026, 7, 1))]))
            .iter()
            .all(|(_, state)| *state == LineState::KeyRevoked)
    );
}

#[test]
fn a_revocation_counts_only_with_the_signature_of_a_root_key_of_that_publisher() {
    let from = date(2026, 6, 1);
    let stranger = RootKey::from_seed([9; 32]).revoke(PUBLISHER, &signing_key().id(), from);
    let for_others = root().revoke("others", &signing_key().id(), from);
    let moved = revocation(date(2030, 1, 1)).to_line().replace("01-jan-2030", "01-jun-2026");
    for text in
        [stranger.to_line(), for_others.to_line(), moved, "REVOKED a acme FROM=01-jun-2026".to_owned()]
    {
        let docs = [signed(FILE), document(&format!("{text}\n"))];
        let admission = admitted(&docs);
        assert_eq!(admission.offers.len(), 3, "{text}");
        assert!(admission.revocations.is_empty(), "{text}");
        assert_eq!(admission.refused.len(), 1, "who wrote it is told: {:?}", admission.refused);
    }
}

#[test]
fn of_two_days_the_earlier_counts() {
    let docs = [signed(FILE), word(&revocation(date(2026, 9, 1))), word(&revocation(date(2026, 7, 1)))];
    let admission = admitted(&docs);
    assert_eq!(admission.revocations.len(), 2);
    assert!(admission.offers.iter().all(|admitted| admitted.offer.last_day == Some(date(2026, 6, 30))));
}

#[test]
fn a_file_signed_anew_carries_the_revocation_and_is_valid_itself() {
    let new = SigningKey::from_seed([7; 32]);
    let from_the_old_keys_first_day = date(2025, 1, 1);
    let certificate =
        root().certify(PUBLISHER, &new.public_key(), from_the_old_keys_first_day, Expiry::Permanent);
    let anew = carry(&sign(&document(FILE), &new, &certificate), &[revocation(date(2026, 6, 1))]);
    assert!(verify(&anew, &trust()).iter().all(|(_, state)| *state == LineState::Valid), "{anew}");
    assert_eq!(carry(&anew, &[revocation(date(2026, 6, 1))]), anew, "it stands there once");
    let admission = admitted(&[signed(FILE), anew]);
    assert_eq!((admission.offers.len(), admission.revocations.len()), (3, 1));
    assert!(admission.offers.iter().all(|admitted| admitted.offer.file == 1));
}

#[test]
fn a_line_that_is_read_and_written_again_is_the_same() {
    let revocation = revocation(date(2026, 6, 1));
    assert_eq!(Revocation::parse(&revocation.to_line()).as_ref(), Some(&revocation));
    let parsed = parse("x", b"REVOKED abc acme\nREVOKED abc acme FROM=soon\n");
    assert_eq!(
        parsed.problems.iter().filter(|problem| problem.is_error()).count(),
        2,
        "{:?}",
        parsed.problems
    );
}

#[test]
fn a_key_elsewhere_signs_the_same_bytes_and_its_failure_signs_nothing() {
    let mut messages = Vec::new();
    let failed = sign_with(&document(FILE), &certificate(), |message| {
        messages.push(message.to_vec());
        if messages.len() == 2 { Err("the token is gone") } else { Ok([0; 64]) }
    });
    assert_eq!((failed.unwrap_err(), messages.len()), ("the token is gone", 2));
    assert!(certificate().is_certified(&trust()));
    let strangers = RootKey::from_seed([9; 32]);
    let by_a_stranger =
        strangers.certify(PUBLISHER, &signing_key().public_key(), date(2025, 1, 1), Expiry::Permanent);
    assert!(!by_a_stranger.is_certified(&trust()));
    let day = admit(&[signed(FILE)], &trust(), &common::machine(), date(2026, 6, 15));
    assert!(day.revocations.is_empty());
}
