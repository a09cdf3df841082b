use proptest::prelude::*;

use super::*;

/// What a path is, as far as a gate asks; the kinds that only feed the risk score are left out.
fn told(path: &str) -> Vec<Kind> {
    kinds(path)
        .into_iter()
        .map(|(kind, _)| kind)
        .filter(|kind| !matches!(kind, Kind::Sensitive | Kind::PublicApi | Kind::BuildScript | Kind::Generated | Kind::Migration | Kind::HarmlessDot))
        .collect()
}

#[test]
fn every_kind_has_its_paths() {
    use Kind::{AgentInstructions, DotConfiguration, Expected, LockFile, Manifest, Pipeline, RunnerConfig, RunnerShadow, TeammateMachine, Test, TestSupport};
    let cases: &[(&[Kind], &str)] = &[
        (
            &[Pipeline],
            ".github/workflows/ci.yml .github/actions/x/action.yml action.yml tools/action.yaml .github/dependabot.yml .circleci/config.yml .gitlab-ci.yml \
             .gitlab/ci/build.yml ci/deploy.gitlab-ci.yml Jenkinsfile ci/Jenkinsfile.release azure-pipelines.yml build/azure-pipelines-pr.yml .azure-pipelines/x.yml \
             .buildkite/pipeline.yml .travis.yml .drone.yml .drone.star .woodpecker.yml .woodpecker/test.yml .gitea/workflows/x.yml .forgejo/workflows/x.yml \
             bitbucket-pipelines.yml .tekton/push.yaml cloudbuild.yaml buildspec.yml appveyor.yml .appveyor.yml .teamcity/settings.kts .semaphore/semaphore.yml \
             buddy.yml .cirrus.yml .cirrus.star renovate.json .renovaterc .mergify.yml codecov.yml .codecov.yml .goreleaser.yaml .releaserc.json .readthedocs.yaml \
             .CIRCLECI/config.yml netlify.toml",
        ),
        (
            &[TeammateMachine],
            ".husky/pre-commit .githooks/pre-push .pre-commit-config.yaml lefthook.yml .lintstagedrc.json .cargo/config.toml .cargo/config .yarnrc.yml .yarnrc \
             .npmrc .pnpmfile.cjs pip.conf .devcontainer/devcontainer.json .devcontainer/Dockerfile .vscode/tasks.json .vscode/settings.json .vscode/launch.json \
             .idea/runConfigurations/x.xml gradle/wrapper/gradle-wrapper.properties gradle/wrapper/gradle-wrapper.jar gradlew mvnw.cmd .mvn/extensions.xml \
             .gitattributes src/.gitattributes .gitconfig .envrc .tool-versions mise.toml .mise.toml .bazelrc nuget.config go.work Directory.Build.targets",
        ),
        (
            &[AgentInstructions],
            "AGENTS.md docs/AGENTS.md CLAUDE.md .claude/settings.json GEMINI.md .cursorrules .cursor/rules/x.mdc .github/copilot-instructions.md \
             .github/instructions/x.instructions.md .windsurfrules .aider.conf.yml .continue/config.yaml skills/x/SKILL.md .clinerules .roo/rules.md .mcp.json",
        ),
        (
            &[RunnerConfig],
            "pytest.ini tox.ini web/jest.config.js jest.config.unit.ts vitest.config.mts vitest.workspace.ts .mocharc.yml karma.conf.js phpunit.xml phpunit.xml.dist \
             .rspec .config/nextest.toml playwright.config.ts cypress.config.ts .nycrc .coveragerc ci.runsettings testng.xml",
        ),
        (
            &[RunnerShadow],
            "pytest.py src/pytest.py _pytest/runner.py unittest/__init__.py unittest/__main__.py sitecustomize.py usercustomize.py x.pth GNUmakefile \
             node_modules/x/index.js jest.js pytest cargo bin/phpunit venv/lib/x.py org/junit/Assert.java",
        ),
        (
            &[Expected],
            "tests/data/expected.txt json_testcases/out.json test/data/out.csv tests/golden.html src/__snapshots__/a.snap testdata/x.json spec/fixtures/a.yml \
             expected/x.txt cases.json src/test/resources/in.xml ui.approved.txt tests/ui/wrong.stderr a/want.json",
        ),
        (&[TestSupport], "conftest.py setupTests.ts spec/spec_helper.rb src/__mocks__/api.js"),
        (
            &[Test, TestSupport],
            "tests/conftest.py test/support/server.js src/test/java/BaseTest.java tests/TestCase.php tests/common/mod.rs test/test_helper.exs",
        ),
        (&[Test], "tests/it/x.rs a_test.go src/app.test.ts src/test/java/ATest.java spec/a_spec.rb"),
        (&[LockFile], "Cargo.lock web/yarn.lock package-lock.json go.sum uv.lock"),
        (&[Manifest], "Cargo.toml package.json requirements.txt requirements-dev.txt requirements/base.in go.mod a.gemspec gradle/libs.versions.toml x.csproj"),
        (&[DotConfiguration], ".unheardof/x .unheardof .config/tool.toml src/.hidden/run.py .secret-tool.yml"),
        (
            &[],
            "src/main.rs lib/app.py README.md docs/agents-of-change.md Makefile src/jenkins/client.py src/tekton.go app/action.py .gitignore .eslintrc.json \
             .prettierrc .editorconfig .rubocop.yml .github/ISSUE_TEMPLATE/bug.md tests/README.md src/golden_ratio.rs src/snapshotter.go src/expect_header.c \
             src/Contest.java src/latest.py lib/reset.js src/json.py pkg/attest.go data/names.csv src/hooks/useUser.ts tsconfig.json",
        ),
    ];
    let mut checked = 0;
    for (expected, paths) in cases {
        for path in paths.split_whitespace() {
            assert_eq!(told(path), *expected, "{path}");
            assert_eq!(
                told(&path.to_uppercase()).iter().filter(|kind| **kind != Test).collect::<Vec<_>>(),
                expected.iter().filter(|kind| **kind != Test).collect::<Vec<_>>(),
                "{path} in capitals"
            );
            checked += 1;
        }
    }
    assert!(checked > 150, "{checked}");
}

#[test]
fn a_blank_or_a_dot_behind_a_name_hides_no_kind() {
    for path in [".husky./pre-commit", ".husky /pre-commit", ".circleci\\config.yml"] {
        assert!(kinds(path).iter().any(|(kind, _)| matches!(kind, Kind::TeammateMachine | Kind::Pipeline)), "{path}");
    }
}

proptest! {
    /// Whatever a folder that begins with a dot is called: some kind that a gate asks about, or one that is known to run nothing.
    #[test]
    fn nothing_beneath_a_dot_folder_is_overlooked(folder in "[a-z]{1,12}", name in "[a-z]{1,8}(\\.(yml|json|js|md|toml))?") {
        let path = format!(".{folder}/{name}");
        prop_assert!(kinds(&path).iter().any(|(kind, _)| matches!(
            kind,
            Kind::DotConfiguration | Kind::Pipeline | Kind::TeammateMachine | Kind::AgentInstructions | Kind::RunnerConfig | Kind::RunnerShadow | Kind::HarmlessDot | Kind::LockFile | Kind::Manifest
        )), "{path}: {:?}", kinds(&path));
    }

    #[test]
    fn no_path_makes_it_panic(path in "\\PC{0,40}") {
        let _ = kinds(&path);
    }
}
