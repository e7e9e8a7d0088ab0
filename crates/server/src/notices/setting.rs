//! `[notices]` of the configuration file: when notices are due and where they go. Opens nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use grantor_site::notices::{BY_MAIL, NoticePlan, NoticeRules};
use grantor_web::{hook, post};
use serde::Deserialize;

/// Most recipients and hooks of one tenant.
const MOST: usize = 20;
/// Days that may be told of, at most.
const MOST_DAYS: u16 = 3650;
/// Seconds that a server may be silent before it counts as lost.
const SILENCE: std::ops::RangeInclusive<u32> = 5..=3600;

/// When notices are due and where they go. The same on all servers: whoever leads goes by its own file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Setting {
    /// Days before a license ends; 1 to 3650.
    pub days_before: BTreeSet<u16>,
    /// Days after it; 0 is the end itself.
    pub days_after: BTreeSet<u16>,
    /// Seconds without a sign of life after which another server is told of as lost; 5 to 3600.
    pub silence_seconds: u32,
    /// How mail goes out, and to whom.
    pub mail: Option<Mail>,
    /// Programs that are told by HTTP POST.
    pub hooks: Vec<Hook>,
    /// What is otherwise for some tenants.
    pub tenants: BTreeMap<String, Tenant>,
}

/// Mail.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Mail {
    /// The server: `smtps://user:password@host`, `smtp://host?tls=required`, `smtp://localhost:25`.
    #[serde(default)]
    pub server: Option<String>,
    /// A file that holds it, where it has a password.
    #[serde(default)]
    pub server_file: Option<PathBuf>,
    /// The sender: `Grantor <licensing@example.com>`.
    pub from: String,
    /// Recipients, beside the tenant's users who have the role `manage-licenses` and an address.
    #[serde(default)]
    pub to: BTreeSet<String>,
}

impl fmt::Debug for Mail {
    /// Without the server, which may have a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("from", &self.from).field("to", &self.to).finish_non_exhaustive()
    }
}

/// A program that is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Hook {
    /// Its name, for messages.
    pub name: String,
    /// `https://…`, or `http://` to this machine.
    pub address: String,
    /// A file with the secret that signs what is told.
    pub secret_file: PathBuf,
}

/// One tenant's notices, as far as they are otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Tenant {
    /// Days before.
    pub days_before: Option<BTreeSet<u16>>,
    /// Days after.
    pub days_after: Option<BTreeSet<u16>>,
    /// Recipients.
    pub to: Option<BTreeSet<String>>,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            days_before: BTreeSet::from([90, 60, 30, 14, 7, 3, 1]),
            days_after: BTreeSet::from([0, 7]),
            silence_seconds: 30,
            mail: None,
            hooks: Vec::new(),
            tenants: BTreeMap::new(),
        }
    }
}

/// The channel to a hook of that name.
pub(super) fn by_hook(name: &str) -> Box<str> {
    format!("hook {name}").into()
}

impl Setting {
    /// Files that it names, to be made absolute.
    pub(crate) fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let hooks = self.hooks.iter_mut().map(|hook| &mut hook.secret_file);
        self.mail.iter_mut().filter_map(|mail| mail.server_file.as_mut()).chain(hooks)
    }

    /// What the site is told of it.
    pub(crate) fn rules(&self) -> NoticeRules {
        let tenants =
            self.tenants.iter().map(|(name, tenant)| (name.as_str().into(), self.plan(Some(tenant))));
        NoticeRules { plan: self.plan(None), tenants: tenants.collect() }
    }

    fn plan(&self, tenant: Option<&Tenant>) -> NoticePlan {
        let own =
            |days: fn(&Tenant) -> &Option<BTreeSet<u16>>| tenant.and_then(|tenant| days(tenant).clone());
        let to = tenant.and_then(|tenant| tenant.to.as_ref()).or(self.mail.as_ref().map(|mail| &mail.to));
        let to = to.into_iter().flatten().filter(|_| self.mail.is_some());
        let mails = to.map(|address| format!("{BY_MAIL}{address}").into_boxed_str());
        NoticePlan {
            before: own(|tenant| &tenant.days_before).unwrap_or_else(|| self.days_before.clone()),
            after: own(|tenant| &tenant.days_after).unwrap_or_else(|| self.days_after.clone()),
            channels: mails.chain(self.hooks.iter().map(|hook| by_hook(&hook.name))).collect(),
            to_managers: self.mail.is_some(),
        }
    }

    /// What makes no sense, each with its key.
    pub(crate) fn nonsense(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let tenants = self.tenants.values();
        let before =
            tenants.clone().filter_map(|tenant| tenant.days_before.as_ref()).chain([&self.days_before]);
        let after = tenants.clone().filter_map(|tenant| tenant.days_after.as_ref()).chain([&self.days_after]);
        if before.flatten().any(|days| *days == 0 || *days > MOST_DAYS) {
            problems.push(format!("days_before: each is 1 to {MOST_DAYS}"));
        }
        if after.flatten().any(|days| *days > MOST_DAYS) {
            problems.push(format!("days_after: each is 0 to {MOST_DAYS}"));
        }
        if !SILENCE.contains(&self.silence_seconds) {
            problems.push(format!("silence_seconds: it may be {} to {}", SILENCE.start(), SILENCE.end()));
        }
        problems.extend(self.wrong_mail());
        problems.extend(self.wrong_hooks());
        problems
    }

    fn wrong_mail(&self) -> Vec<String> {
        let of_tenants = self.tenants.values().filter_map(|tenant| tenant.to.as_ref());
        let lists: Vec<&BTreeSet<String>> = self.mail.iter().map(|mail| &mail.to).chain(of_tenants).collect();
        let mut problems = Vec::new();
        for address in lists.iter().copied().flatten().filter(|address| !post::is_address(address)) {
            problems.push(format!("mail.to: `{address}` is no mail address"));
        }
        if lists.iter().any(|list| list.len() + self.hooks.len() > MOST) {
            problems.push(format!("mail.to: {MOST} recipients and hooks at most\n  hint: write to a list"));
        }
        if self.mail.as_ref().is_some_and(|mail| mail.server.is_some() == mail.server_file.is_some()) {
            problems.push(
                "mail: give `server`, such as \"smtp://localhost:25\", or `server_file` with it".to_owned(),
            );
        }
        if self.mail.is_none() && self.tenants.values().any(|tenant| tenant.to.is_some()) {
            problems.push("tenants: `to` is of no use without `[notices.mail]`".to_owned());
        }
        problems
    }

    fn wrong_hooks(&self) -> Vec<String> {
        let is_twice = |name: &str| self.hooks.iter().filter(|other| other.name == name).nth(1).is_some();
        let problem = |hook: &Hook| match () {
            () if hook.name.is_empty() || hook.name.len() > 50 => {
                Some("hooks: a name has 1 to 50 bytes".to_owned())
            }
            () if is_twice(&hook.name) => Some(format!("hooks: there are two `{}`", hook.name)),
            () if !hook::is_address(&hook.address) => Some(format!(
                "hooks: the address of `{}` begins with https:// and a host, without a name and a password",
                hook.name
            )),
            () => None,
        };
        self.hooks.iter().filter_map(problem).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Setting {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn without_a_word_licenses_are_told_of_in_the_log_on_the_usual_days() {
        let rules = parse("").rules();
        assert_eq!(rules.plan.before, BTreeSet::from([1, 3, 7, 14, 30, 60, 90]));
        assert!(rules.plan.channels.is_empty() && !rules.plan.to_managers && rules.tenants.is_empty());
    }

    #[test]
    fn a_tenant_has_its_own_days_and_recipients_and_the_common_hooks() {
        let rules = parse(
            "days_after = [0]\n[mail]\nserver = \"smtp://localhost:25\"\nfrom = \"g@example.com\"\nto = [\"a@example.com\"]\n\
             [[hooks]]\nname = \"ops\"\naddress = \"https://ops.example.com/\"\nsecret_file = \"s\"\n\
             [tenants.acme]\ndays_before = [5]\nto = [\"b@example.com\"]\n",
        )
        .rules();
        assert_eq!(rules.plan.channels, BTreeSet::from(["mail a@example.com".into(), "hook ops".into()]));
        let acme = &rules.tenants["acme"];
        assert_eq!((&acme.before, &acme.after), (&BTreeSet::from([5]), &BTreeSet::from([0])));
        assert_eq!(acme.channels, BTreeSet::from(["mail b@example.com".into(), "hook ops".into()]));
    }

    #[test]
    fn what_makes_no_sense_is_told_with_its_key_and_all_at_once() {
        let wrong = parse(
            "days_before = [0]\nsilence_seconds = 1\n[mail]\nfrom = \"g@example.com\"\nto = [\"nobody\"]\n\
             [[hooks]]\nname = \"\"\naddress = \"ftp://x\"\nsecret_file = \"s\"\n",
        );
        let problems = wrong.nonsense().join("\n");
        for key in
            ["days_before", "silence_seconds", "mail.to: `nobody`", "mail: give `server`", "hooks: a name"]
        {
            assert!(problems.contains(key), "{key}: {problems}");
        }
    }

    #[test]
    fn a_mail_servers_password_is_in_no_message() {
        let mail =
            parse("[mail]\nserver = \"smtps://u:secret@mail.example.com\"\nfrom = \"g@example.com\"\n");
        assert!(!format!("{mail:?}").contains("secret"));
    }
}
