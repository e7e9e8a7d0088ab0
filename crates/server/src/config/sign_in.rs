//! How people reach the console and sign in: its address, and the providers that vouch for people. Reads; asks nobody.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::Config;

/// The console's pages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Console {
    /// Its address as people reach it, `https://HOST` or `https://HOST:PORT`: for links, passkeys and providers. A server that
    /// stands alone takes its own if left out; several servers need one name for all of them.
    pub address: Option<String>,
}

fn is_address(text: &str) -> bool {
    let host = text.strip_prefix("https://").unwrap_or_default();
    !host.is_empty() && !host.contains(['/', ' ', '@', '?', '#'])
}

/// What can be read but makes no sense.
pub(super) fn nonsense(config: &Config) -> Vec<String> {
    let mut problems = Vec::new();
    if config.console.address.as_ref().is_some_and(|address| !is_address(address)) {
        problems.push(
            "console.address: it begins with `https://` and has no path\n  hint: such as `https://licenses.example.com`"
                .to_owned(),
        );
    }
    if !config.providers.is_empty() && config.console.address.is_none() {
        problems.push(
            "providers: they send people back to `console.address`, and there is none\n  hint: add `[console]` with `address = \"https://HOST:PORT\"`, and register `https://HOST:PORT/sign-in/with/NAME/back` there"
                .to_owned(),
        );
    }
    let mut names = BTreeSet::new();
    for provider in &config.providers {
        let twice =
            (!names.insert(&provider.name)).then(|| format!("{}: there are two of this name", provider.name));
        problems.extend(provider.problem().or(twice).map(|problem| format!("providers: {problem}")));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACME: &str = "[[providers]]\nname = \"acme\"\ntitle = \"Acme\"\nissuer = \"https://login.example.com\"\nclient_id = \"grantor\"\n";

    #[test]
    fn providers_need_the_address_that_people_come_back_to() {
        let error = Config::parse("grantor.toml", ACME).unwrap_err().to_string();
        assert!(error.contains("console.address") && error.contains("hint"), "{error}");
        let whole = format!("[console]\naddress = \"https://lic.example.com\"\n{ACME}");
        assert_eq!(Config::parse("grantor.toml", &whole).unwrap().providers[0].title, "Acme");
        let twice = format!("{whole}{ACME}");
        assert!(Config::parse("grantor.toml", &twice).unwrap_err().to_string().contains("two of this name"));
    }

    #[test]
    fn an_address_has_no_path_and_is_not_in_plain_text() {
        for wrong in ["lic.example.com", "http://lic", "https://", "https://lic/console", "https://a@b"] {
            let text = format!("[console]\naddress = \"{wrong}\"\n");
            assert!(Config::parse("grantor.toml", &text).is_err(), "{wrong}");
        }
    }
}
