//! What an earlier step is for, told from its commands: one table of commands, and what follows from their kinds.

use std::sync::LazyLock;

use regex::Regex;

use super::Purpose;

/// What a command does, as far as a later step could need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Prints, looks or moves about: leaves nothing behind.
    Talk,
    /// Signs in, reports or sends away: leaves nothing behind that the code could need.
    Report,
    /// Asks another service by a client that a rerun does not have, or may not sign in with.
    Fetch,
    /// Installs the system's packages.
    System,
    /// Installs the project's dependencies.
    Install,
    /// Only checks.
    Check,
}

/// Commands by their first words; the longest entry that fits counts. A client of a service is [`Kind::Fetch`] but for what it is known to
/// do otherwise.
const COMMANDS: &[(Kind, &[&str])] = &[
    (
        Kind::Talk,
        &[
            "echo",
            "printf",
            "ls",
            "pwd",
            "cd",
            "env",
            "cat",
            "jq",
            "grep",
            "head",
            "tail",
            "sort",
            "wc",
            "tr",
            "cut",
            "df",
            "git config",
            "git status",
            "git log",
            "node --version",
            "node -v",
            "npm --version",
            "python --version",
        ],
    ),
    (
        Kind::Report,
        &[
            "docker login",
            "docker push",
            "docker logout",
            "codecov",
            "coveralls",
            "gh auth",
            "gh pr comment",
            "gh pr edit",
            "gh pr review",
            "gh issue comment",
            "gh label",
            "gh release upload",
            "gh release create",
            "gh --version",
            "aws configure",
            "aws sts",
            "aws --version",
            "gcloud auth",
            "gcloud config",
            "gcloud --version",
            "az login",
            "az account",
            "az --version",
        ],
    ),
    (
        Kind::Fetch,
        &[
            "gh",
            "aws",
            "gcloud",
            "gsutil",
            "az",
            "azcopy",
            "s3cmd",
            "s5cmd",
            "rclone",
            "rsync",
            "scp",
            "sftp",
            "dvc",
            "git lfs",
            "git annex",
            "git submodule",
            "docker",
            "docker-compose",
            "podman",
            "kubectl",
            "kaggle",
            "huggingface-cli",
            "hf",
            "oras",
            "mc cp",
            "mc mirror",
        ],
    ),
    (Kind::System, &["apt-get", "apt", "sudo", "brew", "dnf", "yum", "apk"]),
    (
        Kind::Install,
        &[
            "npm ci",
            "npm install",
            "npm i",
            "yarn install",
            "yarn --",
            "pnpm install",
            "pnpm i",
            "bun install",
            "pip install",
            "pip3 install",
            "python -m pip",
            "python3 -m pip",
            "uv sync",
            "uv pip",
            "uv venv",
            "poetry install",
            "pipenv install",
            "pdm install",
            "conda",
            "bundle install",
            "bundle config",
            "gem install",
            "composer install",
            "composer update",
            "go mod download",
            "go get",
            "go install",
            "cargo fetch",
            "cargo install",
            "rustup",
            "dotnet restore",
            "dotnet tool",
            "mix deps.get",
            "corepack",
        ],
    ),
    (
        Kind::Check,
        &[
            "cargo fmt",
            "cargo clippy",
            "cargo test",
            "cargo nextest",
            "cargo deny",
            "cargo audit",
            "npm test",
            "npm run lint",
            "npm run test",
            "npm run typecheck",
            "npx eslint",
            "npx prettier",
            "npx tsc --noEmit",
            "eslint",
            "prettier",
            "yarn lint",
            "yarn test",
            "pnpm lint",
            "pnpm test",
            "pytest",
            "python -m pytest",
            "ruff",
            "black",
            "flake8",
            "mypy",
            "isort",
            "pylint",
            "go vet",
            "go test",
            "golangci-lint",
            "gofmt",
            "bundle exec rubocop",
        ],
    ),
];

/// What becomes of an earlier step's script in a rerun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Use {
    /// It leaves nothing behind.
    Idle,
    /// All of it asks services that a rerun can't ask; one of its commands.
    Fetches(String),
    /// It is run; a command of it, if any, asks a service that a rerun can't ask.
    Run(Option<String>),
}

/// What becomes of a script.
pub(super) fn use_of(script: &str) -> Use {
    let commands: Vec<(String, Option<Kind>)> = commands(script).map(|command| (command.clone(), kind(&command))).collect();
    let fetch = commands.iter().find(|(_, kind)| *kind == Some(Kind::Fetch)).map(|(command, _)| command.chars().take(80).collect());
    let without_use = commands.iter().all(|(_, kind)| matches!(kind, Some(Kind::Talk | Kind::Report | Kind::Fetch)));
    match (without_use, fetch) {
        (true, Some(command)) => Use::Fetches(command),
        // Anything that is written to a file may be needed.
        (true, None) if !script.contains('>') => Use::Idle,
        (_, fetch) => Use::Run(fetch),
    }
}

/// What a script is for.
pub(super) fn purpose(script: &str) -> Purpose {
    let kinds: Vec<_> = commands(script).filter(|command| !begins(command, "echo") && !begins(command, "cd")).map(|command| kind(&command)).collect();
    let every = |wanted: Kind| !kinds.is_empty() && kinds.iter().all(|kind| *kind == Some(wanted));
    if every(Kind::System) {
        Purpose::System
    } else if every(Kind::Install) {
        Purpose::Install
    } else if every(Kind::Check) && !script.contains(['>', '|']) {
        Purpose::Check
    } else {
        Purpose::Other
    }
}

/// The commands of a script, one a piece, without comments and assignments before them.
fn commands(script: &str) -> impl Iterator<Item = String> {
    static JOINTS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"&&|\|\|?|[;\n]").expect("constant pattern"));
    static PREFIX: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^(?:\w+=\S*\s+)*(?:(?:time|exec|env)\s+)?").expect("constant pattern"));
    let script = script.replace("\\\r\n", " ").replace("\\\n", " ");
    let pieces: Vec<String> = JOINTS
        .split(&script)
        .map(|piece| PREFIX.replace(piece.trim(), "").into_owned())
        .filter(|piece| !piece.is_empty() && !piece.starts_with('#') && !piece.starts_with("set "))
        .collect();
    pieces.into_iter()
}

fn kind(command: &str) -> Option<Kind> {
    /// A package's own script that is called after checking: `pnpm run test-unit`, `yarn lint:ci`.
    static SCRIPT: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^(?:npm run|pnpm(?: run)?|yarn(?: run)?|bun run) (?:test|lint|typecheck|type-check|check|format)(?:[:-][\w:-]+)?(?:\s|$)")
            .expect("constant pattern")
    });
    /// `curl` that sends something: a hook is called, or a report is handed in.
    static SENDS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^curl\s.*(?:-X|--request)[ =]?(?:POST|PUT|PATCH|DELETE)\b").expect("constant pattern"));
    /// What keeps the answer of `curl` in a file.
    static KEEPS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\s(?:-[a-zA-Z]*[oOJ]|--output|--remote-name)").expect("constant pattern"));
    if command.ends_with(" --version") || command.ends_with(" -V") {
        return Some(Kind::Talk);
    }
    if SCRIPT.is_match(command) {
        return Some(Kind::Check);
    }
    if SENDS.is_match(command) && !KEEPS.is_match(command) {
        return Some(Kind::Report);
    }
    let fitting = COMMANDS.iter().flat_map(|(kind, words)| words.iter().map(move |words| (*kind, *words))).filter(|(_, words)| begins(command, words));
    fitting.max_by_key(|(_, words)| words.len()).map(|(kind, _)| kind)
}

fn begins(command: &str, words: &str) -> bool {
    command.strip_prefix(words).is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace) || words.ends_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_rerun_goes_without_is_named() {
        let fetches = |command: &str| Use::Fetches(command.to_owned());
        let run = |fetch: Option<&str>| Use::Run(fetch.map(str::to_owned));
        for (script, expected) in [
            ("echo hello", Use::Idle),
            ("gh auth status && git status", Use::Idle),
            ("aws configure set region eu-west-1\naws sts get-caller-identity", Use::Idle),
            ("curl -sf -X POST https://hooks.example/x -d done", Use::Idle),
            ("docker login -u x --password-stdin", Use::Idle),
            ("echo x | grep y", Use::Idle),
            ("gh release download v1 -p '*.tar'", fetches("gh release download v1 -p '*.tar'")),
            ("set -e\naws s3 sync s3://b/testdata testdata", fetches("aws s3 sync s3://b/testdata testdata")),
            ("aws s3 cp \\\n  s3://b/x .", fetches("aws s3 cp    s3://b/x .")),
            ("aws s3 cp s3://b/x - > data/x.json", fetches("aws s3 cp s3://b/x -  data/x.json".replace("-  ", "- > ").as_str())),
            ("gsutil -m cp -r gs://b/fixtures .", fetches("gsutil -m cp -r gs://b/fixtures .")),
            ("az storage blob download -f x", fetches("az storage blob download -f x")),
            ("git lfs pull", fetches("git lfs pull")),
            ("dvc pull", fetches("dvc pull")),
            ("docker pull postgres:16", fetches("docker pull postgres:16")),
            ("docker compose up -d", fetches("docker compose up -d")),
            ("git submodule update --init", fetches("git submodule update --init")),
            ("curl -O https://example.com/data.tgz", run(None)),
            ("curl -X GET -o data.json https://example.com", run(None)),
            ("wget https://example.com/data.tgz", run(None)),
            ("echo V=1 > .env", run(None)),
            ("cat setup.sh | sh", run(None)),
            ("make fixtures", run(None)),
            ("npm ci && aws s3 sync s3://b/x data", run(Some("aws s3 sync s3://b/x data"))),
            ("ghc --make x", run(None)),
        ] {
            assert_eq!(use_of(script), expected, "{script}");
        }
    }

    #[test]
    fn purposes_are_told_by_the_commands() {
        for (script, expected) in [
            ("sudo apt-get update && sudo apt-get install -y x", Purpose::System),
            ("cd web && npm ci", Purpose::Install),
            ("pip install \\\n  -r requirements.txt", Purpose::Install),
            ("yarn --frozen-lockfile", Purpose::Install),
            ("cargo fmt --check\ncargo clippy", Purpose::Check),
            ("pnpm run test-unit", Purpose::Check),
            ("cargo test > out.txt", Purpose::Other),
            ("npm run build", Purpose::Other),
            ("npm ci && npm test", Purpose::Other),
            ("", Purpose::Other),
        ] {
            assert_eq!(purpose(script), expected, "{script}");
        }
    }

    #[test]
    fn a_command_stands_in_the_table_once() {
        let all: Vec<&str> = COMMANDS.iter().flat_map(|(_, words)| words.iter().copied()).collect();
        for words in &all {
            assert_eq!(all.iter().filter(|other| *other == words).count(), 1, "{words}");
        }
    }

    proptest! {
        #[test]
        fn a_fetch_is_never_dropped_in_silence(
            around in proptest::collection::vec(proptest::sample::select(vec!["echo a", "npm ci", "gh auth login", "make", "git log", "cat x"]), 0..5),
            at in 0usize..5,
            fetch in proptest::sample::select(vec!["gh release download", "aws s3 cp a b", "dvc pull", "docker pull x", "git lfs pull"]),
            joint in proptest::sample::select(vec![" && ", "\n", "; ", " || "]),
        ) {
            let mut commands = around;
            commands.insert(at.min(commands.len()), fetch);
            let named = match use_of(&commands.join(joint)) {
                Use::Fetches(command) | Use::Run(Some(command)) => command,
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            };
            prop_assert_eq!(named, fetch);
        }

        #[test]
        fn any_script_is_answered(script in "\\PC{0,80}") {
            let _ = (use_of(&script), purpose(&script));
        }
    }
}
