//! The house stays in order: only the allowed edges between crates, no long functions, no module without a word on what
//! it is for, and the same bans in every pure crate.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::visit::Visit;

/// What each crate may use of ours (design.md §2 as refined in ARCHITECTURE.md).
const ALLOWED: &[(&str, &[&str])] = &[
    ("grantor-license", &[]),
    ("grantor-catalogue", &[]),
    ("grantor-site", &["grantor-license", "grantor-catalogue"]),
    ("grantor-api", &[]),
    ("grantor-web", &[]),
    (
        "grantor-server",
        &["grantor-license", "grantor-catalogue", "grantor-site", "grantor-api", "grantor-web"],
    ),
    ("grantor-client", &["grantor-license", "grantor-api"]),
    ("grantor-portal", &["grantor-license", "grantor-catalogue", "grantor-web"]),
    (
        "grantor",
        &[
            "grantor-license",
            "grantor-catalogue",
            "grantor-site",
            "grantor-api",
            "grantor-server",
            "grantor-client",
            "grantor-portal",
            "grantor-web",
        ],
    ),
    ("grantor-sim", &["grantor-license", "grantor-site", "grantor-server"]),
    (
        "grantor-bench",
        &[
            "grantor-license",
            "grantor-site",
            "grantor-api",
            "grantor-client",
            "grantor-server",
            "grantor-portal",
            "grantor-web",
        ],
    ),
];

/// Crates that bring a clock, randomness, the network, async or SQL: not for the pure crates.
const NOT_PURE: &[&str] = &[
    "tokio",
    "axum",
    "hyper",
    "ureq",
    "reqwest",
    "rustls",
    "openraft",
    "getrandom",
    "rand",
    "sea-orm",
    "sqlx",
    "futures",
    "tracing",
    "chrono",
    "time",
];
const PURE: &[&str] = &["grantor-license", "grantor-catalogue", "grantor-site"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn direct_dependencies() -> BTreeMap<String, Vec<String>> {
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap();
    let normal = |package: &cargo_metadata::Package| {
        let kept = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind == cargo_metadata::DependencyKind::Normal);
        kept.map(|dependency| dependency.name.clone()).collect()
    };
    metadata.packages.iter().map(|package| (package.name.to_string(), normal(package))).collect()
}

#[test]
fn crates_use_only_what_the_architecture_allows() {
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    for (package, dependencies) in direct_dependencies() {
        let ours = dependencies.iter().filter(|name| name.starts_with("grantor"));
        let may = allowed
            .get(package.as_str())
            .unwrap_or_else(|| panic!("{package} is not in the table of ARCHITECTURE.md"));
        for dependency in ours {
            assert!(may.contains(&dependency.as_str()), "{package} may not use {dependency}");
        }
    }
}

#[test]
fn pure_crates_use_nothing_with_a_clock_randomness_or_io() {
    let dependencies = direct_dependencies();
    for package in PURE {
        let impure = dependencies[*package].iter().find(|name| NOT_PURE.contains(&name.as_str()));
        assert_eq!(impure, None, "{package} is pure");
    }
}

#[test]
fn the_sdk_pulls_in_no_async_runtime() {
    let tree = std::process::Command::new(env!("CARGO"))
        .args(["tree", "-p", "grantor-client", "-e", "normal", "--prefix", "none"])
        .current_dir(root())
        .output()
        .unwrap();
    let tree = String::from_utf8_lossy(&tree.stdout);
    assert!(tree.contains("grantor-client"), "{tree}");
    assert!(!tree.lines().any(|line| line.starts_with("tokio ") || line.starts_with("async-std ")), "{tree}");
}

#[test]
fn pure_crates_repeat_the_bans_of_the_root() {
    let read =
        |path: &str| -> toml::Table { std::fs::read_to_string(root().join(path)).unwrap().parse().unwrap() };
    let root = read("clippy.toml");
    let license = read("crates/license/clippy.toml");
    for (key, value) in &root {
        assert_eq!(license.get(key), Some(value), "crates/license/clippy.toml lacks the root's `{key}`");
    }
    for package in ["catalogue", "site"] {
        assert_eq!(read(&format!("crates/{package}/clippy.toml")), license, "the pure crates ban the same");
    }
    for ban in ["disallowed-methods", "disallowed-types"] {
        for entry in license[ban].as_array().unwrap() {
            assert!(entry.get("reason").is_some(), "a ban without a reason: {entry}");
        }
    }
}

fn sources() -> Vec<PathBuf> {
    let listed =
        std::process::Command::new("git").args(["ls-files", "*.rs"]).current_dir(root()).output().unwrap();
    let files = String::from_utf8(listed.stdout).unwrap();
    let paths: Vec<PathBuf> =
        files.lines().map(|line| root().join(line)).filter(|path| path.exists()).collect();
    assert!(paths.len() > 50, "the list of sources is too short to be true");
    paths
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent: Vec<PathBuf> = sources()
        .into_iter()
        .filter(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            let first = text.lines().find(|line| !line.starts_with("#!["));
            !first.is_some_and(|line| line.starts_with("//!"))
        })
        .collect();
    assert!(silent.is_empty(), "modules without `//!`: {silent:#?}");
}

/// Collects functions with their number of lines.
#[derive(Default)]
struct Lengths(Vec<(usize, String)>);

impl Lengths {
    fn note(&mut self, name: &syn::Ident, span: proc_macro2::Span) {
        self.0.push((span.end().line - span.start().line + 1, name.to_string()));
    }
}

impl<'ast> Visit<'ast> for Lengths {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.note(
            &function.sig.ident,
            function.sig.span().join(function.block.span()).unwrap_or_else(|| function.block.span()),
        );
        syn::visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.note(&function.sig.ident, function.block.span());
        syn::visit::visit_impl_item_fn(self, function);
    }
}

#[test]
fn no_function_is_longer_than_70_lines_and_the_median_is_short() {
    let mut all = Lengths::default();
    for path in sources().into_iter().filter(|path| !path.to_string_lossy().contains("/tests/")) {
        let before = all.0.len();
        all.visit_file(&syn::parse_file(&std::fs::read_to_string(&path).unwrap()).unwrap());
        for (_, name) in &mut all.0[before..] {
            *name = format!("{} in {}", name, path.strip_prefix(root()).unwrap().display());
        }
    }
    all.0.sort();
    let long: Vec<_> = all.0.iter().filter(|(lines, _)| *lines > 70).collect();
    assert!(long.is_empty(), "functions over 70 lines: {long:#?}");
    let median = all.0[all.0.len() / 2].0;
    assert!(median <= 8, "the median function has {median} lines");
}
