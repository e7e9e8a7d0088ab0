//! An expansion in plain text: what it comes to, and why.

use crate::expand::{Expansion, TechnicalLine};

impl Expansion {
    /// The whole expansion for people: a line for each technical license, its reasons indented below it, warnings
    /// last. Ends with a line end.
    #[must_use]
    pub fn explain(&self) -> String {
        let rows: Vec<[String; 4]> = self.lines.iter().map(row).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths = [width(0), width(1), width(2)];
        let plural = if self.lines.len() == 1 { "" } else { "s" };
        let mut text = format!("{}: {} technical license{plural}\n", self.publisher, self.lines.len());
        for (line, row) in self.lines.iter().zip(&rows) {
            let [feature, version, count, rest] = row;
            let [first, second, third] = widths;
            let head = format!("  {feature:first$}  {version:<second$}  {count:>third$}  {rest}");
            text.push_str(head.trim_end());
            text.push('\n');
            for reason in &line.why {
                text.push_str(&format!("      {}\n", reason.text));
            }
        }
        for warning in &self.warnings {
            text.push_str(&format!("warning: {warning}\n"));
        }
        text
    }
}

/// Feature, version, count and the rest of a line.
fn row(line: &TechnicalLine) -> [String; 4] {
    let count = if line.count == 0 { "-".to_owned() } else { line.count.to_string() };
    let mut rest = line.model.word().to_owned();
    if let Some(seconds) = line.hold_seconds {
        rest.push_str(&format!(", held for {seconds} s"));
    }
    match line.dup_group.as_deref() {
        Some("V") => rest.push_str(", shared in a redundant pair"),
        Some(group) => rest.push_str(&format!(", shared by equal {group}")),
        None => {}
    }
    [line.feature.clone(), line.version.clone(), count, rest]
}
