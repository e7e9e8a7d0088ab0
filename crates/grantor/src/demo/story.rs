//! What the demo says as it goes along: headings, the order and its files, the comparison, the summary. Starts no process.

use std::path::Path;
use std::time::{Duration, Instant};

use grantor_api::status::Status;

use super::server::Server;
use super::{ORDER, Publisher, in_use, license};
use crate::failure::{At, Exit, Failure};
use crate::output;

/// Something new begins.
pub(super) fn heading(text: &str) {
    output::raw(&format!("\n== {text}\n\n"));
}

/// Books the order and makes keys for each publisher in it.
pub(super) fn keys(folder: &Path) -> Result<Vec<Publisher>, Failure> {
    heading("An order, and what it expands to");
    let path = folder.join("order.toml");
    std::fs::write(&path, ORDER).at(&path)?;
    let (_, expansions) = super::expansions(folder)?;
    expansions.iter().for_each(|expansion| output::raw(&expansion.explain()));
    expansions.iter().map(|expansion| Publisher::new(folder, &expansion.publisher)).collect()
}

/// Issues a license file for each publisher, shows the first, and looks at all of them as a server would.
pub(super) fn files(folder: &Path, publishers: &[Publisher]) -> Result<(), Failure> {
    heading("The signed license files");
    let mut trust = grantor_license::Trust::new();
    for publisher in publishers {
        trust
            .add_root(&publisher.name, &publisher.root_key)
            .map_err(|error| Failure::new(Exit::Io, error))?;
        let document = license(folder, publisher)?;
        let path = folder.join("licenses").join(format!("{}.lic", publisher.name));
        std::fs::write(&path, document.to_bytes()).at(&path)?;
        let valid = grantor_license::verify(&document, &trust)
            .iter()
            .filter(|(_, state)| *state == grantor_license::LineState::Valid)
            .count();
        output::data(&format!("{}: {valid} signed lines, all verified", path.display()));
        if publisher.name == publishers.first().map(|first| first.name.as_str()).unwrap_or_default() {
            excerpt(&String::from_utf8_lossy(&document.to_bytes()));
        }
    }
    Ok(())
}

fn excerpt(text: &str) {
    let shown = 16;
    text.lines().take(shown).for_each(|line| output::data(&format!("  {line}")));
    let more = text.lines().count().saturating_sub(shown);
    output::data(&format!("  … and {more} lines more"));
}

/// Waits until the applications have done what they do at the start: the picture no longer changes.
pub(super) fn until_settled(server: &Server) -> Result<Status, Failure> {
    let end = Instant::now() + Duration::from_secs(20);
    let mut last = server.status()?;
    let mut since = Instant::now();
    loop {
        std::thread::sleep(Duration::from_millis(200));
        let status = server.status()?;
        if in_use(&status) != in_use(&last)
            || status.sessions != last.sessions
            || status.violations.len() != last.violations.len()
        {
            (last, since) = (status, Instant::now());
        } else if since.elapsed() > Duration::from_secs(2) || Instant::now() > end {
            return Ok(status);
        }
    }
}

/// Everything must be as it was.
pub(super) fn compare(before: &Status, after: &Status) -> Result<(), Failure> {
    let same =
        in_use(before) == in_use(after) && before.sessions == after.sessions && before.grants == after.grants;
    if !same {
        return Err(Failure::new(Exit::Refused, "the state after the kill differs from the state before")
            .hint("please report this"));
    }
    output::data(&format!(
        "{} sessions and {} grants are there, as they were.",
        after.sessions, after.grants
    ));
    Ok(())
}

/// How it ended: who got seats, who was refused, what became of the one that crashed.
pub(super) fn summary(told: &[String], crashed: Duration, status: &Status, took: Duration) {
    heading("In short");
    let count = |word: &str| told.iter().filter(|line| line.contains(word)).count();
    let seats: u32 = status.features.iter().map(|feature| feature.in_use).sum();
    output::data(&format!(
        "{} applications hold seats, {} were refused with a reason.",
        count(" holds "),
        count(" refused: ")
    ));
    output::data(&format!(
        "One crashed while it held a seat; the server noticed after {:.1} s. Its callback license stays out for its hour.",
        crashed.as_secs_f64()
    ));
    output::data(&format!(
        "{} features, {seats} seats out, {} violations stand; all in {:.1} s.",
        status.features.len(),
        status.violations.len(),
        took.as_secs_f64()
    ));
}

/// Commands to try with what the demo leaves behind.
pub(super) fn what_next(folder: &Path, once: bool) {
    let folder = folder.display();
    let next = format!(
        "\n== What next\n\n\
         cd {folder}; . ./env                          # server, certificate and token for the commands below\n\
         grantor server --config grantor.toml &        # the server of the demo, with its state\n\
         grantor stat                                  # use of every feature\n\
         grantor stat -a                               # who holds what, in the shape of lmstat\n\
         grantor checkout tserver_sdn --version 8.0 -- sleep 60\n\
         grantor license show licenses/*.lic\n\
         grantor catalogue explain order.toml\n\n\
         cd portal                                     # the publisher's books; its signer asks for `passphrase`\n\
         grantor portal log                            # everything that was issued and decided\n\
         grantor portal summary ACME\n"
    );
    output::raw(&next);
    if !once {
        output::raw("\nThe user guide in docs/ goes on from here.\n");
    }
}
