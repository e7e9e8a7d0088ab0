//! Which license types disconnect, as the files say that are about to be loaded (`DISCONNECT` of their `LICENSE` lines). Decides
//! what the site is told; changes nothing.

use grantor_site::Site;

use crate::loader::Read;

/// What the site has to be told: minutes by license type, `None` where it disconnects no more. A type stops only when no file
/// that stays is of it.
pub(crate) fn changes(site: &Site, read: &Read, remove: &[String]) -> Vec<(String, Option<u32>)> {
    let stays = |name: &String| !remove.contains(name) && read.files.iter().all(|new| new.name != *name);
    let staying = || site.files().filter(|file| stays(&file.name)).flat_map(|file| &file.licenses);
    let is_there =
        |license_type: &str| staying().any(|license| license.license_type.eq_ignore_ascii_case(license_type));
    let differs = |(license_type, minutes): &(&String, &Option<u32>)| {
        site.disconnect_minutes(license_type) != **minutes
            && (minutes.is_some() || !is_there(license_type.as_str()))
    };
    let differing = read.disconnects.iter().filter(differs);
    differing.map(|(license_type, minutes)| (license_type.clone(), *minutes)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use grantor_license::{LicenseInfo, LicenseState};
    use grantor_site::command::{Command, Entry, LicenseFile};
    use grantor_site::{Site, Timestamp};
    use jiff::civil::date;

    use super::*;

    fn file(name: &str, license_type: &str) -> Arc<LicenseFile> {
        let license = LicenseInfo {
            lrn: format!("LRN-{name}"),
            publisher: "acme".to_owned(),
            customer: String::new(),
            site: String::new(),
            license_type: license_type.to_owned(),
            product: String::new(),
            state: LicenseState::Active,
            issued: date(2026, 1, 1),
            expires: None,
            rk: None,
            dies: None,
        };
        Arc::new(LicenseFile {
            tenant: "default".into(),
            name: name.to_owned(),
            digest: [0; 32],
            text: String::new(),
            licenses: vec![license],
            lines: Vec::new(),
        })
    }

    fn read(name: &str, minutes: Option<u32>) -> Read {
        Read {
            files: vec![file(name, "Development")],
            disconnects: BTreeMap::from([("development".to_owned(), minutes)]),
            ..Read::default()
        }
    }

    fn told(site: &mut Site, command: Command) {
        let entry = Entry { at: Timestamp(1), command };
        site.apply(&entry).reply.unwrap();
    }

    #[test]
    fn a_type_disconnects_as_its_files_say_and_stops_when_none_says_so_any_more() {
        let mut site = Site::default();
        assert_eq!(changes(&site, &read("a", None), &[]), []);
        assert_eq!(changes(&site, &read("a", Some(60)), &[]), [("development".to_owned(), Some(60))]);
        let hourly = Command::SetDisconnect { license_type: "development".to_owned(), minutes: Some(60) };
        told(&mut site, hourly);
        told(&mut site, Command::LoadFile(file("a", "Development")));
        assert_eq!(changes(&site, &read("a", Some(60)), &[]), [], "it is told already");
        assert_eq!(changes(&site, &read("a", Some(30)), &[]), [("development".to_owned(), Some(30))]);
        assert_eq!(changes(&site, &read("a", None), &[]), [("development".to_owned(), None)]);
        assert_eq!(changes(&site, &read("b", None), &[]), [], "another file of the type may say so");
        assert_eq!(changes(&site, &read("b", None), &["a".to_owned()]), [("development".to_owned(), None)]);
    }
}
