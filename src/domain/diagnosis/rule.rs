//! How a tool's output format is described: one [`Rule`] a kind of line, and the set that finds them.
//!
//! A line passes three sieves, each dearer than the one before: the *gate* (a vector search for a few dozen
//! short literals over the whole buffer), the *needles* (one automaton over a line that passed), and the
//! regular expressions of the rules whose needles stood in it.

use std::sync::{LazyLock, OnceLock};

use aho_corasick::{AhoCorasick, MatchKind, packed};
use regex::{Captures, Regex};

use super::taxonomy::Category;

/// What a matching line is to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Looks like a failure and is none.
    Noise,
    /// Says why.
    Cause,
    /// Names a test that failed.
    Test,
    /// Counts what failed.
    Summary,
    /// Says that something failed, after something else said why: exit codes, task wrappers.
    Wrapper,
    /// A place in the source: a stack frame, an arrow.
    Frame,
    /// Detail worth more than its neighbours: an expected value, a captured message.
    Detail,
    /// Names a test that failed at first and passed in the end: no failure, wherever else it is named.
    Passed,
}

/// Which lines after a match belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// None.
    Line,
    /// So many.
    After(u16),
    /// Up to so many, until an empty line.
    Paragraph(u16),
    /// Up to so many, as long as they are empty or stand deeper than the match.
    Indented(u16),
    /// Up to so many, until a line starts with one of these.
    Section(u16, &'static [&'static str]),
}

/// One kind of line of one tool's output.
///
/// Named groups of the pattern are read: `test`, `class` (put before the test with a dot), `file`, `line`,
/// `msg` (what the fingerprint takes; the whole line otherwise), `code` (an exit code), `cmd`.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// `tool.kind`, unique.
    pub id: &'static str,
    /// Literals of which at least one stands in every line that the pattern can match.
    pub needles: &'static [&'static str],
    /// The regular expression, over the cleaned line.
    pub pattern: &'static str,
    /// What the line is.
    pub role: Role,
    /// What kind of failure it speaks for.
    pub category: Option<Category>,
    /// Worth from 0 to 100; also the order in which rules are tried, highest first.
    pub weight: u16,
    /// How many lines before the match belong to it.
    pub before: u8,
    /// Which lines after it do.
    pub extent: Extent,
    /// Only looked for inside a block that another rule opened.
    pub inside: bool,
    /// Looked for too where the end of a failed step is read back, because nothing in it was understood.
    pub late: bool,
    /// What a noise mutes beside its own line: a section that lists what is expected to fail.
    pub mutes: bool,
    /// Begins a block of its own even inside another one.
    pub opens: bool,
    /// The name of the test stands above it: said again, it is another test's.
    pub named_above: bool,
    /// Said where a test itself compiles or checks code: it stays the cause where a failed test is named beside it.
    pub judges_code: bool,
    /// Only looked for where the last finding of the block is by one of these rules: for lines that mean
    /// something only after another.
    pub follows: &'static [&'static str],
}

/// A rule that says why something failed.
#[must_use]
pub const fn cause(id: &'static str, category: Category, weight: u16, needles: &'static [&'static str], pattern: &'static str) -> Rule {
    Rule {
        id,
        needles,
        pattern,
        role: Role::Cause,
        category: Some(category),
        weight,
        before: 0,
        extent: Extent::Line,
        inside: false,
        late: false,
        mutes: false,
        opens: false,
        named_above: false,
        judges_code: false,
        follows: &[],
    }
}

/// A rule that names a failed test.
#[must_use]
pub const fn test(id: &'static str, weight: u16, needles: &'static [&'static str], pattern: &'static str) -> Rule {
    Rule { role: Role::Test, ..cause(id, Category::TestAssertion, weight, needles, pattern) }
}

/// A rule for a line of totals.
#[must_use]
pub const fn summary(id: &'static str, category: Category, weight: u16, needles: &'static [&'static str], pattern: &'static str) -> Rule {
    Rule { role: Role::Summary, ..cause(id, category, weight, needles, pattern) }
}

/// A rule for a consequence: it has no category of its own.
#[must_use]
pub const fn wrapper(id: &'static str, weight: u16, needles: &'static [&'static str], pattern: &'static str) -> Rule {
    Rule { role: Role::Wrapper, category: None, ..cause(id, Category::Unknown, weight, needles, pattern) }
}

/// A rule for a place in the source, looked for inside blocks only.
#[must_use]
pub const fn frame(id: &'static str, weight: u16, needles: &'static [&'static str], pattern: &'static str) -> Rule {
    Rule { role: Role::Frame, category: None, inside: true, ..cause(id, Category::Unknown, weight, needles, pattern) }
}

/// A rule for a line that is worth more than its neighbours, looked for inside blocks only.
#[must_use]
pub const fn detail(id: &'static str, weight: u16, needles: &'static [&'static str], pattern: &'static str) -> Rule {
    Rule { role: Role::Detail, category: None, inside: true, ..cause(id, Category::Unknown, weight, needles, pattern) }
}

/// A rule for what looks like a failure and is none. Tried before all others.
#[must_use]
pub const fn noise(id: &'static str, needles: &'static [&'static str], pattern: &'static str) -> Rule {
    Rule { role: Role::Noise, category: None, ..cause(id, Category::Unknown, 1000, needles, pattern) }
}

/// A rule that names a test which passed in the end.
#[must_use]
pub const fn passed(id: &'static str, weight: u16, needles: &'static [&'static str], pattern: &'static str) -> Rule {
    Rule { role: Role::Passed, category: None, ..cause(id, Category::Unknown, weight, needles, pattern) }
}

impl Rule {
    /// The tool that the rule is about: its id up to the dot.
    #[must_use]
    pub fn family(&self) -> &'static str {
        self.id.split_once('.').map_or(self.id, |(family, _)| family)
    }

    /// With so many lines before it.
    #[must_use]
    pub const fn before(mut self, lines: u8) -> Self {
        self.before = lines;
        self
    }

    /// With these lines after it.
    #[must_use]
    pub const fn with(mut self, extent: Extent) -> Self {
        self.extent = extent;
        self
    }

    /// Looked for inside blocks only, and only after one of these rules.
    #[must_use]
    pub const fn following(mut self, rules: &'static [&'static str]) -> Self {
        self.inside = true;
        self.follows = rules;
        self
    }

    /// Said by a test that itself compiles or checks code.
    #[must_use]
    pub const fn judging_code(mut self) -> Self {
        self.judges_code = true;
        self
    }

    /// Begins a block of its own.
    #[must_use]
    pub const fn opening(mut self) -> Self {
        self.opens = true;
        self
    }

    /// With so many lines before it, of which one names the test: no copy of it is passed over.
    #[must_use]
    pub const fn below_name(mut self, lines: u8) -> Self {
        self.before = lines;
        self.named_above = true;
        self
    }

    /// Looked for inside blocks only.
    #[must_use]
    pub const fn inside(mut self) -> Self {
        self.inside = true;
        self
    }

    /// Looked for inside blocks, and where the end of a failed step is read back: for complaints without a word
    /// that tells them from what a green run prints.
    #[must_use]
    pub const fn late(mut self) -> Self {
        self.inside = true;
        self.late = true;
        self
    }

    /// Mutes the lines of its extent with it.
    #[must_use]
    pub const fn muting(mut self, extent: Extent) -> Self {
        self.extent = extent;
        self.mutes = true;
        self
    }

    /// Speaks for another category than its kind usually does.
    #[must_use]
    pub const fn speaking_for(mut self, category: Category) -> Self {
        self.category = Some(category);
        self
    }

    /// Tried with rules of this weight.
    #[must_use]
    pub const fn weighing(mut self, weight: u16) -> Self {
        self.weight = weight;
        self
    }

    /// Speaks for no category.
    #[must_use]
    pub const fn silent(mut self) -> Self {
        self.category = None;
        self
    }
}

/// Literals of which at least one stands in every line that can open a block. Case matters.
///
/// The vector search takes at most 64 of them and is twice as fast when none is shorter than four bytes.
pub const GATE: &[&str] = &[
    "rror",
    "RROR",
    "FAIL",
    "fail",
    "Fail",
    "panic",
    "xception",
    "atal",
    "FATAL",
    "##[e",
    "##[g",
    "✗ ",
    "✖ ",
    "✘ ",
    // Where the mark alone is coloured, its space comes after the escape.
    "✖\x1b",
    "m×\x1b",
    "● ",
    "❌ ",
    " × ",
    "not ok",
    "enied",
    "imed out",
    "imeout",
    "TIMEOUT",
    "illed",
    "o space",
    "annot ",
    "ould ",
    "nable to",
    "ot found",
    "ndefined",
    "nresolved",
    "egmentation",
    "SIGSEGV",
    "SIGABRT",
    "bort",
    "exit code",
    "exited with",
    "xit status",
    "Diff in",
    "ismatch",
    "ssert",
    "xpected",
    "offense",
    "onflict",
    "efused",
    "reset by",
    "____",
    "iolation",
    "issing ",
    "nvalid ",
    "cancel",
    "out of ",
    "roblem",
    "JUnit ",
    "emory",
    "ERR!",
    "anitizer",
    "ot permitted",
    "o such file",
    " not used",
    "ncommitted",
    "FLAKY ",
    " [E]",
];

/// All rules, ready to be asked.
pub struct RuleSet {
    rules: Vec<Rule>,
    compiled: Vec<OnceLock<Option<Regex>>>,
    needles: AhoCorasick,
    owners: Vec<u16>,
    gate: Gate,
}

enum Gate {
    Packed(packed::Searcher),
    Automaton(Box<AhoCorasick>),
}

/// A rule that matched a line, and its groups.
pub struct Match<'t> {
    /// The rule.
    pub rule: &'static Rule,
    captures: Captures<'t>,
}

impl<'t> Match<'t> {
    /// The text of a named group, if it took part in the match and is not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'t str> {
        self.captures.name(name).map(|m| m.as_str().trim()).filter(|s| !s.is_empty())
    }
}

/// The pattern with its Unicode classes replaced by small ones: a cleaned line has no white space but spaces
/// and tabs, and whether a letter is Greek decides nothing here. Tables of all of Unicode cost a megabyte a rule.
fn lean(pattern: &str) -> String {
    pattern
        .replace(r"\d", "[0-9]")
        .replace(r"\w", r"[0-9A-Za-z_\x{80}-\x{10ffff}]")
        .replace(r"\s", r"[ \t]")
        .replace(r"\S", r"[^ \t]")
        .replace(r"\b", r"(?-u:\b)")
}

impl RuleSet {
    /// The one set, made when it is first asked for.
    #[must_use]
    pub fn global() -> &'static Self {
        static SET: LazyLock<RuleSet> = LazyLock::new(RuleSet::build);
        &SET
    }

    fn build() -> Self {
        let mut rules: Vec<Rule> = super::families().iter().flat_map(|family| family.iter().copied()).collect();
        // Stable: within one weight, the order of the families and of the rules in them decides.
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.weight));
        let mut literals = Vec::new();
        let mut owners = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            for needle in rule.needles {
                literals.push(*needle);
                owners.push(u16::try_from(index).unwrap_or(u16::MAX));
            }
        }
        let needles = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&literals).expect("a few hundred short literals make an automaton");
        let mut config = packed::Config::new();
        let mut builder = config.match_kind(packed::MatchKind::LeftmostFirst).builder();
        builder.extend(GATE);
        let gate = match builder.build() {
            Some(searcher) => Gate::Packed(searcher),
            None => Gate::Automaton(Box::new(AhoCorasick::new(GATE).expect("a few dozen short literals make an automaton"))),
        };
        Self { compiled: rules.iter().map(|_| OnceLock::new()).collect(), rules, needles, owners, gate }
    }

    /// The offset of the next literal of the gate in `bytes` at or after `from`.
    #[must_use]
    pub fn next_candidate(&self, bytes: &[u8], from: usize) -> Option<usize> {
        match &self.gate {
            Gate::Packed(searcher) => searcher.find_in(bytes, aho_corasick::Span { start: from, end: bytes.len() }).map(|m| m.start()),
            Gate::Automaton(automaton) => automaton.find(aho_corasick::Input::new(bytes).range(from..)).map(|m| m.start()),
        }
    }

    /// The first rule that is acceptable here and matches the cleaned line.
    #[must_use]
    pub fn find<'t>(&'static self, line: &'t str, acceptable: impl Fn(&Rule) -> bool) -> Option<Match<'t>> {
        let mut candidates = [0_u64; 16];
        let mut any = false;
        for found in self.needles.find_overlapping_iter(line) {
            let owner = self.owners[found.pattern().as_usize()] as usize;
            candidates[owner / 64] |= 1 << (owner % 64);
            any = true;
        }
        if !any {
            return None;
        }
        for (word, bits) in candidates.iter().enumerate() {
            let mut bits = *bits;
            while bits != 0 {
                let index = word * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let rule = &self.rules[index];
                if !acceptable(rule) {
                    continue;
                }
                let regex = self.compiled[index].get_or_init(|| Regex::new(&lean(rule.pattern)).ok());
                // Most candidates do not match, and groups are dear to make.
                if let Some(captures) = regex.as_ref().filter(|r| r.is_match(line)).and_then(|r| r.captures(line)) {
                    return Some(Match { rule, captures });
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_sound() {
        let set = RuleSet::global();
        assert!(set.rules.len() < 1024, "the candidate set is a fixed bitmap");
        let mut ids = std::collections::BTreeSet::new();
        let mut shut_out: Vec<String> = Vec::new();
        for rule in &set.rules {
            assert!(ids.insert(rule.id), "{} stands twice", rule.id);
            assert!(!rule.needles.is_empty(), "{} has no needle", rule.id);
            let regex = Regex::new(&lean(rule.pattern)).unwrap_or_else(|e| panic!("{}: {e}", rule.id));
            assert!(!regex.is_match(""), "{} matches the empty line", rule.id);
            if !rule.inside && (rule.role != Role::Noise || rule.mutes) {
                for needle in rule.needles {
                    if !GATE.iter().any(|gate| needle.contains(gate)) {
                        shut_out.push(format!("{}: {needle:?}", rule.id));
                    }
                }
            }
        }
        assert!(shut_out.is_empty(), "these needles do not pass the gate: {shut_out:#?}");
    }

    #[test]
    fn the_gate_is_a_vector_search_here() {
        assert!(GATE.len() <= 64 && GATE.iter().all(|literal| literal.len() >= 4));
        if cfg!(target_arch = "x86_64") && std::arch::is_x86_feature_detected!("avx2") {
            assert!(matches!(RuleSet::global().gate, Gate::Packed(_)));
        }
    }
}
