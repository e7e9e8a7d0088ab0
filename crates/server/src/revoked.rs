//! What a license server remembers of revoked keys: the `REVOKED` lines of every file it ever read, as a license file of its own
//! in the replicated state, so that all servers know them and no start forgets them. It only grows. May not judge lines: the
//! license crate does.

use std::collections::BTreeSet;
use std::sync::Arc;

use grantor_license::Revocation;
use grantor_site::Site;
use grantor_site::command::LicenseFile;
use sha2::{Digest, Sha256};

/// The file's name; files of the configuration have a slash in theirs, and the API does not take this one.
pub(crate) const NAME: &str = "revoked-keys";

/// The lines that are remembered.
pub(crate) fn remembered(site: &Site) -> String {
    let lines: BTreeSet<&str> =
        site.files().filter(|file| file.name == NAME).flat_map(|file| file.text.lines()).collect();
    lines.into_iter().map(|line| format!("{line}\n")).collect()
}

/// What has to be remembered from now on, and what to tell of it; `None`: it is known already.
pub(crate) fn learned(
    tenant: &Arc<str>,
    remembered: &str,
    found: &[String],
) -> Option<(Arc<LicenseFile>, Vec<String>)> {
    let mut lines: BTreeSet<&str> = remembered.lines().collect();
    let new: Vec<&String> = found.iter().filter(|line| lines.insert(line)).collect();
    if new.is_empty() {
        return None;
    }
    let text: String = lines.into_iter().map(|line| format!("{line}\n")).collect();
    let file = LicenseFile {
        tenant: tenant.clone(),
        name: NAME.to_owned(),
        digest: Sha256::digest(&text).into(),
        text,
        licenses: Vec::new(),
        lines: Vec::new(),
    };
    Some((Arc::new(file), new.into_iter().filter_map(|line| told(line)).collect()))
}

fn told(line: &str) -> Option<String> {
    let revocation = Revocation::parse(line)?;
    Some(format!(
        "{NAME}: warning: key {} of `{}` is revoked: nothing that it signed counts from {} on\n  hint: get files signed anew from the publisher",
        revocation.key(),
        revocation.publisher(),
        revocation.from()
    ))
}
