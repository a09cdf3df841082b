//! javac (plain, through Maven, Gradle and Ant), kotlinc, scalac, groovyc, Javadoc.

use crate::domain::diagnosis::rule::{Extent, Rule, cause, detail, noise, summary, wrapper};
use crate::domain::diagnosis::taxonomy::Category::{CompileError, DependencyInstall};

/// Rules for the JVM's compilers and what Maven says about them.
pub const RULES: &[Rule] = &[
    noise("maven.help", &["[ERROR] "], r"^\[ERROR\] *(?:|To see the full stack trace.*|Re-run Maven.*|For more information about the errors.*|\[Help \d+\].*|-> \[Help \d+\].*|After correcting the problems.*|  ?mvn .*-rf .*)$"),
    cause("javac.maven", CompileError, 95, &["[ERROR] "], r"^\[ERROR\] +(?P<file>\S+\.(?:java|kt|scala|groovy)):\[(?P<line>\d+),\d+\] (?P<msg>.*)$").with(Extent::After(3)),
    cause("kotlinc.maven", CompileError, 94, &["[ERROR] "], r"^\[ERROR\] +(?:file://)?(?P<file>\S+\.kts?):? ?[:(]\[?(?P<line>\d+)[,:] ?\d+[\])]? (?P<msg>.*)$").with(Extent::After(3)),
    cause("javac.plain", CompileError, 94, &[": error: "], r"^(?P<file>\S+\.(?:java|scala|groovy)):(?P<line>\d+)(?::\d+)?: (?P<msg>error: .*)$").with(Extent::After(5)),
    cause("kotlinc.gradle", CompileError, 94, &["e: "], r"^e: (?:file://)?(?P<file>\S+?\.kts?):(?: ?\()?(?P<line>\d+)[:,] ?\d+\)?:? (?P<msg>.*)$").with(Extent::After(2)).inside(),
    cause("kotlinc.gate", CompileError, 94, &["nresolved", "xpected", "ismatch", "annot ", "issing ", "nvalid ", "rror", "onflict", "undefined"], r"^e: (?:file://)?(?P<file>\S+?\.kts?):(?: ?\()?(?P<line>\d+)[:,] ?\d+\)?:? (?P<msg>.*)$").with(Extent::After(2)),
    cause("groovyc.error", CompileError, 90, &["startup failed:"], r"^startup failed:$").with(Extent::After(10)),
    cause("scalac.error", CompileError, 93, &["[error] "], r"^\[error\] (?P<file>\S+\.scala):(?P<line>\d+)(?::\d+)?: (?P<msg>.*)$").with(Extent::After(3)),
    cause("scala3.error", CompileError, 93, &["Error: "], r"^\[error\] -- (?P<msg>(?:\[E\d+\] )?.*Error: (?P<file>\S+\.scala):(?P<line>\d+):\d+ -*)$").with(Extent::After(8)),
    summary("javac.count", CompileError, 70, &["error"], r"^(?:\[ERROR\] )?\d+ errors?$").inside(),
    detail("javac.symbol", 84, &["symbol:", "location:", "required:", "found:", "reason:"], r"^\s*(?:\[ERROR\]\s+)?(?:symbol|location|required|found|reason): .*$"),
    wrapper("maven.compile_failed", 62, &["COMPILATION ERROR", "Compilation failed", "Compilation failure"], r"^(?:\[ERROR\] )?(?:COMPILATION ERROR : *|.*Compilation (?:failed; see the compiler.*|failure.*))$"),
    cause("maven.goal", CompileError, 66, &["Failed to execute goal"], r"^\[ERROR\] (?P<msg>Failed to execute goal .*)$").silent(),
    cause("maven.dependency", DependencyInstall, 94, &["Could not resolve dependencies", "Could not find artifact", "Failure to find", "could not be resolved", "Could not transfer artifact", "Failed to read artifact descriptor"], r"^(?:\[(?:ERROR|FATAL)\] )?(?P<msg>.*(?:Could not resolve dependencies for project|Could not find artifact|Failure to find|Non-resolvable (?:parent POM|import POM)|could not be resolved|Failed to read artifact descriptor).*)$").with(Extent::After(3)),
    cause("maven.pom", DependencyInstall, 90, &["[ERROR]", "[FATAL]"], r"^\[(?:ERROR|FATAL)\] (?P<msg>.*(?:Malformed POM|'dependencies\.dependency\.version' .* is missing|Unresolveable build extension|Plugin \S+ or one of its dependencies could not be resolved|No plugin found for prefix).*)$"),
    cause("maven.enforcer", DependencyInstall, 86, &["Rule 0", "Rule 1", "Some Enforcer rules have failed"], r"^.*(?P<msg>(?:Rule \d+: \S+ failed with message:|Some Enforcer rules have failed).*)$").with(Extent::After(6)).inside(),
    cause("gradle.dependency", DependencyInstall, 94, &["Could not resolve", "Could not find ", "Could not download", "Could not GET"], r"^\s*>? *(?P<msg>(?:Could not resolve (?:all |\S+:).*|Could not find \S+:\S+:\S+.*|Could not download \S+ \(\S+:\S+\).*|Could not GET .*))$").with(Extent::After(6)),
    cause("gradle.script", CompileError, 86, &["A problem occurred evaluating", "Could not compile build file", "A problem occurred configuring", "Could not compile settings"], r"^\s*(?:> )?(?P<msg>(?:A problem occurred (?:evaluating|configuring) .*|Could not compile (?:build|settings) file .*))$").with(Extent::After(6)),
    cause("gradle.compile", CompileError, 60, &["Compilation failed; see the compiler"], r"^\s*> Compilation failed; see the compiler.*$"),
    cause("javadoc.error", CompileError, 84, &["error: "], r"^(?:\[ERROR\] )?(?P<file>\S+\.java):(?P<line>\d+): (?P<msg>error: .*)$").with(Extent::After(3)),
];
