//! rustc, Cargo's own errors about building, Clippy and rustfmt.

use crate::domain::diagnosis::rule::{Extent, Rule, cause, detail, frame, noise, wrapper};
use crate::domain::diagnosis::taxonomy::Category::{CompileError, DependencyInstall, LintError, Unknown};

/// What `rustc.macro` is where no place follows it: many tools write `error: the …`.
pub static UNPLACED: Rule = cause("rustc.unplaced", Unknown, 50, &["error: "], r"^\s*(?P<msg>error: .*)$");

/// Any complaint under which an arrow names its place is the compiler's.
pub static PLACED: Rule = cause("rustc.placed", CompileError, 88, &["error: "], r"^\s*(?P<msg>error: .*)$");

/// Rules for Rust's compiler, linter and formatter.
pub const RULES: &[Rule] = &[
    noise("cargo.progress", &["Compiling ", "Checking ", "Downloaded ", "Downloading ", "Installing ", "Adding "], r"^\s*(?:Compiling|Checking|Downloaded|Downloading|Installing|Installed|Adding|Updating|Documenting|Fresh|Unpacking|Locking) \S+"),
    cause("rustc.coded", CompileError, 96, &["error[E"], r"^\s*(?P<msg>error\[E\d{4}\]: .*)$").with(Extent::Paragraph(30)).opening(),
    cause("clippy.lint", LintError, 95, &["clippy::", "-D clippy"], r"^\s*= (?:note: `-D (?P<msg>clippy::[\w-]+)`.*|help: for further information visit https://rust-lang\.github\.io/rust-clippy/.*)$").inside(),
    cause("rustc.denied", LintError, 90, &["`-D ", "deny("], r"^\s*= note: (?P<msg>(?:`-D [\w-]+` (?:implied by|is implied).*|`#\[deny\(.*\)\]` .*))$").inside(),
    cause("rustdoc.lint", LintError, 92, &["unresolved link to"], r"^\s*(?P<msg>(?:error: unresolved link to .*|= note: `-D rustdoc::.*))$").with(Extent::Paragraph(14)),
    wrapper("cargo.could_not_compile", 62, &["could not compile", "could not document"], r"^error: (?:could not (?:compile|document) `.*`.*|aborting due to .*)$"),
    noise("rustc.aborting", &["aborting due to"], r"^\s*error: aborting due to .*$"),
    cause("rustc.linking", CompileError, 94, &["rror: linking"], r"^error: (?P<msg>linking with `.*` failed.*)$").with(Extent::Section(30, &["error: could not"])),
    cause("cargo.manifest", DependencyInstall, 92, &["rror: ", "failed to"], r"^\s*(?:error: )?(?P<msg>(?:failed to (?:parse manifest at|select a version for|load manifest for|load source for dependency|get `.*` as a dependency).*|no matching package .*|(?:the|cannot update the) lock file .* (?:needs to be updated|because --locked).*))$").with(Extent::After(14)),
    cause("cargo.build_script", CompileError, 92, &["failed to run custom build command"], r"^error: (?P<msg>failed to run custom build command for `.*`)$").with(Extent::After(36)),
    detail("cargo.script_stderr", 50, &["--- stderr", "--- stdout"], r"^\s*--- (?:stderr|stdout)$").with(Extent::After(16)),
    cause("rustfmt.diff", LintError, 95, &["Diff in "], r"^Diff in (?P<file>\S+?)(?: at line |:)(?P<line>\d+):?$").with(Extent::Section(16, &["Diff in"])).opening(),
    cause("rust.unused", LintError, 80, &["`-D warnings`", "-D warnings"], r"^.*(?P<msg>`-D (?:warnings|unused[\w-]*|dead-code|deprecated)`.*)$").inside(),
    cause("rustc.macro", CompileError, 86, &["error: cannot find", "error: expected", "error: unexpected", "error: no rules", "error: proc-macro", "error: macro", "error: unknown", "error: this file contains", "error: mismatched", "error: unused", "error: unreachable", "error: the ", "error: you", "error: this", "error: use of", "error: variable", "error: field", "error: function", "error: method", "error: constant", "error: missing", "error: redundant", "error: needless", "error: called", "error: casting", "error: used", "error: large", "error: very", "error: returning", "error: useless", "error: manual", "error: unneeded", "error: single", "error: struct", "error: type", "error: enum", "error: lifetime", "error: non-", "error: denote", "error: comparison", "error: match", "error: implementation", "error: writing", "error: doc", "error: empty", "error: item", "error: length", "error: module", "error: name", "error: private", "error: question", "error: question", "error: unnecessary", "error: unsafe", "error: value", "error: while", "error: wrong", "error: argument", "error: associated", "error: async", "error: attribute", "error: environment", "error: format", "error: invalid", "error: left", "error: operator", "error: static", "error: strict", "error: trait"], r"^\s*(?P<msg>error: .*)$").with(Extent::Paragraph(24)).opening(),
    frame("rustc.arrow", 84, &["--> "], r"^\s*(?:-->|:::) (?P<file>[^\s:]+(?::\\[^:]+)?):(?P<line>\d+):\d+$"),
    detail("rustc.caret", 50, &[" ^", " -"], r"^\s*\|\s+[\^\-]+.*$"),
    detail("rustc.source", 48, &[" | "], r"^\s*\d+ \|.*$"),
    detail("rustc.help", 46, &["= help:", "= note:", "help: "], r"^\s*(?:= (?:help|note): |help: ).*$"),
];
