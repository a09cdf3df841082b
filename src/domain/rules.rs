//! What the operator has set, as the flow needs it. `config` fills these in; nothing here reads anything.

use std::collections::BTreeMap;
use std::time::Duration;

use globset::{GlobBuilder, GlobMatcher};
use serde::{Deserialize, Serialize};

use super::breaker::BreakerSettings;
use super::ids::{BranchName, RepoSlug};

/// How far regreen goes on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Autonomy {
    /// It looks and tells; it writes nothing.
    Observe,
    /// It tells the team the fix in the channel and the audit; it writes nothing to the repository.
    Suggest,
    /// It opens draft pull requests and leaves them drafts.
    Draft,
    /// It opens drafts and marks them ready when their CI is green.
    Ready,
}

/// Where a fix is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Prove {
    /// In the sandbox here; what can't be reproduced is not offered.
    Sandbox,
    /// In the pull request's own CI only.
    Ci,
    /// In the sandbox where it can be, else in the pull request's CI.
    Both,
}

/// A glob over branch names, kept with its text. `*` stays within a part, `**` crosses parts.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    glob: GlobMatcher,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Pattern {
    /// Compiles it; the message says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let glob = GlobBuilder::new(text).literal_separator(true).build().map_err(|error| error.kind().to_string())?;
        Ok(Self { text: text.to_owned(), glob: glob.compile_matcher() })
    }

    /// Whether it matches.
    pub fn matches(&self, name: &str) -> bool {
        self.glob.is_match(name)
    }

    /// The text it was made from.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// The settings of one repository (`[[repo]]`), or the defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct RepoRules {
    /// Branches to look after; default all.
    pub watch: Vec<Pattern>,
    /// Branches never to touch, beside what the forge protects.
    pub protected: Vec<Pattern>,
    /// Forge logins to Slack user ids.
    pub owners: BTreeMap<String, String>,
    /// A channel of its own.
    pub slack_channel: Option<String>,
    /// Commands before the failing one, with network through the proxy.
    pub setup: Vec<String>,
    /// The wider test command.
    pub test: Option<String>,
    /// The failing command, instead of the workflow's.
    pub command: Option<String>,
    /// Wall time of one command in the sandbox.
    pub timeout: Duration,
    /// Up to this risk nobody is asked.
    pub risk_auto: u8,
    /// Above this risk it is refused; between the two a person is asked.
    pub risk_max: u8,
    /// The routes that may see its code, in order; empty for all.
    pub routes: Vec<String>,
    /// Where a fix is proved.
    pub prove: Prove,
    /// How far regreen goes.
    pub autonomy: Autonomy,
    /// Patches are tried so often.
    pub attempts: u32,
    /// Failed jobs are rerun first where the failure looks transient.
    pub rerun: bool,
    /// Without drafts on the plan: an ordinary pull request labelled `unproven`.
    pub unproven_pulls: bool,
    /// Workflow files that may reach secrets or write permissions without a person's yes.
    pub trusted_workflows: Vec<String>,
    /// Further globs that a patch may not touch.
    pub forbidden_paths: Vec<String>,
    /// The label that keeps regreen off a branch's pull request.
    pub opt_out_label: String,
    /// Adds `Signed-off-by` to the fix commit.
    pub sign_off: bool,
}

impl Default for RepoRules {
    fn default() -> Self {
        Self {
            watch: Vec::new(),
            protected: Vec::new(),
            owners: BTreeMap::new(),
            slack_channel: None,
            setup: Vec::new(),
            test: None,
            command: None,
            timeout: Duration::from_secs(20 * 60),
            risk_auto: 3,
            risk_max: 6,
            routes: Vec::new(),
            prove: Prove::Both,
            autonomy: Autonomy::Ready,
            attempts: 3,
            rerun: true,
            unproven_pulls: false,
            trusted_workflows: Vec::new(),
            forbidden_paths: Vec::new(),
            opt_out_label: "regreen-ignore".into(),
            sign_off: false,
        }
    }
}

impl RepoRules {
    /// Whether the branch is looked after.
    pub fn watches(&self, branch: &BranchName) -> bool {
        self.watch.is_empty() || self.watch.iter().any(|pattern| pattern.matches(branch.as_str()))
    }

    /// The operator's pattern that protects the branch.
    pub fn protects(&self, branch: &BranchName) -> Option<&str> {
        self.protected.iter().find(|pattern| pattern.matches(branch.as_str())).map(Pattern::as_str)
    }
}

/// Which repositories are served: `owner/name` or `owner/*`, compared without regard to case, as GitHub does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepoPattern {
    /// One.
    One(RepoSlug),
    /// All of an owner that the credentials reach.
    Owner(String),
}

impl RepoPattern {
    /// Whether it covers the repository.
    pub fn matches(&self, slug: &RepoSlug) -> bool {
        match self {
            RepoPattern::One(one) => one.as_str().eq_ignore_ascii_case(slug.as_str()),
            RepoPattern::Owner(owner) => owner.eq_ignore_ascii_case(slug.owner()),
        }
    }
}

/// The times of the flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// A head has settled when all its runs ended, or after this.
    pub settle: Duration,
    /// A lease without a heartbeat runs out after this.
    pub lease: Duration,
    /// How often an open pull request is looked at.
    pub follow: Duration,
    /// Without any check on the pull request after this: `ci_not_triggered`.
    pub ci_wait: Duration,
    /// An approval is waited for so long.
    pub approval: Duration,
    /// A snapshot is kept so long.
    pub snapshot: Duration,
    /// Claims of one phase without progress.
    pub claims: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            settle: Duration::from_secs(300),
            lease: Duration::from_secs(60),
            follow: Duration::from_secs(30),
            ci_wait: Duration::from_secs(600),
            approval: Duration::from_secs(24 * 3600),
            snapshot: Duration::from_secs(30 * 24 * 3600),
            claims: 25,
        }
    }
}

/// What may be spent on models, in US dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// In 24 hours.
    pub per_day: Option<f64>,
    /// For one remediation.
    pub per_remediation: Option<f64>,
}

/// Everything that the flow needs of the settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// The allow list; empty allows nothing on a forge.
    pub repos: Vec<RepoPattern>,
    /// Settings by repository, in order; the first match holds.
    pub by_repo: Vec<(RepoPattern, RepoRules)>,
    /// For all others.
    pub default: RepoRules,
    /// Nothing is written.
    pub dry_run: bool,
    /// The times.
    pub timing: Timing,
    /// The breaker.
    pub breaker: BreakerSettings,
    /// The budget.
    pub budget: Budget,
    /// Author of the fix commits.
    pub bot_name: String,
    /// Author's address; tells our own commits.
    pub bot_email: String,
    /// The address of the audit pages, for links; empty if unknown.
    pub public_url: String,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            repos: Vec::new(),
            by_repo: Vec::new(),
            default: RepoRules::default(),
            dry_run: false,
            timing: Timing::default(),
            breaker: BreakerSettings::default(),
            budget: Budget { per_day: None, per_remediation: None },
            bot_name: "regreen".into(),
            bot_email: "regreen@users.noreply.github.com".into(),
            public_url: String::new(),
        }
    }
}

impl Rules {
    /// The rules of a repository.
    pub fn of(&self, slug: &RepoSlug) -> &RepoRules {
        self.by_repo.iter().find(|(pattern, _)| pattern.matches(slug)).map_or(&self.default, |(_, rules)| rules)
    }

    /// Whether the repository is on the allow list.
    pub fn serves(&self, slug: &RepoSlug) -> bool {
        self.repos.iter().any(|pattern| pattern.matches(slug))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("feature/*", "feature/a", true),
            ("feature/*", "feature/a/b", false),
            ("feature/**", "feature/a/b", true),
            ("release-*", "release-1", true),
            ("*", "a/b", false),
            ("**", "a/b", true),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(name), expected, "{pattern} {name}");
        }
        assert!(Pattern::parse("a[").is_err());
    }

    #[test]
    fn the_first_match_holds() {
        let slug = |text| RepoSlug::parse(text).unwrap();
        let mut rules = Rules { repos: vec![RepoPattern::Owner("Acme".into())], ..Rules::default() };
        rules.by_repo.push((RepoPattern::One(slug("acme/web")), RepoRules { risk_max: 1, ..RepoRules::default() }));
        rules.by_repo.push((RepoPattern::Owner("acme".into()), RepoRules { risk_max: 2, ..RepoRules::default() }));
        assert_eq!(rules.of(&slug("ACME/Web")).risk_max, 1);
        assert_eq!(rules.of(&slug("acme/api")).risk_max, 2);
        assert_eq!(rules.of(&slug("other/api")).risk_max, RepoRules::default().risk_max);
        assert!(rules.serves(&slug("acme/api")) && !rules.serves(&slug("acm/api")));
    }
}
