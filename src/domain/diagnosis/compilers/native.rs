//! gcc, clang, MSVC, linkers, make, CMake, Go's compiler and vet, Swift, C#, Dart, Haskell, OCaml, Zig, Elixir.

use crate::domain::diagnosis::rule::Evidence::{Described, Hint};
use crate::domain::diagnosis::rule::{Extent, Order, Rule, Worth, cause, detail, frame, noise, summary, wrapper};
use crate::domain::diagnosis::taxonomy::Category::{CompileError, DependencyInstall, LintError, TestAssertion};

/// Rules for compilers to machine code and their build tools.
pub const RULES: &[Rule] = &[
    noise("cmake.probe", &["- Failed", "- not found", "-- Looking for", "-- Performing Test", "checking "], r"^(?:-- (?:Looking for|Performing Test|Check|Detecting|Could NOT find|Found).*|checking .*\.\.\. ?.*)$"),
    cause("gcc.error", CompileError, Described, &[": error: ", ": fatal error: ", ": error[", "rror C", ": Error: "], r"^(?P<file>[^\s:(][^:(]*\.\w+)[:(](?P<line>\d+)(?:[:,]\d+)?\)?: ?(?P<msg>(?:fatal )?error:? .*)$").specific().before(1).with(Extent::After(5)),
    cause("gcc.werror", LintError, Described, &["[-Werror"], r"^(?P<file>[^\s:][^:]*):(?P<line>\d+)(?::\d+)?: error: (?P<msg>.*\[-Werror(?:,|=).*\])$").specific().with(Extent::After(4)).speaking_for(CompileError),
    cause("ld.undefined", CompileError, Described, &["undefined reference to", "Undefined symbols for", "unresolved external symbol", "undefined symbol:", "cannot find -l", "library not found for"], r"^(?P<msg>.*(?:undefined reference to|Undefined symbols for|unresolved external symbol|undefined symbol:|multiple definition of|cannot find -l|duplicate symbol|library not found for).*)$").specific().with(Extent::After(4)),
    wrapper("ld.exit", Worth::Fair, &["linker command failed", "clang: error"], r"^(?:collect2: error: ld returned (?P<code>\d+) exit status|clang(?:\+\+)?: error: linker command failed.*)$"),
    wrapper("make.error", Worth::Fair, &["*** ["], r"^(?:g?n?make|gmake|ninja|mingw32-make)(?:\[\d+\])?: \*\*\* \[.*\] (?:Error (?P<code>\d+)|.*)$").ordered(Order::Last).inside(),
    wrapper("make.error_gate", Worth::Fair, &["Error "], r"^(?:g?make)(?:\[\d+\])?: \*\*\* \[.*\] Error (?P<code>\d+)(?: \(ignored\))?$").ordered(Order::Last),
    cause("make.missing", CompileError, Described, &["No rule to make target", "missing separator", "rule to make"], r"^(?P<msg>.*(?:No rule to make target|\*\*\* missing separator).*)$").inside(),
    wrapper("ninja.failed", Worth::Fair, &["FAILED: ", "build stopped: subcommand failed"], r"^(?:FAILED: .*|ninja: build stopped: subcommand failed\.)$").ordered(Order::Last).with(Extent::After(12)),
    cause("cmake.error", CompileError, Described, &["CMake Error"], r"^CMake Error(?: at (?P<file>[^\s:]+):(?P<line>\d+))?.*$").specific().with(Extent::After(12)),
    cause("configure.error", CompileError, Described, &["configure: error:"], r"^configure: error: (?P<msg>.*)$").with(Extent::After(3)),
    cause("meson.error", CompileError, Described, &["ERROR: "], r"^(?P<file>\S*meson\.build):(?P<line>\d+):\d+: ERROR: (?P<msg>.*)$"),
    cause("msvc.error", CompileError, Described, &[": error C", ": error LNK", ": fatal error C", ": fatal error LNK"], r"^(?P<file>[^(]+?)(?:\((?P<line>\d+)(?:,\d+)?\))? ?: (?P<msg>(?:fatal )?error (?:C|LNK)\d+: .*)$").specific(),
    cause("csc.error", CompileError, Described, &["error CS", "error FS", "error BC", "error MSB", "error NETSDK", "error AD"], r"^\s*(?:\d+>)?(?:##\[error\])?(?P<file>[^\s(][^(]*\.\w+)\((?P<line>\d+)(?:,\d+)*\): (?P<msg>error (?:CS|FS|BC|AD)\d+: .*?)(?: \[.*\])?$").specific(),
    cause("msbuild.error", CompileError, Described, &["error MSB", "error NETSDK"], r"^(?:.*: )?(?P<msg>error (?:MSB|NETSDK)\d+: .*)$"),
    cause("nuget.error", DependencyInstall, Described, &["error NU"], r"^(?:(?P<file>\S+) : )?(?P<msg>error NU\d+: .*?)(?: \[.*\])?$").specific(),
    cause("dotnet.analyzer", LintError, Described, &["error IDE", "error CA", "error SA", "error WHITESPACE", "error FINALNEWLINE", "error IMPORTS", "error CHARSET"], r"^\s*(?P<file>[^(]+)\((?P<line>\d+),\d+\): (?P<msg>error (?:IDE|CA|SA|WHITESPACE|FINALNEWLINE|IMPORTS|CHARSET)\w*: .*?)(?: \[.*\])?$").specific(),
    summary("dotnet.build_failed", CompileError, Hint, &["Build FAILED."], r"^Build FAILED\.$"),
    cause("go.compile", CompileError, Described, &["ndefined", "annot ", "xpected", "ismatch", "issing ", "nvalid ", " not used", "nresolved", "rror", "ot found", "onflict", "failed"], r"^(?:vet: )?(?P<file>(?:\./|\.\./)?[\w./\-]+\.go):(?P<line>\d+):(?:\d+:)? (?P<msg>.*)$").specific(),
    cause("go.compile_inside", CompileError, Described, &[".go:"], r"^(?:vet: )?(?P<file>(?:\./|\.\./)?[\w./\-]+\.go):(?P<line>\d+):\d+: (?P<msg>[a-z\x22].*)$").specific().inside(),
    cause("go.unused", CompileError, Described, &["declared and not used", "imported and not used", "too many errors"], r"^(?P<file>\S+\.go):(?P<line>\d+):\d+: (?P<msg>.*(?:declared and not used|imported and not used).*)$").specific().inside(),
    cause("go.package_header", CompileError, Hint, &["# "], r"^# [\w.\-]+(?:/[\w.\-]+)+(?: \[.*\])?$").inside().with(Extent::After(8)).silent(),
    cause("go.package", CompileError, Described, &["no required module provides", "is not in std", "cannot find package", "build constraints exclude", "import cycle not allowed"], r"^(?P<msg>.*(?:no required module provides package|is not in std|cannot find package|build constraints exclude all Go files|import cycle not allowed).*)$").with(Extent::After(3)).inside(),
    cause("go.mod", DependencyInstall, Described, &["missing go.sum entry", "invalid version", "go.mod file not found", "checksum mismatch", "cannot find main module", "cannot find module"], r"^\s*(?:go: |.*\.go:\d+:\d+: )?(?P<msg>.*(?:missing go\.sum entry|updates to go\.mod needed|inconsistent vendoring|unknown revision|verifying .*|invalid version|go\.mod file not found|checksum mismatch|cannot find (?:main )?module).*)$").specific().with(Extent::After(3)),
    cause("swift.error", CompileError, Described, &[": error: "], r"^(?P<file>/?\S+\.swift):(?P<line>\d+):\d+: (?P<msg>error: .*)$").specific().with(Extent::After(4)),
    wrapper("xcodebuild.failed", Worth::Fair, &["** BUILD FAILED **", "** TEST FAILED **", "The following build commands failed"], r"^(?:\*\* (?:BUILD|TEST|ARCHIVE) FAILED \*\*|The following build commands failed:)$").with(Extent::After(6)),
    cause("dart.error", CompileError, Described, &["Error: "], r"^(?P<file>\S+\.dart):(?P<line>\d+):\d+: Error: (?P<msg>.*)$").specific().with(Extent::After(4)),
    cause("dart.analyze", LintError, Described, &["error • ", "error - "], r"^\s*(?:error|warning|info) [•-] (?P<msg>.*) [•-] (?P<file>[^\s:]+):(?P<line>\d+):\d+ [•-] \w+$"),
    cause("ghc.error", CompileError, Described, &[": error:", ": error ["], r"^(?P<file>\S+\.l?hs):(?P<line>\d+):\d+: (?P<msg>error:.*)$").specific().with(Extent::Paragraph(14)),
    cause("ocaml.error", CompileError, Described, &["Error: "], r"^(?P<msg>Error(?: \(alert .*\))?: .*)$").specific().before(6).with(Extent::After(5)).following(&["ocaml.file", "gcc.source"]),
    frame("ocaml.file", Worth::Good, &["File \""], r#"^File "(?P<file>[^"]+)", lines? (?P<line>\d+)(?:-\d+)?, characters .*:$"#),
    cause("zig.error", CompileError, Described, &[": error: "], r"^(?P<file>\S+\.zig):(?P<line>\d+):\d+: (?P<msg>error: .*)$").specific().with(Extent::After(4)),
    cause("elixir.compile", CompileError, Described, &["== Compilation error in file"], r"^== Compilation error in file (?P<file>\S+) ==$").with(Extent::After(12)),
    cause("elixir.error", CompileError, Described, &["** (CompileError)", "** (SyntaxError)", "** (TokenMissingError)", "** (UndefinedFunctionError)"], r"^\*\* \((?P<msg>(?:Compile|Syntax|TokenMissing)Error\) .*)$").with(Extent::After(8)),
    cause("protoc.error", CompileError, Described, &["rror", "ot found", "xpected"], r"^(?P<file>\S+\.proto):(?P<line>\d+):\d+: (?P<msg>.*)$"),
    cause("solc.error", CompileError, Described, &["Error: ", "ParserError", "TypeError", "DeclarationError"], r"^(?P<msg>(?:Parser|Type|Declaration)Error: .*)$").with(Extent::After(6)).inside(),
    detail("gcc.source", Worth::Low, &[" | "], r"^\s+(?:\d+ )?\|.*$").ordered(Order::Last),
    detail("gcc.note", Worth::Low, &[": note: ", "In file included"], r"^.*(?:: note: |In file included from ).*$").ordered(Order::Last),
    cause("cxx.terminate", TestAssertion, Described, &["terminate called after throwing", "abort"], r"^(?P<msg>terminate called after throwing an instance of .*)$").with(Extent::After(3)).inside(),
];
