//! tsc, vue-tsc, svelte-check, Flow, Babel, webpack, Vite, esbuild, Next.js.

use crate::domain::diagnosis::rule::{Extent, Rule, cause, detail, frame, noise, summary};
use crate::domain::diagnosis::taxonomy::Category::{CompileError, TypeError};

/// Rules for TypeScript's checkers and JavaScript's bundlers.
pub const RULES: &[Rule] = &[
    noise("tsc.zero", &["Found 0 errors", "0 errors"], r"^(?:\[.*\] )?Found 0 errors"),
    cause("tsc.plain", TypeError, 95, &["error TS"], r"^(?:##\[error\])?(?P<file>[^\s(][^(]*?\.\w+)\((?P<line>\d+),\d+\): (?P<msg>error TS\d+: .*)$")
        .with(Extent::Indented(6)),
    cause("tsc.pretty", TypeError, 95, &["error TS"], r"^(?P<file>[^\s:][^:]*\.\w+):(?P<line>\d+):\d+ - (?P<msg>error TS\d+: .*)$")
        .with(Extent::Paragraph(12))
        .opening(),
    cause("tsc.bare", TypeError, 92, &["error TS"], r"^(?:.*: )?(?P<msg>error TS\d+: .*)$"),
    cause("ts_jest.diagnostic", TypeError, 95, &["error TS"], r"^\s*(?P<file>[\w@./\-]+\.tsx?):(?P<line>\d+):\d+ - (?P<msg>error TS\d+: .*)$")
        .judging_code()
        .with(Extent::After(6)),
    summary("tsc.found", TypeError, 84, &["Found "], r"^Found \d+ errors?(?: in .*)?\.?$").inside(),
    summary("tsc.found_alone", TypeError, 84, &["errors in", "error in", " errors."], r"^Found [1-9]\d* errors? in .*$"),
    cause("svelte.error", TypeError, 88, &["Error: "], r"^Error: (?P<msg>.* \((?:ts|svelte|js|css)\))$").before(2).with(Extent::After(5)),
    cause("flow.error", TypeError, 90, &["Error -"], r"^Error -+ (?P<file>\S+?):(?P<line>\d+):\d+$").with(Extent::Section(20, &["Error -"])),
    summary("flow.found", TypeError, 80, &["Found "], r"^Found \d+ errors?$").inside(),
    cause("next.type", TypeError, 92, &["Type error: "], r"^(?P<msg>Type error: .*)$").before(2).with(Extent::After(14)),
    cause("next.turbopack", CompileError, 90, &["build failed with"], r"^(?:Error: )?(?P<msg>Turbopack build failed with \d+ errors?:?)$")
        .with(Extent::After(16)),
    cause("next.compile", CompileError, 84, &["Failed to compile"], r"^\s*(?:⨯ )?(?P<msg>Failed to compile\.?)$").with(Extent::After(20)),
    cause(
        "webpack.module",
        CompileError,
        92,
        &["Module not found", "Cannot find module", "Could not resolve"],
        r#"^\s*(?:✘ \[ERROR\] |✗ |ERROR in .*|Error: )?(?P<msg>(?:Module not found: .*|.*Can't resolve '.*|Could not resolve ".*))$"#,
    )
    .before(1)
    .with(Extent::After(10)),
    cause("webpack.error", CompileError, 86, &["ERROR in "], r"^\s*(?P<msg>ERROR in (?P<file>\S+).*)$").with(Extent::Paragraph(14)),
    cause(
        "node.module",
        CompileError,
        88,
        &["Cannot find module", "Cannot find package"],
        r#"^\s*(?:(?:\w*Error)(?: \[\w+\])?: )(?P<msg>Cannot find (?:module|package) .*)$"#,
    )
    .before(4)
    .with(Extent::After(8)),
    frame("node.requires", 70, &["- /"], r"^- (?P<file>/\S+\.[cm]?[jt]sx?)$"),
    cause("node.module_inside", CompileError, 84, &["Cannot find module"], r"^\s*(?P<msg>Cannot find module .*)$").with(Extent::After(8)),
    cause("esbuild.error", CompileError, 92, &["[ERROR] "], r"^\s*[✘✗X] \[ERROR\] (?P<msg>.*)$").with(Extent::After(12)),
    cause(
        "rollup.error",
        CompileError,
        90,
        &["rror", "failed"],
        r"^\s*(?:x |✗ )?(?P<msg>(?:error during build:|.*RollupError: .*|\[vite\S*\]:? .*(?:[Ee]rror|failed).*|.*Rollup failed to resolve.*))$",
    )
    .with(Extent::After(14)),
    cause("babel.syntax", CompileError, 90, &["SyntaxError: "], r"^\s*(?P<msg>SyntaxError: .*)$").before(5).with(Extent::After(12)),
    cause(
        "next.prerender",
        CompileError,
        82,
        &["Error occurred prerendering page", "rror"],
        r"^\s*(?P<msg>(?:Error occurred prerendering page .*|.*Export encountered (?:an )?errors? .*))$",
    )
    .with(Extent::After(14)),
    detail("ts.indent", 50, &["Type '", "Property '", "Argument of", "Types of"], r"^\s+(?:Type '|Property '|Argument of|Types of|The types).*$"),
];
