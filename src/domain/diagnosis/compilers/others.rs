//! Compilers and checkers beside the large ones: Fortran, Ada, D, Nim, Crystal, Zig, Verilog, Solidity, LaTeX, Nix, Elm, PureScript, Gleam, Unity, Godot, and what build tools say about them.

use crate::domain::diagnosis::rule::Evidence::{Described, Hint, Likely};
use crate::domain::diagnosis::rule::{Extent, Order, Rule, Worth, cause, detail, frame, wrapper};
use crate::domain::diagnosis::taxonomy::Category::{CompileError, TypeError, Unknown};

/// Rules for those, and for complaints with a place in formats that nobody described.
pub const RULES: &[Rule] = &[
    // rustc and those that print like it: the message first, the place in the next line.
    cause("rustc.located", CompileError, Described, &["--> "], r"^\s*(?:-->|╭─\[|┌─) ?(?P<msg>(?P<file>[^\s:]+)):(?P<line>\d+):\d+\]?$").following(&["generic.error", "generic.anywhere", "generic.failed", "generic.cannot"]).with(Extent::Paragraph(14)),
    cause("gfortran.error", CompileError, Described, &["Error: "], r"^(?P<msg>(?:Fatal )?Error: .*)$").following(&["gfortran.at", "rustc.source", "gcc.source", "rustc.caret"]),
    cause("gfortran.at", CompileError, Described, &[".f", ".F"], r"^(?P<msg>(?P<file>\S+\.[fF]\d*)):(?P<line>\d+):\d+:$").late().with(Extent::After(6)),
    cause("gnat.error", CompileError, Described, &[".ad"], r"^(?P<file>\S+\.ad[bs]):(?P<line>\d+):\d+: (?P<msg>(?:error: )?.*)$").late(),
    cause("dmd.error", CompileError, Described, &["Error: "], r"^(?P<file>\S+\.di?)\((?P<line>\d+)(?:,\d+)?\): (?P<msg>(?:Error|Deprecation): .*)$").specific().with(Extent::After(3)),
    cause("nim.error", CompileError, Described, &["Error: "], r"^(?P<file>\S+\.nims?)\((?P<line>\d+), \d+\) (?P<msg>Error: .*)$").specific().with(Extent::After(4)),
    cause("crystal.error", CompileError, Described, &["Error: "], r"^(?P<msg>Error: .*)$").following(&["crystal.place"]).with(Extent::After(4)),
    cause("crystal.place", CompileError, Likely, &["In "], r"^In (?P<msg>(?P<file>\S+\.cr):(?P<line>\d+):\d+)$").late().with(Extent::After(8)),
    cause("verilator.error", CompileError, Described, &["%Error"], r"^%Error(?:-\w+)?: (?:(?P<file>[^\s:]+):(?P<line>\d+):\d+: )?(?P<msg>.*)$").specific().with(Extent::After(4)),
    cause("iverilog.error", CompileError, Described, &["rror"], r"^(?P<file>\S+\.s?vh?d?l?):(?P<line>\d+): (?P<msg>(?:syntax )?error.*)$"),
    cause("solc.late", CompileError, Described, &["Error: ", "Error ("], r"^(?P<msg>(?:\w+Error|Error)(?: \(\d+\))?: .*)$").following(&["solc.at"]),
    // solc numbers what it says since 0.6.9: `Error (3656): …`, its place below.
    cause("solc.coded", CompileError, Described, &["Error ("], r"^(?:\w+)?Error \(\d{4}\): (?P<msg>.*)$").specific().with(Extent::After(8)),
    frame("solc.at", Worth::Good, &["--> "], r"^\s*--> (?P<file>\S+\.sol):(?P<line>\d+):\d+:?$"),
    cause("latex.error", CompileError, Described, &["! "], r"^! (?P<msg>(?:LaTeX Error: .*|Undefined control sequence\.|Package \S+ Error: .*|Missing .*|Emergency stop\.|Extra .*|Misplaced .*|Paragraph ended .*))$").late().with(Extent::After(6)),
    cause("latex.file_line", CompileError, Described, &[".tex:"], r"^(?:\./)?(?P<file>\S+\.(?:tex|sty|cls)):(?P<line>\d+): (?P<msg>.*)$").late().with(Extent::After(4)),
    cause("typst.error", CompileError, Described, &["┌─ "], r"^\s*┌─ (?P<msg>(?P<file>\S+\.typ)):(?P<line>\d+):\d+$").late().with(Extent::After(4)),
    cause("nix.builder", CompileError, Likely, &["rror: "], r"^\s*(?P<msg>error: (?:builder for '.*' failed with exit code \d+|hash mismatch in fixed-output derivation .*|attribute '.*' missing|undefined variable '.*'|Cannot build '.*').*)$").with(Extent::After(12)),
    cause("purescript.error", CompileError, Described, &["Error found:", "rror "], r"^(?:\[\d+/\d+ \w+\] |\[ERROR \d+/\d+ \w+\] |Error \d+ of \d+:|Error found:)\s*(?P<msg>.*)$").with(Extent::After(10)).late(),
    cause("gleam.error", CompileError, Described, &["rror: "], r"^(?P<msg>error: (?:Unknown|Type mismatch|Syntax error|Inexhaustive|Incorrect|Private|Duplicate|Unused|Not|Missing|Invalid|Unlabelled).*)$").with(Extent::After(8)),
    cause("rescript.bug", CompileError, Described, &["We've found a bug for you!", "Syntax error!"], r"^\s+(?P<msg>(?:We've found a bug for you!|Syntax error!))$").late().with(Extent::After(12)),
    cause("unity.script", CompileError, Described, &["error CS"], r"^(?P<file>Assets/\S+\.cs)\((?P<line>\d+),\d+\): (?P<msg>error CS\d+: .*)$").specific(),
    cause("godot.parse", CompileError, Described, &["SCRIPT ERROR: ", "Parse Error"], r"^\s*(?P<msg>SCRIPT ERROR: (?:Parse|Compile) Error: .*)$").with(Extent::After(3)).late(),
    cause("aapt.error", CompileError, Described, &["AAPT: error:", "rror: "], r"^\s*(?:ERROR: ?|> )?(?:(?P<file>\S+\.xml):(?P<line>\d+):? ?(?:\d+: )?)?(?:AAPT: )?(?P<msg>error: (?:resource .* not found|.*attribute .* not found|failed linking .*|duplicate value).*)$"),
    cause("proguard.missing", CompileError, Likely, &["Missing class"], r"^(?:ERROR: |ERROR:)?(?:R8: )?(?P<msg>Missing class .*)$").late(),
    cause("ksp.error", CompileError, Described, &["[ksp] ", "error: [", "rror: "], r"^e: (?P<msg>\[ksp\] .*|.*error: \[(?:Dagger|Hilt)/.*)$").late(),
    cause("angular.error", CompileError, Described, &["[ERROR] "], r"^\s*[✘✗X] \[ERROR\] (?P<msg>(?:NG|TS)\d+: .*)$").specific().with(Extent::After(8)),
    cause("tsc.prefixed", TypeError, Described, &["error TS"], r"^(?:Error: |\[tsl\] |ERROR in )?(?P<file>[\w@./\\\-\[\]]+\.\w+):(?P<line>\d+):\d+ - (?P<msg>error TS\d+: .*)$").specific().with(Extent::Paragraph(8)),
    cause("svelte.check", TypeError, Described, &["Error: "], r"^(?P<msg>Error: .*)$").following(&["svelte.at"]),
    frame("svelte.at", Worth::Good, &[".svelte:", ".ts:"], r"^(?P<file>/\S+\.(?:svelte|ts|js)):(?P<line>\d+):\d+$"),
    cause("parcel.failed", CompileError, Described, &["🚨 Build failed."], r"^(?P<msg>🚨 Build failed\.)$").with(Extent::After(10)),
    cause("astro.check", TypeError, Described, &["rror"], r"^(?P<file>\S+\.astro):(?P<line>\d+):\d+ - (?P<msg>error .*)$").with(Extent::After(4)),
    cause("hugo.error", CompileError, Described, &["rror building site", "ailed to "], r"^(?:Error: )?(?P<msg>(?:error building site|failed to render pages).*)$").late(),
    cause("jekyll.error", CompileError, Described, &["Liquid Exception", "xception"], r"^\s*(?P<msg>Liquid Exception: .*)$").with(Extent::After(2)),
    cause("python.c_ext", CompileError, Described, &["' failed with exit code"], r"^error: (?P<msg>command '.*' failed (?:with exit (?:code|status) \d+|: .*))$").before(12),
    cause("maturin.failed", CompileError, Hint, &["maturin failed", "cargo rustc"], r"^.*(?P<msg>💥 maturin failed)$").late().with(Extent::After(4)),
    cause("ghc.new", CompileError, Described, &[": error:", ": error: ["], r"^(?P<file>\S+\.l?hs):(?P<line>\d+):\d+(?:-\d+)?: (?P<msg>error:?.*)$").specific().with(Extent::After(12)),
    cause("ocaml.late", CompileError, Described, &["Error: ", "Error (", "Error:"], r"^(?P<msg>Error(?: \((?:alert|warning) .*\))?: .*)$").following(&["ocaml.file", "gcc.source", "ocaml.caret"]).with(Extent::After(4)),
    detail("ocaml.caret", Worth::Low, &["^"], r"^\s*\^+$").ordered(Order::Last),
    frame("ocaml.at", Worth::Good, &["File \""], r#"^File "(?P<file>[^"]+)", lines? (?P<line>\d+)(?:-\d+)?(?:, characters .*)?:$"#),
    cause("ocaml.missing", CompileError, Described, &["rror"], r#"^(?P<msg>Error: (?:Library ".*" not found\.|Unbound .*|Program .* not found.*|No rule found for .*))$"#),
    cause("cmake.fatal", CompileError, Described, &["CMake Error"], r"^\s*(?P<msg>CMake Error: .*)$").with(Extent::After(4)),
    cause("cmake.missing", CompileError, Described, &["Could NOT find", "Could not find a"], r"^\s*(?P<msg>Could (?:NOT find \S+ \(missing: .*|not find a (?:package configuration file|configuration file for package).*))$").late().with(Extent::After(4)),
    cause("make.no_rule", CompileError, Described, &["No rule to make target", "missing separator", "recipe commences"], r"^(?:\S+: )?(?P<msg>\*\*\* (?:No rule to make target|missing separator|recipe commences).*)$").late(),
    wrapper("make.exit_late", Worth::Fair, &["*** ["], r"^(?:g?n?make|gmake|mingw32-make)(?:\[\d+\])?: \*\*\* \[.*\] .*$").ordered(Order::Last).late(),
    cause("ninja.stopped", CompileError, Hint, &["FAILED: "], r"^FAILED: (?:\[code=\d+\] )?(?P<msg>\S.*)$").with(Extent::After(6)).silent(),
    cause("dart.late_error", CompileError, Described, &["Error: "], r"^(?P<file>\S+\.dart):(?P<line>\d+):\d+: (?P<msg>Error: .*)$").specific().with(Extent::After(4)),
    // In general.
    cause("place.error", CompileError, Likely, &["rror"], r"^(?:\[?[Ee]rror\]? )?(?P<file>[\w@./\\+\-]+\.\w{1,8})[:(](?P<line>\d+)(?:[:,.]\d+)?\)?: ?(?P<msg>(?:fatal |syntax |parse |compile |type |compilation )?[Ee]rror\b.*)$").with(Extent::After(4)),
    cause("place.any", Unknown, Hint, &["."], r"^\s{0,2}(?P<file>[\w@./\\+\-]+\.[A-Za-z]\w{0,7})[:(](?P<line>\d+)(?:[:,.]\d+)?(?:-[\d:.]+)?\)?(?:[:,] *| +)(?:- +)?(?P<msg>[^\d\s].*)$").ordered(Order::Last).late().with(Extent::After(2)),
    cause("place.coded", crate::domain::diagnosis::taxonomy::Category::LintError, Likely, &["."], r"^(?:\./)?(?P<file>[\w@./\\+\-]+\.[A-Za-z]\w{0,7})[:(](?P<line>\d+)(?:[:,.]\d+)?(?:-[\d:.]+)?\)?[:,]? *(?:(?:warning|error|style|info)[: ] *)?(?P<msg>\[?[A-Z]{1,10}[-_]?\d{2,5}\]?:? .*)$").late().with(Extent::After(1)),
    cause("place.headed", Unknown, Hint, &[":"], r"^\s+(?P<line>\d+):\d+(?:-\d+)?:?\s+(?P<msg>\S.*)$").ordered(Order::Last).worth(Worth::Low).late().before(1),
    cause("place.listed", Unknown, Hint, &["/", "."], r"^(?:\s{0,4}|- |\* )(?P<msg>(?P<file>(?:\./)?[\w@.\-\[\]()+]+(?:/[\w@.\-\[\]()+]+)*\.(?:rs|py|pyi|js|jsx|ts|tsx|mjs|cjs|vue|svelte|go|java|kt|kts|scala|c|h|cc|cpp|cxx|hpp|cs|rb|php|swift|dart|ex|exs|erl|hs|ml|mli|elm|lua|pl|r|R|jl|nim|zig|sh|bash|sql|proto|css|scss|html|md|rst|ya?ml|json|toml|xml|tf|nix)))$").ordered(Order::Last).worth(Worth::Low).late(),
    cause("syntax.any", CompileError, Hint, &["yntax error", "yntaxError", "arse error", "nexpected token", "ompilation failed", "ompile error", "ompilation error"], r"(?i)^\s*(?P<msg>.{0,120}\b(?:syntax ?error|parse error|unexpected token|compilation (?:failed|error)|compile error)\b.*)$").late().with(Extent::After(4)),
];
