//! `grantor license`: look at, verify, check, compare and combine license files. The rules are the `license` crate's.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use grantor_license::{Admission, Body, Document, Expiry, LineState, RefusedLine, Statement, Trust};

use crate::cli::{License, TrustArgs};
use crate::commands::keys::today;
use crate::failure::{At, Exit, Failure};
use crate::output;

/// Runs `grantor license …`.
pub(crate) fn run(command: &License) -> Result<ExitCode, Failure> {
    match command {
        License::Show { files, json } => show(files, *json),
        License::Verify { files, trust } => verify(files, &self::trust(&trust.root)?),
        License::Check { files, trust } => check(files, trust),
        License::Diff { old, new, json } => diff(old, new, *json),
        License::Combine { files, output } => combine(files, output.as_deref()),
        License::Report(args) => super::reported::run(args),
    }
}

/// Reads license files and tells of every problem.
fn read(files: &[PathBuf]) -> Result<(Vec<Document>, bool), Failure> {
    let mut documents = Vec::new();
    let mut errors = false;
    for path in files {
        let parsed = grantor_license::parse(&path.display().to_string(), &std::fs::read(path).at(path)?);
        parsed.problems.iter().for_each(|problem| output::error(&problem.to_string()));
        errors |= parsed.has_errors();
        documents.push(parsed.document);
    }
    Ok((documents, errors))
}

fn code(errors: bool) -> ExitCode {
    if errors { ExitCode::from(Exit::Refused as u8) } else { ExitCode::SUCCESS }
}

fn show(files: &[PathBuf], json: bool) -> Result<ExitCode, Failure> {
    let (documents, errors) = read(files)?;
    let rows: Vec<Row> = documents.iter().flat_map(Document::statements).filter_map(Row::of).collect();
    if json {
        output::data(&serde_json::to_string(&rows).unwrap_or_default());
        return Ok(code(errors));
    }
    documents.iter().flat_map(Document::statements).filter_map(order).for_each(|order| output::data(&order));
    table(&rows);
    output::error("hint: nothing is verified here; `grantor license verify` checks signatures");
    Ok(code(errors))
}

/// A `LICENSE` line for people.
fn order(statement: &Statement) -> Option<String> {
    let Body::License(line) = &statement.body else { return None };
    let state = format!("{:?}", line.state).to_lowercase();
    let issued = grantor_license::format_date(line.issued);
    Some(format!(
        "{}: {}, {}; {}; {}; {state}, issued {issued}\n",
        line.lrn, line.customer, line.site, line.product, line.license_type
    ))
}

/// A capacity-bearing line as the table shows it.
#[derive(serde::Serialize)]
struct Row {
    keyword: String,
    feature: String,
    version: String,
    count: String,
    expires: String,
    publisher: String,
    lrn: String,
}

impl Row {
    fn of(statement: &Statement) -> Option<Self> {
        let capacity = statement.capacity()?;
        Some(Self {
            keyword: statement.keyword.clone(),
            feature: capacity.feature.clone(),
            version: capacity.version.as_ref().map(ToString::to_string).unwrap_or_default(),
            count: match capacity.count {
                grantor_license::Count::Uncounted => "uncounted".to_owned(),
                grantor_license::Count::Counted(count) => count.to_string(),
            },
            expires: match capacity.expiry {
                None => String::new(),
                Some(Expiry::Permanent) => "permanent".to_owned(),
                Some(Expiry::On(day)) => grantor_license::format_date(day),
            },
            publisher: capacity.vendor.clone(),
            lrn: statement.lrn().unwrap_or_default().to_owned(),
        })
    }

    fn cells(&self) -> [&str; 7] {
        [&self.keyword, &self.feature, &self.version, &self.count, &self.expires, &self.publisher, &self.lrn]
    }
}

fn table(rows: &[Row]) {
    let head = ["", "Feature", "Version", "Count", "Expires", "Publisher", "LRN"];
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.cells().get(column).map(|cell| cell.chars().count()));
        cells.chain(head.get(column).map(|cell| cell.len())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: &[&str]| {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        output::data(padded.join("  ").trim_end());
    };
    line(&head);
    rows.iter().for_each(|row| line(&row.cells()));
}

/// The trust that `--root PUBLISHER=KEY` words stand for.
pub(crate) fn trust(roots: &[String]) -> Result<Trust, Failure> {
    let mut trust = Trust::new();
    for word in roots {
        let (publisher, key) = root(word)?;
        trust.add_root(&publisher, &key).map_err(|error| bad_root(word, &error.to_string()))?;
    }
    Ok(trust)
}

/// Publisher and public key of one `--root PUBLISHER=KEY`.
pub(crate) fn root(word: &str) -> Result<(String, String), Failure> {
    let (publisher, key) = word.split_once('=').ok_or_else(|| bad_root(word, "there is no `=`"))?;
    let file = Path::new(key);
    let key = if file.exists() { std::fs::read_to_string(file).at(file)? } else { key.to_owned() };
    Ok((publisher.to_owned(), key.trim().to_owned()))
}

fn bad_root(word: &str, what: &str) -> Failure {
    Failure::new(Exit::Usage, format!("--root {word}: {what}"))
        .hint("`PUBLISHER=KEY`, the key in base64 or the path of `root.pub`")
}

fn verify(files: &[PathBuf], trust: &Trust) -> Result<ExitCode, Failure> {
    let (documents, mut errors) = read(files)?;
    for document in &documents {
        for (index, state) in grantor_license::verify(document, trust) {
            let Some(statement) = document.statements().get(index) else { continue };
            let what =
                format!("{}:{}: {} {}", document.name(), statement.line, statement.keyword, statement.name());
            let good = state == LineState::Valid;
            errors |= !good;
            if good {
                output::data(&format!("{what}: valid"));
            } else {
                output::data(&format!("{what}: {}", state.message()));
                state.hint().iter().for_each(|hint| output::error(&format!("  hint: {hint}")));
            }
        }
    }
    Ok(code(errors))
}

fn check(files: &[PathBuf], args: &TrustArgs) -> Result<ExitCode, Failure> {
    let (documents, errors) = read(files)?;
    let machine = grantor_server::hostid::machine();
    let admission = grantor_license::admit(&documents, &trust(&args.root)?, &machine, today());
    Ok(code(tell(&documents, &admission) || errors))
}

/// What of the files a server on this machine would load, and why not the rest. Whether anything is amiss.
fn tell(documents: &[Document], admission: &Admission) -> bool {
    let name = |file: u32| documents.get(file as usize).map(Document::name).unwrap_or_default();
    for admitted in &admission.offers {
        let offer = &admitted.offer;
        let state =
            if admitted.state == LineState::Valid { "in force".to_owned() } else { admitted.state.message() };
        output::data(&format!(
            "{}:{}: {} {}: {state}",
            name(offer.file),
            offer.line,
            offer.feature,
            offer.version
        ));
    }
    for refused in &admission.refused {
        let weight = if is_harmless(refused) { "warning" } else { "error" };
        output::error(&format!(
            "{}:{}: {weight}: {}: {}",
            refused.file, refused.line, refused.feature, refused.message
        ));
        refused.hint.iter().for_each(|hint| output::error(&format!("  hint: {hint}")));
    }
    let useless = admission.without_effect();
    for (offer, why) in &useless {
        output::error(&format!("{}:{}: warning: {}: {why}", name(offer.file), offer.line, offer.feature));
    }
    let in_force = |state| matches!(state, LineState::Valid | LineState::Inactive { .. });
    let now =
        admission.offers.iter().filter(|admitted| in_force(admitted.state)).count() - useless_now(admission);
    let (later, refused) = (admission.offers.len() - now, admission.refused.len());
    output::error(&format!("lines in force: {now}, without effect today: {later}, refused: {refused}"));
    !useless.is_empty() || !admission.refused.iter().all(is_harmless)
}

/// A line that is loaded already counts once and hurts nobody.
fn is_harmless(refused: &RefusedLine) -> bool {
    refused.state == LineState::Duplicate
}

/// Lines in force that others stand in the way of.
fn useless_now(admission: &Admission) -> usize {
    admission.without_effect().iter().filter(|(_, why)| *why != "expired").count()
}

fn diff(old: &Path, new: &Path, json: bool) -> Result<ExitCode, Failure> {
    let (documents, errors) = read(&[old.to_owned(), new.to_owned()])?;
    let [old, new] = documents.as_slice() else { return Ok(code(errors)) };
    let changes = grantor_license::diff(old, new);
    if json {
        output::data(&serde_json::to_string(&changes).unwrap_or_default());
    } else {
        changes.iter().for_each(|change| output::data(&change.to_string()));
        if changes.is_empty() {
            output::error("no difference in what the files grant");
        }
    }
    Ok(code(errors))
}

fn combine(files: &[PathBuf], to: Option<&Path>) -> Result<ExitCode, Failure> {
    let (documents, errors) = read(files)?;
    let combined = grantor_license::combine(&documents).map_err(|problems| {
        problems.iter().for_each(|problem| output::error(&problem.to_string()));
        Failure::new(Exit::Refused, "the files can't be combined")
            .hint("only files for the same host ids can")
    })?;
    write(to, &combined)?;
    Ok(code(errors))
}

/// Writes a license file where it was asked for.
pub(crate) fn write(to: Option<&Path>, document: &Document) -> Result<(), Failure> {
    match to {
        Some(path) => {
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                std::fs::create_dir_all(folder).at(folder)?;
            }
            std::fs::write(path, document.to_bytes()).at(path)
        }
        None => {
            output::raw(&String::from_utf8_lossy(&document.to_bytes()));
            Ok(())
        }
    }
}
