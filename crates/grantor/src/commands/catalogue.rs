//! `grantor catalogue`: the catalogues that are built in and those in files; what an order expands to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use grantor_catalogue::{Catalogue, Expansion, Order, Problem};

use crate::cli;
use crate::failure::{At, Exit, Failure};
use crate::output;

/// The catalogues that every `grantor` carries.
pub(crate) const BUILT_IN: &[(&str, &str)] = &[
    ("eleveo.toml", include_str!("../../../../catalogues/eleveo.toml")),
    ("genesys-8.toml", include_str!("../../../../catalogues/genesys-8.toml")),
    ("pureconnect-4.toml", include_str!("../../../../catalogues/pureconnect-4.toml")),
    ("wfo.toml", include_str!("../../../../catalogues/wfo.toml")),
];

/// Runs `grantor catalogue …`.
pub(crate) fn run(command: &cli::Catalogue) -> Result<ExitCode, Failure> {
    match command {
        cli::Catalogue::Check { files } => check(files),
        cli::Catalogue::Explain { order, catalogue, json } => explain(order, catalogue, *json),
        cli::Catalogue::List { name } => list(name.as_deref()),
    }
}

fn refused(problems: &[Problem]) -> Failure {
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    output::error(&texts.join("\n"));
    let plural = if problems.len() == 1 { "problem" } else { "problems" };
    Failure::new(Exit::Usage, format!("{} {plural}", problems.len()))
}

fn check(files: &[PathBuf]) -> Result<ExitCode, Failure> {
    let texts: Vec<(String, String)> = if files.is_empty() {
        BUILT_IN.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    } else {
        files
            .iter()
            .map(|path| Ok((path.display().to_string(), std::fs::read_to_string(path).at(path)?)))
            .collect::<Result<_, Failure>>()?
    };
    let mut problems = Vec::new();
    for (name, text) in &texts {
        match Catalogue::parse(name, text) {
            Ok(catalogue) => output::data(&format!(
                "{name}: good, {} sellable items, {} technical licenses",
                catalogue.items.len(),
                catalogue.technical_licenses.len()
            )),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(ExitCode::SUCCESS) } else { Err(refused(&problems)) }
}

/// The built-in catalogues and those in `files`, by name.
fn read(files: &[PathBuf]) -> Result<BTreeMap<String, Catalogue>, Failure> {
    let mut all = BTreeMap::new();
    for (name, text) in BUILT_IN {
        let catalogue = Catalogue::parse(name, text).map_err(|problems| refused(&problems))?;
        all.insert(catalogue.name.clone(), catalogue);
    }
    for path in files {
        let text = std::fs::read_to_string(path).at(path)?;
        let catalogue =
            Catalogue::parse(&path.display().to_string(), &text).map_err(|problems| refused(&problems))?;
        all.insert(catalogue.name.clone(), catalogue);
    }
    Ok(all)
}

/// Reads an order.
pub(crate) fn read_order(path: &Path) -> Result<Order, Failure> {
    let text = std::fs::read_to_string(path).at(path)?;
    Order::parse(&path.display().to_string(), &text).map_err(|problems| refused(&problems))
}

/// What an order expands to, by publisher.
pub(crate) fn expand(order: &Order, files: &[PathBuf]) -> Result<Vec<Expansion>, Failure> {
    grantor_catalogue::expand(order, &read(files)?).map_err(|problems| refused(&problems))
}

fn explain(order: &Path, files: &[PathBuf], json: bool) -> Result<ExitCode, Failure> {
    let expansions = expand(&read_order(order)?, files)?;
    if json {
        output::data(&serde_json::to_string(&expansions).unwrap_or_default());
    } else {
        expansions.iter().for_each(|expansion| output::raw(&expansion.explain()));
    }
    Ok(ExitCode::SUCCESS)
}

fn list(name: Option<&str>) -> Result<ExitCode, Failure> {
    let all = read(&[])?;
    let Some(name) = name else {
        all.values().for_each(|catalogue| {
            output::data(&format!(
                "{:16} {} ({} items)",
                catalogue.name,
                catalogue.title,
                catalogue.items.len()
            ))
        });
        return Ok(ExitCode::SUCCESS);
    };
    let near = || {
        grantor_license::nearest(name, all.keys().map(String::as_str)).map_or_else(
            || "`grantor catalogue list` names them".to_owned(),
            |near| format!("did you mean `{near}`?"),
        )
    };
    let catalogue = all
        .get(name)
        .ok_or_else(|| Failure::new(Exit::Usage, format!("there is no catalogue `{name}`")).hint(near()))?;
    catalogue.list().iter().for_each(|item| output::data(&item.full_name()));
    Ok(ExitCode::SUCCESS)
}
