//! Reads users and groups from a directory service, page by page (RFC 2696). What an attribute means is decided here; what
//! becomes of it is not. Sends no password in the clear to another machine unless told to.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};
use ldap3::{LdapConn, LdapConnSettings, LdapError, Scope, SearchEntry};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::super::show;
use crate::cli::{GroupsBy, Ldap, ServiceKind};
use crate::commands::secret;
use crate::failure::{Exit, Failure};
use crate::output;

/// Time for a connection, and for each answer.
const WAIT: Duration = Duration::from_secs(30);
/// Most entries that are read.
const MOST: usize = 1_000_000;
/// The bit of `userAccountControl` that disables an account.
const ACCOUNT_DISABLED: i64 = 2;

/// A user of the directory service.
#[derive(Debug, Default)]
pub(super) struct Person {
    pub(super) dn: String,
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) display: Option<String>,
    pub(super) given: Option<String>,
    pub(super) family: Option<String>,
    pub(super) mail: Option<String>,
    /// `None` = it doesn't say.
    pub(super) is_enabled: Option<bool>,
    /// Names (DN) of groups.
    pub(super) member_of: Vec<String>,
}

/// A group of the directory service.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) dn: String,
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    /// Members by DN or by name.
    pub(super) members: Vec<String>,
}

/// All that was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) people: Vec<Person>,
    /// `None` = groups are not wanted.
    pub(super) groups: Option<Vec<Group>>,
}

/// What attributes are called.
struct Words {
    name: String,
    id: String,
    display: String,
    mail: String,
    enabled: Option<String>,
    locked: Option<String>,
    filter: String,
    group_filter: String,
    by: GroupsBy,
}

impl Words {
    fn of(args: &Ldap) -> Self {
        let is_ad = args.kind == ServiceKind::ActiveDirectory;
        let usual = |given: &Option<String>, ad: &str, other: &str| {
            given.clone().unwrap_or_else(|| if is_ad { ad } else { other }.to_owned())
        };
        let of = &args.attributes;
        let says = of.enabled_attribute.is_some() || of.locked_attribute.is_some();
        let people = ("(&(objectCategory=person)(objectClass=user))", "(objectClass=inetOrgPerson)");
        let groups = (
            "(objectClass=group)",
            "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))",
        );
        Self {
            name: usual(&of.name_attribute, "sAMAccountName", "uid"),
            id: usual(&of.id_attribute, "objectGUID", "entryUUID"),
            display: usual(&of.display_attribute, "displayName", "displayName"),
            mail: usual(&of.mail_attribute, "mail", "mail"),
            enabled: of
                .enabled_attribute
                .clone()
                .or((is_ad && !says).then(|| "userAccountControl".to_owned())),
            locked: of.locked_attribute.clone(),
            filter: usual(&args.filter, people.0, people.1),
            group_filter: usual(&args.groups.group_filter, groups.0, groups.1),
            by: args.groups.groups_by.unwrap_or(if is_ad { GroupsBy::MemberOf } else { GroupsBy::Objects }),
        }
    }

    fn of_people(&self) -> Vec<&str> {
        let mut all = vec![&*self.name, &self.id, &self.display, &self.mail, "givenName", "sn", "cn"];
        all.extend(self.enabled.as_deref().into_iter().chain(self.locked.as_deref()));
        if self.by == GroupsBy::MemberOf {
            all.push("memberOf");
        }
        all
    }
}

/// Reads everything that is wanted.
pub(super) fn read(args: &Ldap) -> Result<Found, Failure> {
    let words = Words::of(args);
    let mut connection = connect(args)?;
    let mut people = Vec::new();
    let search = Search { base: &args.base, filter: &words.filter, page: args.page };
    search.each(&mut connection, words.of_people(), |entry| {
        people.push(person(&entry, &words));
        Ok(())
    })?;
    let groups = match &args.groups.group_base {
        Some(base) => Some(groups(args, base, &words, &mut connection)?),
        None => None,
    };
    let _closed = connection.unbind();
    let of_groups =
        groups.as_ref().map_or_else(String::new, |all| format!(" and {}", show::count(all.len(), "group")));
    output::error(&format!("{}{of_groups} found", show::count(people.len(), "user")));
    Ok(Found { people, groups })
}

fn groups(args: &Ldap, base: &str, words: &Words, connection: &mut LdapConn) -> Result<Vec<Group>, Failure> {
    let mut wanted = vec![&*args.groups.group_name_attribute, &words.id];
    let members = ["member", "uniqueMember", "memberUid"];
    if words.by == GroupsBy::Objects {
        wanted.extend(members);
    }
    let mut groups = Vec::new();
    let search = Search { base, filter: &words.group_filter, page: args.page };
    search.each(connection, wanted, |entry| {
        // Active Directory gives the members of a large group in parts.
        if entry.attrs.keys().any(|name| name.to_lowercase().starts_with("member;range=")) {
            let detail = format!("`{}` has too many members to be read from the group", entry.dn);
            return Err(Failure::new(Exit::Refused, detail).hint("use `--groups-by member-of`"));
        }
        groups.push(Group {
            id: id(&entry, &words.id),
            name: first(&entry, &args.groups.group_name_attribute),
            members: members.iter().flat_map(|name| all(&entry, name)).cloned().collect(),
            dn: entry.dn,
        });
        Ok(())
    })?;
    Ok(groups)
}

/// What is looked for.
struct Search<'a> {
    base: &'a str,
    filter: &'a str,
    page: u16,
}

impl Search<'_> {
    fn each(
        &self,
        connection: &mut LdapConn,
        attributes: Vec<&str>,
        mut take: impl FnMut(SearchEntry) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let failed = |error: LdapError| failure(&format!("looking below `{}`", self.base), &error);
        let adapters: Vec<Box<dyn Adapter<'_, _, _>>> =
            vec![Box::new(EntriesOnly::new()), Box::new(PagedResults::new(i32::from(self.page)))];
        connection.with_timeout(WAIT);
        let mut found = connection
            .streaming_search_with(adapters, self.base, Scope::Subtree, self.filter, attributes)
            .map_err(failed)?;
        let mut count = 0;
        while let Some(entry) = found.next().map_err(failed)? {
            count += 1;
            if count > MOST {
                return Err(Failure::new(Exit::Refused, format!("there are more than {MOST} entries"))
                    .hint("narrow `--base` or `--filter`"));
            }
            take(SearchEntry::construct(entry))?;
        }
        found.result().success().map(drop).map_err(failed)
    }
}

fn failure(what: &str, error: &LdapError) -> Failure {
    let failure = |exit: Exit, hint: &str| Failure::new(exit, format!("{what}: {error}")).hint(hint);
    match error {
        LdapError::LdapResult { result } if matches!(result.rc, 49 | 50) => {
            failure(Exit::NotAllowed, "look at `--bind` and the password, and at what that name may read")
        }
        LdapError::LdapResult { result } if result.rc == 32 => {
            failure(Exit::Usage, "look at `--base` and `--group-base`: there is no such entry")
        }
        LdapError::FilterParsing | LdapError::UrlParsing { .. } | LdapError::UnknownScheme(_) => {
            failure(Exit::Usage, "`grantor import ldap --help` has examples")
        }
        _ => failure(
            Exit::Io,
            "look at `--url`, `--start-tls` and `--ca`; `ldapsearch` of the package ldap-utils tries the same",
        ),
    }
}

fn connect(args: &Ldap) -> Result<LdapConn, Failure> {
    let is_tls = args.start_tls || args.url.starts_with("ldaps://");
    if args.bind.is_some() && !is_tls && !args.plain && !is_near(&args.url) {
        return Err(Failure::new(Exit::Usage, "the password would go over the network in the clear")
            .hint("use `ldaps://` or `--start-tls`; `--plain` sends it all the same"));
    }
    let mut settings = LdapConnSettings::new().set_conn_timeout(WAIT).set_starttls(args.start_tls);
    if is_tls {
        settings = settings.set_config(Arc::new(tls(args.ca.as_deref())?));
    }
    let at = |what: &str| format!("{what} `{}`", args.url);
    let mut connection =
        LdapConn::with_settings(settings, &args.url).map_err(|error| failure(&at("reaching"), &error))?;
    if let Some(name) = &args.bind {
        let password = match &args.password_file {
            Some(file) => secret::first_line(file)?,
            None => secret::ask(
                &format!("password of {name}"),
                "`--password-file` names a file whose first line it is",
            )?,
        };
        // A name without a password signs nobody in, and is no error to the other side (RFC 4513, section 5.1.2).
        if password.is_empty() {
            return Err(Failure::new(Exit::Usage, "the password is empty"));
        }
        connection.with_timeout(WAIT);
        let signed_in = connection.simple_bind(name, &password).and_then(ldap3::LdapResult::success);
        signed_in.map_err(|error| failure(&at(&format!("signing in as `{name}` at")), &error))?;
    }
    Ok(connection)
}

/// Whether nothing leaves this machine.
fn is_near(url: &str) -> bool {
    let host = url.strip_prefix("ldap://").map(|rest| rest.split('/').next().unwrap_or_default());
    let near = |host: &str| ["localhost", "127.0.0.1", "[::1]"].contains(&host);
    url.starts_with("ldapi://")
        || host.is_some_and(|host| near(host) || host.rsplit_once(':').is_some_and(|(host, _)| near(host)))
}

fn tls(ca: Option<&Path>) -> Result<ClientConfig, Failure> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(file) => {
            let bad = |error: &dyn std::fmt::Display| {
                Failure::new(Exit::Usage, format!("`{}`: {error}", file.display()))
            };
            let certificates = CertificateDer::pem_file_iter(file).map_err(|error| bad(&error))?;
            for certificate in certificates {
                roots.add(certificate.map_err(|error| bad(&error))?).map_err(|error| bad(&error))?;
            }
            if roots.is_empty() {
                return Err(bad(&"there is no certificate in it"));
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = versions.map_err(|error| Failure::new(Exit::Io, error))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// The values of an attribute; its name is compared without case.
fn all<'a>(entry: &'a SearchEntry, name: &'a str) -> impl Iterator<Item = &'a String> {
    entry
        .attrs
        .iter()
        .filter(move |(other, _)| other.eq_ignore_ascii_case(name))
        .flat_map(|(_, values)| values)
}

fn first(entry: &SearchEntry, name: &str) -> Option<String> {
    all(entry, name).map(|text| text.trim().to_owned()).find(|text| !text.is_empty())
}

/// An id as text: as it is, or its bytes in hexadecimal; `objectGUID` as it is usually written.
fn id(entry: &SearchEntry, name: &str) -> Option<String> {
    let raw = entry.bin_attrs.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    let raw = raw.and_then(|(_, values)| values.first().cloned());
    let is_guid = name.eq_ignore_ascii_case("objectGUID");
    match raw.or_else(|| all(entry, name).next().filter(|_| is_guid).map(|text| text.as_bytes().to_vec())) {
        Some(bytes) => Some(if is_guid { guid(&bytes) } else { hex(&bytes) }),
        None => first(entry, name),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The first three parts have their lowest byte first.
fn guid(bytes: &[u8]) -> String {
    let Ok([a, b, c, d, e, f, g, h, rest @ ..]) = <[u8; 16]>::try_from(bytes) else { return hex(bytes) };
    let [first, second, third] = [hex(&[d, c, b, a]), hex(&[f, e]), hex(&[h, g])];
    format!("{first}-{second}-{third}-{}-{}", hex(&rest[..2]), hex(&rest[2..]))
}

fn person(entry: &SearchEntry, words: &Words) -> Person {
    let is_no = |text: &str| matches!(&*text.to_lowercase(), "false" | "0" | "no");
    let enabled = words.enabled.as_deref().map(|name| {
        let said = first(entry, name);
        match (name.eq_ignore_ascii_case("userAccountControl"), said) {
            (true, Some(bits)) => bits.parse::<i64>().is_ok_and(|bits| bits & ACCOUNT_DISABLED == 0),
            (_, said) => !said.is_some_and(|text| is_no(&text)),
        }
    });
    let locked = words.locked.as_deref().map(|name| first(entry, name).is_none_or(|text| is_no(&text)));
    Person {
        dn: entry.dn.clone(),
        id: id(entry, &words.id),
        name: first(entry, &words.name),
        display: first(entry, &words.display).or_else(|| first(entry, "cn")),
        given: first(entry, "givenName"),
        family: first(entry, "sn"),
        mail: first(entry, &words.mail),
        is_enabled: enabled.or(locked),
        member_of: all(entry, "memberOf").cloned().collect(),
    }
}

#[cfg(test)]
mod tests;
