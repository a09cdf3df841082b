//! The scenarios: what the world looks like, and how each branch must end.

use simulator::{Author, Change, ModelReply, ModelRule, Protection, Push, RepoSpec, Simulator, SimulatorError};

use super::shop::{self, Shop};
use crate::domain::remediation::{Phase, Reason, Remediation};

/// The repository of the demo.
pub const REPO: &str = "acme/shop";

/// How a branch must end.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The branch.
    pub branch: &'static str,
    /// The phase.
    pub phase: Phase,
    /// The reason.
    pub reason: Reason,
    /// Whether a fix pull request stands against it, and whether it is a draft.
    pub pull: Option<bool>,
    /// Whether the fix is proved in the sandbox.
    pub proved: bool,
}

/// What happens while regreen works.
#[derive(Debug, Clone)]
pub enum Then {
    /// Nothing.
    Nothing,
    /// When the model is asked first, the teammate pushes this to the branch.
    PushWhenAsked { branch: &'static str, source: String },
    /// Each time a remediation of the branch ends, the teammate pushes again, so many times.
    PushWhenEnded { branch: &'static str, times: u32 },
}

/// A scenario.
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line.
    pub about: &'static str,
    /// What `regreen.toml` adds.
    pub settings: &'static str,
    /// Dry-run.
    pub dry_run: bool,
    /// The kind of world.
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Default,
    CompileError,
    ProtectedBranch,
    Risk,
    SkippedTest,
    Stale,
    Circuit,
    NoCi,
    DryRun,
    Flaky,
}

const PLAIN: &str = "[[repo]]\nname = \"acme/shop\"\n";

/// All of them; the first is the default.
pub const ALL: &[Scenario] = &[
    Scenario { name: "default", about: "two red branches get proven fixes, a red main is refused", settings: PLAIN, dry_run: false, kind: Kind::Default },
    Scenario { name: "compile-error", about: "a type error that needs the model", settings: PLAIN, dry_run: false, kind: Kind::CompileError },
    Scenario {
        name: "protected-branch",
        about: "a red branch that the forge protects is refused",
        settings: PLAIN,
        dry_run: false,
        kind: Kind::ProtectedBranch,
    },
    Scenario {
        name: "risk-too-high",
        about: "a patch that changes too much is refused",
        settings: "[[repo]]\nname = \"acme/shop\"\nrisk_max = 2\nrisk_auto = 2\nattempts = 1\n",
        dry_run: false,
        kind: Kind::Risk,
    },
    Scenario {
        name: "skipped-test",
        about: "a patch that skips the failing test is refused",
        settings: "[[repo]]\nname = \"acme/shop\"\nattempts = 2\n",
        dry_run: false,
        kind: Kind::SkippedTest,
    },
    Scenario { name: "stale-branch", about: "the teammate pushes while the fix is made", settings: PLAIN, dry_run: false, kind: Kind::Stale },
    Scenario {
        name: "circuit-open",
        about: "three failures open the circuit, the fourth is refused before it costs",
        settings: "[[repo]]\nname = \"acme/shop\"\nattempts = 1\n[breaker]\nthreshold = 3\nreset = \"1h\"\n",
        dry_run: false,
        kind: Kind::Circuit,
    },
    Scenario {
        name: "no-ci",
        about: "no CI runs on the pull request, so it stays a draft",
        settings: "[[repo]]\nname = \"acme/shop\"\n[timing]\nci_wait = \"3s\"\nfollow = \"1s\"\nsettle = \"20s\"\n",
        dry_run: false,
        kind: Kind::NoCi,
    },
    Scenario { name: "dry-run", about: "everything is done but the writing", settings: PLAIN, dry_run: true, kind: Kind::DryRun },
    Scenario { name: "flaky", about: "a job that fails once and passes when it runs again", settings: PLAIN, dry_run: false, kind: Kind::Flaky },
];

const ADA: &str = "ada/tidy-sums";
const GRACE: &str = "grace/prices";

fn fixed(branch: &'static str) -> Expected {
    Expected { branch, phase: Phase::Feedback, reason: Reason::ReadyForReview, pull: Some(false), proved: true }
}

fn refused(branch: &'static str, reason: Reason) -> Expected {
    Expected { branch, phase: Phase::Blocked, reason, pull: None, proved: false }
}

impl Scenario {
    /// The scenario of this name.
    pub fn named(name: &str) -> Option<&'static Scenario> {
        ALL.iter().find(|scenario| scenario.name == name)
    }

    /// How each branch must end.
    pub fn expected(&self) -> Vec<Expected> {
        match self.kind {
            Kind::Default => vec![fixed(ADA), fixed(GRACE), refused("main", Reason::ProtectedBranch)],
            Kind::CompileError => vec![fixed(GRACE)],
            Kind::ProtectedBranch => vec![refused("release/1.0", Reason::ProtectedBranch)],
            Kind::Risk => vec![refused(GRACE, Reason::RiskTooHigh)],
            Kind::SkippedTest => vec![refused(GRACE, Reason::TestIntegrity)],
            Kind::Stale => vec![Expected { branch: GRACE, phase: Phase::Superseded, reason: Reason::HeadMoved, pull: None, proved: false }],
            Kind::Circuit => {
                let failed = Expected { branch: GRACE, phase: Phase::Failed, reason: Reason::NoPatch, pull: None, proved: false };
                vec![failed.clone(), failed.clone(), failed, refused(GRACE, Reason::CircuitOpen)]
            }
            Kind::NoCi => vec![Expected { reason: Reason::CiNotTriggered, pull: Some(true), ..fixed(GRACE) }],
            Kind::DryRun => vec![Expected { branch: GRACE, phase: Phase::Completed, reason: Reason::DryRun, pull: None, proved: true }],
            Kind::Flaky => vec![Expected { branch: GRACE, phase: Phase::Completed, reason: Reason::Flaky, pull: None, proved: false }],
        }
    }

    /// Whether the branches' remediations, in the order of their opening, ended as declared.
    pub fn ended(&self, states: &[Remediation]) -> bool {
        let expected = self.expected();
        states.len() == expected.len() && expected.iter().all(|wanted| states.iter().any(|state| wanted.fits(state)))
    }

    /// Builds the world. What happens later is returned.
    pub async fn build(&self, simulator: &Simulator, seed: u64) -> Result<Then, SimulatorError> {
        let mut shop = Shop::new(seed);
        let workflow = match self.kind {
            Kind::NoCi => shop::NARROW_WORKFLOW.to_owned(),
            // What it downloads is there at the second try, as with many a package mirror.
            Kind::Flaky => shop::WORKFLOW.replace(
                "        run: cargo test --offline\n",
                "        run: |\n          if [ \"$GITHUB_REF_NAME\" != main ] && [ \"$GITHUB_RUN_ATTEMPT\" = 1 ]; then\n            echo \"curl: (6) Could not resolve host: mirror.example.com\" >&2\n            exit 6\n          fi\n          cargo test --offline\n",
            ),
            _ => shop::WORKFLOW.to_owned(),
        };
        let files = vec![
            Change::write(".github/workflows/ci.yml", workflow),
            Change::write(".gitignore", "target\n"),
            Change::write("Cargo.toml", shop::MANIFEST),
            Change::write("Cargo.lock", shop::LOCK),
            Change::write("src/lib.rs", shop.source()),
            Change::write("tests/shop.rs", shop.tests()),
        ];
        simulator.create_repo(RepoSpec { files, ..RepoSpec::new("acme", "shop") }).await?;
        simulator.protect(REPO, "main", Protection { protected: true, rules: Vec::new() })?;
        let push =
            |branch: &str, message: &str, who: &str, source: String| Push::new(branch, message).from("main").write("src/lib.rs", source).by(Author::login(who));
        let fault = shop.fault(None);
        let knows = |reply: String| ModelRule::when(&[&format!("fn {}(", fault.function)], ModelReply::Text(reply));
        let mut then = Then::Nothing;
        match self.kind {
            Kind::Default => {
                simulator.script_model(knows(fault.answer.clone()));
                let complaint = shop.complaint();
                simulator.push_commit(REPO, push(ADA, "Tidy the sums", "ada", complaint)).await?;
                simulator.push_commit(REPO, push(GRACE, "New prices", "grace", fault.bad.clone())).await?;
                let other = shop.fault(Some(fault.function));
                simulator.push_commit(REPO, Push::new("main", "Hotfix on main").write("src/lib.rs", other.bad).by(Author::login("linus"))).await?;
            }
            Kind::CompileError => {
                let good = shop.source();
                let bad = good.replacen("pub fn total(prices: &[u32]) -> u32 {", "pub fn total(prices: &[u32]) -> String {", 1);
                let answer = format!("The sum is a number, and the signature said a text.\n\n```diff\n{}```\n", shop::diff("src/lib.rs", &bad, &good));
                simulator.script_model(ModelRule::when(&["fn total("], ModelReply::Text(answer)));
                simulator.push_commit(REPO, push(GRACE, "Show the sum", "grace", bad)).await?;
            }
            Kind::ProtectedBranch => {
                simulator.protect(REPO, "release/*", Protection { protected: true, rules: Vec::new() })?;
                simulator.push_commit(REPO, push("release/1.0", "Last-minute change", "grace", fault.bad.clone())).await?;
            }
            Kind::Risk => {
                // Right, and far more than was asked for: a build script, a dependency switch, a new binary.
                let extra = "--- /dev/null\n+++ b/build.rs\n@@ -0,0 +1,3 @@\n+fn main() {\n+    std::process::Command::new(\"git\").arg(\"rev-parse\").arg(\"HEAD\").status().ok();\n+}\n";
                let answer =
                    format!("I rewrote the module and added a build script.\n\n```diff\n{}{extra}```\n", shop::diff("src/lib.rs", &fault.bad, &fault.good));
                simulator.script_model(knows(answer));
                simulator.push_commit(REPO, push(GRACE, "New prices", "grace", fault.bad.clone())).await?;
            }
            Kind::SkippedTest => {
                let tests = shop.tests();
                let skipped = tests.replace("#[test]\n", "#[test]\n#[ignore]\n");
                let answer = format!("The test is flaky, so I skip it.\n\n```diff\n{}```\n", shop::diff("tests/shop.rs", &tests, &skipped));
                simulator.script_model(knows(answer));
                simulator.push_commit(REPO, push(GRACE, "New prices", "grace", fault.bad.clone())).await?;
            }
            Kind::Stale => {
                simulator.script_model(ModelRule::when(&["NEVER ASKED AGAIN"], ModelReply::Empty));
                simulator.script_model(ModelRule::when(&["fn "], ModelReply::Stall(4000)).times(1));
                simulator.script_model(knows(fault.answer.clone()));
                simulator.push_commit(REPO, push(GRACE, "New prices", "grace", fault.bad.clone())).await?;
                then = Then::PushWhenAsked { branch: GRACE, source: fault.good.clone() };
            }
            Kind::Circuit => {
                simulator.script_model(ModelRule::when(&["fn "], ModelReply::Nonsense));
                simulator.push_commit(REPO, push(GRACE, "New prices", "grace", fault.bad.clone())).await?;
                then = Then::PushWhenEnded { branch: GRACE, times: 3 };
            }
            Kind::NoCi | Kind::DryRun => {
                simulator.script_model(knows(fault.answer.clone()));
                simulator.push_commit(REPO, push(GRACE, "New prices", "grace", fault.bad.clone())).await?;
            }
            Kind::Flaky => {
                simulator
                    .push_commit(REPO, Push::new(GRACE, "A note").from("main").write("NOTES.md", "Prices are in cents.\n").by(Author::login("grace")))
                    .await?;
            }
        }
        Ok(then)
    }
}

impl Expected {
    /// Whether a remediation ended so.
    pub fn fits(&self, state: &Remediation) -> bool {
        state.opening.key.branch.as_str() == self.branch
            && state.phase == self.phase
            && state.reason == Some(self.reason)
            && state.pull.as_ref().map(|pull| pull.draft) == self.pull
            && state.pull.as_ref().is_none_or(|pull| pull.base == state.opening.key.branch)
            && (!self.proved || state.proof.as_ref().is_some_and(|proof| proof.proved))
    }
}
