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

/// When a rule is asked, of all that could know a line: the first that matches wins it.
///
/// Within a step the order of the families, and of the rules in their table, decides: a narrow format stands above a wide
/// one that takes its lines too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// Before all others: what looks like a failure and is none.
    First,
    /// A format with a mark that only one tool prints: a code, a rule's name, a fixed sentence.
    Specific,
    /// A described format.
    Usual,
    /// A format that several tools share, or a place in the source.
    Broad,
    /// Words that any program may print.
    Generic,
    /// What is left: a guess from the shape of the line.
    Last,
}

/// What a rule's match is worth as evidence for its category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// The words are common: other programs print them too, and for other reasons.
    Hint,
    /// The format is a tool's, but it is not always printed for this reason.
    Likely,
    /// A named tool prints exactly this, for this reason.
    Described,
}

/// What a line is worth to a reader who sees a few dozen of a log's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worth {
    /// Shown where there is room for everything.
    Trace,
    /// As much as a line beside a finding.
    Low,
    /// Says that something failed and not what.
    Fair,
    /// Narrows down where or what.
    Good,
    /// Says what, or where exactly.
    High,
    /// Without it nobody understands the failure.
    Essential,
}

impl Worth {
    /// On the scale of the excerpt, on which a line just beside a finding is worth about 26.
    #[must_use]
    pub const fn points(self) -> u16 {
        match self {
            Self::Trace => 30,
            Self::Low => 46,
            Self::Fair => 60,
            Self::Good => 76,
            Self::High => 87,
            Self::Essential => 94,
        }
    }
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
    /// When it is asked.
    pub order: Order,
    /// What its match says of the category.
    pub evidence: Evidence,
    /// What the line is worth in an excerpt.
    pub worth: Worth,
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
    /// Only looked for where the last finding of the block is by one of these rules: for lines that mean
    /// something only after another.
    pub follows: &'static [&'static str],
}

/// A rule that says why something failed. Its order and its worth follow from the evidence; where they differ, the rule says so.
#[must_use]
pub const fn cause(id: &'static str, category: Category, evidence: Evidence, needles: &'static [&'static str], pattern: &'static str) -> Rule {
    let (order, worth) = match evidence {
        Evidence::Described => (Order::Usual, Worth::High),
        Evidence::Likely => (Order::Broad, Worth::Good),
        Evidence::Hint => (Order::Generic, Worth::Fair),
    };
    Rule {
        id,
        needles,
        pattern,
        role: Role::Cause,
        category: Some(category),
        order,
        evidence,
        worth,
        before: 0,
        extent: Extent::Line,
        inside: false,
        late: false,
        mutes: false,
        opens: false,
        named_above: false,
        follows: &[],
    }
}

/// A rule that names a failed test.
#[must_use]
pub const fn test(id: &'static str, evidence: Evidence, needles: &'static [&'static str], pattern: &'static str) -> Rule {
    Rule { role: Role::Test, ..cause(id, Category::TestAssertion, evidence, needles, pattern) }
}

/// A rule for a line of totals.
#[must_use]
pub const fn summary(id: &'static str, category: Category, evidence: Evidence, needles: &'static [&'static str], pattern: &'static str) -> Rule {
    Rule { role: Role::Summary, ..cause(id, category, evidence, needles, pattern) }
}

/// A line that speaks for no category: what it is worth is all that there is to say of it.
const fn mute(role: Role, order: Order, id: &'static str, worth: Worth, needles: &'static [&'static str], pattern: &'static str) -> Rule {
    Rule { role, category: None, order, worth, ..cause(id, Category::Unknown, Evidence::Hint, needles, pattern) }
}

/// A rule for a consequence: it has no category of its own.
#[must_use]
pub const fn wrapper(id: &'static str, worth: Worth, needles: &'static [&'static str], pattern: &'static str) -> Rule {
    mute(Role::Wrapper, Order::Generic, id, worth, needles, pattern)
}

/// A rule for a place in the source, looked for inside blocks only.
#[must_use]
pub const fn frame(id: &'static str, worth: Worth, needles: &'static [&'static str], pattern: &'static str) -> Rule {
    mute(Role::Frame, Order::Broad, id, worth, needles, pattern).inside()
}

/// A rule for a line that is worth more than its neighbours, looked for inside blocks only.
#[must_use]
pub const fn detail(id: &'static str, worth: Worth, needles: &'static [&'static str], pattern: &'static str) -> Rule {
    mute(Role::Detail, Order::Generic, id, worth, needles, pattern).inside()
}

/// A rule for what looks like a failure and is none. Tried before all others.
#[must_use]
pub const fn noise(id: &'static str, needles: &'static [&'static str], pattern: &'static str) -> Rule {
    mute(Role::Noise, Order::First, id, Worth::Trace, needles, pattern)
}

/// A rule that names a test which passed in the end.
#[must_use]
pub const fn passed(id: &'static str, needles: &'static [&'static str], pattern: &'static str) -> Rule {
    mute(Role::Passed, Order::Specific, id, Worth::Essential, needles, pattern)
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

    /// With a mark that nothing else prints: asked before the described formats, and the line says it all.
    #[must_use]
    pub const fn specific(mut self) -> Self {
        self.order = Order::Specific;
        self.worth = Worth::Essential;
        self
    }

    /// Asked at this step.
    #[must_use]
    pub const fn ordered(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Worth this much in an excerpt.
    #[must_use]
    pub const fn worth(mut self, worth: Worth) -> Self {
        self.worth = worth;
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
/// The vector search is twice as fast when none is shorter than four bytes.
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

/// Bytes of the longest literal of a gate, at most.
const LONGEST: usize = 32;

/// All rules, ready to be asked.
pub struct RuleSet {
    rules: Vec<Rule>,
    compiled: Vec<OnceLock<Option<Regex>>>,
    needles: AhoCorasick,
    owners: Vec<u16>,
    gate: Gate,
}

/// Literals that one vector search takes.
const PACK: usize = 64;
/// Bytes that each of several searches looks at first; the window doubles as long as nothing is found.
const WINDOW: usize = 512;

enum Gate {
    Packed(Vec<packed::Searcher>),
    /// Where the machine has no vectors.
    Automaton(Box<AhoCorasick>),
}

impl Gate {
    fn of(literals: &[&str]) -> Self {
        let searcher = |pack: &[&str]| packed::Config::new().match_kind(packed::MatchKind::LeftmostFirst).builder().extend(pack).build();
        match literals.chunks(PACK).map(searcher).collect() {
            Some(searchers) => Self::Packed(searchers),
            None => Self::Automaton(Box::new(AhoCorasick::new(literals).expect("a few dozen short literals make an automaton"))),
        }
    }

    /// Where the first literal begins at or after `from`.
    fn next(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let searchers = match self {
            Self::Automaton(automaton) => return automaton.find(aho_corasick::Input::new(bytes).range(from..)).map(|m| m.start()),
            Self::Packed(searchers) => searchers,
        };
        let find = |searcher: &packed::Searcher, start, end| searcher.find_in(bytes, aho_corasick::Span { start, end }).map(|m| m.start());
        if let [only] = searchers.as_slice() {
            return find(only, from, bytes.len());
        }
        // Each search alone would run to the end of the buffer for a literal that another one finds in the next line.
        let (mut start, mut window) = (from, WINDOW);
        while start < bytes.len() {
            let stop = bytes.len().min(start + window);
            let end = bytes.len().min(stop + LONGEST);
            if let Some(first) = searchers.iter().filter_map(|searcher| find(searcher, start, end)).min().filter(|first| *first < stop) {
                return Some(first);
            }
            start = stop;
            window *= 2;
        }
        None
    }
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
        // Stable: within one step, the order of the families and of the rules in them decides.
        rules.sort_by_key(|rule| rule.order);
        let mut literals = Vec::new();
        let mut owners = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            for needle in rule.needles {
                literals.push(*needle);
                owners.push(u16::try_from(index).unwrap_or(u16::MAX));
            }
        }
        let needles = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&literals).expect("a few hundred short literals make an automaton");
        let gate = Gate::of(GATE);
        Self { compiled: rules.iter().map(|_| OnceLock::new()).collect(), rules, needles, owners, gate }
    }

    /// The offset of the next literal of the gate in `bytes` at or after `from`.
    #[must_use]
    pub fn next_candidate(&self, bytes: &[u8], from: usize) -> Option<usize> {
        self.gate.next(bytes, from)
    }

    /// The first rule that is acceptable here and matches the cleaned line.
    #[must_use]
    pub fn find<'t>(&'static self, line: &'t str, acceptable: impl Fn(&Rule) -> bool) -> Option<Match<'t>> {
        // The set is sorted by the order in which rules are asked: the lowest index is the first to be asked.
        let mut candidates: Vec<u16> = self.needles.find_overlapping_iter(line).map(|found| self.owners[found.pattern().as_usize()]).collect();
        candidates.sort_unstable();
        candidates.dedup();
        for index in candidates.into_iter().map(usize::from) {
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
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_sound() {
        let set = RuleSet::global();
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
    fn a_gate_of_several_searches_finds_what_one_search_finds() {
        let literals: Vec<String> = (0..150).map(|n| format!("w{n:03}x")).collect();
        let literals: Vec<&str> = literals.iter().map(String::as_str).collect();
        let gate = Gate::of(&literals);
        let mut text = "w000 w999x ".repeat(40);
        for literal in ["w149x", "w000x", "w070x"] {
            text.push_str(literal);
            text.push_str(&"w000 ".repeat(700));
        }
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(at) = gate.next(text.as_bytes(), from) {
            found.push(&text[at..at + 5]);
            from = at + 1;
        }
        assert_eq!(found, ["w149x", "w000x", "w070x"]);
    }

    #[test]
    fn the_gate_is_a_vector_search_here() {
        assert!(GATE.iter().all(|literal| (4..=LONGEST).contains(&literal.len())));
        if cfg!(target_arch = "x86_64") && std::arch::is_x86_feature_detected!("avx2") {
            assert!(matches!(RuleSet::global().gate, Gate::Packed(_)));
        }
    }
}
