//! Every file of the shared corpus is read, or refused for the right reason. The corpus is not part of the project:
//! without it the test says so and passes.

use std::path::PathBuf;

use grantor_license::{LineState, Trust, parse, verify};

/// Files that must be refused, and the problems that say why. All others must be read without an error.
const REFUSED: [(&str, &[&str]); 13] = [
    ("licscanner-01-bad", &["unknown-keyword"]),
    ("licscanner-08-bad", &["unexpected-word"]),
    ("licscanner-09-bad", &["missing-field"]),
    ("licscanner-10-bad", &["missing-field"]),
    ("licscanner-11-bad", &["unexpected-word"]),
    ("licscanner-19-bad", &["word-after-keyword"]),
    ("licscanner-21-bad", &["word-after-keyword"]),
    ("licscanner-31-bad", &["repeated-attribute"]),
    ("licscanner-33-bad", &["unexpected-word"]),
    ("licscanner-48-bad", &["open-quote"]),
    // The scanner takes any word for a version; FlexNet itself refuses letters (error -77).
    ("licscanner-50-ok-upgrade", &["bad-version", "bad-version"]),
    // Broken without a backslash, as the guide prints it: see docs, "One statement a line".
    ("guide-p035-feature-increment.lic", &["no-keyword", "no-keyword"]),
    ("options-file-checker-untitled", &["run-on", "truncated"]),
];

fn corpus() -> Option<Vec<PathBuf>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/license");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).ok()?.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    Some(files)
}

#[test]
fn every_file_of_the_corpus_is_read_or_refused_for_the_right_reason() {
    let Some(files) = corpus() else {
        println!("skipped: there is no shared corpus beside the project");
        return;
    };
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(&file).unwrap();
        let parsed = parse(&name, &bytes);
        assert_eq!(parsed.document.to_bytes(), bytes, "{name}");
        let errors: Vec<&str> = parsed.problems.iter().filter(|p| p.is_error()).map(|p| p.code).collect();
        let expected =
            REFUSED.iter().find(|(start, _)| name.starts_with(start)).map_or(&[][..], |(_, codes)| codes);
        assert_eq!(errors, expected, "{name}: {:#?}", parsed.problems);
        assert!(
            parsed.problems.iter().all(|problem| problem.hint.is_some()),
            "{name}: every problem has a hint"
        );
        for (_, state) in verify(&parsed.document, &Trust::new()) {
            let expected = [LineState::Reference, LineState::Unsigned, LineState::Malformed];
            assert!(expected.contains(&state), "{name}: {state:?}");
        }
    }
}
