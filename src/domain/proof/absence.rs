//! Lines by which a shell, an interpreter, a package manager or a network library says that a run could not begin.

use super::sentence::shown;

/// How far from the end of an output such a line is looked for, in bytes.
const TAIL: usize = 64 * 1024;

/// The last lines of an output, the last one first: where a shell and a package manager say what was missing.
fn tail(output: &[u8]) -> impl Iterator<Item = String> {
    let start = output.len().saturating_sub(TAIL);
    String::from_utf8_lossy(&output[start..]).lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>().into_iter().rev()
}

/// What says that something is missing which the machine, not the project, has to bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Absence {
    /// A shell, `env` or a kernel finds no program, or may not run it.
    Program,
    /// A package manager or build tool knows no such command, script or component.
    Command,
    /// An interpreter finds no module that runs or checks code, or is not the project's own.
    Module,
    /// A virtual machine finds no main class of a launcher.
    Launcher,
    /// A runner does not know an option that a plugin would bring.
    Plugin,
}

const ABSENCES: [Absence; 5] = [Absence::Program, Absence::Command, Absence::Module, Absence::Launcher, Absence::Plugin];

/// Python's modules that run or check, rather than being the project's own imports.
const RUNNING_MODULES: [&str; 16] =
    ["pytest", "unittest2", "nose", "nose2", "tox", "nox", "coverage", "mypy", "ruff", "flake8", "black", "pylint", "isort", "pip", "build", "pytest_cov"];

impl Absence {
    fn says(self, line: &str) -> bool {
        match self {
            Self::Program => {
                line.ends_with(": command not found")
                    || (line.ends_with(": not found") && (line.contains("sh: ") || line.split(": ").count() <= 3))
                    || (line.starts_with("env: ") && line.ends_with("No such file or directory"))
                    || (line.ends_with(": Permission denied") && line.contains("sh: "))
                    || line.ends_with("cannot execute binary file: Exec format error")
            }
            Self::Command => {
                line.starts_with("error: no such command: `")
                    || line.starts_with("error: no such subcommand: `")
                    || line.contains("is not installed for the toolchain")
                    || line.to_ascii_lowercase().contains("missing script:")
                    || line.starts_with("bundler: command not found:")
            }
            Self::Module => line.split_once("No module named ").is_some_and(|(_, name)| {
                let name = name.trim_matches(['\'', '"', ' ', '.']);
                RUNNING_MODULES.contains(&name.split('.').next().unwrap_or(name))
            }),
            // The class of a launcher that lies in the repository's own wrapper: Gradle's, Maven's, Ant's.
            Self::Launcher => line.contains("Could not find or load main class") && ["wrapper", "launcher", "Launcher"].iter().any(|kind| line.contains(kind)),
            Self::Plugin => line.contains("unrecognized arguments: --"),
        }
    }
}

/// The line that says that a tool is missing here.
pub(super) fn missing_tool(output: &[u8]) -> Option<String> {
    tail(output).find(|line| ABSENCES.iter().any(|absence| absence.says(line))).map(|line| shown(&line))
}

/// The line that says that a network was needed.
pub(super) fn missing_network(output: &[u8]) -> Option<String> {
    const SIGNS: [&str; 12] = [
        "Could not resolve host",
        "Temporary failure in name resolution",
        "getaddrinfo EAI_AGAIN",
        "getaddrinfo ENOTFOUND",
        "failed to download from `https://",
        "attempting to make an HTTP request, but --offline was specified",
        "Failed to establish a new connection",
        "dial tcp: lookup ",
        "UnknownHostException",
        "Name or service not known",
        "Network is unreachable",
        "Could not transfer artifact",
    ];
    tail(output).find(|line| SIGNS.iter().any(|sign| line.contains(sign))).map(|line| shown(&line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_by_its_kind() {
        for (line, expected) in [
            ("bash: line 1: cargo: command not found", true),
            ("sh: 1: jest: not found", true),
            ("error: no such command: `nextest`", true),
            ("npm error Missing script: \"test\"", true),
            ("npm ERR! missing script: test", true),
            ("/usr/bin/python3: No module named pytest", true),
            ("Error: Could not find or load main class org.gradle.wrapper.GradleWrapperMain", true),
            ("Error: Could not find or load main class org.apache.maven.wrapper.MavenWrapperMain", true),
            ("Error: Could not find or load main class org.apache.tools.ant.launch.Launcher", true),
            ("pytest: error: unrecognized arguments: --cov=shop", true),
            ("ModuleNotFoundError: No module named 'shop.cart'", false),
            ("Error: Could not find or load main class com.acme.Main", false),
            ("AssertionError: page not found", false),
        ] {
            assert_eq!(missing_tool(line.as_bytes()).is_some(), expected, "{line}");
        }
    }
}
