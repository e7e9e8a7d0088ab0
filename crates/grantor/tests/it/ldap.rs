//! Users and groups of a directory service, by `grantor import ldap`: a real slapd (Debian's) with several hundred entries in
//! a folder of its own, a real license server, and the commands that an administrator types.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::site::Server;
use crate::slapd::Slapd;
use serde_json::Value;

/// Users of the tree below `ou=people`.
const PEOPLE: usize = 400;

fn import(slapd: &Slapd, more: &str) -> String {
    let port = slapd.port;
    format!(
        "import ldap --url ldap://127.0.0.1:{port} --bind uid=reader,dc=example,dc=com --password-file ldap-password \
         --base ou=people,dc=example,dc=com --page 80 {more}"
    )
    .split_whitespace()
    .collect::<Vec<_>>()
    .join(" ")
}

/// A license server, and a directory service unless there is none on this machine.
fn both() -> Option<(Server, Slapd)> {
    let slapd = Slapd::start(&tree())?;
    let server = Server::start();
    server.write("ldap-password", "reading\n");
    Some((server, slapd))
}

fn tree() -> String {
    let mut text = String::new();
    for unit in ["people", "groups"] {
        text += &format!("dn: ou={unit},dc=example,dc=com\nobjectClass: organizationalUnit\nou: {unit}\n\n");
    }
    for number in 0..PEOPLE {
        text += &person(&format!("user{number:03}"));
    }
    text += &group("AGENTS", (0..45).map(|number| format!("user{number:03}")));
    text + &group("OTHERS", (100..110).map(|number| format!("user{number:03}")))
}

fn person(name: &str) -> String {
    format!(
        "dn: uid={name},ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name} of Example\n\
         sn: Example\ngivenName: {name}\nmail: {name}@example.com\n\n"
    )
}

fn group(name: &str, members: impl Iterator<Item = String>) -> String {
    let members = members.map(|name| format!("member: uid={name},ou=people,dc=example,dc=com\n"));
    let members: String = members.collect();
    format!("dn: cn={name},ou=groups,dc=example,dc=com\nobjectClass: groupOfNames\ncn: {name}\n{members}\n")
}

/// Licenses of WFM that are out, and members of AGENTS.
fn used(server: &Server) -> (u64, u64) {
    let user = |user: &Value| user["consumes"].as_array().is_some_and(|all| !all.is_empty());
    let users: Vec<Value> = serde_json::from_str(&server.ok("user list --json")).unwrap();
    let groups: Vec<Value> = serde_json::from_str(&server.ok("group list --json")).unwrap();
    let size =
        groups.iter().find(|group| group["name"] == "AGENTS").map_or(0, |of| of["size"].as_u64().unwrap());
    (users.iter().filter(|of| user(of)).count() as u64, size)
}

#[test]
fn a_directory_service_is_imported_first_come_first_served_and_a_second_run_goes_on() {
    let Some((server, slapd)) = both() else { return };
    server.ok("role add WFM_AGENT --application WFM");
    server.ok("group add AGENTS");
    server.ok("role assign WFM_AGENT --group AGENTS");
    let with_groups = import(&slapd, "--group-base ou=groups,dc=example,dc=com");

    // First only looked at: five of the forty-five agents have no license left, and are named.
    let tried = server.run(&format!("{with_groups} --dry-run"));
    let (out, err) = (String::from_utf8(tried.stdout).unwrap(), String::from_utf8(tried.stderr).unwrap());
    assert_eq!(tried.status.code(), Some(1), "{out}{err}");
    for line in [
        "+ user user399",
        "+ group OTHERS",
        "! member of group AGENTS: user040: does not fit: 1 more seats of `WFM` are needed and 0 are left",
        "! member of group AGENTS: user044: does not fit",
        "WFM (role): in use 0 -> 40 of 40",
    ] {
        assert!(out.contains(line), "{line}: {out}{err}");
    }
    assert!(err.contains("400 users and 2 groups found") && err.contains("5 changes do not fit"), "{err}");
    assert!(!out.contains("user039: does not fit"), "{out}");
    assert_eq!(server.ok("user list --json"), "[]\n");

    // Without a yes and with nobody to ask nothing is done.
    let asked = server.run(&with_groups);
    assert_eq!(asked.status.code(), Some(2));
    let done = server.run(&format!("{with_groups} --yes"));
    assert_eq!(done.status.code(), Some(1), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(used(&server), (40, 40));
    // Those who manage licenses are told once for a run, and not of each who does not fit.
    let log = std::fs::read_to_string(server.path("log")).unwrap();
    assert_eq!(log.matches("an attempt to use more than was bought was refused").count(), 1, "{log}");
    let user: Value = serde_json::from_str(&server.ok("user show user007 --json")).unwrap();
    assert_eq!(
        (user["mail"].as_str(), user["given_name"].as_str()),
        (Some("user007@example.com"), Some("user007"))
    );
    assert!(user["external_id"].as_str().unwrap().starts_with("ldap:"), "{user}");

    // Two agents go, and the next run has room for two of the five who are left; once all have room nothing is to be done.
    server.ok("user disable user000");
    server.ok("user disable user001");
    server.run(&format!("{with_groups} --yes"));
    assert_eq!(used(&server), (40, 42));
    for number in 2..5 {
        server.ok(&format!("user disable user{number:03}"));
    }
    assert!(server.run(&format!("{with_groups} --yes")).status.success());
    let last = server.run(&format!("{with_groups} --yes"));
    assert!(last.status.success());
    let err = String::from_utf8(last.stderr).unwrap();
    assert!(err.contains("nothing is to be done"), "{err}");
}

#[test]
fn a_user_keeps_the_licenses_under_another_name_and_who_is_gone_is_disabled_when_asked() {
    let Some((server, slapd)) = both() else { return };
    let plain = import(&slapd, "--yes");
    server.ok(&plain);
    server.ok("role add WFM_AGENT --application WFM");
    server.ok("role assign WFM_AGENT --user user010 --user user011");
    slapd.modify(
        "dn: uid=user010,ou=people,dc=example,dc=com\nchangetype: modrdn\nnewrdn: uid=ann.lee\ndeleteoldrdn: 1\n\n\
         dn: uid=user011,ou=people,dc=example,dc=com\nchangetype: delete\n",
    );
    let renamed = server.ok(&plain);
    assert!(renamed.contains("~ user user010: is called ann.lee now"), "{renamed}");
    let user: Value = serde_json::from_str(&server.ok("user show ann.lee --json")).unwrap();
    assert_eq!(user["consumes"][0], "WFM");
    let gone: Value = serde_json::from_str(&server.ok("user show user011 --json")).unwrap();
    assert_eq!(gone["enabled"], true);
    let disabled = server.ok(&format!("{plain} --disable-missing"));
    assert!(disabled.contains("~ user user011: disabled, not found any more"), "{disabled}");
    assert!(disabled.contains("WFM (role): in use 2 -> 1 of 40"), "{disabled}");
    // Made anew there, the user is enabled again here: the same name, and another id.
    slapd.modify(&person("user011").replace("\nobjectClass", "\nchangetype: add\nobjectClass"));
    let back = server.ok(&format!("{plain} --disable-missing"));
    assert!(back.contains("~ user user011: enabled"), "{back}");
}

#[test]
fn accounts_of_active_directory_are_known_by_guid_control_bits_and_the_groups_that_they_name() {
    let Some((server, slapd)) = both() else { return };
    let account = |name: &str, bits: u32, guid: u8| {
        let guid = base64_of(&[guid; 16]);
        format!(
            "dn: cn={name},ou=people,dc=example,dc=com\nchangetype: add\nobjectClass: inetOrgPerson\nobjectClass: principal\n\
             cn: {name}\nsn: {name}\nsAMAccountName: {name}\nuserAccountControl: {bits}\nobjectGUID:: {guid}\n\
             memberOf: cn=OTHERS,ou=groups,dc=example,dc=com\n\n"
        )
    };
    slapd.modify(&(account("ada", 512, 0x80) + &account("off", 514, 0x81)));
    let kind = "--kind active-directory --filter (objectClass=principal) --group-base ou=groups,dc=example,dc=com \
                --group-filter (cn=OTHERS) --yes";
    let first = server.ok(&import(&slapd, kind));
    assert!(first.contains("+ members of group OTHERS: ada") && !first.contains("off"), "{first}");
    let user: Value = serde_json::from_str(&server.ok("user show ada --json")).unwrap();
    assert_eq!(user["external_id"], "ldap:80808080-8080-8080-8080-808080808080");
    slapd.modify(
        "dn: cn=ada,ou=people,dc=example,dc=com\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: 514\n\
         -\ndelete: memberOf\n",
    );
    let second = server.ok(&import(&slapd, kind));
    assert!(
        second.contains("~ user ada: disabled") && second.contains("- members of group OTHERS: ada"),
        "{second}"
    );
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn tls_is_trusted_by_certificate_and_a_password_never_goes_out_in_the_clear() {
    let Some((server, slapd)) = both() else { return };
    std::fs::copy(slapd.certificate(), server.path("ldap.crt")).unwrap();
    let at = |url: &str, more: &str| {
        server.run(&format!(
            "import ldap --url {url} --bind uid=reader,dc=example,dc=com --password-file ldap-password \
             --base ou=people,dc=example,dc=com --page 80 --dry-run {more}"
        ))
    };
    let seen = |output: std::process::Output| {
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (tls, plain) = (slapd.tls_port, slapd.port);
    let (code, text) = seen(at(&format!("ldaps://localhost:{tls}"), "--ca ldap.crt"));
    assert!(code == 0 && text.contains("400 users found"), "{code} {text}");
    let (code, text) = seen(at(&format!("ldap://localhost:{plain}"), "--start-tls --ca ldap.crt"));
    assert!(code == 0 && text.contains("400 users found"), "{code} {text}");
    let (code, text) = seen(at(&format!("ldaps://localhost:{tls}"), "--plain"));
    assert!(code == 5 && text.contains("--ca"), "{code} {text}");
    let (code, text) = seen(at("ldap://ldap.example.com", "--json"));
    assert!(code == 2 && text.contains("in the clear"), "{code} {text}");
    server.write("ldap-password", "wrong\n");
    let (code, text) = seen(at(&format!("ldap://localhost:{plain}"), "--json"));
    assert!(code == 4 && !text.contains("wrong"), "{code} {text}");
    server.write("ldap-password", "\n");
    let (code, text) = seen(at(&format!("ldap://localhost:{plain}"), "--json"));
    assert!(code == 2 && text.contains("the password is empty"), "{code} {text}");
}

#[test]
fn what_is_wrong_is_told_with_what_to_do() {
    let Some((server, slapd)) = both() else { return };
    let run = |more: &str| {
        let output = server.run(&import(&slapd, more));
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, text) = run("--filter (uid=");
    assert!(code == 2 && text.contains("hint:"), "{code} {text}");
    let (code, text) = run("--group-base ou=nowhere,dc=example,dc=com");
    assert!(code == 2 && text.contains("--group-base"), "{code} {text}");
    let output = server.run("import ldap --url ldap://127.0.0.1:1 --base dc=example,dc=com");
    assert_eq!(output.status.code(), Some(5));
    let output = server.run("import ldap people.csv");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(server.ok("user list --json"), "[]\n");
}

/// People whom no single write takes: with such names, it is full after some two thousand.
const CROWD: usize = 3000;

fn crowd() -> String {
    let mut text =
        "dn: ou=people,dc=example,dc=com\nobjectClass: organizationalUnit\nou: people\n\n".to_owned();
    for number in 0..CROWD {
        let (name, long) = (format!("user{number:04}"), "x".repeat(220));
        text += &format!(
            "dn: uid={name},ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name} {long}\n\
             sn: {long}\ngivenName: {long}\nmail: {name}@example.com\n\n"
        );
    }
    text
}

/// How a way ends.
#[derive(Clone, Copy, PartialEq)]
enum End {
    /// Neither the rest nor an end arrives: whoever sent it waits for an answer.
    Silent,
    /// The connection is closed.
    Closed,
}

/// A way to a server that ends after so many bytes, and tells when.
fn way_that_ends(to: u16, bytes: usize, end: End) -> (u16, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, passed) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let (told, ended) = channel();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(("127.0.0.1", to)).unwrap());
            let (mut back, mut from) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ended = std::io::copy(&mut from, &mut back);
                let _closed = back.shutdown(Shutdown::Both);
            });
            let (passed, told) = (passed.clone(), told.clone());
            std::thread::spawn(move || pass(client, server, &passed, (bytes, end), &told));
        }
    });
    (port, ended)
}

fn pass(
    mut client: TcpStream,
    mut server: TcpStream,
    passed: &AtomicUsize,
    (most, end): (usize, End),
    told: &Sender<()>,
) {
    let mut piece = [0; 16 << 10];
    while let Ok(size) = client.read(&mut piece) {
        if size == 0 {
            let _closed = server.shutdown(Shutdown::Write);
            return;
        }
        if passed.fetch_add(size, Ordering::SeqCst) > most {
            let _told = told.send(());
            if end == End::Silent {
                // Its thread is never woken.
                loop {
                    std::thread::park();
                }
            }
            let _closed = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
            return;
        }
        if server.write_all(&piece[..size]).is_err() {
            return;
        }
    }
}

#[test]
fn an_import_that_is_killed_between_its_writes_goes_on_where_it_ended_and_ends_the_same() {
    let Some(slapd) = Slapd::start(&crowd()) else { return };
    let (server, other) = (Server::start(), Server::start());
    let import = import(&slapd, "--yes");
    for server in [&server, &other] {
        server.write("ldap-password", "reading\n");
    }
    let most = grantor_api::limits::CHANGES_BODY + (256 << 10);
    let (port, ended) = way_that_ends(server.port(), most, End::Silent);
    let mut command = server.command(&import);
    let kept = std::fs::read_to_string(server.path("config/grantor/credentials.json")).unwrap();
    let kept: std::collections::BTreeMap<String, String> = serde_json::from_str(&kept).unwrap();
    command.env("GRANTOR_TOKEN", kept.values().next().unwrap());
    let mut killed = command.env("GRANTOR_LICENSE_FILE", format!("{port}@localhost")).spawn().unwrap();
    // What it says is read, or it would wait for that.
    let mut said = killed.stdout.take().unwrap();
    std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    if ended.recv_timeout(std::time::Duration::from_secs(60)).is_err() {
        let _killed = (killed.kill(), killed.wait());
        let mut err = String::new();
        killed.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        unreachable!("the second write did not begin: {err}");
    }
    killed.kill().unwrap();
    assert!(!killed.wait().unwrap().success());
    let users = |server: &Server| server.ok("export").matches("\nuser,user").count();
    let half = users(&server);
    assert!(0 < half && half < CROWD, "{half}");

    let rest = server.run(&import);
    let err = String::from_utf8(rest.stderr).unwrap();
    assert!(rest.status.success(), "{err}");
    other.ok(&import);
    assert_eq!((users(&server), server.ok("export")), (CROWD, other.ok("export")));
    let last = server.run(&import);
    assert!(String::from_utf8(last.stderr).unwrap().contains("nothing is to be done"));
}

#[test]
fn a_directory_service_that_goes_half_way_leaves_everything_as_it_was_and_says_so() {
    let Some((server, slapd)) = both() else { return };
    // Some of the five pages have come by then.
    let (port, ended) = way_that_ends(slapd.port, 450, End::Closed);
    let output =
        server.run(&import(&slapd, "--yes").replace(&format!(":{}", slapd.port), &format!(":{port}")));
    ended.recv_timeout(std::time::Duration::from_secs(10)).unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(5), "{err}");
    assert!(err.contains("hint:"), "{err}");
    assert_eq!(server.ok("user list --json"), "[]\n");
    server.ok(&import(&slapd, "--yes"));
}
