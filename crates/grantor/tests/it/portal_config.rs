//! Where the portal's books are: by flag, by variable, or by its configuration file, in that order; and no password is shown.

use std::process::Command;

/// What a command says, with its exit code, run in the folder with these variables.
fn run(folder: &tempfile::TempDir, arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_grantor"));
    command.args(arguments).current_dir(folder.path()).env("USER", "ann");
    command.env_remove("GRANTOR_PORTAL_DATABASE").env_remove("GRANTOR_PORTAL_CONFIG");
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn the_database_is_named_by_flag_then_by_variable_then_by_the_configuration_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("portal.toml"), "database = \"file.db\"\n").unwrap();
    let add = |more: &[&str], variables: &[(&str, &str)], made: &str| {
        let (code, said) =
            run(&folder, &[&["portal", "account", "add", "ACME", "Acme"][..], more].concat(), variables);
        assert!(code == Some(0) && folder.path().join(made).exists(), "{made}: {said}");
    };
    let (flag, file) = (["--database", "flag.db"], ["--config", "portal.toml"]);
    let variable = ("GRANTOR_PORTAL_DATABASE", "variable.db");
    add(&[flag, file].concat(), &[variable], "flag.db");
    add(&file, &[variable], "variable.db");
    add(&file, &[], "file.db");
    add(&[], &[], "portal.db");
    let (_, said) = run(&folder, &["portal", "account", "list"], &[("GRANTOR_PORTAL_CONFIG", "portal.toml")]);
    assert!(said.contains("ACME"), "{said}");
}

#[test]
fn a_password_of_the_database_is_shown_by_no_help_and_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let address = format!("postgres://grantor:secret@{nobody}/books");
    let variable = ("GRANTOR_PORTAL_DATABASE", address.as_str());
    let (_, help) = run(&folder, &["portal", "--help"], &[variable]);
    assert!(help.contains("GRANTOR_PORTAL_DATABASE") && help.contains("--config"), "{help}");
    assert!(!help.contains("secret"), "{help}");
    std::fs::write(folder.path().join("portal.toml"), format!("database = \"{address}\n")).unwrap();
    let list = ["portal", "account", "list"];
    let (code, said) = run(&folder, &[&list[..], &["--config", "portal.toml"]].concat(), &[]);
    assert!(code == Some(2) && said.contains("portal.toml") && !said.contains("secret"), "{said}");
    let wrong = address.replace("postgres://", "postgres://x y:");
    for address in [&address, &wrong] {
        let (code, said) = run(&folder, &[&list[..], &["--database", address]].concat(), &[]);
        assert!(code == Some(5) && said.contains("the books can't be opened"), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
}

#[test]
fn what_mails_say_is_written_out_changed_and_tried_and_a_mistake_is_told_before_the_portal_starts() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = run(&folder, &["portal", "templates", "mail"], &[]);
    assert!(code == Some(0) && said.contains("mail/license-letter.txt"), "{said}");
    assert!(!folder.path().join("portal.db").exists(), "no books are opened for it");
    let letter = folder.path().join("mail/license-letter.txt");
    let text = std::fs::read_to_string(&letter).unwrap();
    std::fs::write(&letter, text.replace("{{ lrn }}", "{{ lnr }}")).unwrap();
    let (code, said) = run(&folder, &["portal", "templates", "mail"], &[]);
    assert!(code == Some(1) && said.contains("mail/license-letter.txt: line 7: undefined value"), "{said}");
    assert!(
        said.contains("it may fill in account, lrn, ") && said.contains("hint: mend the template"),
        "{said}"
    );
    let config = "listen = \"127.0.0.1:0\"\n[mail]\nserver = \"smtp://127.0.0.1:1\"\nfrom = \"a@example.com\"\ntemplates = \"mail\"\n";
    std::fs::write(folder.path().join("portal.toml"), config).unwrap();
    let (code, said) = run(&folder, &["portal", "serve", "--config", "portal.toml"], &[]);
    assert!(code != Some(0) && said.contains("license-letter.txt: line 7: undefined value"), "{said}");
}

#[test]
fn books_are_backed_up_into_a_file_and_restored_into_others_by_two_commands() {
    let folder = tempfile::tempdir().unwrap();
    let portal = |arguments: &[&str]| run(&folder, &[&["portal"], arguments].concat(), &[]);
    portal(&["account", "add", "ACME", "Acme"]);
    let (code, said) = portal(&["backup", "books.backup"]);
    assert!(code == Some(0), "{said}");
    let (code, said) = portal(&["backup", "books.backup"]);
    assert!(
        code == Some(5) && said.contains("hint: a backup is a new file"),
        "what is there is not written over: {said}"
    );
    let (code, said) = portal(&["--database", "other.db", "restore", "books.backup"]);
    assert!(code == Some(0) && said.contains("rows are restored"), "{said}");
    let (_, said) = portal(&["--database", "other.db", "account", "list"]);
    assert!(said.contains("ACME"), "{said}");
    let (code, said) = portal(&["--database", "other.db", "restore", "books.backup"]);
    assert!(
        code != Some(0) && said.contains("hint: "),
        "books with something in them stay as they are: {said}"
    );
}
