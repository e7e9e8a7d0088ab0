//! Key ceremonies with real processes: a root key of several holders, a signer with several publishers' keys, keys on a PKCS#11
//! token.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// Where Debian's SoftHSM has its library.
const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "2468";

/// A folder with passphrases and books.
struct Office(TempDir);

/// A process, killed with `kill -9` at the end.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Office {
    fn new() -> Self {
        let office = Self(tempfile::tempdir().unwrap());
        office.write("pass", "a long enough passphrase");
        for holder in ["ada", "bob", "cy"] {
            office.write(holder, &format!("the long passphrase of {holder}"));
        }
        office
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap().trim().to_owned()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_grantor"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env("GRANTOR_PORTAL_DATABASE", "portal.db")
            .env("GRANTOR_SIGNER", "signer/signer.sock")
            .env("SOFTHSM2_CONF", self.path().join("softhsm2.conf"))
            .env("USER", "ann");
        command
    }

    /// What a command that must go well says; words may be separated by blanks.
    fn done(&self, words: &str) -> String {
        let output = self.command(&words.split(' ').collect::<Vec<_>>()).output().unwrap();
        assert!(output.status.success(), "{words}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// The exit code of a command that must be refused, and what it says.
    fn refused(&self, words: &str) -> (Option<i32>, String) {
        let output = self.command(&words.split(' ').collect::<Vec<_>>()).output().unwrap();
        assert!(!output.status.success(), "{words}: {}", said(&output));
        (output.status.code(), said(&output))
    }

    fn signer(&self) -> Process {
        let mut command = self.command(&["signer", "run", "signer", "--passphrase-file", "pass"]);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let first = lines.next().unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        assert!(first.starts_with("signing at"), "{first}");
        Process(child)
    }

    /// Catalogues, and ACME in Berlin that ordered of two publishers.
    fn books(&self) {
        self.done("portal catalogue load");
        self.done("portal account add ACME Acme");
        self.done("portal site add ACME Berlin");
        self.write(
            "orders.csv",
            "order,account,site,catalogue,part,quantity\n\
             SO-1,ACME,Berlin,pureconnect-4,SW-001-4.0-SL03,1\n\
             SO-2,ACME,Berlin,genesys-8,Advanced Agent Connector,2\n",
        );
        self.done("portal order import orders.csv --book");
        let select = |catalogue: &str, kind: &str, part: &str| {
            format!(
                "catalogue = \"{catalogue}\"\nlicense_type = \"{kind}\"\nitems = [{{ part = \"{part}\", quantity = 1 }}]\n\
                 [machine]\nhost_id = \"0050569a1b2c\"\nname = \"testing\"\n"
            )
        };
        self.write("pureconnect.toml", &select("pureconnect-4", "production", "SW-001-4.0-SL03"));
        self.write("genesys.toml", &select("genesys-8", "standard", "Advanced Agent Connector"));
    }

    /// Every line of a file is valid with the publisher's root key.
    fn verifies(&self, file: &str, publisher: &str, root: &str) {
        let root = self.read(root);
        let told = self.done(&format!("license verify {file} --root {publisher}={root}"));
        assert!(told.lines().count() > 2 && told.lines().all(|line| line.ends_with(": valid")), "{told}");
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

const ADA_BOB: &str = "--holder ada --holder bob --passphrase-file ada=ada --passphrase-file bob=bob";

#[test]
fn a_root_key_of_three_holders_certifies_and_revokes_by_any_two_and_refuses_one_alone() {
    let office = Office::new();
    office.done(&format!("keys new keys --publisher acme {ADA_BOB} --holder cy --passphrase-file cy=cy"));
    assert!(!office.read("keys/root.key").contains("grantor-key-v1"), "it does not lie there in the clear");
    let old = office.read("keys/signing.cert");
    let id = old.split(' ').nth(1).unwrap();
    let (code, told) = office
        .refused(&format!("keys revoke keys {id} --from 2026-12-24 --holder ada --passphrase-file ada=ada"));
    assert!(code == Some(1) && told.contains("they are ada, bob, cy"), "{told}");
    let (code, told) =
        office.refused(&format!("keys rotate keys --holder ada {}", ADA_BOB.replace("bob", "ada")));
    assert!(code == Some(1) && told.contains("two"), "{told}");
    let (code, told) = office.refused("keys rotate keys --holder ada --holder ada");
    assert!(code == Some(1) && told.contains("two different holders"), "{told}");
    let (code, told) = office.refused(
        "keys rotate keys --holder ada --holder bob --passphrase-file ada=ada --passphrase-file bob=cy",
    );
    assert!(code == Some(4) && told.contains("don't open the root key"), "{told}");
    let line =
        office.done(&format!("keys revoke keys {id} --from 2026-12-24 {}", ADA_BOB.replace("bob", "cy")));
    assert!(line.starts_with(&format!("REVOKED {id} acme FROM=24-dec-2026 SIGN=")), "{line}");
    office.done(&format!("keys rotate keys {ADA_BOB}"));
    assert_ne!(office.read("keys/signing.cert"), old);
    office.write("dee", "the long passphrase of dee");
    office.done(&format!(
        "keys holders keys --new-holder bob --new-holder dee {ADA_BOB} --passphrase-file dee=dee"
    ));
    let (_, told) = office.refused(&format!("keys rotate keys {ADA_BOB}"));
    assert!(told.contains("`ada` is no holder of this root key; its holders are bob, dee"), "{told}");
}

#[test]
fn one_signer_signs_the_files_of_two_publishers_each_with_its_own_key() {
    let office = Office::new();
    office.done("keys new pc --publisher pureconnect");
    office.done("keys new gs --publisher genesys.d");
    office.done("signer init signer --keys pc --passphrase-file pass");
    office.books();
    {
        let _signer = office.signer();
        let (code, told) = office.refused("portal file new ACME Berlin genesys.toml --generate --key gs");
        assert!(code == Some(1) && told.contains("no key of the publisher `genesys.d`"), "{told}");
        assert!(told.contains("hint: `grantor signer add FOLDER --keys KEYS`"), "{told}");
    }
    let (code, _) = office.refused("signer add signer --keys pc --passphrase-file pass");
    assert_eq!(code, Some(1), "once");
    office.done("signer add signer --keys gs --passphrase-file pass");
    std::fs::remove_file(office.path().join("gs/signing.key")).unwrap();
    let _signer = office.signer();
    assert_eq!(office.done("portal file new ACME Berlin genesys.toml --generate --key gs"), "AF-000001");
    assert_eq!(office.done("portal file new ACME Berlin pureconnect.toml --generate"), "AF-000002");
    for (number, publisher, root) in [("AF-000001", "genesys.d", "gs"), ("AF-000002", "pureconnect", "pc")] {
        office.write("x.lic", &office.done(&format!("portal file get ACME {number}")));
        office.verifies("x.lic", publisher, &format!("{root}/root.pub"));
    }
}

/// Makes a token of this office's own. `false`: there is no SoftHSM here.
fn token(office: &Office) -> bool {
    if !Path::new(SOFTHSM).exists() {
        assert!(std::env::var_os("CI").is_none(), "softhsm2 is missing; ./test installs it");
        eprintln!("SKIPPED: softhsm2 is missing; ./test installs it");
        return false;
    }
    std::fs::create_dir(office.path().join("tokens")).unwrap();
    let folder = office.path().join("tokens");
    office
        .write("softhsm2.conf", &format!("directories.tokendir = {}\nlog.level = ERROR\n", folder.display()));
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "grantor", "--pin", PIN, "--so-pin", "1357"])
        .env("SOFTHSM2_CONF", office.path().join("softhsm2.conf"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", said(&made));
    true
}

#[test]
fn a_key_on_a_token_is_made_there_certified_and_signs_there_and_a_wrong_pin_opens_nothing() {
    let office = Office::new();
    if !token(&office) {
        return;
    }
    office.done("keys new keys --publisher pureconnect");
    office.done("signer init signer --log pureconnect --passphrase-file pass");
    let config = |pin: &str| {
        office.write("signer/pin", pin);
        let token = format!("[token]\nmodule = \"{SOFTHSM}\"\nlabel = \"grantor\"\npin_file = \"pin\"\n");
        office.write("signer/signer.toml", &token);
    };
    config("0000");
    let (code, told) = office.refused("signer new-key signer --on-token");
    assert!(code == Some(4) && told.contains("does not take the PIN") && !told.contains("0000"), "{told}");
    config(PIN);
    let public = office.done("signer new-key signer --on-token");
    std::fs::remove_file(office.path().join("keys/signing.key")).unwrap();
    std::fs::remove_file(office.path().join("keys/signing.cert")).unwrap();
    office.done(&format!("keys certify keys {public} --output keys/signing.cert"));
    office.done("signer add signer --keys keys --passphrase-file pass");
    assert!(!office.path().join("signer/keys").exists(), "no key is in the folder");
    office.books();
    let _signer = office.signer();
    office.done("portal file new ACME Berlin pureconnect.toml --generate");
    office.write("x.lic", &office.done("portal file get ACME AF-000001"));
    office.verifies("x.lic", "pureconnect", "keys/root.pub");
}

#[test]
fn what_a_key_signed_is_listed_and_a_line_that_is_in_no_file_of_the_log_is_shown() {
    let office = Office::new();
    office.done("keys new keys --publisher pureconnect");
    office.done("signer init signer --keys keys --passphrase-file pass");
    office.books();
    let _signer = office.signer();
    office.done("portal file new ACME Berlin pureconnect.toml --generate");
    let line = office.read("keys/signing.cert");
    let id = line.split(' ').nth(1).unwrap();
    let listed = office.done("portal key list");
    assert!(listed.contains(&format!("{id}  in-use   folder  pureconnect")), "{listed}");
    let files = office.done(&format!("portal key files {id}"));
    assert!(files.starts_with("AF-000001  ACME"), "{files}");
    assert_eq!(office.done(&format!("portal key files {id} --since 2999-01-01T00:00:00Z")), "");
    let text = office.done("portal file get ACME AF-000001");
    office.write("x.lic", &text);
    let told = office.done("portal key origin x.lic");
    assert!(told.lines().count() > 2 && told.lines().all(|line| line.ends_with(": AF-000001")), "{told}");
    office.write("forged.lic", &text.replace("permanent 10 MODEL", "permanent 99 MODEL"));
    assert_ne!(office.read("forged.lic"), text.trim());
    let (code, told) = office.refused("portal key origin forged.lic x.lic");
    assert!(code == Some(1) && told.contains("NOT IN THE LOG") && told.contains("x.lic"), "{told}");
    assert_eq!(office.done("portal key revoked"), "");
    let asked =
        "portal --by ann@example.com key ask retire pureconnect 0123456789abcdef --password-file pass";
    let (code, told) = office.refused(asked);
    assert!(code == Some(4) && told.contains("not the password of `ann@example.com`"), "{told}");
    let (code, told) = office.refused(&format!("portal key sign-anew {id}"));
    assert!(code == Some(1) && told.contains("no two administrators have put another key"), "{told}");
    assert!(told.contains("hint: put another key to use first"), "{told}");
}
