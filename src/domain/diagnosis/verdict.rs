//! From findings to a category: which evidence is the cause, and how sure that is.
//!
//! A rule's weight is read in one place ([`evidence`]). Behind it, what speaks for a category is one of three steps; a first table ([`ROWS`]) says which
//! category is the cause, each row with its reason, and a second one ([`Ground`]) how often such a verdict is right.

use std::collections::HashMap;

use super::blocks::Block;
use super::command;
use super::rule::{Role, Rule};
use super::structure::{Step, end_of};
use super::taxonomy::Category;

/// How much a block counts, by where it stands: what a failed step printed is evidence, the rest is background.
#[derive(Debug)]
pub struct Standing {
    failed: HashMap<u32, ()>,
    /// Logs in which the runner reported a failed step.
    marked: Vec<u16>,
}

impl Standing {
    /// From the steps and the blocks of all logs.
    #[must_use]
    pub fn new(steps: &[Step], blocks: &[Block]) -> Self {
        let failed: HashMap<u32, ()> = steps.iter().filter(|s| s.failed).map(|s| (s.id, ())).collect();
        let mut marked: Vec<u16> = blocks.iter().filter(|b| failed.contains_key(&b.step)).map(|b| b.log).collect();
        marked.dedup();
        Self { failed, marked }
    }

    /// From 0 to 1.
    #[must_use]
    pub fn factor(&self, block: &Block) -> f32 {
        if self.failed.is_empty() || self.failed.contains_key(&block.step) {
            1.0
        } else if self.marked.contains(&block.log) {
            0.25
        } else {
            0.5
        }
    }
}

/// The category and what speaks for it.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The category.
    pub category: Category,
    /// From 0 to 1: how often such a verdict is right. See [`Ground`].
    pub confidence: f32,
    /// A transient fault of the world outside is part of the evidence.
    pub transient: bool,
    /// Why this category, of all that something speaks for; empty where nothing described does.
    pub why: &'static str,
}

/// What a rule's match is as evidence for its category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Evidence {
    /// The words are common: other programs print them too, and for other reasons.
    Hint,
    /// The format is a tool's, but it is not always printed for this reason.
    Likely,
    /// A named tool prints this, for this reason.
    Described,
    /// The same, with a mark that no other tool prints: a code, a rule's name.
    Specific,
}

/// Weights from which a rule's match is evidence of a kind, and from which its format is a single tool's.
const DESCRIBED: u16 = 84;
const LIKELY: u16 = 70;
const HINT: u16 = 58;
const SPECIFIC: u16 = 92;

/// What a rule's match is as evidence; nothing where its weight is that of a word in passing.
const fn evidence(rule: &Rule) -> Option<Evidence> {
    match rule.weight {
        SPECIFIC.. => Some(Evidence::Specific),
        DESCRIBED.. => Some(Evidence::Described),
        LIKELY.. => Some(Evidence::Likely),
        HINT.. => Some(Evidence::Hint),
        _ => None,
    }
}

/// What was found that speaks for one category, in what failed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Support {
    best: Option<Evidence>,
    count: u32,
    /// A format that only one tool prints stands in the output of a failed test.
    inside_test: bool,
    /// It was said just above a test that fell over it.
    above_test: bool,
    /// A described tool's own words near the end of the step that failed, or its totals at the end.
    agreed: bool,
}

/// What makes a row of the table not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beaten {
    /// A described runner named failed tests, unless what the row is about stands in a failed test's output, or just above it.
    Tests,
    /// A described compiler, checker or linter complained, with the same exception.
    Code,
    /// Tests that failed for other reasons are many more.
    ManyTests,
}

/// One row of the table: the first that holds is the verdict.
struct Row {
    category: Category,
    needs: Evidence,
    unless: &'static [Beaten],
    /// Why the row stands where it does.
    why: &'static str,
}

const fn row(category: Category, needs: Evidence, unless: &'static [Beaten], why: &'static str) -> Row {
    Row { category, needs, unless, why }
}

const TOLD: &[Beaten] = &[Beaten::Tests, Beaten::Code];

/// Which category is the cause, in the order in which it is asked.
const ROWS: &[Row] = {
    use Beaten::ManyTests;
    use Category::{
        CompileError, DependencyInstall, DockerBuild, GithubActionsConfig, LintError, NetworkOrFlaky, PermissionOrSecret, RunnerInfrastructure, SnapshotDiff,
        TestAssertion, TimeoutOrOom, TypeError,
    };
    use Evidence::{Described, Hint, Likely, Specific};
    &[
        row(DockerBuild, Described, &[], "the build of an image says itself which of its steps failed, whatever ran in it"),
        row(RunnerInfrastructure, Described, TOLD, "a machine that was lost ends everything that ran on it"),
        row(TimeoutOrOom, Described, TOLD, "what ran out of time or room was cut off, whatever it was about to say"),
        row(GithubActionsConfig, Described, TOLD, "a step that could not begin has no output of its own"),
        row(PermissionOrSecret, Described, TOLD, "a refused login is told by who refused it"),
        row(NetworkOrFlaky, Described, TOLD, "what could not be reached explains what is missing after it"),
        row(DependencyInstall, Described, TOLD, "what was not installed explains what does not compile after it"),
        row(SnapshotDiff, Described, &[ManyTests], "a test that compares with a snapshot fails as a test too: the snapshot says more"),
        row(CompileError, Specific, &[], "a mark that only one tool prints outweighs a format that others share: of these three, as below"),
        row(TypeError, Specific, &[], "the same"),
        row(LintError, Specific, &[], "the same: a linter that builds prints what a compiler prints too"),
        row(CompileError, Described, &[], "what does not compile is not run: tests that are named beside it are others"),
        row(TypeError, Described, &[], "types are checked before tests are run"),
        row(LintError, Described, &[], "a linter's own words stand for themselves"),
        row(TestAssertion, Described, &[], "a described runner named a failed test or counted it"),
        row(SnapshotDiff, Described, &[], "few of many failed tests, but nothing else is described"),
        row(PermissionOrSecret, Described, &[], "beaten by what is described less surely is not beaten"),
        row(NetworkOrFlaky, Described, &[], "the same"),
        row(SnapshotDiff, Likely, &[ManyTests], "as above, of what is likely"),
        row(CompileError, Likely, &[], "as above, of what is likely"),
        row(TypeError, Likely, &[], "as above, of what is likely"),
        row(LintError, Likely, &[], "as above, of what is likely"),
        row(DockerBuild, Likely, &[], "the image around a command that failed"),
        row(RunnerInfrastructure, Likely, &[], "the machine before what ran on it"),
        row(DependencyInstall, Likely, &[], "what is missing before what misses it"),
        row(TestAssertion, Likely, &[], "tests, where nothing that comes before them spoke"),
        row(SnapshotDiff, Likely, &[], "few of many failed tests"),
        row(TimeoutOrOom, Likely, &[], "the world outside is named in passing more often than it is the cause"),
        row(GithubActionsConfig, Likely, &[], "the same"),
        row(PermissionOrSecret, Likely, &[], "the same"),
        row(NetworkOrFlaky, Likely, &[], "the same"),
        row(SnapshotDiff, Hint, &[ManyTests], "as above, of guesses"),
        row(CompileError, Hint, &[], "as above, of guesses"),
        row(TypeError, Hint, &[], "as above, of guesses"),
        row(LintError, Hint, &[], "as above, of guesses"),
        row(DockerBuild, Hint, &[], "as above, of guesses"),
        row(RunnerInfrastructure, Hint, &[], "as above, of guesses"),
        row(DependencyInstall, Hint, &[], "as above, of guesses"),
        row(TestAssertion, Hint, &[], "as above, of guesses"),
        row(SnapshotDiff, Hint, &[], "as above, of guesses"),
        row(TimeoutOrOom, Hint, &[], "as above, of guesses"),
        row(GithubActionsConfig, Hint, &[], "as above, of guesses"),
        row(PermissionOrSecret, Hint, &[], "as above, of guesses"),
        row(NetworkOrFlaky, Hint, &[], "as above, of guesses"),
    ]
};

/// What a verdict stands on: the second table, from the surest down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ground {
    /// A described tool said it at the end of the step that failed, its command is one that could, and nothing speaks against it.
    Agreed,
    /// A described tool said it, but the end of the step does not agree, or something else is likely too.
    Described,
    /// A tool's format that is not always printed for this reason.
    Likely,
    /// Common words, and a command that is for the same.
    HintAndCommand,
    /// Two described tools say two things.
    Disputed,
    /// Common words, or the command or its exit code alone.
    Hint,
    /// Tests were named in an unknown format.
    TestsNamed,
    /// Places with a remark were named in an unknown format.
    PlacesNamed,
    /// Something sounds like an error.
    Noise,
    /// Nothing at all.
    Nothing,
}

impl Ground {
    /// How sure such a verdict is. The test `told_confidence_is_kept` holds these figures against the labelled logs, which the
    /// rules were made with, and those logs cut off at their end: of the verdicts of one band, at least the share that it begins with is right.
    const fn confidence(self) -> f32 {
        match self {
            // On logs that no rule was made with fewer are right than on those it was: not told as almost certain.
            Self::Agreed => 0.85,
            Self::Described => 0.75,
            Self::Likely => 0.7,
            Self::HintAndCommand => 0.65,
            Self::Disputed => 0.6,
            Self::Hint => 0.5,
            Self::TestsNamed => 0.4,
            Self::PlacesNamed => 0.35,
            Self::Noise => 0.3,
            Self::Nothing => 0.1,
        }
    }
}

/// Lines before the end of a failed step within which what is said is likely why it ended.
const NEAR_END: u64 = 150;
/// A tool's own totals are the last of what it prints: within so many lines before the end of what only one command printed.
const LAST_WORDS: u64 = 12;
/// So many lines above a test's failure what could not be reached is why it failed.
const JUST_ABOVE: u64 = 30;
/// So many findings of snapshots for one of a test, and so many besides, make snapshots the matter.
const TESTS_PER_SNAPSHOT: u32 = 4;
const TESTS_BESIDE: u32 = 2;

/// The evidence one step down: for what stands where it is often printed for another reason.
const fn lowered(evidence: Evidence) -> Option<Evidence> {
    match evidence {
        Evidence::Specific | Evidence::Described => Some(Evidence::Likely),
        Evidence::Likely => Some(Evidence::Hint),
        Evidence::Hint => None,
    }
}

/// All that speaks for the categories.
#[derive(Debug, Default)]
struct Case(HashMap<Category, Support>);

impl Case {
    /// `last` is the number of the log's last line.
    fn of(blocks: &[Block], steps: &[Step], standing: &Standing, last: u64) -> Self {
        // What one command printed, without a runner around it: its end is the log's.
        let bare = steps.iter().all(|step| !step.failed && step.end.is_none());
        let first_test = first_tests(blocks);
        let falls = falls(blocks);
        let mut case = Self::default();
        for block in blocks {
            let stands = standing.factor(block) >= 1.0;
            let tests = block.findings().any(|(_, f)| f.rule.role == Role::Test);
            let end = steps.iter().find(|s| s.id == block.step).filter(|s| s.failed).and_then(|s| s.end);
            for (line, finding) in block.findings() {
                let Some(category) = finding.rule.category.filter(|_| matches!(finding.rule.role, Role::Cause | Role::Test | Role::Summary)) else {
                    continue;
                };
                let near = end.is_none_or(|end| end.saturating_sub(line.number) <= NEAR_END);
                // A script that went on to tests that failed was not stopped by a linter before them.
                let went_on = category == Category::LintError && first_test.get(&block.step).is_some_and(|first| line.number < *first);
                // What the world outside did long before the end was survived.
                let survived = !near && category.is_outside();
                // A test may print what a compiler said: the test is what failed.
                let code = matches!(category, Category::CompileError | Category::TypeError | Category::LintError);
                let printed = tests && code && !finding.rule.judges_code;
                let own = evidence(finding.rule);
                let evidence = own.filter(|_| stands);
                let evidence = [went_on, survived, printed].into_iter().filter(|lower| *lower).fold(evidence, |e, _| e.and_then(lowered));
                let entry = case.0.entry(category).or_default();
                entry.best = entry.best.max(evidence);
                entry.count += u32::from(evidence.is_some());
                let described = evidence >= Some(Evidence::Described);
                entry.inside_test |= described && tests && finding.rule.weight >= SPECIFIC;
                let above = |fall: &u64| (1..=JUST_ABOVE).contains(&fall.saturating_sub(line.number));
                entry.above_test |= described && category == Category::NetworkOrFlaky && falls.get(&block.step).is_some_and(|falls| falls.iter().any(above));
                let reported = end.is_some() || line.text.starts_with("##[error]");
                let totals = finding.rule.role == Role::Summary && own >= Some(Evidence::Likely);
                let at_the_end = end.is_some() || (bare && last.saturating_sub(line.number) <= LAST_WORDS);
                entry.agreed |= stands && ((own >= Some(Evidence::Described) && near && reported) || (totals && at_the_end));
            }
        }
        case
    }

    fn get(&self, category: Category) -> Support {
        self.0.get(&category).copied().unwrap_or_default()
    }

    fn is_described(&self, category: Category) -> bool {
        self.get(category).best >= Some(Evidence::Described)
    }

    fn beaten(&self, row: &Row, by: Beaten) -> bool {
        let own = self.get(row.category);
        let tests = self.get(Category::TestAssertion);
        // A package that was not installed is asked for by tests too.
        let explains = (own.inside_test || own.above_test) && row.category != Category::DependencyInstall;
        match by {
            Beaten::Tests => !explains && tests.best >= Some(Evidence::Described) && tests.count > 1,
            Beaten::Code => !explains && [Category::CompileError, Category::TypeError, Category::LintError].into_iter().any(|c| self.is_described(c)),
            Beaten::ManyTests => own.count * TESTS_PER_SNAPSHOT + TESTS_BESIDE < tests.count,
        }
    }

    /// The first row that holds.
    fn row(&self) -> Option<&'static Row> {
        ROWS.iter().find(|row| self.get(row.category).best >= Some(row.needs) && !row.unless.iter().any(|by| self.beaten(row, *by)))
    }

    /// The best evidence for any other category.
    fn rival(&self, category: Category) -> Option<Evidence> {
        self.0.iter().filter(|(other, _)| **other != category && **other != Category::Unknown).filter_map(|(_, support)| support.best).max()
    }
}

/// Decides the category. `last` is the number of the log's last line.
#[must_use]
pub fn decide(blocks: &[Block], steps: &[Step], standing: &Standing, last: u64) -> Verdict {
    let case = Case::of(blocks, steps, standing, last);
    let transient = case.is_described(Category::NetworkOrFlaky);
    let (category, ground) = judge(&case, blocks, steps, standing);
    let why = case.row().filter(|row| row.category == category).map_or("", |row| row.why);
    Verdict { category, confidence: ground.confidence(), transient, why }
}

fn judge(case: &Case, blocks: &[Block], steps: &[Step], standing: &Standing) -> (Category, Ground) {
    let chosen = case.row().map(|row| row.category);
    let own = chosen.and_then(|category| case.get(category).best);
    let hint = command::hint(steps);
    if own.is_none_or(|own| own == Evidence::Hint) {
        if let Some(category) = ending(steps) {
            return (category, Ground::Hint);
        }
        // That tests ran and failed is told better by their totals than by a command that builds.
        let told = chosen == Some(Category::TestAssertion) && hint == Some(Category::CompileError);
        if let Some(hint) = hint.filter(|_| !told) {
            return (hint, if chosen == Some(hint) { Ground::HintAndCommand } else { Ground::Hint });
        }
    }
    let (Some(category), Some(own)) = (chosen, own) else {
        let standing_out = || blocks.iter().filter(|b| standing.factor(b) >= 1.0).flat_map(Block::findings);
        // Tests were named, or places with a remark and without the word error: the likeliest of what is left. A list of files is a finding
        // only where it is all that was said: what checks formats prints nothing else, what copies files ends with other words.
        if standing_out().any(|(_, f)| !f.tests.is_empty()) {
            return (Category::TestAssertion, Ground::TestsNamed);
        }
        let placed = || standing_out().filter(|(_, f)| f.rule.family() == "place").filter_map(|(_, f)| f.file.as_ref());
        let alone = standing_out().filter(|(_, f)| f.rule.role == Role::Cause).all(|(_, f)| f.rule.family() == "place");
        if placed().any(|(_, line)| line.is_some() || alone) {
            return (Category::LintError, Ground::PlacesNamed);
        }
        return (Category::Unknown, if case.0.is_empty() { Ground::Nothing } else { Ground::Noise });
    };
    let rival = case.rival(category);
    let agreed = case.get(category).agreed && hint.is_none_or(|hint| command::plausible(hint, category));
    let ground = match (own, rival) {
        (Evidence::Hint, _) => Ground::Hint,
        (_, Some(Evidence::Described | Evidence::Specific)) => Ground::Disputed,
        (Evidence::Likely, _) => Ground::Likely,
        (_, None | Some(Evidence::Hint)) if agreed => Ground::Agreed,
        _ => Ground::Described,
    };
    (category, ground)
}

/// What follows from the exit code of the step that failed, where nothing else was said.
fn ending(steps: &[Step]) -> Option<Category> {
    steps.iter().rev().filter(|step| step.failed).find_map(|step| end_of(step.exit_code?)).and_then(|end| end.category)
}

/// Per step the lines in which tests fell over something: failed ones, panics and exceptions, if none of them compared two values.
fn falls(blocks: &[Block]) -> HashMap<u32, Vec<u64>> {
    const COMPARED: &[&str] = &["xpected", "ssert", " want", "==", "!=", "left:", "right:", "to equal", "to be"];
    let mut falls: HashMap<u32, Vec<u64>> = HashMap::new();
    let mut compared: Vec<u32> = Vec::new();
    for block in blocks {
        for (line, _) in block.findings().filter(|(_, f)| f.rule.category == Some(Category::TestAssertion)) {
            falls.entry(block.step).or_default().push(line.number);
        }
        let said = |line: &super::blocks::Kept| COMPARED.iter().any(|word| line.text.contains(word));
        if block.findings().any(|(line, f)| (f.rule.role == Role::Detail || f.rule.category == Some(Category::TestAssertion)) && said(line)) {
            compared.push(block.step);
        }
    }
    falls.retain(|step, _| !compared.contains(step));
    falls
}

/// Per step the line where tests begin to fail, for steps in which a described runner named a failed one and counted it.
fn first_tests(blocks: &[Block]) -> HashMap<u32, u64> {
    let mut first: HashMap<u32, u64> = HashMap::new();
    let mut counted: Vec<u32> = Vec::new();
    for block in blocks {
        for (line, finding) in block.findings().filter(|(_, f)| f.rule.category == Some(Category::TestAssertion) && f.rule.family() != "unknown") {
            match finding.rule.role {
                Role::Test if evidence(finding.rule) >= Some(Evidence::Likely) => {
                    let at = first.entry(block.step).or_insert(line.number);
                    *at = line.number.min(*at);
                }
                Role::Summary if evidence(finding.rule) >= Some(Evidence::Likely) => counted.push(block.step),
                _ => {}
            }
        }
    }
    first.retain(|step, _| counted.contains(step));
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(of: &[(Category, Evidence)]) -> Case {
        let mut case = Case::default();
        for (category, evidence) in of {
            let entry = case.0.entry(*category).or_default();
            entry.best = entry.best.max(Some(*evidence));
            entry.count += 1;
        }
        case
    }

    /// Every row is reached: by its evidence alone, or by what beats the rows above it.
    #[test]
    fn each_row_of_the_table_can_be_the_verdict() {
        use Category::{NetworkOrFlaky, PermissionOrSecret, SnapshotDiff, TestAssertion};
        for (nth, row) in ROWS.iter().enumerate() {
            let mut only = case(&[(row.category, row.needs)]);
            let repeats = ROWS[..nth].iter().any(|above| above.category == row.category && above.needs == row.needs);
            if repeats && row.category == SnapshotDiff {
                // Outnumbered by tests that are less sure, or that are not there at all.
                let tests = only.0.entry(TestAssertion).or_default();
                tests.count = TESTS_PER_SNAPSHOT + TESTS_BESIDE + 1;
            } else if repeats {
                assert!(matches!(row.category, PermissionOrSecret | NetworkOrFlaky), "{}", row.why);
                continue;
            }
            let chosen = only.row().expect("a row holds");
            assert_eq!((chosen.category, chosen.needs, chosen.why), (row.category, row.needs, row.why));
        }
    }

    #[test]
    fn what_beats_a_row_beats_it() {
        use Category::{CompileError, DependencyInstall, DockerBuild, LintError, NetworkOrFlaky, SnapshotDiff, TestAssertion, TimeoutOrOom};
        use Evidence::{Described, Hint, Likely};
        let two = |category, evidence| [(category, evidence), (category, evidence)];
        let table: &[(&[(Category, Evidence)], Category)] = &[
            (&[(NetworkOrFlaky, Described), (TestAssertion, Described)], NetworkOrFlaky),
            (&[(NetworkOrFlaky, Described), (TestAssertion, Described), (TestAssertion, Described)], TestAssertion),
            (&[(TimeoutOrOom, Described), (CompileError, Described)], CompileError),
            (&[(DockerBuild, Described), (CompileError, Described)], DockerBuild),
            (&[(DependencyInstall, Described), (LintError, Likely)], DependencyInstall),
            (&[(DependencyInstall, Described), (CompileError, Described)], CompileError),
            (&[(CompileError, Likely), (TestAssertion, Described)], TestAssertion),
            (&[(CompileError, Likely), (TestAssertion, Likely)], CompileError),
            (&[(NetworkOrFlaky, Likely), (TestAssertion, Likely)], TestAssertion),
            (&[(LintError, Hint), (TestAssertion, Likely)], TestAssertion),
            (&[(SnapshotDiff, Described), (TestAssertion, Described)], SnapshotDiff),
        ];
        for (of, want) in table {
            assert_eq!(case(of).row().map(|row| row.category), Some(*want), "{of:?}");
        }
        let mut many = case(&two(TestAssertion, Described));
        many.0.entry(SnapshotDiff).or_default().best = Some(Described);
        many.0.entry(SnapshotDiff).or_default().count = 1;
        many.0.entry(TestAssertion).or_default().count = 7;
        assert_eq!(many.row().map(|row| row.category), Some(TestAssertion));
        assert!(case(&[]).row().is_none());
    }

    /// What could not be reached, said just above, outweighs the tests that fell over it; a package does not.
    #[test]
    fn a_cause_above_outweighs_what_fell_over_it() {
        use Category::{DependencyInstall, NetworkOrFlaky, TestAssertion};
        for (category, want) in [(NetworkOrFlaky, NetworkOrFlaky), (DependencyInstall, TestAssertion)] {
            let mut both = case(&[(category, Evidence::Described), (TestAssertion, Evidence::Described), (TestAssertion, Evidence::Described)]);
            both.0.entry(category).or_default().above_test = true;
            assert_eq!(both.row().map(|row| row.category), Some(want));
        }
    }

    /// To be sure takes a described tool, the end of the step, and nothing against it.
    #[test]
    fn no_ground_but_agreement_is_sure() {
        use Ground::{Agreed, Described, Disputed, Hint, HintAndCommand, Likely, Noise, Nothing, PlacesNamed, TestsNamed};
        let falling = [Agreed, Described, Likely, HintAndCommand, Disputed, Hint, TestsNamed, PlacesNamed, Noise, Nothing];
        assert!(falling.windows(2).all(|two| two[0].confidence() > two[1].confidence()));
        assert!(Agreed.confidence() >= 0.8 && Described.confidence() <= 0.75);
    }

    #[test]
    fn a_list_of_copied_files_is_no_finding() {
        let step = |said: &str| format!("##[group]Run ./pack\n./pack\n##[endgroup]\n{said}##[error]Process completed with exit code 1.\n");
        let list = "lib/app/models.py\nlib/app/views.py\n";
        let copied = crate::domain::diagnosis::diagnose(step(&format!("{list}error: Bad exit status from the install script\n")).as_bytes(), None);
        assert_ne!(copied.category, Category::LintError);
        assert_eq!(crate::domain::diagnosis::diagnose(step(list).as_bytes(), None).category, Category::LintError);
    }

    #[test]
    fn an_exit_code_alone_is_said_in_words() {
        let table = [
            (141, Category::GithubActionsConfig),
            (137, Category::TimeoutOrOom),
            (143, Category::TimeoutOrOom),
            (139, Category::Unknown),
            (134, Category::Unknown),
        ];
        for (code, want) in table {
            let log = format!("##[group]Run ./x\n./x\n##[endgroup]\nworking\n##[error]Process completed with exit code {code}.\n");
            let d = crate::domain::diagnosis::diagnose(log.as_bytes(), None);
            assert_eq!(d.category, want, "{code}");
            let words = end_of(code).expect("a known end").words;
            assert!(d.excerpt.contains(words), "{}", d.excerpt);
        }
    }
}
