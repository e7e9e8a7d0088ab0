//! An account that owns a server and clients, for license types.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "a test's support")]

use grantor_portal::accounts::Account;
use grantor_portal::certifications::enter;
use grantor_portal::files::{Chosen, Machine, Preview, Request, Selection, generate, preview};
use grantor_portal::orders::book;
use grantor_portal::people::{Actor, Person};
use grantor_portal::rights::Role;
use grantor_portal::sites::Site;
use grantor_portal::store::Store;
use grantor_portal::{Failure, Refusal, catalogues, entitlements};

use super::door::person;
use super::{CATALOGUE, NOW, TODAY, acme, order};

pub const SERVER: &str = "SW-001-4.0-SL03";
pub const ADVANCED: &str = "SW-001-4.0-SL09";
pub const CLIENT: &str = "SW-001-4.0-AL02";
pub const SMALL: &str = "SW-001-4.0-IDS1";
pub const LARGE: &str = "SW-001-4.0-IDS2";

/// The reference names an Advanced Server and gives no part number.
pub const WITH_ADVANCED: &str = "\n[[items]]\nname = \"SW-001-4.0-SL09\"\ntitle = \"Advanced Server\"\nunit = \"license\"\n\
    server = true\ndevelopment = \"SW-001-4.0-IDS2\"\nrequired = [\"I3_FEATURE_MEDIA_SERVERS 4.0\"]\n";

pub struct Scene {
    pub store: Store,
    pub account: Account,
    pub site: Site,
}

pub async fn scene(store: Store, lines: &[(&str, u32)]) -> Scene {
    let (account, site) = acme(&store).await;
    let text = format!("{CATALOGUE}{WITH_ADVANCED}");
    catalogues::load(&store, "pureconnect-4", &text, ("ann", NOW + 1)).await.unwrap();
    if !lines.is_empty() {
        book(&store, &order("1", lines), "ann", NOW, 1).await.unwrap();
    }
    Scene { store, account, site }
}

pub fn selection(license_type: &str, items: &[(&str, u32)]) -> Selection {
    let chosen = |&(part, quantity): &(&str, u32)| Chosen { part: part.to_owned(), quantity, pooled: 0 };
    Selection {
        catalogue: "pureconnect-4".to_owned(),
        license_type: license_type.to_owned(),
        machine: Machine { host_id: "0050569a1b2c".to_owned(), name: "testing".to_owned() },
        switchover: None,
        system_type: String::new(),
        mail_connector: String::new(),
        registration_key: None,
        items: items.iter().map(chosen).collect(),
    }
}

impl Scene {
    pub fn request<'a>(&'a self, selection: &'a Selection, by: Actor<'a>) -> Request<'a> {
        Request {
            account: &self.account,
            site: &self.site,
            selection,
            replaces: None,
            by,
            at: NOW,
            today: TODAY.parse().unwrap(),
        }
    }

    pub async fn generate(
        &self,
        key: &str,
        license_type: &str,
        items: &[(&str, u32)],
    ) -> Result<String, Failure> {
        let selection = selection(license_type, items);
        generate(&self.store, &self.request(&selection, Actor::House("bob")), key).await
    }

    pub async fn preview(&self, license_type: &str, items: &[(&str, u32)]) -> Result<Preview, Failure> {
        let selection = selection(license_type, items);
        preview(&self.store, &self.request(&selection, Actor::House("bob"))).await
    }

    pub async fn preview_by(
        &self,
        by: &Person,
        license_type: &str,
        items: &[(&str, u32)],
    ) -> Result<Preview, Failure> {
        let selection = selection(license_type, items);
        preview(&self.store, &self.request(&selection, Actor::Person(by))).await
    }

    pub async fn used(&self) -> u64 {
        let all = entitlements::balances(self.store.read(), self.account.id, None, TODAY).await.unwrap();
        all.iter().map(|one| one.used).sum()
    }

    /// Somebody of the account or of the publisher, with a certification.
    pub async fn certified(&self, mail: &str, role: Role) -> Person {
        let account = (!role.is_staff()).then_some("ACME");
        let person = person(&self.store, mail, &[role], account).await;
        enter(&self.store, &person, "pureconnect-4", "2030-01-01", ("ann", NOW)).await.unwrap();
        person
    }
}

pub fn refusal<T: std::fmt::Debug>(result: Result<T, Failure>) -> Refusal {
    match result.unwrap_err() {
        Failure::Refused(refusal) => refusal,
        Failure::Database(error) => panic!("{error}"),
    }
}
