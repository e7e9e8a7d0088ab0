//! A license file of one line: what a grant is shown to derive from, so that an application can check it against
//! the root key built into it. May not know the machine: the server that granted has checked that.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::civil::Date;

use crate::admit::judge;
use crate::attributes::quoted;
use crate::document::{Document, parse};
use crate::keys::Trust;
use crate::offer::Offer;
use crate::statement::Statement;
use crate::verify::LineState;

/// Puts together what the line needs to be verified: host ids, certificates, its license.
pub(crate) fn text(doc: &Document, keys: &[&str], license: &Statement, line: &Statement) -> String {
    let mut text = String::new();
    for server in doc.statements().iter().filter(|statement| statement.keyword == "SERVER") {
        if let Some(id) = server.positionals.get(1) {
            // The host's name is the administrator's and proves nothing.
            let _ = writeln!(text, "SERVER this_host {}", quoted(id));
        }
    }
    for key in keys.iter().collect::<BTreeSet<_>>() {
        let _ = writeln!(text, "{key}");
    }
    let _ = writeln!(text, "{}\n{}", license.to_line(), as_written(doc, line));
    text
}

/// The line as it stands in the file, since not every value of a foreign attribute can be written anew; without what is
/// not UTF-8, it is.
fn as_written(doc: &Document, line: &Statement) -> String {
    let bytes = doc.bytes().get(line.start..line.words_end);
    bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()).map_or_else(|| line.to_line(), str::to_owned)
}

/// Stands between the proofs of several lines that make a pool together. A comment to every reader of license files.
const AND: &str = "# and\n";

/// One proof of several: of the package and the line that enables it, of the upgrade and the line that it is made from.
#[must_use]
pub fn join_proofs<'a>(proofs: impl IntoIterator<Item = &'a str>) -> String {
    proofs.into_iter().collect::<Vec<_>>().join(AND)
}

/// Reads the proof of a grant and checks it: signatures, certificates, licenses and dates. Gives what its lines offer;
/// [`crate::pools`] says what they make together.
///
/// # Errors
/// The state of the first line that does not grant today.
pub fn verify_proof(proof: &str, trust: &Trust, today: Date) -> Result<Vec<Offer>, LineState> {
    // What can't be read is refused below like any other line; problems of a whole file are not a proof's.
    let documents: Vec<Document> =
        proof.split(AND).map(|part| parse("proof", part.as_bytes()).document).collect();
    let admission = judge(&documents, trust, None, today);
    if let Some(refused) = admission.refused.last() {
        return Err(refused.state);
    }
    if admission.offers.len() != documents.len() {
        return Err(LineState::Malformed);
    }
    admission.offers.into_iter().map(|admitted| in_force(admitted.state).map(|()| admitted.offer)).collect()
}

fn in_force(state: LineState) -> Result<(), LineState> {
    match state {
        LineState::Valid | LineState::Inactive { .. } => Ok(()),
        state => Err(state),
    }
}
