//! tsc, vue-tsc, svelte-check, Flow, Babel, webpack, Vite, esbuild, Next.js.

use crate::domain::diagnosis::rule::Evidence::{Described, Likely};
use crate::domain::diagnosis::rule::{Extent, Order, Rule, Worth, cause, detail, frame, noise, summary};
use crate::domain::diagnosis::taxonomy::Category::{CompileError, TypeError};

/// Rules for TypeScript's checkers and JavaScript's bundlers.
pub const RULES: &[Rule] = &[
    noise("tsc.zero", &["Found 0 errors", "0 errors"], r"^(?:\[.*\] )?Found 0 errors"),
    cause("tsc.plain", TypeError, Described, &["error TS"], r"^(?:##\[error\])?(?P<file>[^\s(][^(]*?\.\w+)\((?P<line>\d+),\d+\): (?P<msg>error TS\d+: .*)$")
        .specific()
        .with(Extent::Indented(6)),
    cause("tsc.pretty", TypeError, Described, &["error TS"], r"^(?P<file>[^\s:][^:]*\.\w+):(?P<line>\d+):\d+ - (?P<msg>error TS\d+: .*)$")
        .specific()
        .with(Extent::Paragraph(12))
        .opening(),
    cause("tsc.bare", TypeError, Described, &["error TS"], r"^(?:.*: )?(?P<msg>error TS\d+: .*)$").specific(),
    cause("ts_jest.diagnostic", TypeError, Described, &["error TS"], r"^\s*(?P<file>[\w@./\-]+\.tsx?):(?P<line>\d+):\d+ - (?P<msg>error TS\d+: .*)$")
        .specific()
        .with(Extent::After(6)),
    summary("tsc.found", TypeError, Described, &["Found "], r"^Found \d+ errors?(?: in .*)?\.?$").inside(),
    summary("tsc.found_alone", TypeError, Described, &["errors in", "error in", " errors."], r"^Found [1-9]\d* errors? in .*$"),
    cause("svelte.error", TypeError, Described, &["Error: "], r"^Error: (?P<msg>.* \((?:ts|svelte|js|css)\))$").before(2).with(Extent::After(5)),
    cause("flow.error", TypeError, Described, &["Error -"], r"^Error -+ (?P<file>\S+?):(?P<line>\d+):\d+$").with(Extent::Section(20, &["Error -"])),
    summary("flow.found", TypeError, Likely, &["Found "], r"^Found \d+ errors?$").inside(),
    cause("next.type", TypeError, Described, &["Type error: "], r"^(?P<msg>Type error: .*)$").specific().before(2).with(Extent::After(14)),
    cause("next.turbopack", CompileError, Described, &["build failed with"], r"^(?:Error: )?(?P<msg>Turbopack build failed with \d+ errors?:?)$")
        .with(Extent::After(16)),
    cause("next.compile", CompileError, Described, &["Failed to compile"], r"^\s*(?:⨯ )?(?P<msg>Failed to compile\.?)$").with(Extent::After(20)),
    cause(
        "webpack.module",
        CompileError,
        Described,
        &["Module not found", "Cannot find module", "Could not resolve"],
        r#"^\s*(?:✘ \[ERROR\] |✗ |ERROR in .*|Error: )?(?P<msg>(?:Module not found: .*|.*Can't resolve '.*|Could not resolve ".*))$"#,
    )
    .specific()
    .before(1)
    .with(Extent::After(10)),
    cause("webpack.error", CompileError, Described, &["ERROR in "], r"^\s*(?P<msg>ERROR in (?P<file>\S+).*)$").with(Extent::Paragraph(14)),
    cause(
        "node.module",
        CompileError,
        Described,
        &["Cannot find module", "Cannot find package"],
        r#"^\s*(?:(?:\w*Error)(?: \[\w+\])?: )(?P<msg>Cannot find (?:module|package) .*)$"#,
    )
    .before(4)
    .with(Extent::After(8)),
    frame("node.requires", Worth::Good, &["- /"], r"^- (?P<file>/\S+\.[cm]?[jt]sx?)$"),
    cause("node.module_inside", CompileError, Described, &["Cannot find module"], r"^\s*(?P<msg>Cannot find module .*)$").with(Extent::After(8)),
    cause("esbuild.error", CompileError, Described, &["[ERROR] "], r"^\s*[✘✗X] \[ERROR\] (?P<msg>.*)$").specific().with(Extent::After(12)),
    cause(
        "rollup.error",
        CompileError,
        Described,
        &["rror", "failed"],
        r"^\s*(?:x |✗ )?(?P<msg>(?:error during build:|.*RollupError: .*|\[vite\S*\]:? .*(?:[Ee]rror|failed).*|.*Rollup failed to resolve.*))$",
    )
    .with(Extent::After(14)),
    cause("babel.syntax", CompileError, Described, &["SyntaxError: "], r"^\s*(?P<msg>SyntaxError: .*)$").before(5).with(Extent::After(12)),
    cause(
        "next.prerender",
        CompileError,
        Likely,
        &["Error occurred prerendering page", "rror"],
        r"^\s*(?P<msg>(?:Error occurred prerendering page .*|.*Export encountered (?:an )?errors? .*))$",
    )
    .with(Extent::After(14)),
    detail("ts.indent", Worth::Low, &["Type '", "Property '", "Argument of", "Types of"], r"^\s+(?:Type '|Property '|Argument of|Types of|The types).*$")
        .ordered(Order::Last),
];
