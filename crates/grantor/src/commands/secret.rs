//! Passphrases and PINs, from a file or asked for at the terminal; never shown. May not keep them longer than the command runs.

use std::path::Path;

use crate::failure::{At, Exit, Failure};

/// Characters of a passphrase, at least (reliability reference §4.1).
const SHORTEST: usize = 15;

/// The first line of a file that holds a secret.
pub(crate) fn first_line(path: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path).at(path)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Asks at the terminal, without showing what is typed; `instead` says how it is given where there is no terminal.
pub(crate) fn ask(what: &str, instead: &str) -> Result<String, Failure> {
    rpassword::prompt_password(format!("{what}: ")).map_err(|error| {
        Failure::new(Exit::Usage, format!("there is no terminal to ask for the {what}: {error}"))
            .hint(instead)
    })
}

/// A passphrase from the file, or asked for with `prompt`; twice where it is new.
pub(crate) fn passphrase(prompt: &str, file: Option<&Path>, is_new: bool) -> Result<String, Failure> {
    let passphrase = match file {
        Some(path) => first_line(path)?,
        None => ask(prompt, "`--passphrase-file` names a file whose first line it is")?,
    };
    if is_new && passphrase.chars().count() < SHORTEST {
        return Err(Failure::new(Exit::Usage, format!("a passphrase has at least {SHORTEST} characters"))
            .hint("several words that nobody guesses are easier to keep in mind than signs"));
    }
    if is_new && file.is_none() && rpassword::prompt_password("again: ")? != passphrase {
        return Err(Failure::new(Exit::Usage, "the two passphrases differ"));
    }
    Ok(passphrase)
}
