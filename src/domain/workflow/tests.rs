//! Whole workflows in the shapes that projects use, and what becomes of them.

use super::*;
use proptest::prelude::*;

fn context() -> RunContext {
    RunContext {
        sha: "0123abcd".into(),
        git_ref: "refs/heads/topic/x".into(),
        repository: "acme/shop".into(),
        event_name: "push".into(),
        actor: "ann".into(),
        workflow: "CI".into(),
        workspace: "/workspace".into(),
        temp: "/tmp".into(),
        ..RunContext::default()
    }
}

/// A plan on one line; parts that are empty are left out.
fn describe(plan: &Result<StepPlan, NotReproducible>) -> String {
    let plan = match plan {
        Ok(plan) => plan,
        Err(why) => return format!("{:?}", why.reason),
    };
    let mut out = format!("{} {:?} `{}`", plan.job_id, plan.command.shell, plan.command.script.trim());
    if !plan.directory.is_empty() {
        out += &format!(" in {}", plan.directory);
    }
    if !plan.env.is_empty() {
        out += &format!(" env {}", plan.env.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "));
    }
    for step in &plan.earlier_steps {
        out += &format!(" <{:?}{} {}>", step.purpose, if step.certain { "" } else { "?" }, step.command.script.trim());
    }
    for hint in &plan.setup_tools {
        out += &format!(" +{:?} {}", hint.tool, hint.version.as_deref().or(hint.version_file.as_deref()).unwrap_or("any"));
    }
    for left in &plan.left_out {
        out += &format!(" -{}", left.what);
    }
    out
}

fn failed<'a>(job: &'a str, step: &'a str) -> Failed<'a> {
    Failed { job, step, number: None, steps: &[] }
}

fn ask(text: &str, job: &str, step: &str) -> String {
    let workflow = Workflow::parse(text).unwrap_or_else(|why| panic!("{why}: {text}"));
    describe(&plan(&workflow, &failed(job, step), &context(), &BTreeMap::new()))
}

const NODE: &str = "
name: CI
on: [push, pull_request]
jobs:
  test:
    runs-on: ${{ matrix.os }}
    strategy:
      matrix:
        os: [ubuntu-latest, windows-latest]
        node-version: [18.x, 20.x]
    steps:
      - uses: actions/checkout@v4
      - name: Use Node.js ${{ matrix.node-version }}
        uses: actions/setup-node@v4
        with:
          node-version: ${{ matrix.node-version }}
          cache: npm
      - run: npm ci
      - run: npm run build --if-present
      - run: npm test
";

const PYTHON: &str = "
on: push
env:
  FORCE_COLOR: 1
defaults:
  run:
    working-directory: backend
jobs:
  tests:
    name: ${{ matrix.name || matrix.python }}
    runs-on: ubuntu-24.04
    strategy:
      fail-fast: false
      matrix:
        include:
          - {python: '3.13'}
          - {python: '3.12', tox: py312}
          - {name: Minimal, python: '3.10', tox: py310-min}
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2
      - uses: actions/setup-python@v5
        with: {python-version: '${{ matrix.python }}'}
      - run: |
          python -m pip install -U pip
          pip install tox
      - name: Test
        run: tox run -e ${{ matrix.tox || format('py{0}', matrix.python) }}
        env:
          DEPTH: ${{ github.event_name == 'push' && 'full' || 'quick' }}
";

const RUST: &str = "
on:
  push:
    branches: [main]
  pull_request:
env: {CARGO_TERM_COLOR: always, RUSTFLAGS: -Dwarnings}
jobs:
  check:
    name: Check (${{ matrix.toolchain }}${{ matrix.features && format(', {0}', matrix.features) || '' }})
    runs-on: ubuntu-latest
    timeout-minutes: 30
    strategy:
      matrix:
        toolchain: [stable, 1.85]
        include:
          - toolchain: stable
            features: full
    steps:
      - uses: actions/checkout@v4
      - uses: dtolnay/rust-toolchain@master
        with:
          toolchain: ${{ matrix.toolchain }}
      - uses: Swatinem/rust-cache@v2
      - run: sudo apt-get update && sudo apt-get install -y protobuf-compiler
      - run: cargo fmt --all --check
      - name: Clippy
        run: cargo clippy --all-targets
      - run: cargo test --workspace ${{ matrix.features && '--all-features' }}
        shell: bash
";

#[test]
fn steps_are_found() {
    let one = |steps: &str| format!("on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n{steps}");
    for (case, text, job, step, expected) in [
        (
            "node matrix",
            NODE.to_owned(),
            "test (ubuntu-latest, 20.x)",
            "Run npm test",
            "test Unspecified `npm test` <Install npm ci> <Other npm run build --if-present> +Node 20.x",
        ),
        ("another system", NODE.to_owned(), "test (windows-latest, 18.x)", "Run npm test", "OtherSystem"),
        ("an action", NODE.to_owned(), "test (ubuntu-latest, 18.x)", "Use Node.js 18.x", "NotARunStep"),
        ("the runner's own", NODE.to_owned(), "test (ubuntu-latest, 18.x)", "Set up job", "NotARunStep"),
        ("after the fact", NODE.to_owned(), "test (ubuntu-latest, 18.x)", "Post Run actions/checkout@v4", "NotARunStep"),
        ("no such step", NODE.to_owned(), "test (ubuntu-latest, 18.x)", "Run npm run e2e", "NoSuchStep"),
        ("no such job", NODE.to_owned(), "lint", "Run npm test", "NoSuchJob"),
        ("no such combination", NODE.to_owned(), "test (ubuntu-latest, 22.x)", "Run npm test", "NoSuchJob"),
        (
            "named by expression, include only",
            PYTHON.to_owned(),
            "3.12",
            "Test",
            "tests Unspecified `tox run -e py312` in backend env DEPTH=full FORCE_COLOR=1 <Install python -m pip install -U pip\npip install tox> +Python 3.12",
        ),
        (
            "named by a value of the matrix",
            PYTHON.to_owned(),
            "Minimal",
            "Test",
            "tests Unspecified `tox run -e py310-min` in backend env DEPTH=full FORCE_COLOR=1 <Install python -m pip install -U pip\npip install tox> +Python 3.10",
        ),
        (
            "include adds to a combination",
            RUST.to_owned(),
            "Check (stable, full)",
            "Run cargo test --workspace --all-features",
            "check Bash `cargo test --workspace --all-features` env CARGO_TERM_COLOR=always RUSTFLAGS=-Dwarnings <System sudo apt-get update && sudo apt-get install -y protobuf-compiler> <Check cargo fmt --all --check> <Check cargo clippy --all-targets> +Rust stable",
        ),
        (
            "numbers as GitHub prints them",
            RUST.to_owned(),
            "Check (1.85)",
            "Clippy",
            "check Unspecified `cargo clippy --all-targets` env CARGO_TERM_COLOR=always RUSTFLAGS=-Dwarnings <System sudo apt-get update && sudo apt-get install -y protobuf-compiler> <Check cargo fmt --all --check> +Rust 1.85",
        ),
        (
            "3.10 is a number",
            "on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    strategy: {matrix: {py: [3.9, 3.10]}}\n    steps: [{run: 'pytest py${{ matrix.py }}'}]\n".into(),
            "t (3.1)",
            "Run pytest py3.1",
            "t Unspecified `pytest py3.1`",
        ),
        (
            "job defaults over workflow defaults, and a Python script",
            "on: push\ndefaults: {run: {shell: sh, working-directory: x}}\njobs:\n  a:\n    runs-on: ubuntu-latest\n    defaults: {run: {shell: python}}\n    steps:\n      - run: |\n          import sys\n          sys.exit(1)\n".into(),
            "a",
            "Run import sys",
            "a Python `import sys\nsys.exit(1)` in x",
        ),
        ("custom shell", one("      - {name: T, run: 'x', shell: 'bash -l {0}'}\n"), "a", "T", "a Custom(\"bash -l {0}\") `x`"),
        ("PowerShell", one("      - {name: T, run: 'x', shell: pwsh}\n"), "a", "T", "UnsupportedShell"),
        ("composite action", one("      - uses: ./.github/actions/test\n"), "a", "Run ./.github/actions/test", "CompositeAction"),
        ("secret in the step", one("      - {run: ./deploy, env: {T: '${{ secrets.T }}'}}\n"), "a", "Run ./deploy", "Secrets"),
        (
            "secret in another step and at the job",
            "on: push\nenv: {TOKEN: '${{ secrets.TOKEN }}'}\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: docker login -p ${{ secrets.P }}\n      - run: make test\n      - {uses: codecov/codecov-action@v4, with: {token: '${{ secrets.CODECOV_TOKEN }}'}}\n".into(),
            "a",
            "Run make test",
            "a Unspecified `make test` -TOKEN",
        ),
        (
            "the job's secret is named by the script",
            "on: push\nenv: {TOKEN: '${{ secrets.TOKEN }}'}\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: curl -H \"$TOKEN\" x\n".into(),
            "a",
            "Run curl -H \"$TOKEN\" x",
            "Secrets",
        ),
        ("secret in a needed earlier step", one("      - {run: npm ci, env: {NPM_TOKEN: '${{ secrets.NPM }}'}}\n      - run: npm test\n"), "a", "Run npm test", "Secrets"),
        ("secret in an earlier check", one("      - {run: npm test, env: {T: '${{ secrets.T }}'}}\n      - run: npm run build\n"), "a", "Run npm run build", "a Unspecified `npm run build` -Run npm test"),
        ("GITHUB_TOKEN is a secret", one("      - {run: 'gh pr list', env: {GH_TOKEN: '${{ github.token }}'}}\n"), "a", "Run gh pr list", "Secrets"),
        ("output of a step", one("      - run: echo ${{ steps.v.outputs.v }}\n"), "a", "Run echo ${{ steps.v.outputs.v }}", "StepOutput"),
        ("output shown filled in", one("      - run: test ${{ steps.v.outputs.v }} now\n"), "a", "Run test 1.2 now", "StepOutput"),
        ("output of a job", one("      - {name: T, run: 'x ${{ needs.plan.outputs.v }}'}\n"), "a", "T", "JobOutput"),
        ("variable of the settings", one("      - {name: T, run: 'x ${{ vars.REGION }}'}\n"), "a", "T", "Variable"),
        ("a bad expression", one("      - {name: T, run: 'x ${{ a b }}'}\n"), "a", "T", "Expression"),
        (
            "services",
            "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    services: {db: {image: 'postgres:16'}}\n    steps: [{run: pytest}]\n".into(),
            "a",
            "Run pytest",
            "Services",
        ),
        ("container", "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    container: node:20\n    steps: [{run: npm t}]\n".into(), "a", "Run npm t", "Container"),
        (
            "conditions of earlier steps",
            one("      - {run: 'choco install x', if: \"runner.os == 'Windows'\"}\n      - {run: npm ci, if: \"steps.cache.outputs.cache-hit != 'true'\"}\n      - {run: report, if: failure()}\n      - {run: 'echo hello'}\n      - {run: deploy, if: \"secrets.T != ''\"}\n      - run: npm test\n"),
            "a",
            "Run npm test",
            "a Unspecified `npm test` <Install? npm ci> -Run deploy",
        ),
        (
            "an action that is missed",
            one("      - uses: actions/download-artifact@v4\n      - {uses: actions/checkout@v4, with: {repository: a/b, path: b}}\n      - run: make\n"),
            "a",
            "Run make",
            "a Unspecified `make` -Run actions/download-artifact@v4 -Run actions/checkout@v4",
        ),
        (
            "test data that is fetched from elsewhere",
            one("      - {name: Data, run: 'aws s3 sync s3://b/testdata testdata', env: {AWS_KEY: '${{ secrets.K }}'}}\n      - {name: Both, run: npm ci && gh release download v1}\n      - {run: gh auth status}\n      - run: make\n"),
            "a",
            "Run make",
            "a Unspecified `make` <Other npm ci && gh release download v1> -Data -Both",
        ),
        (
            "a variable that an action may set",
            one("      - uses: acme/setup@v1\n      - {name: T, run: 'x ${{ env.V }}'}\n"),
            "a",
            "T",
            "StepOutput",
        ),
        (
            "checkout below the workspace",
            one("      - {uses: actions/checkout@v4, with: {path: src/shop}}\n      - {run: make, working-directory: '${{ github.workspace }}/src/shop/api'}\n"),
            "a",
            "Run make",
            "a Unspecified `make` in api",
        ),
        ("outside the checkout", one("      - {run: make, working-directory: ../other}\n"), "a", "Run make", "OutsideWorkspace"),
        ("outside by an absolute path", one("      - {run: make, working-directory: /opt}\n"), "a", "Run make", "OutsideWorkspace"),
        (
            "a variable that an earlier step sets",
            one("      - run: echo V=1 >> $GITHUB_ENV\n      - {name: T, run: 'x ${{ env.V }}'}\n"),
            "a",
            "T",
            "StepOutput",
        ),
        (
            "matrix of literal JSON",
            "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    strategy: {matrix: {v: \"${{ fromJSON('[1,2]') }}\"}}\n    steps: [{run: 'make v${{ matrix.v }}'}]\n".into(),
            "a (2)",
            "Run make v2",
            "a Unspecified `make v2`",
        ),
        (
            "matrix from elsewhere, step uses it",
            "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    strategy: {matrix: {v: '${{ fromJSON(needs.p.outputs.v) }}'}}\n    steps: [{run: 'make v${{ matrix.v }}'}]\n".into(),
            "a (2)",
            "Run make v2",
            "MatrixUnresolved",
        ),
        (
            "matrix from elsewhere, step does not use it",
            "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    strategy: {matrix: {v: '${{ fromJSON(needs.p.outputs.v) }}'}}\n    steps: [{run: make}]\n".into(),
            "a (2)",
            "Run make",
            "a Unspecified `make`",
        ),
        (
            "objects in a matrix are named by their values",
            "on: push\njobs:\n  a:\n    runs-on: ${{ matrix.t.os }}\n    strategy: {matrix: {t: [{os: ubuntu-latest, arch: x64}, {os: macos-14, arch: arm}], mode: [debug, release], exclude: [{mode: debug, t: {arch: x64}}]}}\n    steps: [{run: 'make ${{ matrix.t.arch }}'}]\n".into(),
            "a (ubuntu-latest, x64, release)",
            "Run make x64",
            "a Unspecified `make x64`",
        ),
        ("reusable workflow", "on: push\njobs:\n  call:\n    uses: acme/ci/.github/workflows/t.yml@v1\n".into(), "call / test", "Run make", "ReusableWorkflow"),
        ("a slash in a name is no call", "on: push\njobs:\n  a:\n    name: unit / fast\n    runs-on: ubuntu-latest\n    steps: [{run: make}]\n".into(), "unit / fast", "Run make", "a Unspecified `make`"),
        (
            "anchors",
            "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps: &s\n      - run: make\n  b:\n    runs-on: ubuntu-latest\n    steps: *s\n".into(),
            "b",
            "Run make",
            "b Unspecified `make`",
        ),
        (
            "tools of many kinds",
            one("      - {uses: actions/setup-go@v5, with: {go-version-file: go.mod}}\n      - {uses: actions/setup-java@v4, with: {distribution: temurin, java-version: 21}}\n      - uses: dtolnay/rust-toolchain@1.90\n      - {uses: taiki-e/install-action@v2, with: {tool: 'cargo-hack,cargo-nextest@0.9'}}\n      - {uses: pnpm/action-setup@v4}\n      - run: make\n"),
            "a",
            "Run make",
            "a Unspecified `make` +Go go.mod +Java 21 +Rust 1.90 +Nextest 0.9 +Pnpm any",
        ),
    ] {
        assert_eq!(ask(&text, job, step), expected, "{case}");
    }
}

#[test]
fn steps_of_one_name_are_told_apart_by_their_place() {
    let text = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n      - {name: T, run: one}\n      - run: middle\n      - {name: T, run: two}\n";
    let workflow = Workflow::parse(text).unwrap();
    let listed = [(1, "Set up job"), (2, "Pull x"), (3, "Run actions/checkout@v4"), (4, "T"), (5, "Run middle"), (6, "T"), (7, "Complete job")];
    let ask = |number, steps| {
        let failed = Failed { job: "a", step: "T", number, steps };
        plan(&workflow, &failed, &context(), &BTreeMap::new()).map(|plan| plan.command.script).map_err(|why| why.reason)
    };
    assert_eq!(ask(Some(6), &listed), Ok("two".to_owned()));
    assert_eq!(ask(Some(4), &listed), Ok("one".to_owned()));
    assert_eq!(ask(Some(5), &[]), Ok("two".to_owned()));
    assert_eq!(ask(None, &[]), Err(Reason::AmbiguousStep));
}

#[test]
fn a_reusable_workflow_at_hand_is_entered() {
    let caller = Workflow::parse(
        "on: push\njobs:\n  call:\n    name: Tests ${{ matrix.os }}\n    strategy: {matrix: {os: [ubuntu-22.04, ubuntu-24.04]}}\n    uses: ./.github/workflows/t.yml\n    with: {os: '${{ matrix.os }}', fast: true}\n",
    )
    .unwrap();
    let callee = Workflow::parse(
        "on:\n  workflow_call:\n    inputs:\n      os: {type: string}\n      fast: {type: boolean}\n      level: {type: string, default: low}\njobs:\n  unit:\n    runs-on: ${{ inputs.os }}\n    steps:\n      - run: make ${{ inputs.os }} ${{ inputs.fast }} ${{ inputs.level }}\n",
    )
    .unwrap();
    let step = "Run make ubuntu-24.04 true low";
    let called = BTreeMap::from([("./.github/workflows/t.yml".to_owned(), callee)]);
    let job = "Tests ubuntu-24.04 / unit";
    let found = plan(&caller, &failed(job, step), &context(), &called).unwrap();
    assert_eq!((found.job_id.as_str(), found.command.script.as_str()), ("unit", "make ubuntu-24.04 true low"));
    assert_eq!(found.runs_on, ["ubuntu-24.04"]);
    let absent = plan(&caller, &failed(job, step), &context(), &BTreeMap::new()).unwrap_err();
    assert_eq!(absent, NotReproducible { reason: Reason::ReusableWorkflow, detail: "./.github/workflows/t.yml".into() });
}

#[test]
fn details_of_a_plan() {
    let workflow = Workflow::parse(RUST).unwrap();
    let found = plan(&workflow, &failed("Check (1.85)", "Clippy"), &context(), &BTreeMap::new()).unwrap();
    assert_eq!((found.runs_on, found.timeout_minutes), (vec!["ubuntu-latest".to_owned()], Some(30)));
    assert_eq!(found.earlier_steps.len(), 2);
    let missing = "`Run sudo apt-get update && sudo apt-get install -y protobuf-compiler` (it installs packages of the system)";
    assert!(plan(&workflow, &failed("Check (1.85)", "Clippy"), &context(), &BTreeMap::new()).unwrap().goes_without().contains(&missing.to_owned()));
    assert_eq!(context().runner_variables()["GITHUB_REF_NAME"], "topic/x");
    let long = format!(
        "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    strategy: {{matrix: {{v: [{0}a, {0}b]}}}}\n    steps: [{{run: 'make ${{{{ strategy.job-index }}}}'}}]\n",
        "x".repeat(120)
    );
    let workflow = Workflow::parse(&long).unwrap();
    let shown = format!("a ({}...", "x".repeat(94));
    let both = plan(&workflow, &failed(&shown[..100], "Run make 0"), &context(), &BTreeMap::new()).unwrap_err();
    assert_eq!(both.reason, Reason::AmbiguousJob);
}

#[test]
fn files_are_bounded() {
    let bomb = {
        let mut text = "on: push\nx0: &x0 [a, a, a, a, a, a, a, a, a]\n".to_owned();
        for level in 1..12 {
            let before = format!("*x{}", level - 1);
            text += &format!("x{level}: &x{level} [{}]\n", vec![before; 9].join(", "));
        }
        text + "jobs: {a: {}}\n"
    };
    assert!(matches!(Workflow::parse(&bomb), Err(WorkflowError::Yaml(_))));
    assert!(matches!(Workflow::parse(&format!("jobs: {}", "[".repeat(5_000))), Err(WorkflowError::Yaml(_))));
    assert!(matches!(Workflow::parse(&format!("jobs: {}1{}", "{a: ".repeat(200), "}".repeat(200))), Err(WorkflowError::Yaml(_))));
    assert!(matches!(Workflow::parse(&"#".repeat(MAX_FILE + 1)), Err(WorkflowError::TooLarge { .. })));
    for text in ["", "a", "jobs:", "jobs: []", "on: push", "- a"] {
        assert!(matches!(Workflow::parse(text), Err(WorkflowError::NoJobs | WorkflowError::Yaml(_))), "{text}");
    }
    let wide =
        format!("on: push\njobs: {{a: {{runs-on: x, strategy: {{matrix: {{a: &v [{}], b: *v, c: *v}}}}, steps: [{{run: x}}]}}}}", vec!["1"; 100].join(", "));
    assert_eq!(ask(&wide, "a (1, 1, 1)", "Run x"), "a Unspecified `x`");
}

#[test]
fn reach_is_told() {
    let of = |text: &str| reach(&Workflow::parse(text).unwrap());
    let plain = of("on: push\npermissions: {contents: read}\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'echo secrets'}]}}\n");
    assert!(plain.is_harmless(), "{plain:?}");
    let none = of("on: push\npermissions: {}\njobs: {a: {runs-on: '${{ matrix.os }}', strategy: {matrix: {os: [ubuntu-latest, macos-14]}}, steps: []}}\n");
    assert!(none.is_harmless(), "{none:?}");
    let much = of("
on: {pull_request_target: {}}
jobs:
  deploy:
    runs-on: [self-hosted, linux]
    environment: {name: production}
    permissions: {contents: write, id-token: write, issues: read}
    env: {A: '${{ secrets.ALPHA }}', B: \"${{ secrets['BETA'] || github.token }}\"}
    steps:
      - {run: x, if: \"secrets.GAMMA != ''\"}
      - {run: '${{ not ( parsed secrets.DELTA }}'}
  other:
    runs-on: ubuntu-latest
    environment: staging
    steps: []
  call:
    permissions: write-all
    uses: ./.github/workflows/x.yml
    secrets: inherit
");
    assert_eq!(
        much,
        Reach {
            secrets: ["*", "ALPHA", "BETA", "DELTA", "GAMMA", "GITHUB_TOKEN"].map(str::to_owned).into(),
            write_permissions: ["contents", "default", "id-token", "write-all"].map(str::to_owned).into(),
            pull_request_target: true,
            self_hosted: true,
            oidc: true,
            environments: ["production", "staging"].map(str::to_owned).into(),
            calls: vec!["./.github/workflows/x.yml".to_owned()],
        }
    );
    for (runs_on, expected) in [
        ("ubuntu-latest", false),
        ("our-machine", true),
        ("{group: big}", true),
        ("\"${{ matrix.os || 'ubuntu-latest' }}\"", false),
        ("'${{ inputs.os }}'", true),
        ("'${{ matrix.os }}'", true),
    ] {
        let text = format!("on: push\njobs: {{a: {{runs-on: {runs_on}, steps: []}}}}\n");
        assert_eq!(of(&text).self_hosted, expected, "{runs_on}");
    }
    let all = of("on: push\npermissions: read-all\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: '${{ toJSON(secrets) }} ${{ secrets[matrix.x] }}'}]}}\n");
    assert_eq!(all.secrets, ["*"]);
}

/// A matrix as YAML of one line, with the combinations it must give.
fn matrices() -> impl Strategy<Value = (String, Vec<Vec<(String, String)>>)> {
    let keys = proptest::sample::subsequence(vec!["os", "py", "node-version", "db"], 1..=4);
    let values = proptest::collection::vec(proptest::sample::subsequence(vec!["a", "b1", "x.y", "with space", "3", "v-2"], 1..=4), 4);
    (keys, values, any::<proptest::sample::Index>(), any::<bool>()).prop_map(|(keys, values, chosen, exclude)| {
        let mut rows = vec![Vec::new()];
        let mut yaml = Vec::new();
        for (key, values) in keys.iter().zip(&values) {
            yaml.push(format!("{key}: [{}]", values.iter().map(|value| format!("'{value}'")).collect::<Vec<_>>().join(", ")));
            rows = rows
                .iter()
                .flat_map(|row: &Vec<(String, String)>| {
                    values.iter().map(|value| {
                        let mut row = row.clone();
                        row.push(((*key).to_owned(), (*value).to_owned()));
                        row
                    })
                })
                .collect();
        }
        if exclude && rows.len() > 1 {
            let row = rows.remove(chosen.index(rows.len()));
            let entries: Vec<_> = row.iter().map(|(key, value)| format!("{key}: '{value}'")).collect();
            yaml.push(format!("exclude: [{{{}}}]", entries.join(", ")));
        }
        yaml.push("include: [{only: here}]".to_owned());
        (format!("{{{}}}", yaml.join(", ")), rows)
    })
}

proptest! {
    #[test]
    fn the_displayed_name_picks_the_combination((matrix, rows) in matrices(), chosen in any::<proptest::sample::Index>()) {
        let row = &rows[chosen.index(rows.len())];
        let keys: String = row.iter().map(|(key, _)| format!("<${{{{ matrix.{key} }}}}>")).collect();
        let text = format!("on: push\njobs:\n  job:\n    runs-on: ubuntu-latest\n    strategy: {{matrix: {matrix}}}\n    steps:\n      - name: T\n        run: \"run {keys} ${{{{ matrix.only }}}}\"\n");
        let shown = format!("job ({})", row.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", "));
        let values: String = row.iter().map(|(_, value)| format!("<{value}>")).collect();
        prop_assert_eq!(ask(&text, &shown, "T"), format!("job Unspecified `run {values} here`"));
    }

    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}", job in "\\PC{0,20}", step in "\\PC{0,20}") {
        if let Ok(workflow) = Workflow::parse(&text) {
            let _ = plan(&workflow, &failed(&job, &step), &context(), &BTreeMap::new());
            let _ = (reach(&workflow), triggers(&workflow));
        }
        for at in (0..NODE.len()).step_by(37) {
            let mut cut = NODE.to_owned();
            cut.replace_range(at..(at + 5).min(NODE.len()), &job);
            if let Ok(workflow) = Workflow::parse(&cut) {
                let _ = plan(&workflow, &failed("test (ubuntu-latest, 20.x)", "Run npm test"), &context(), &BTreeMap::new());
                let _ = (reach(&workflow), triggers(&workflow));
            }
        }
    }
}
