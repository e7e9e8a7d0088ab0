//! Where servers are looked for: lists, IPv6, Windows paths, license files, folders, the environment.

use std::path::Path;

use grantor_client::{FindError, Servers};

fn names(servers: &Servers) -> Vec<String> {
    servers.iter().map(ToString::to_string).collect()
}

fn parsed(text: &str) -> Vec<String> {
    names(&Servers::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")))
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn entries_and_lists_are_read() {
    let table: &[(&str, &[&str])] = &[
        ("7260@ctiserver", &["7260@ctiserver"]),
        ("@ctiserver", &["7260@ctiserver"]),
        (" 27000@10.0.0.7 ", &["27000@10.0.0.7"]),
        ("1@a:2@b", &["1@a", "2@b"]),
        ("1@a;2@b", &["1@a", "2@b"]),
        ("1@a:2@b;@c:", &["1@a", "2@b", "7260@c"]),
        ("@a:@a", &["7260@a"]),
        ("1@h1,2@h2,3@h3", &["1@h1", "2@h2", "3@h3"]),
        ("1@h1,2@h2,3@h3:@d", &["1@h1", "2@h2", "3@h3", "7260@d"]),
        ("7261@[fe80::1]", &["7261@[fe80::1]"]),
        ("@[::1]:@b", &["7260@[::1]", "7260@b"]),
        ("7260@::1", &["7260@[::1]"]),
        ("@fe80::2;@b", &["7260@[fe80::2]", "7260@b"]),
        ("1@my_host-1.example.com", &["1@my_host-1.example.com"]),
    ];
    for (text, expected) in table {
        assert_eq!(&parsed(text), expected, "{text}");
    }
}

#[test]
fn commas_and_license_files_make_sets_and_the_rest_is_on_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let three = "SERVER h1 ANY 1\nSERVER h2 ANY 2\nSERVER h3 ANY 3\nVENDOR acme\n";
    let file = write(folder.path(), "a.lic", three);
    let sizes = |text: &str| -> Vec<usize> {
        Servers::parse(text).unwrap().sets().map(<[grantor_client::Server]>::len).collect()
    };
    assert_eq!(sizes("1@a,2@b,3@c"), [3]);
    assert_eq!(sizes("1@a:2@b;3@c"), [1, 1, 1]);
    assert_eq!(sizes(&format!("{file};@d;1@a,2@b")), [3, 1, 2]);
    assert_eq!(sizes("1@a,2@b:2@b:2@b,3@c"), [2, 1], "each server once, where it is named first");
}

#[test]
fn what_is_not_understood_is_refused_with_a_hint() {
    for bad in [
        "0@a",
        "65536@a",
        "x@a",
        "@",
        "7260@",
        "7260@a b",
        "7260@a/b",
        "1@a,b",
        "@[zz]",
        "localhost:7260",
        "nowhere",
    ] {
        let error = Servers::parse(bad).expect_err(bad).to_string();
        assert!(error.contains("\n  hint: "), "{bad}: {error}");
    }
    for empty in ["", " ", ":", ";;"] {
        assert_eq!(Servers::parse(empty), Err(FindError::Empty), "{empty:?}");
    }
}

#[test]
fn a_windows_path_is_one_entry() {
    let error = Servers::parse("C:\\lic\\a.lic;@b").unwrap_err();
    assert!(
        matches!(&error, FindError::File { path, .. } if path.as_os_str() == "C:\\lic\\a.lic"),
        "{error}"
    );
}

#[test]
fn license_files_and_folders_tell_their_servers() {
    let folder = tempfile::tempdir().unwrap();
    let one = write(folder.path(), "b.lic", "SERVER this_host ANY 7300\nSERVER other ANY\nVENDOR acme\n");
    write(folder.path(), "a.LIC", "SERVER first ANY 7100\nVENDOR acme\n");
    write(folder.path(), "c.txt", "SERVER never ANY 7100\n");
    let none = write(folder.path(), "d.lic", "VENDOR acme\n");
    assert_eq!(parsed(&one), ["7300@localhost", "7260@other"]);
    assert_eq!(parsed(&format!("{one}:@z")), ["7300@localhost", "7260@other", "7260@z"]);
    assert_eq!(parsed(folder.path().to_str().unwrap()), ["7100@first", "7300@localhost", "7260@other"]);
    let error = Servers::parse(&none).unwrap_err().to_string();
    assert!(error.contains("d.lic: has no `SERVER` line\n  hint: "), "{error}");
}

#[test]
fn the_argument_goes_before_the_environment_and_that_before_the_default() {
    let environment = |set: &'static [(&str, &str)]| {
        move |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    };
    let both: &[_] = &[("LM_LICENSE_FILE", "@old"), ("GRANTOR_LICENSE_FILE", "@new")];
    let found = |argument, set| names(&Servers::find_with(argument, environment(set)).unwrap());
    assert_eq!(found(Some("@given"), both), ["7260@given"]);
    assert_eq!(found(None, both), ["7260@new"]);
    assert_eq!(found(None, &both[..1]), ["7260@old"]);
    assert_eq!(found(None, &[("GRANTOR_LICENSE_FILE", " "), ("LM_LICENSE_FILE", "@old")]), ["7260@old"]);
    assert_eq!(found(None, &[]), ["7260@localhost"]);
}

#[test]
fn a_variable_passes_over_what_is_gone_and_an_argument_does_not() {
    let list = "/no/such/file.lic:@here";
    let found = Servers::find_with(None, |_| Some(list.to_owned())).unwrap();
    assert_eq!(names(&found), ["7260@here"]);
    assert!(Servers::find_with(Some(list), |_| None).is_err());
    let error = Servers::find_with(None, |_| Some("/no/such/file.lic".to_owned())).unwrap_err().to_string();
    assert!(error.contains("/no/such/file.lic"), "{error}");
}
