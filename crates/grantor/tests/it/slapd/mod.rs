//! A directory service of the test's own: Debian's slapd in a folder, on free ports, with a certificate for localhost.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    unreachable_pub,
    reason = "for tests"
)]

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Nobody but the administrator gets more than 100 entries without asking page by page.
const CONFIG: &str = "\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID' SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.2.102 NAME 'memberOf' EQUALITY distinguishedNameMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.12 )
objectclass ( 1.3.6.1.4.1.32473.1.1 NAME 'principal' SUP top AUXILIARY MAY ( sAMAccountName $ objectGUID $ userAccountControl $ memberOf ) )
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile FOLDER/tls.crt
TLSCertificateKeyFile FOLDER/tls.key
database mdb
suffix \"dc=example,dc=com\"
rootdn \"cn=admin,dc=example,dc=com\"
rootpw writing
directory FOLDER/data
limits users size.soft=100 size.hard=100 size.prtotal=unlimited
access to attrs=userPassword by anonymous auth by * none
access to * by users read
";

const TOP: &str = "\
dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: uid=reader,dc=example,dc=com
objectClass: account
objectClass: simpleSecurityObject
uid: reader
userPassword: reading

";

pub struct Slapd {
    folder: tempfile::TempDir,
    child: Child,
    pub port: u16,
    pub tls_port: u16,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Slapd {
    /// A service with these entries; `None` = there is no slapd on this machine.
    pub fn start(entries: &str) -> Option<Self> {
        if !Path::new("/usr/sbin/slapd").exists() || !Path::new("/usr/bin/ldapmodify").exists() {
            assert!(std::env::var_os("CI").is_none(), "slapd or ldap-utils is missing; ./test installs them");
            eprintln!("skipped: slapd or ldap-utils is missing; ./test installs them");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("data")).unwrap();
        let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(at("tls.crt"), own.cert.pem()).unwrap();
        std::fs::write(at("tls.key"), own.signing_key.serialize_pem()).unwrap();
        std::fs::write(at("slapd.conf"), CONFIG.replace("FOLDER", &folder.path().display().to_string()))
            .unwrap();
        std::fs::write(at("entries.ldif"), format!("{TOP}{entries}")).unwrap();
        let mut command = Command::new("/usr/sbin/slapadd");
        let added = command.arg("-q").arg("-f").arg(at("slapd.conf"));
        let added = added.arg("-l").arg(at("entries.ldif")).output().unwrap();
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
        let (port, tls_port) = (free_port(), free_port());
        let log = std::fs::File::create(at("log")).unwrap();
        let urls = format!("ldap://127.0.0.1:{port} ldaps://127.0.0.1:{tls_port}");
        let mut command = Command::new("/usr/sbin/slapd");
        let command = command.arg("-f").arg(at("slapd.conf")).args(["-d", "0", "-h", &urls]);
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut slapd = Self { folder, child, port, tls_port };
        slapd.wait();
        Some(slapd)
    }

    fn wait(&mut self) {
        let end = Instant::now() + Duration::from_secs(30);
        let answers = |port: u16| TcpStream::connect(("127.0.0.1", port)).is_ok();
        while !(answers(self.port) && answers(self.tls_port)) {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(self.child.try_wait().unwrap().is_none(), "slapd ended: {log}");
            assert!(Instant::now() < end, "slapd does not answer: {log}");
            std::thread::yield_now();
        }
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("tls.crt")
    }

    /// Has changes in LDIF carried out by the service's own administrator.
    pub fn modify(&self, ldif: &str) {
        let mut command = Command::new("/usr/bin/ldapmodify");
        command.args(["-x", "-D", "cn=admin,dc=example,dc=com", "-w", "writing"]);
        command.args(["-H", &format!("ldap://127.0.0.1:{}", self.port)]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(ldif.as_bytes()).unwrap();
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
