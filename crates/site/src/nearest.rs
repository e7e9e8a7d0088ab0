//! The names nearest to one that was mistyped. Pure text; knows no features.

use std::sync::Arc;

/// Most names that are offered.
const OFFERED: usize = 5;

/// The nearest of `names` to `asked`, best first; only those that a slip of the keyboard could explain.
pub(crate) fn names<'a>(asked: &str, names: impl Iterator<Item = &'a Arc<str>>) -> Vec<Arc<str>> {
    let asked = asked.to_lowercase();
    let tolerance = (asked.chars().count() / 4).clamp(1, 3);
    let mut near: Vec<(usize, &Arc<str>)> = names
        .map(|name| (strsim::osa_distance(&asked, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= tolerance || name.to_lowercase().starts_with(&asked))
        .collect();
    near.sort();
    near.into_iter().take(OFFERED).map(|(_, name)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_keyboard_finds_the_name_and_nonsense_finds_none() {
        let known: Vec<Arc<str>> = ["tserver_sdn", "tserver_iscc", "router_seats"].map(Arc::from).to_vec();
        assert_eq!(names("tserver_snd", known.iter()), [Arc::from("tserver_sdn")]);
        assert!(names("zzzzzzzz", known.iter()).is_empty());
    }
}
