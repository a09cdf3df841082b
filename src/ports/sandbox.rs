//! Running a stranger's commands: what is asked of a sandbox, and what it answers.
//!
//! A job is one step of a workflow: a script, a folder it works on, a home that keeps its caches, and bounds on
//! everything it could exhaust. Whoever implements [`Sandbox`] promises that nothing of the host's environment,
//! credentials or network is reachable from inside, and that no process of the job outlives the call.

use std::{
    collections::BTreeMap,
    fmt,
    net::IpAddr,
    path::{Component, Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

/// Where the job's tree appears inside an isolating sandbox.
pub const WORKSPACE: &str = "/workspace";

/// Where the job's home appears inside an isolating sandbox, and what `HOME` says there.
pub const HOME: &str = "/home/regreen";

/// The package registries a setup step may reach unless the operator says otherwise: exact names or `*.suffix`.
pub const DEFAULT_SETUP_HOSTS: &[&str] = &[
    "index.crates.io",
    "static.crates.io",
    "crates.io",
    "pypi.org",
    "files.pythonhosted.org",
    "registry.npmjs.org",
    "registry.yarnpkg.com",
    "repo.yarnpkg.com",
    "proxy.golang.org",
    "sum.golang.org",
    "repo1.maven.org",
    "repo.maven.apache.org",
    "plugins.gradle.org",
    "plugins-artifacts.gradle.org",
    "services.gradle.org",
    "downloads.gradle.org",
    "rubygems.org",
    "index.rubygems.org",
    "packagist.org",
    "repo.packagist.org",
    "api.nuget.org",
    "github.com",
    "codeload.github.com",
    "objects.githubusercontent.com",
    "release-assets.githubusercontent.com",
];

/// Runs jobs, one call a job. Implementations are shared between workers.
#[async_trait]
pub trait Sandbox: Send + Sync {
    /// How strong the walls are.
    fn kind(&self) -> SandboxKind;

    /// Runs `job` to its end, to a limit, or until `stop` is cancelled; then every process it started is dead.
    ///
    /// # Errors
    /// [`SandboxError`] when the job could not be started or watched. A job that fails is an outcome, not an error.
    async fn run(&self, job: &SandboxJob, stop: &CancellationToken) -> Result<SandboxOutcome, SandboxError>;
}

/// The kinds of walls, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SandboxKind {
    /// Namespaces set up by `bwrap`.
    Bwrap,
    /// Namespaces set up by regreen itself.
    Namespaces,
    /// No namespaces: only for code we wrote ourselves.
    Weak,
}

impl fmt::Display for SandboxKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bwrap => "isolated by bubblewrap (own namespaces, no network, no credentials)",
            Self::Namespaces => "isolated by regreen's own namespaces (no network, no credentials)",
            Self::Weak => "weakly isolated (no namespaces on this machine; only for our own code)",
        })
    }
}

/// One command with everything it may touch.
#[derive(Debug, Clone)]
pub struct SandboxJob {
    /// Host folder, writable, seen inside as [`WORKSPACE`].
    pub tree: PathBuf,
    /// Host folder, writable, seen inside as [`HOME`]. Package caches land here and survive from setup to test.
    pub home: PathBuf,
    /// What is run.
    pub command: ShellCommand,
    /// Where it is run, relative to `tree`. `..` and links that leave the tree are refused.
    pub directory: PathBuf,
    /// Variables of the step, on top of what the sandbox sets (`PATH`, `HOME`, `CI`, …).
    pub env: BTreeMap<String, String>,
    /// What it may reach.
    pub network: Network,
    /// What it may use up.
    pub limits: Limits,
}

/// A script and the shell that reads it, as a workflow's `run:` and `shell:` mean it
/// (<https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellCommand {
    /// Which program reads the script.
    pub shell: Shell,
    /// The text of the step.
    pub script: String,
}

/// A workflow's `shell:` key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shell {
    /// Nothing said: `bash -e FILE`, or `sh -e FILE` where there is no bash.
    Unspecified,
    /// `bash --noprofile --norc -eo pipefail FILE`.
    Bash,
    /// `sh -e FILE`.
    Sh,
    /// `python FILE`.
    Python,
    /// `pwsh -command ". 'FILE'"`.
    Pwsh,
    /// Any command in which `{0}` stands for the script's file.
    Template(String),
}

impl Shell {
    /// Reads the value of a workflow's `shell:` key; `None` is a step without one.
    #[must_use]
    pub fn from_key(key: Option<&str>) -> Self {
        match key.map(str::trim) {
            None | Some("") => Self::Unspecified,
            Some("bash") => Self::Bash,
            Some("sh") => Self::Sh,
            Some("python") => Self::Python,
            Some("pwsh") => Self::Pwsh,
            Some(other) => Self::Template(other.to_owned()),
        }
    }

    /// The extension the script's file gets; some interpreters insist on theirs.
    #[must_use]
    pub fn extension(&self) -> &'static str {
        match self {
            Self::Python => "py",
            Self::Pwsh => "ps1",
            _ => "sh",
        }
    }

    /// The argument vectors to try in turn, the next one only where the program of the one before does not exist.
    ///
    /// # Errors
    /// [`SandboxError::Invalid`] for a template without `{0}` or with an open quote.
    pub fn argv(&self, file: &str) -> Result<Vec<Vec<String>>, SandboxError> {
        let words = |line: &[&str]| line.iter().map(|word| (*word).to_owned()).collect();
        Ok(match self {
            Self::Unspecified => vec![words(&["bash", "-e", file]), words(&["sh", "-e", file])],
            Self::Bash => vec![words(&["bash", "--noprofile", "--norc", "-eo", "pipefail", file])],
            Self::Sh => vec![words(&["sh", "-e", file])],
            Self::Python => vec![words(&["python", file]), words(&["python3", file])],
            Self::Pwsh => vec![words(&["pwsh", "-command", &format!(". '{file}'")])],
            Self::Template(template) => vec![expand_template(template, file)?],
        })
    }
}

/// Splits a `shell:` template into words (single and double quotes group, nothing else is special) and puts the file in.
fn expand_template(template: &str, file: &str) -> Result<Vec<String>, SandboxError> {
    let invalid = |reason: &str| SandboxError::Invalid { what: format!("shell `{}`", template.escape_debug()), reason: reason.to_owned() };
    let (mut words, mut word, mut quote, mut in_word) = (Vec::new(), String::new(), None, false);
    for c in template.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => (quote, in_word) = (Some(c), true),
            (None, c) if c.is_whitespace() => {
                if in_word {
                    words.push(std::mem::take(&mut word));
                }
                in_word = false;
            }
            (_, c) => {
                word.push(c);
                in_word = true;
            }
        }
    }
    if quote.is_some() {
        return Err(invalid("a quote is left open"));
    }
    if in_word {
        words.push(word);
    }
    if !words.iter().any(|word| word.contains("{0}")) {
        return Err(invalid("it has no `{0}` where the script's file goes"));
    }
    Ok(words.into_iter().map(|word| word.replace("{0}", file)).collect())
}

/// What a job may reach. Loopback inside the sandbox always works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Network {
    /// Nothing.
    None,
    /// These hosts, over HTTP and HTTPS through our proxy, and nothing else.
    Hosts(Vec<HostPattern>),
}

impl Network {
    /// The package registries of [`DEFAULT_SETUP_HOSTS`].
    #[must_use]
    pub fn registries() -> Self {
        Self::Hosts(DEFAULT_SETUP_HOSTS.iter().filter_map(|host| host.parse().ok()).collect())
    }
}

/// A host a job may reach.
///
/// `name` or `*.suffix` means ports 80 and 443 of a *public* address. `name:port` means exactly that port, and is the
/// only way to reach an address of one's own network: whoever writes it means it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPattern {
    name: String,
    any_subdomain: bool,
    port: Option<u16>,
}

/// What a matching pattern allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostGrant {
    /// Loopback, private and link-local addresses are allowed too.
    pub private_addresses: bool,
}

impl HostPattern {
    /// Whether this pattern lets a job reach `host` (as asked for, any case) on `port`, and how far.
    #[must_use]
    pub fn grants(&self, host: &str, port: u16) -> Option<HostGrant> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let named =
            if self.any_subdomain { host.strip_suffix(&self.name).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')) } else { host == self.name };
        match self.port {
            Some(own) => (named && own == port).then_some(HostGrant { private_addresses: true }),
            // An address without a port can't be told from one that a name was replaced by: never granted.
            None => (named && matches!(port, 80 | 443) && host.parse::<IpAddr>().is_err()).then_some(HostGrant { private_addresses: false }),
        }
    }

    /// The name without `*.`, lowercase.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The one port this pattern is for, where it names one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }
}

impl FromStr for HostPattern {
    type Err = SandboxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |reason: &str| SandboxError::Invalid { what: format!("host `{}`", text.escape_debug()), reason: reason.to_owned() };
        let text = text.trim();
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(|| invalid("the port is not a number from 1 to 65535"))?;
                (host, Some(port))
            }
            _ => (text, None),
        };
        let (any_subdomain, name) = match host.strip_prefix("*.") {
            Some(suffix) => (true, suffix),
            None => (false, host),
        };
        let name = name.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if name.is_empty() || !(name.chars().all(plain) || name.parse::<IpAddr>().is_ok()) {
            return Err(invalid("expected `name`, `*.name` or `name:port`"));
        }
        if name.parse::<IpAddr>().is_ok() && (port.is_none() || any_subdomain) {
            return Err(invalid("an address needs its port, as in `127.0.0.1:8080`"));
        }
        if any_subdomain && !name.contains('.') {
            return Err(invalid("a whole top-level domain is too much"));
        }
        Ok(Self { name, any_subdomain, port })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.any_subdomain { "*." } else { "" };
        let bracket = self.name.contains(':');
        let (open, close) = if bracket { ("[", "]") } else { ("", "") };
        write!(f, "{star}{open}{}{close}", self.name)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Bounds of one job. What is beyond a bound is ended, and the outcome names the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time from start to end.
    pub wall: Duration,
    /// Processor time of all processes together.
    pub cpu: Duration,
    /// Resident memory of all processes together.
    pub memory_bytes: u64,
    /// Processes alive at once; eight times as many threads.
    pub processes: u32,
    /// The largest single file (a process that writes beyond it gets `SIGXFSZ`).
    pub file_bytes: u64,
    /// By how much tree, home and temporary files may grow.
    pub disk_bytes: u64,
    /// How much the job may print.
    pub output_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(20 * 60),
            cpu: Duration::from_secs(40 * 60),
            memory_bytes: 4 << 30,
            processes: 512,
            file_bytes: 1 << 30,
            disk_bytes: 8 << 30,
            output_bytes: 16 << 20,
        }
    }
}

/// The bound that ended a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitKind {
    /// [`Limits::wall`].
    Wall,
    /// [`Limits::cpu`].
    Cpu,
    /// [`Limits::memory_bytes`].
    Memory,
    /// [`Limits::processes`].
    Processes,
    /// [`Limits::disk_bytes`].
    Disk,
    /// [`Limits::output_bytes`].
    Output,
}

impl fmt::Display for LimitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wall => "time",
            Self::Cpu => "processor time",
            Self::Memory => "memory",
            Self::Processes => "processes",
            Self::Disk => "disk space",
            Self::Output => "output",
        })
    }
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The shell returned this code. A script that returns 130 is `Code(130)`, also where a child of it died of a
    /// signal: only the shell's own death is a [`Exit::Signal`].
    Code(i32),
    /// The shell itself was killed by this signal.
    Signal(i32),
    /// A bound was reached and everything was killed.
    Limit(LimitKind),
    /// The caller asked for the end, or went away.
    Stopped,
}

impl Exit {
    /// Whether the step would be green.
    #[must_use]
    pub fn is_success(self) -> bool {
        self == Self::Code(0)
    }
}

/// What a job did.
#[derive(Debug, Clone)]
pub struct SandboxOutcome {
    /// How it ended.
    pub exit: Exit,
    /// Standard output and error in the order written; hostile bytes. When the job printed more than
    /// [`Limits::output_bytes`], the head and the tail with a marker line between them.
    pub output: Vec<u8>,
    /// Whether something is missing from `output`.
    pub truncated: bool,
    /// From start to the death of the last process.
    pub duration: Duration,
    /// The highest resident memory seen, where one look fell into the job's life.
    pub peak_memory_bytes: Option<u64>,
    /// The highest number of processes seen at once.
    pub peak_processes: u32,
    /// Every host that was asked for, allowed or not, in the order first asked; names from a stranger.
    pub hosts: Vec<HostUse>,
}

/// What happened with one host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostUse {
    /// The host as asked for, lowercase, at most 253 bytes.
    pub host: String,
    /// The port as asked for.
    pub port: u16,
    /// Why it was refused; `None` where it was allowed.
    pub refused: Option<String>,
    /// How often it was asked for.
    pub requests: u64,
    /// Bytes that left the sandbox.
    pub bytes_sent: u64,
    /// Bytes that came in.
    pub bytes_received: u64,
}

/// Why a job could not be run.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// This machine offers no walls, so untrusted code is not run at all.
    #[error("untrusted code is not run on this machine: {reason}; {remedy}")]
    Refused {
        /// What is missing.
        reason: String,
        /// What the operator can do.
        remedy: String,
    },
    /// The job asks for something it may not.
    #[error("{what} is refused: {reason}")]
    Invalid {
        /// The thing.
        what: String,
        /// The reason.
        reason: String,
    },
    /// The walls did not come up; nothing of the job was run.
    #[error("the sandbox could not be set up: {reason}")]
    Setup {
        /// What the launcher said (bounded, escaped).
        reason: String,
    },
    /// The operating system failed us.
    #[error("sandbox: {doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// What it said.
        #[source]
        source: std::io::Error,
    },
}

impl SandboxError {
    /// Wraps an I/O error with what was being done.
    pub fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}

impl SandboxJob {
    /// A job with default limits, without network, in the tree's root.
    #[must_use]
    pub fn new(tree: impl Into<PathBuf>, home: impl Into<PathBuf>, command: ShellCommand) -> Self {
        Self {
            tree: tree.into(),
            home: home.into(),
            command,
            directory: PathBuf::new(),
            env: BTreeMap::new(),
            network: Network::None,
            limits: Limits::default(),
        }
    }

    /// Checks what can be checked without looking at the file system: the directory's form, the names of variables,
    /// and that nothing holds a NUL byte.
    ///
    /// # Errors
    /// [`SandboxError::Invalid`] naming the part and the reason.
    pub fn validate(&self) -> Result<(), SandboxError> {
        let invalid = |what: String, reason: &str| SandboxError::Invalid { what, reason: reason.to_owned() };
        check_relative(&self.directory)?;
        for (name, value) in &self.env {
            let shown = || format!("variable `{}`", name.escape_debug());
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(invalid(shown(), "its name is empty, or holds `=` or NUL"));
            }
            if value.contains('\0') {
                return Err(invalid(shown(), "its value holds a NUL byte"));
            }
        }
        if self.command.script.contains('\0') {
            return Err(invalid("the script".to_owned(), "it holds a NUL byte"));
        }
        Ok(())
    }
}

/// Only plain names and `.`: what a workflow's `working-directory` may be.
fn check_relative(directory: &Path) -> Result<(), SandboxError> {
    let plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if directory.components().all(plain) && !directory.as_os_str().as_encoded_bytes().contains(&0) {
        return Ok(());
    }
    Err(SandboxError::Invalid {
        what: format!("directory `{}`", directory.display().to_string().escape_debug()),
        reason: "it must be relative to the repository and without `..`".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shells_follow_githubs_table() {
        let cases: &[(Option<&str>, &[&str])] = &[
            (None, &["bash", "-e", "F"]),
            (Some("bash"), &["bash", "--noprofile", "--norc", "-eo", "pipefail", "F"]),
            (Some("sh"), &["sh", "-e", "F"]),
            (Some("python"), &["python", "F"]),
            (Some("pwsh"), &["pwsh", "-command", ". 'F'"]),
            (Some("perl -w {0}"), &["perl", "-w", "F"]),
            (Some("env 'A B'=\"c d\" x{0}y ''"), &["env", "A B=c d", "xFy", ""]),
        ];
        for (key, expected) in cases {
            let argv = Shell::from_key(*key).argv("F").unwrap();
            assert_eq!(argv[0], *expected, "{key:?}");
        }
        for bad in ["perl", "perl '{0}", ""] {
            let shell = Shell::Template(bad.to_owned());
            assert!(matches!(shell.argv("F"), Err(SandboxError::Invalid { .. })), "{bad}");
        }
    }

    #[test]
    fn hosts_are_matched_narrowly() {
        // pattern, host, port, Some(private addresses allowed)
        let cases = [
            ("crates.io", "crates.io", 443, Some(false)),
            ("crates.io", "CRATES.io.", 80, Some(false)),
            ("crates.io", "crates.io", 22, None),
            ("crates.io", "evilcrates.io", 443, None),
            ("crates.io", "index.crates.io", 443, None),
            ("*.crates.io", "index.crates.io", 443, Some(false)),
            ("*.crates.io", "crates.io", 443, None),
            ("*.crates.io", ".crates.io", 443, None),
            ("*.crates.io", "evilcrates.io", 443, None),
            ("localhost:8080", "localhost", 8080, Some(true)),
            ("localhost:8080", "localhost", 443, None),
            ("127.0.0.1:81", "127.0.0.1", 81, Some(true)),
            ("[::1]:81", "::1", 81, Some(true)),
        ];
        for (pattern, host, port, expected) in cases {
            let parsed: HostPattern = pattern.parse().unwrap();
            let got = parsed.grants(host, port).map(|grant| grant.private_addresses);
            assert_eq!(got, expected, "{pattern} {host}:{port}");
        }
        for bad in ["", "*", "*.", "*.com", "127.0.0.1", "::1", "a b", "a/b", "a:0", "a:99999", "*.1.2.3.4:5"] {
            assert!(bad.parse::<HostPattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_default_host_is_a_pattern() {
        let Network::Hosts(hosts) = Network::registries() else { panic!("registries are hosts") };
        assert_eq!(hosts.len(), DEFAULT_SETUP_HOSTS.len());
    }

    #[test]
    fn directories_stay_inside() {
        for (directory, fine) in [("", true), (".", true), ("a/b", true), ("./a", true), ("..", false), ("a/../b", false), ("/etc", false)] {
            assert_eq!(check_relative(Path::new(directory)).is_ok(), fine, "{directory}");
        }
    }

    proptest! {
        #[test]
        fn a_pattern_reads_back_as_written(text in "(\\*\\.)?[a-z]{1,8}\\.[a-z]{2,5}(:[1-9][0-9]{0,3})?") {
            let pattern: HostPattern = text.parse().unwrap();
            prop_assert_eq!(pattern.to_string(), text);
        }

        #[test]
        fn any_template_is_words_or_a_refusal(template in ".{0,40}") {
            if let Ok(words) = expand_template(&template, "F") {
                prop_assert!(!words.is_empty());
                let placed = words.iter().any(|word| word.contains('F'));
                prop_assert!(placed);
            }
        }
    }
}
