//! `grantor portal templates`: what the portal's mails say, as files that a publisher changes.

use std::path::Path;

use grantor_portal::mails::{Kind, Templates};

use crate::failure::{At, Exit, Failure};
use crate::output;

/// Writes the templates that are not in the folder yet, and tries those that are.
pub(super) fn run(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).at(folder)?;
    for kind in Kind::ALL {
        let file = folder.join(format!("{}.txt", kind.name()));
        if file.exists() {
            output::error(&format!("{} is there, and stays", file.display()));
        } else {
            std::fs::write(&file, kind.built_in()).at(&file)?;
            output::data(&file.display().to_string());
        }
    }
    Templates::read(folder).map_err(|wrong| {
        Failure::new(Exit::Refused, format!("{}/{wrong}", folder.display()))
            .hint("mend the template, and run this again; to have what is built in, remove the file")
    })?;
    output::error(
        "all of them can be sent; name the folder as `templates` under `[mail]` in the portal's configuration",
    );
    Ok(())
}
