//! The runners that are known: by which words each is started, how it is read, and how often it sums up.
//!
//! A runner is one file below this one and its two lines here.

mod ant;
mod cargo;
mod ctest;
mod dotnet;
mod go;
mod gradle;
mod jest;
mod maven;
mod minitest;
mod mocha;
mod nextest;
mod node;
mod phpunit;
mod pytest;
mod rspec;
mod tap;
mod unittest;
mod vitest;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ask::Wish;
use super::report::Reader;
use super::script::{self, Simple, program};

/// What is known of a runner.
struct Kind {
    /// Whether a command starts it.
    starts: fn(&Call) -> bool,
    /// How often one start sums up.
    sums: Sums,
    /// How it is asked for a report of its own; nothing where it has none, or is asked for one already.
    ask: fn(&Call) -> Option<Wish>,
    /// A fresh reader of its output.
    reader: fn() -> Box<dyn Reader>,
}

/// How often a runner sums up when it is started once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sums {
    Once,
    /// Once for every binary, module, package or class.
    Often,
}

/// A simple command from the program that is meant on, wrappers left out.
#[derive(Debug, Clone, Copy)]
struct Call<'a> {
    words: &'a [String],
}

impl Call<'_> {
    /// Whether the program has this name, in whatever folder and version.
    fn is(&self, name: &str) -> bool {
        self.words.first().is_some_and(|word| program(word) == name)
    }

    /// Whether the first word behind the program that is no option is one of these. cargo's `+toolchain` is none.
    fn subcommand(&self, names: &[&str]) -> bool {
        self.words.iter().skip(1).find(|word| !word.starts_with(['-', '+'])).is_some_and(|word| names.contains(&word.as_str()))
    }
}

impl Call<'_> {
    /// Whether a word is one of these options, alone, with a value or as the beginning of a longer one.
    fn has(&self, options: &[&str]) -> bool {
        let is = |word: &str, option: &str| {
            word.strip_prefix(option).is_some_and(|rest| rest.is_empty() || rest.starts_with(['=', ':']) || option.len() > 4 || !option.starts_with("--"))
        };
        self.words.iter().skip(1).any(|word| options.iter().any(|option| is(word, option)))
    }
}

macro_rules! runners {
    ($($variant:ident => $module:ident,)*) => {
        /// A test runner.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Runner {
            $($variant,)*
        }

        impl Runner {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            fn kind(self) -> &'static Kind {
                match self {
                    $(Self::$variant => &$module::KIND,)*
                }
            }
        }
    };
}

runners! {
    CargoTest => cargo,
    Nextest => nextest,
    Pytest => pytest,
    Unittest => unittest,
    Jest => jest,
    Vitest => vitest,
    Mocha => mocha,
    NodeTest => node,
    Go => go,
    Maven => maven,
    Gradle => gradle,
    Ant => ant,
    Rspec => rspec,
    Minitest => minitest,
    Phpunit => phpunit,
    Dotnet => dotnet,
    Ctest => ctest,
    Tap => tap,
}

impl Runner {
    /// A fresh reader of its output.
    pub(super) fn reader(self) -> Box<dyn Reader> {
        (self.kind().reader)()
    }
}

/// Which runners a script can have started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Started {
    /// Exactly these, each so many times at most.
    Known(BTreeMap<Runner, u64>),
    /// It can't be told: a task runner, a script of the project, a loop.
    Opaque,
}

/// Programs that run no tests and print nothing of their own that a runner would print.
const QUIET: [&str; 22] = [
    "cd", "export", "set", "echo", "printf", "mkdir", "rm", "cp", "mv", "ls", "pwd", "true", "exit", "tee", "cat", "sleep", "ulimit", "unset", "chmod",
    "touch", "which", "umask",
];

impl Started {
    /// Reads a script. A script without any runner is opaque: something unknown may run the tests.
    pub fn by(script: &str) -> Self {
        let Some(commands) = script::simple_commands(script) else { return Self::Opaque };
        let mut known = BTreeMap::new();
        for simple in &commands {
            match runner_of(simple) {
                Some(runner) => *known.entry(runner).or_default() += 1,
                None if simple.words.first().is_none_or(|word| QUIET.contains(&word.as_str())) => {}
                None => return Self::Opaque,
            }
        }
        if known.is_empty() { Self::Opaque } else { Self::Known(known) }
    }

    /// How many summaries of a runner there can be; nothing where that is open.
    pub(super) fn most_summaries(&self, runner: Runner) -> Option<u64> {
        match self {
            Self::Known(known) if runner.kind().sums == Sums::Once => known.get(&runner).copied(),
            _ => None,
        }
    }

    /// Whether this runner can have spoken.
    pub fn fits(&self, runner: Runner) -> bool {
        match self {
            Self::Known(known) => known.contains_key(&runner),
            Self::Opaque => true,
        }
    }
}

/// The runner that a simple command starts.
fn runner_of(simple: &Simple) -> Option<Runner> {
    let call = Call { words: simple.words.get(script::meant(&simple.words)?..)? };
    Runner::ALL.iter().copied().find(|runner| (runner.kind().starts)(&call))
}

/// The one start of a runner in a script.
pub(super) struct OnlyStart {
    pub(super) wish: Option<Wish>,
    /// Where the words of the call end in the script.
    pub(super) ends: Vec<usize>,
    /// Names of variables that the script sets.
    pub(super) sets: Vec<String>,
}

/// Looks at a script that starts one runner once; nothing for any other.
pub(super) fn only_start(text: &str) -> Option<OnlyStart> {
    let Started::Known(known) = Started::by(text) else { return None };
    if known.values().sum::<u64>() != 1 {
        return None;
    }
    let commands = script::simple_commands(text)?;
    let exported = |simple: &Simple| simple.words.iter().skip(1).map(|word| word.split('=').next().unwrap_or(word).to_owned()).collect::<Vec<_>>();
    let named = commands.iter().filter(|simple| simple.words.first().is_some_and(|word| word == "export" || word == "env")).flat_map(exported);
    let sets = commands.iter().flat_map(|simple| simple.sets.iter().cloned()).chain(named).collect();
    let simple = commands.iter().find(|simple| runner_of(simple).is_some())?;
    let (runner, at) = (runner_of(simple)?, script::meant(&simple.words)?);
    let call = Call { words: simple.words.get(at..)? };
    Some(OnlyStart { wish: (runner.kind().ask)(&call), ends: simple.ends.get(at..)?.to_vec(), sets })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_tells_its_runner() {
        use Runner::*;
        for (script, expected) in [
            ("pytest -q", Some(vec![(Pytest, 1)])),
            ("cd api && python3 -m pytest -q a && pytest -q b | tee log", Some(vec![(Pytest, 2)])),
            ("cargo +nightly test --workspace", Some(vec![(CargoTest, 1)])),
            ("cargo nextest run", Some(vec![(Nextest, 1)])),
            ("cargo test\ncargo nextest run", Some(vec![(CargoTest, 1), (Nextest, 1)])),
            ("python manage.py test shop", Some(vec![(Unittest, 1)])),
            ("./gradlew test", Some(vec![(Gradle, 1)])),
            ("./mvnw -B verify", Some(vec![(Maven, 1)])),
            ("node --test", Some(vec![(NodeTest, 1)])),
            ("bundle exec rspec spec", Some(vec![(Rspec, 1)])),
            ("vendor/bin/phpunit", Some(vec![(Phpunit, 1)])),
            ("go test ./...", Some(vec![(Go, 1)])),
            ("dotnet test --no-build", Some(vec![(Dotnet, 1)])),
            ("npm test", None),
            ("make test", None),
            ("pytest && make more", None),
            ("echo nothing", None),
            ("node server.js", None),
            ("for x in a b; do pytest $x; done", None),
        ] {
            let started = expected.map_or(Started::Opaque, |runners| Started::Known(runners.into_iter().collect()));
            assert_eq!(Started::by(script), started, "{script}");
        }
    }
}
