//! `regreen check`: the gate alone, for any change.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::output::Usage;
use super::{Context, code, patch};
use crate::app;
use crate::domain::check::{self, Decision, Limits, Report};
use crate::domain::patch::{self as domain, Applied, PatchError, PatchLimits, PathRules, TreeFacts};
use crate::domain::render;

/// What `regreen check` is asked.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  regreen check                                      this branch since it left origin's default branch
  regreen check --base origin/main --head HEAD       what a pull request brings
  regreen check --base HEAD~1                        the last commit
  regreen check --dir . --diff agent.diff            a diff that is not committed yet
  regreen check --format github                      annotations, in a workflow
  regreen check --format sarif > gate.sarif          for code scanning

What is asked: whether tests still say what they said, which files are touched, whether secrets come in, and what the code does anew.
What could not be understood is asked about, never allowed.

Exit codes: 0 allow, 1 ask a person, 4 refuse, 2 usage.")]
pub struct CheckArgs {
    /// The clone whose commits are compared
    #[arg(long, value_name = "PATH", default_value = ".", conflicts_with_all = ["dir", "diff"])]
    pub repo: PathBuf,
    /// What the change is compared with: the commit where HEAD left it; default `origin/HEAD`, else `main` or `master`
    #[arg(long, value_name = "REF", conflicts_with_all = ["dir", "diff"])]
    pub base: Option<String>,
    /// The commit that is judged; default HEAD
    #[arg(long, value_name = "REF", conflicts_with_all = ["dir", "diff"])]
    pub head: Option<String>,
    /// The folder that a diff's paths are relative to, as it is before the change
    #[arg(long, value_name = "PATH", requires = "diff")]
    pub dir: Option<PathBuf>,
    /// A unified diff; `-` reads standard input
    #[arg(long, value_name = "FILE", requires = "dir")]
    pub diff: Option<PathBuf>,
    /// Further globs that no change may touch
    #[arg(long, value_name = "GLOB")]
    pub forbid: Vec<String>,
    /// Ask a person above this risk, whatever makes it; by default the size of a change asks nobody
    #[arg(long, value_name = "0..10", value_parser = clap::value_parser!(u8).range(0..=10))]
    pub ask_above: Option<u8>,
    /// Refuse above this risk
    #[arg(long, value_name = "0..10", value_parser = clap::value_parser!(u8).range(0..=10))]
    pub refuse_above: Option<u8>,
    /// What to print
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,
}

/// Output of `regreen check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For people.
    Text,
    /// One JSON object.
    Json,
    /// SARIF 2.1.0.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
}

/// Runs it; the result is the exit code.
///
/// # Errors
/// What can't be read or compared, naming it.
pub fn run(args: &CheckArgs, context: &Context) -> anyhow::Result<u8> {
    let rules = PathRules::new(&args.forbid).map_err(Usage)?;
    let limits = Limits { ask_above: args.ask_above, refuse_above: args.refuse_above };
    let report = match (&args.dir, &args.diff) {
        (Some(dir), Some(diff)) => of_diff(dir, diff, &rules, limits)?,
        _ => {
            let compared = app::compare(&args.repo, args.base.as_deref(), args.head.as_deref()).map_err(|error| Usage(error.to_string()))?;
            check::check(&compared.change, &compared.unread, &rules, limits)
        }
    };
    let text = match args.format {
        CheckFormat::Text => render::check::text(&report, context.paint),
        CheckFormat::Json => format!("{}\n", serde_json::to_string(&report)?),
        CheckFormat::Sarif => format!("{}\n", serde_json::to_string_pretty(&render::check::sarif(&report, env!("CARGO_PKG_VERSION")))?),
        CheckFormat::Github => render::check::github(&report),
    };
    let mut out = std::io::stdout().lock();
    // A reader that went away has seen enough; the exit code says the rest.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    Ok(match report.decision {
        Decision::Allow => code::DONE,
        Decision::Ask => code::NO,
        Decision::Refuse => code::BLOCKED,
    })
}

fn of_diff(dir: &Path, diff: &Path, rules: &PathRules, limits: Limits) -> anyhow::Result<Report> {
    let dir = dir.canonicalize().ok().filter(|dir| dir.is_dir());
    let dir = dir.ok_or_else(|| Usage("the folder of --dir can't be opened: name the checkout as it is before the change".into()))?;
    let bytes = patch::read_answer(diff)
        .map_err(|error| Usage(format!("`{}` can't be read: {error}; name a file with a unified diff, or `-` for standard input", diff.display())))?;
    // A person's change may be larger than a model's; each file still has its bound.
    let limits_of_size =
        PatchLimits { max_files: 5_000, max_added_lines: 500_000, max_changed_lines: 1_000_000, max_bytes: 64 << 20, ..PatchLimits::default() };
    Ok(match applied(&dir, &bytes, rules, &limits_of_size) {
        Ok(applied) => check::check(&applied, &[], rules, limits),
        Err(errors) => refused(&errors),
    })
}

/// Reads the diff and applies it in memory. Forbidden paths are no obstacle here: they become findings beside the others.
fn applied(dir: &Path, bytes: &[u8], rules: &PathRules, limits: &PatchLimits) -> Result<Applied, Vec<PatchError>> {
    let parsed = domain::parse(&String::from_utf8_lossy(bytes)).map_err(|error| vec![error])?;
    let known = patch::known(dir, &parsed);
    let parsed = domain::rooted(parsed, &known.iter().map(String::as_str).collect());
    let tree = TreeFacts { symlinks: patch::links(dir, &parsed), submodules: Vec::new() };
    let mut refusals = domain::inspect(&parsed, &tree, rules, limits).refusals;
    refusals.retain(|error| !matches!(error, PatchError::Forbidden { .. }));
    if !refusals.is_empty() {
        return Err(refusals);
    }
    domain::apply(&parsed, |path| patch::read_file(dir, path), limits).map_err(|error| vec![error])
}

/// A diff that can't be taken as it is: every reason a finding.
fn refused(errors: &[PatchError]) -> Report {
    let mut all = errors.iter().map(|error| check::unreadable(error.code(), "", &error.to_string()));
    let mut report = all.next().unwrap_or_else(|| check::unreadable("no_diff", "", "there is no diff in it"));
    report.findings.extend(all.flat_map(|other| other.findings));
    report
}
