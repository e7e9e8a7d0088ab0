//! What attributes mean.

use super::*;

fn words(kind: &[&str]) -> Words {
    use clap::Parser as _;
    let line = ["grantor", "import", "ldap", "--url", "ldap://h", "--base", "dc=x"].iter().chain(kind);
    let cli = crate::cli::Cli::parse_from(line);
    let crate::cli::Command::Import(import) = cli.command else { panic!("another command") };
    let Some(crate::cli::ImportFrom::Ldap(args)) = import.from else { panic!("a table") };
    Words::of(&args)
}

fn entry(attributes: &[(&str, &str)]) -> SearchEntry {
    let attrs =
        attributes.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect();
    SearchEntry { dn: "cn=x".to_owned(), attrs, bin_attrs: Default::default() }
}

#[test]
fn the_usual_attributes_of_both_kinds_are_known_and_compared_without_case() {
    let open = entry(&[("UID", "ann"), ("entryuuid", "u-1"), ("cn", "Ann Lee"), ("mail", "a@b")]);
    let person = person(&open, &words(&[]));
    assert_eq!((person.name.as_deref(), person.id.as_deref()), (Some("ann"), Some("u-1")));
    assert_eq!((person.display.as_deref(), person.mail.as_deref()), (Some("Ann Lee"), Some("a@b")));
    assert_eq!(person.is_enabled, None);
}

#[test]
fn accounts_are_enabled_by_the_bit_of_active_directory_by_a_word_or_by_not_being_locked() {
    let ad = words(&["--kind", "active-directory"]);
    let said = |words: &Words, name: &str, value: &str| person(&entry(&[(name, value)]), words).is_enabled;
    assert_eq!(said(&ad, "userAccountControl", "512"), Some(true));
    assert_eq!(said(&ad, "userAccountControl", "514"), Some(false));
    assert_eq!(said(&ad, "userAccountControl", "nonsense"), Some(false));
    let word = words(&["--enabled-attribute", "active"]);
    assert_eq!((said(&word, "active", "FALSE"), said(&word, "active", "TRUE")), (Some(false), Some(true)));
    let lock = words(&["--locked-attribute", "pwdAccountLockedTime"]);
    assert_eq!(said(&lock, "pwdAccountLockedTime", "20260101000000Z"), Some(false));
    assert_eq!(
        (said(&lock, "other", "x"), said(&lock, "pwdAccountLockedTime", "FALSE")),
        (Some(true), Some(true))
    );
}

#[test]
fn the_id_of_active_directory_is_written_as_it_usually_is() {
    let bytes: Vec<u8> =
        vec![0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff];
    let mut with_id = entry(&[]);
    with_id.bin_attrs.insert("objectGUID".to_owned(), vec![bytes]);
    assert_eq!(id(&with_id, "objectguid").as_deref(), Some("00112233-4455-6677-8899-aabbccddeeff"));
    // Sixteen bytes may be a text by chance.
    let by_chance = entry(&[("objectGUID", "abcdefghijklmnop")]);
    assert_eq!(id(&by_chance, "objectGUID").as_deref(), Some("64636261-6665-6867-696a-6b6c6d6e6f70"));
}

#[test]
fn a_password_goes_in_the_clear_only_to_this_machine() {
    for near in ["ldap://localhost", "ldap://127.0.0.1:389/", "ldap://[::1]:389", "ldapi://%2frun%2fldapi"] {
        assert!(is_near(near), "{near}");
    }
    for far in [
        "ldap://ldap.example.com",
        "ldap://10.0.0.1:389",
        "ldap://localhost.example.com",
        "ldap://x/localhost",
    ] {
        assert!(!is_near(far), "{far}");
    }
}
