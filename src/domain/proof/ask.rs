//! How a runner is asked to write down its results beside its usual output, without another meaning of the command.
//!
//! Asked is only where the script is one start of one known runner that is reached by simple commands. A variable is preferred to an argument,
//! and reports that a build tool writes anyway to both. Whoever asks runs the script as it was where the asked one does not fail as expected:
//! an old version may not know an option.

use std::collections::BTreeMap;

use super::results::Form;
use super::runner;
use super::script;

/// What a kind of runner wants.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wish {
    /// A variable of the environment, with `{}` for the report's path. What the variable held before stays in front.
    Variable { name: &'static str, value: &'static str, form: Form },
    /// Arguments behind a word of the call, with `{}` for the report's path.
    File { behind: usize, text: &'static str, form: Form },
    /// The same with a folder, in which the runner chooses names that end so.
    Folder { behind: usize, text: &'static str, ending: &'static str, form: Form },
    /// Arguments that make the usual output name every test; there is no report.
    Louder { behind: usize, text: &'static str },
    /// Nothing: it writes reports into the tree anyway, at paths that end like one of these (see [`Reports::InTree`]).
    Anyway { form: Form, ends: &'static [&'static str] },
}

/// Where a run's reports are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reports {
    /// Nothing was asked for.
    None,
    /// All files in the folder that was given whose names end so.
    InFolder { ending: &'static str, form: Form },
    /// All files of the tree that this very run wrote and whose paths end like one of these: `*` stands for any text within one part.
    InTree { ends: &'static [&'static str], form: Form },
}

/// A script as it is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub script: String,
    /// Variables to set, beside and above those of the step.
    pub env: BTreeMap<String, String>,
    pub reports: Reports,
}

impl Asked {
    /// The script as it is.
    pub fn nothing(script: &str) -> Self {
        Self { script: script.to_owned(), env: BTreeMap::new(), reports: Reports::None }
    }

    /// Whether anything differs from the script as it is.
    pub fn changes(&self, script: &str) -> bool {
        self.script != script || !self.env.is_empty()
    }
}

/// Plans how a step is run. `shell` is the workflow's `shell:` key, `env` the step's variables, and `folder` a folder that exists, is empty, and
/// has no character in its path that a shell reads: as the step sees it.
pub fn plan(script: &str, shell: &str, env: &BTreeMap<String, String>, folder: &str) -> Asked {
    let nothing = Asked::nothing(script);
    let plain = folder.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    if !plain || !(shell.is_empty() || matches!(shell.split([' ', '/']).next_back().unwrap_or_default(), "bash" | "sh") || shell.starts_with("bash ")) {
        return nothing;
    }
    let Some(started) = runner::only_start(script) else { return nothing };
    let sets = |name: &str| started.sets.iter().any(|set| set == name);
    let Some(wish) = started.wish else { return nothing };
    let filled = |text: &str, path: &str| text.replace("{}", path);
    let behind = |word: usize, text: String| -> Option<String> {
        let at = *started.ends.get(word)?;
        Some(format!("{} {text}{}", script.get(..at)?, script.get(at..)?))
    };
    let asked = match wish {
        Wish::Variable { name, .. } if sets(name) => None,
        Wish::Variable { name, value, form } => {
            let ours = filled(value, &format!("{folder}/report.{}", ending(form)));
            let value = env.get(name).filter(|own| !own.trim().is_empty()).map_or_else(|| ours.clone(), |own| format!("{own} {ours}"));
            let reports = Reports::InFolder { ending: ending(form), form };
            Some(Asked { script: script.to_owned(), env: [(name.to_owned(), value)].into(), reports })
        }
        Wish::File { behind: word, text, form } => behind(word, filled(text, &format!("{folder}/report.{}", ending(form)))).map(|script| Asked {
            script,
            env: BTreeMap::new(),
            reports: Reports::InFolder { ending: ending(form), form },
        }),
        Wish::Folder { behind: word, text, ending, form } => {
            behind(word, filled(text, folder)).map(|script| Asked { script, env: BTreeMap::new(), reports: Reports::InFolder { ending, form } })
        }
        Wish::Louder { behind: word, text } => behind(word, text.to_owned()).map(|script| Asked { script, env: BTreeMap::new(), reports: Reports::None }),
        Wish::Anyway { form, ends } => Some(Asked { reports: Reports::InTree { ends, form }, ..nothing.clone() }),
    };
    // What was put in must have changed nothing else of how the script is read.
    asked.filter(|asked| script::simple_commands(&asked.script).is_some()).unwrap_or(nothing)
}

impl Reports {
    /// Whether a file of the tree, by its path with `/`, is a report.
    pub fn is_in_tree(&self, path: &str) -> bool {
        let Self::InTree { ends, .. } = self else { return false };
        ends.iter().any(|end| {
            let mut parts = path.rsplit('/');
            end.rsplit('/').all(|wanted| {
                parts.next().is_some_and(|part| match wanted.split_once('*') {
                    None => part == wanted,
                    Some((front, back)) => part.len() >= front.len() + back.len() && part.starts_with(front) && part.ends_with(back),
                })
            })
        })
    }
}

fn ending(form: Form) -> &'static str {
    match form {
        Form::Junit => "xml",
        Form::Trx => "trx",
        Form::Jest | Form::Rspec => "json",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_is_asked_in_its_own_way() {
        let xml = "/r/report.xml";
        for (script, expected, env, reported) in [
            ("pytest -q", "pytest -q", "PYTEST_ADDOPTS=--junitxml=/r/report.xml", true),
            (
                "cd api\nA=1 .venv/bin/python -m pytest -rA 'a b'",
                "cd api\nA=1 .venv/bin/python -m pytest -rA 'a b'",
                "PYTEST_ADDOPTS=--junitxml=/r/report.xml",
                true,
            ),
            ("pytest --junitxml=own.xml", "pytest --junitxml=own.xml", "", false),
            ("PYTEST_ADDOPTS=-x pytest", "PYTEST_ADDOPTS=-x pytest", "", false),
            ("export PYTEST_ADDOPTS=-x\npytest", "export PYTEST_ADDOPTS=-x\npytest", "", false),
            ("pytest a && pytest b", "pytest a && pytest b", "", false),
            ("for x in a b; do pytest $x; done", "for x in a b; do pytest $x; done", "", false),
            ("make test", "make test", "", false),
            ("npx jest -t 'a b' src", "npx jest --json --outputFile=/r/report.json -t 'a b' src", "", true),
            ("jest --json", "jest --json", "", false),
            ("npx vitest run src", "npx vitest run --reporter=default --reporter=json --outputFile.json=/r/report.json src", "", true),
            ("vitest --reporter=dot", "vitest --reporter=dot", "", false),
            ("vendor/bin/phpunit --filter X > log", "vendor/bin/phpunit --log-junit /r/report.xml --filter X > log", "", true),
            ("bundle exec rspec", "bundle exec rspec", "SPEC_OPTS=--format progress --format json --out /r/report.json", true),
            ("rspec --format documentation", "rspec --format documentation", "", false),
            ("dotnet test --no-build", "dotnet test --logger trx --results-directory /r --no-build", "", true),
            ("dotnet test -l trx", "dotnet test -l trx", "", false),
            ("python3 -m unittest", "python3 -m unittest -v", "", false),
            ("python3 -m unittest discover -s t", "python3 -m unittest discover -v -s t", "", false),
            ("python3 -m unittest -q", "python3 -m unittest -q", "", false),
            ("./manage.py test shop", "./manage.py test -v 2 shop", "", false),
            ("./mvnw -B verify", "./mvnw -B verify", "", true),
            ("./gradlew test", "./gradlew test", "", true),
            ("cargo test", "cargo test", "", false),
            ("node --test", "node --test", "", false),
        ] {
            let asked = plan(script, "bash", &BTreeMap::new(), "/r");
            let variables: Vec<String> = asked.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
            assert_eq!((asked.script.as_str(), variables.join(" ").as_str(), asked.reports != Reports::None), (expected, env, reported), "{script} {xml}");
            assert_eq!(asked.changes(script), asked.script != script || !env.is_empty());
        }
    }

    #[test]
    fn what_a_step_sets_stays_and_other_shells_are_left_alone() {
        let own = BTreeMap::from([("PYTEST_ADDOPTS".to_owned(), "-p no:cacheprovider".to_owned())]);
        assert_eq!(plan("pytest", "", &own, "/r").env["PYTEST_ADDOPTS"], "-p no:cacheprovider --junitxml=/r/report.xml");
        assert_eq!(
            plan("bundle exec rspec", "", &[("SPEC_OPTS".to_owned(), "--seed 1".to_owned())].into(), "/r").env["SPEC_OPTS"].split(' ').next(),
            Some("--seed")
        );
        for shell in ["python", "pwsh", "powershell", "cmd", "perl {0}"] {
            assert_eq!(plan("pytest", shell, &BTreeMap::new(), "/r"), Asked::nothing("pytest"), "{shell}");
        }
        assert_ne!(plan("pytest", "bash --noprofile --norc -eo pipefail {0}", &BTreeMap::new(), "/r"), Asked::nothing("pytest"));
        assert_eq!(plan("pytest", "", &BTreeMap::new(), "/r; rm x"), Asked::nothing("pytest"));
    }

    #[test]
    fn a_report_is_told_by_its_path() {
        let of = |script: &str| plan(script, "", &BTreeMap::new(), "/r").reports;
        let (maven, gradle) = (of("mvn test"), of("./gradlew test"));
        for (path, in_maven, in_gradle) in [
            ("target/surefire-reports/TEST-a.BTest.xml", true, false),
            ("core/target/failsafe-reports/TEST-a.BIT.xml", true, false),
            ("target/surefire-reports/a.BTest.txt", false, false),
            ("src/test/resources/TEST-a.xml", false, false),
            ("app/build/test-results/test/TEST-a.BTest.xml", false, true),
            ("app/build/test-results/testDebugUnitTest/TEST-a.BTest.xml", false, true),
            ("build/reports/TEST-a.xml", false, false),
            ("evil/build/test-results/TEST-a.xml", false, false),
            ("TEST-a.xml", false, false),
        ] {
            assert_eq!((maven.is_in_tree(path), gradle.is_in_tree(path)), (in_maven, in_gradle), "{path}");
        }
    }
}
