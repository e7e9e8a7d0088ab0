//! What a user of the command line sees: standard output, standard error and exit code, kept as snapshots. Paths, keys and
//! times are filtered out.

use crate::issue;
use std::path::Path;
use std::process::Command;

use grantor_license::{DraftLine, Expiry, LicenseState};
use insta::assert_snapshot;
use jiff::civil::date;
use tempfile::TempDir;

/// A folder and the commands run in it.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    /// What the command says and how it ends.
    fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_grantor"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env("XDG_CONFIG_HOME", self.path())
            .env("COLUMNS", "100");
        for variable in [
            "GRANTOR_LICENSE_FILE",
            "LM_LICENSE_FILE",
            "GRANTOR_TOKEN",
            "GRANTOR_SERVER_CERT",
            "GRANTOR_CONFIG",
        ] {
            command.env_remove(variable);
        }
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).replace(&self.path().display().to_string(), "[FOLDER]");
            text.chars().map(|c| if c.is_control() && c != '\n' { '?' } else { c }).collect::<String>()
        };
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        format!(
            "$ grantor {}\n-- stdout\n{out}-- stderr\n{err}-- exit {}\n",
            arguments.join(" "),
            output.status.code().unwrap()
        )
    }

    /// Writes a license file of the test's publisher and gives the `--root` word that trusts it.
    fn license(&self, name: &str, lines: Vec<DraftLine>) -> String {
        let keys = issue::Keys::default();
        self.write(name, issue::license(&keys, lines));
        root()
    }
}

fn root() -> String {
    format!("acme={}", issue::Keys::default().root.public())
}

/// Hides what differs from run to run.
fn filtered(text: &str) -> String {
    let mut settings = Vec::new();
    for word in text.split_inclusive(char::is_whitespace) {
        let trimmed = word.trim_end().trim_matches('`');
        let is_key = trimmed.len() == 44 && trimmed.ends_with('=');
        let is_id = trimmed.len() == 16 && trimmed.bytes().all(|byte| byte.is_ascii_hexdigit());
        settings.push(if is_key || is_id { word.replace(trimmed, "[KEY]") } else { word.to_owned() });
    }
    settings.concat()
}

#[test]
fn the_version_is_a_line() {
    assert_snapshot!(Desk::new().run(&["version"]));
}

#[test]
fn help_shows_commands_exit_codes_and_examples() {
    assert_snapshot!(Desk::new().run(&["--help"]));
}

#[test]
fn a_mistyped_command_is_told_with_the_nearest() {
    assert_snapshot!(Desk::new().run(&["licence", "show"]));
}

#[test]
fn keys_are_made_once_rotated_and_never_overwritten() {
    let desk = Desk::new();
    let mut text = desk.run(&["keys", "new", "keys", "--publisher", "acme"]);
    text += &desk.run(&["keys", "new", "keys", "--publisher", "acme"]);
    text += &desk.run(&["keys", "rotate", "keys"]);
    text += &desk.run(&["keys", "rotate", "nowhere"]);
    text += &desk.run(&["keys", "new", "other", "--publisher", "two words"]);
    assert_snapshot!(filtered(&text));
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(desk.path().join("keys/root.key")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_good_license_file_is_shown_verified_and_checked() {
    let desk = Desk::new();
    let root = desk.license("acme.lic", vec![issue::line("cad", "8.0", 5), issue::line("cam", "1.5", 2)]);
    let mut text = desk.run(&["license", "show", "acme.lic"]);
    text += &desk.run(&["license", "verify", "acme.lic", "--root", &root]);
    text += &desk.run(&["license", "check", "acme.lic", "--root", &root]);
    assert_snapshot!(filtered(&text).replace(&root, "acme=[KEY]"));
}

/// `license check` of a file that is wrong in one way.
fn checked(desk: &Desk, name: &str) -> String {
    let text = desk.run(&["license", "check", name, "--root", &root()]);
    filtered(&text).replace(&root(), "acme=[KEY]")
}

#[test]
fn a_changed_count_voids_its_line_and_no_other() {
    let desk = Desk::new();
    let text = issue::license(
        &issue::Keys::default(),
        vec![issue::line("cad", "8.0", 5), issue::line("cam", "1.5", 2)],
    );
    desk.write("flipped.lic", text.replace("permanent 5", "permanent 500"));
    assert_snapshot!(checked(&desk, "flipped.lic"));
}

#[test]
fn edited_host_port_comments_and_spacing_change_nothing() {
    let desk = Desk::new();
    let text = issue::license(&issue::Keys::default(), vec![issue::line("cad", "8.0", 5)]);
    let edited = text
        .replace("this_host", "other-host")
        .replace("7260", "27000")
        .replace("# for tests", "# my own words")
        .replace(" permanent ", "   permanent \\\n   ");
    assert_ne!(text, edited);
    desk.write("edited.lic", edited);
    assert_snapshot!(checked(&desk, "edited.lic"));
}

#[test]
fn a_truncated_file_gives_what_is_whole_of_it() {
    let desk = Desk::new();
    let text = issue::license(
        &issue::Keys::default(),
        vec![issue::line("cad", "8.0", 5), issue::line("cam", "1.5", 2)],
    );
    let end = text.rfind("SIGN=").unwrap() + 20;
    desk.write("truncated.lic", &text[..end]);
    assert_snapshot!(checked(&desk, "truncated.lic"));
}

#[test]
fn a_file_for_another_host_is_refused_line_by_line() {
    let desk = Desk::new();
    let text = issue::license(&issue::Keys::default(), vec![issue::line("cad", "8.0", 5)]);
    desk.write("edited.lic", text.replace(" ANY ", " 0800200005ac "));
    let (keys, lines) = (issue::Keys::default(), vec![issue::line("cad", "8.0", 5)]);
    let elsewhere =
        issue::license_bound(&keys, lines, LicenseState::Active, date(2026, 1, 1), "0800200005ac");
    desk.write("elsewhere.lic", elsewhere);
    assert_snapshot!(checked(&desk, "elsewhere.lic") + &checked(&desk, "edited.lic"));
}

#[test]
fn expired_future_and_unactivated_lines_are_told_apart() {
    let desk = Desk::new();
    let keys = issue::Keys::default();
    let expired = DraftLine { expiry: Expiry::On(date(2020, 1, 31)), ..issue::line("old", "1.0", 1) };
    let future = issue::line_with("new", 1, &[("START", "01-jan-2090")]);
    desk.write("dates.lic", issue::license(&keys, vec![expired, future]));
    desk.write(
        "dead.lic",
        issue::license_with(
            &keys,
            vec![issue::line("cad", "8.0", 1)],
            LicenseState::Inactive,
            date(2025, 1, 1),
        ),
    );
    assert_snapshot!(checked(&desk, "dates.lic") + &checked(&desk, "dead.lic"));
}

#[test]
fn an_unknown_publisher_and_a_foreign_key_are_told_apart() {
    let desk = Desk::new();
    let stranger =
        issue::Keys { root: grantor_license::RootKey::from_seed([9; 32]), ..issue::Keys::default() };
    desk.write("foreign.lic", issue::license(&stranger, vec![issue::line("cad", "8.0", 1)]));
    let text = desk.run(&["license", "check", "foreign.lic", "--root", &root().replace("acme", "other")]);
    assert_snapshot!(
        checked(&desk, "foreign.lic")
            + &filtered(&text).replace(&root().replace("acme", "other"), "other=[KEY]")
    );
}

#[test]
fn nonsense_is_told_with_line_and_column() {
    let desk = Desk::new();
    desk.write(
        "nonsense.lic",
        "SERVER\nFEATUER cad acme 1.0 permanent 1\nFEATURE cad acme one 31-feb-2026 many\n",
    );
    desk.write("empty.lic", "");
    desk.write("binary.lic", [0u8, 159, 146, 150, 255, 10, 0]);
    let mut text = checked(&desk, "nonsense.lic");
    text += &checked(&desk, "empty.lic");
    text += &checked(&desk, "binary.lic");
    text += &checked(&desk, "missing.lic");
    assert_snapshot!(text);
}

#[test]
fn a_difference_is_shown_field_by_field() {
    let desk = Desk::new();
    desk.license("old.lic", vec![issue::line("cad", "8.0", 5), issue::line("gone", "1.0", 1)]);
    desk.license("new.lic", vec![issue::line("cad", "8.0", 7), issue::line("fresh", "2.0", 3)]);
    let mut text = desk.run(&["license", "diff", "old.lic", "new.lic"]);
    text += &desk.run(&["license", "diff", "old.lic", "old.lic"]);
    assert_snapshot!(text);
}

#[test]
fn a_configuration_is_checked_without_starting_anything() {
    let desk = Desk::new();
    desk.write("good.toml", "port = 7261\n");
    desk.write("bad.toml", "prot = 7261\n[limits]\nqeue = 5\nheartbeat_seconds = 1\n");
    let mut text = desk.run(&["server", "check", "--config", "good.toml"]);
    text += &desk.run(&["server", "check", "--config", "bad.toml"]);
    text += &desk.run(&["server", "check", "--config", "missing.toml"]);
    assert_snapshot!(text);
    assert!(!desk.path().join("grantor-data").exists());
}

#[test]
fn no_server_is_told_with_where_it_was_looked_for() {
    let desk = Desk::new();
    // A port that nobody listens on: it was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let at = format!("{port}@127.0.0.1");
    let mut text = desk.run(&["stat", "-c", &at]);
    text += &desk.run(&["checkout", "-c", &at, "cad", "--", "true"]);
    text += &desk.run(&["stat", "-c", "no port here"]);
    assert_snapshot!(text.replace(&port.to_string(), "[PORT]"));
}

#[test]
fn an_order_is_explained_and_a_wrong_one_told_with_its_place() {
    let desk = Desk::new();
    let order = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalogues/examples/demo.toml"),
    )
    .unwrap();
    desk.write("order.toml", &order);
    desk.write(
        "wrong.toml",
        order
            .replace("Genesys Agent Desktop", "Genesys Agent Desk")
            .replace("quantity = 20", "quantity = -20"),
    );
    let mut text = desk.run(&["catalogue", "explain", "order.toml"]);
    text += &desk.run(&["catalogue", "explain", "wrong.toml"]);
    text += &desk.run(&["catalogue", "list"]);
    text += &desk.run(&["catalogue", "check"]);
    assert_snapshot!(text);
}

#[test]
fn an_order_is_issued_for_the_publisher_whose_keys_are_given() {
    let desk = Desk::new();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalogues/examples/genesys-8.toml");
    let order = std::fs::read_to_string(path).unwrap();
    desk.write("early.toml", format!("issued = \"01-jun-2026\"\n{order}"));
    desk.write("order.toml", &order);
    desk.run(&["keys", "new", "keys", "--publisher", "genesys.d"]);
    desk.run(&["keys", "new", "strange", "--publisher", "stranger"]);
    let early = desk.run(&["issue", "early.toml", "--keys", "keys", "--output", "early.lic"]);
    assert!(early.contains("-- exit 1") && early.contains("nothing is issued"), "{early}");
    assert!(!desk.path().join("early.lic").exists());
    let issued = desk.run(&["issue", "order.toml", "--keys", "keys", "--output", "acme.lic"]);
    assert!(issued.contains("-- exit 0"), "{issued}");
    let verified = desk.run(&["license", "verify", "acme.lic", "--root", "genesys.d=keys/root.pub"]);
    assert!(verified.contains("-- exit 0") && verified.contains("tserver_sdn: valid"), "{verified}");
    let refused = desk.run(&["issue", "order.toml", "--keys", "strange"]);
    assert!(
        refused.contains("-- exit 1") && refused.contains("nothing of publisher `stranger`"),
        "{refused}"
    );
}

#[test]
fn the_demo_runs_through_and_everything_is_as_it_was_after_the_kill() {
    let desk = Desk::new();
    let text = desk.run(&["demo", "--once", "--folder", "demo"]);
    assert!(text.ends_with("-- exit 0\n"), "{text}");
    for part in [
        "holds 100 of router_seats",
        "did you mean `tserver_sdn`?",
        "is activated as AF-000001",
        "AF-000001  current",
        "as they were",
        "the server noticed",
        "== What next",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    let again = desk.run(&["demo", "--once", "--folder", "demo"]);
    assert!(again.contains("-- exit 2") && again.contains("is not empty"), "{again}");
}

#[test]
fn completions_and_man_pages_are_made() {
    let desk = Desk::new();
    assert!(desk.run(&["completions", "bash"]).contains("_grantor"));
    desk.run(&["man", "man"]);
    for page in ["grantor.1", "grantor-server.1", "grantor-license-check.1"] {
        assert!(desk.path().join("man").join(page).exists(), "{page}");
    }
}

#[test]
fn where_there_is_no_terminal_a_command_says_how_a_passphrase_is_given() {
    let desk = Desk::new();
    let mut command = Command::new("setsid");
    command.arg("--wait").arg(env!("CARGO_BIN_EXE_grantor")).current_dir(desk.path());
    command.args(["keys", "new", "keys", "--publisher", "acme", "--holder", "ada", "--holder", "bob"]);
    let output = command.stdin(std::process::Stdio::null()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("there is no terminal to ask for the passphrase of ada"), "{said}");
    assert!(said.contains("hint: `--passphrase-file` names a file"), "{said}");
    assert!(!desk.path().join("keys/root.key").exists());
}
