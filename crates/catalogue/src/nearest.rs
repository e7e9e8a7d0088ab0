//! The names nearest to a mistyped one, for hints.

/// At most three names within a third of the typed length, nearest first.
pub(crate) fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let typed = simple(typed);
    let limit = typed.chars().count() / 3 + 1;
    let mut near: Vec<(usize, &str)> = names
        .into_iter()
        .map(|name| (distance(&typed, &simple(name)), name))
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    near.sort();
    near.dedup();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

/// "did you mean `a`, `b` or `c`?", or nothing if no name is near.
pub(crate) fn did_you_mean<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let near: Vec<String> = nearest(typed, names).iter().map(|name| format!("`{name}`")).collect();
    let (last, rest) = near.split_last()?;
    let list = if rest.is_empty() { last.clone() } else { format!("{} or {last}", rest.join(", ")) };
    Some(format!("did you mean {list}?"))
}

/// Names joined for a hint: "`a`, `b`".
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Without case, and with every run of other characters than letters and digits as one blank.
fn simple(name: &str) -> String {
    let spaced: String =
        name.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Insertions, deletions and replacements from one to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, letter) in from.chars().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (column, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spacing_and_case_do_not_count() {
        let names = ["Genesys CIM Platform - MS", "Genesys CIM Platform - SS"];
        assert_eq!(nearest("genesys cim platform-ms", names), names);
    }

    #[test]
    fn a_name_far_from_all_has_no_hint() {
        assert_eq!(did_you_mean("quantum", ["seat", "port"]), None);
    }

    #[test]
    fn the_nearest_name_is_asked_for_first() {
        let hint = did_you_mean("sate", ["site", "seat", "state"]);
        assert_eq!(hint.as_deref(), Some("did you mean `site`, `state` or `seat`?"));
    }
}
