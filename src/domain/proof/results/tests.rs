use proptest::prelude::*;

use super::*;
use crate::domain::proof::{Exit, FailureIdentity, GreenAfter, RedBefore, RunEvidence, Source, Strength, Widening, green_after, judge, red_before};

fn read(form: Form, text: &str) -> Results {
    Results::read(form, &[text.as_bytes().to_vec()])
}

/// Passed, failed, skipped, expected to fail, and the names of what failed.
#[track_caller]
fn check(form: Form, text: &str, counts: [u64; 4], failing: &[&str]) {
    match read(form, text) {
        Results::Read(tests) => {
            assert_eq!([tests.passed, tests.failed, tests.skipped, tests.expected], counts, "{tests:#?}");
            let failed: Vec<&str> = tests.tests.iter().filter(|(_, seen)| seen.failed).map(|(name, _)| name.as_str()).collect();
            assert_eq!(failed, failing);
        }
        Results::NotUsed(why) => panic!("{why}"),
    }
}

const PYTEST: &str = r#"<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="0" failures="1" skipped="2" tests="5" time="0.042" timestamp="2026-01-01T00:00:00+00:00" hostname="h"><testcase classname="tests.test_a" name="test_one" time="0.001" /><testcase classname="tests.test_a.TestB" name="test_two" time="0.001"><failure message="assert 3 == 4">def test_two():
&gt;       assert 3 == 4
E       #x1B[31m</failure></testcase><testcase classname="tests.test_a" name="test_p[a &amp; b-&lt;1&gt;]" time="0.000" /><testcase classname="tests.test_a" name="test_skip" time="0.000"><skipped type="pytest.skip" message="needs x">/w/tests/test_a.py:9: needs x</skipped></testcase><testcase classname="tests.test_a" name="test_x" time="0.000"><skipped type="pytest.xfail" message="known" /></testcase></testsuite></testsuites>"#;

/// Made up in the forms that the tools document.
#[test]
fn reports_of_each_form_are_read() {
    check(Form::Junit, PYTEST, [2, 1, 1, 1], &["tests.test_a.TestB > test_two"]);
    // pytest 3 and 4: one root, and the file beside the class.
    let old = r#"<?xml version="1.0" encoding="utf-8"?><testsuite errors="1" failures="0" name="pytest" skipped="0" tests="2" time="0.04"><testcase classname="test_a.T" file="test_a.py" line="3" name="test_m" time="0.001"></testcase><testcase classname="" file="test_b.py" name="test_b" time="0.0"><error message="collection failure">ImportError</error></testcase></testsuite>"#;
    check(Form::Junit, old, [1, 1, 0, 0], &["test_b"]);
    let surefire = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="https://maven.apache.org/surefire/maven-surefire-plugin/xsd/surefire-test-report.xsd" version="3.0.2" name="com.foo.BarTest" time="0.05" tests="4" errors="1" skipped="1" failures="0">
  <properties><property name="java.version" value="21"/></properties>
  <testcase name="adds" classname="com.foo.BarTest" time="0.01"/>
  <testcase name="flaky" classname="com.foo.BarTest" time="0.01"><flakyFailure message="x" type="E"><stackTrace><![CDATA[at x]]></stackTrace></flakyFailure></testcase>
  <testcase name="later" classname="com.foo.BarTest" time="0"><skipped message="not yet"/></testcase>
  <testcase name="" classname="com.foo.BarTest" time="0"><error message="no" type="java.lang.IllegalStateException"><![CDATA[<not> & xml]]></error><system-out><![CDATA[log]]></system-out></testcase>
</testsuite>"#;
    check(Form::Junit, surefire, [2, 1, 1, 0], &["com.foo.BarTest"]);
    let gradle = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="com.foo.BarTest" tests="2" skipped="0" failures="1" errors="0" timestamp="2026-01-01T00:00:00" hostname="h" time="0.02">
  <properties/>
  <testcase name="adds()" classname="com.foo.BarTest" time="0.01"/>
  <testcase name="subtracts()" classname="com.foo.BarTest" time="0.01"><failure message="expected" type="AssertionFailedError">trace</failure></testcase>
  <system-out><![CDATA[]]></system-out><system-err><![CDATA[]]></system-err>
</testsuite>"#;
    check(Form::Junit, gradle, [1, 1, 0, 0], &["com.foo.BarTest > subtracts()"]);
    let phpunit = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites><testsuite name="unit" tests="3" assertions="2" errors="0" failures="1" skipped="1" time="0.01"><testsuite name="Tests\FooTest" file="/w/tests/FooTest.php" tests="3">
<testcase name="testBar" file="/w/tests/FooTest.php" line="9" class="Tests\FooTest" classname="Tests.FooTest" assertions="1" time="0.004"><failure type="PHPUnit\Framework\ExpectationFailedException">Failed</failure></testcase>
<testcase name="testOk" class="Tests\FooTest" classname="Tests.FooTest" assertions="1" time="0.001"/><testcase name="testLater" class="Tests\FooTest" classname="Tests.FooTest" assertions="0" time="0"><skipped/></testcase></testsuite></testsuite></testsuites>"#;
    check(Form::Junit, phpunit, [1, 1, 1, 0], &["Tests.FooTest > testBar"]);
    let jest = r#"{"numFailedTestSuites":2,"numFailedTests":1,"numPassedTests":1,"numPendingTests":1,"numTodoTests":1,"numTotalTests":4,"success":false,"testResults":[
{"assertionResults":[{"ancestorTitles":["Math"],"duration":2,"failureDetails":[],"failureMessages":[],"fullName":"Math adds","invocations":1,"location":null,"numPassingAsserts":1,"retryReasons":[],"status":"passed","title":"adds"},
{"ancestorTitles":["Math"],"fullName":"Math subtracts","failureMessages":["Error"],"status":"failed","title":"subtracts"},{"ancestorTitles":["Math"],"fullName":"Math later","status":"pending","title":"later"},{"ancestorTitles":[],"fullName":"one day","status":"todo","title":"one day"}],"endTime":1,"message":"","name":"/workspace/src/math.test.js","startTime":0,"status":"failed","summary":""},
{"assertionResults":[],"endTime":1,"message":"Cannot find module","name":"/workspace/src/a.test.js","startTime":0,"status":"failed","summary":""}]}"#;
    check(Form::Jest, jest, [1, 2, 2, 0], &["/workspace/src/a.test.js", "/workspace/src/math.test.js > Math > subtracts"]);
    let rspec = r#"{"version":"3.13.0","examples":[{"id":"./spec/a_spec.rb[1:1]","description":"adds","full_description":"Calc adds","status":"passed","file_path":"./spec/a_spec.rb","line_number":3,"run_time":0.01,"pending_message":null},
{"id":"./spec/a_spec.rb[1:2]","description":"subtracts","full_description":"Calc subtracts","status":"failed","file_path":"./spec/a_spec.rb","line_number":7,"run_time":0.01,"pending_message":null,"exception":{"class":"E","message":"m","backtrace":[]}},
{"id":"./spec/a_spec.rb[1:3]","description":"later","full_description":"Calc later","status":"pending","file_path":"./spec/a_spec.rb","line_number":9,"run_time":0.0,"pending_message":"no"}],
"summary":{"duration":0.02,"example_count":3,"failure_count":1,"pending_count":1,"errors_outside_of_examples_count":0},"summary_line":"3 examples, 1 failure, 1 pending"}"#;
    check(Form::Rspec, rspec, [1, 1, 1, 0], &["spec/a_spec.rb > Calc subtracts"]);
    let trx = r#"<?xml version="1.0" encoding="utf-8"?>
<TestRun id="r" name="n" xmlns="http://microsoft.com/schemas/VisualStudio/TeamTest/2010"><Times creation="x"/>
<Results><UnitTestResult executionId="e1" testId="t1" testName="Adds" outcome="Passed" duration="00:00:00.01"/><UnitTestResult executionId="e2" testId="t2" testName="Shop.CartTests.Sums(x: 1)" outcome="Failed"><Output><ErrorInfo><Message>m</Message></ErrorInfo></Output></UnitTestResult><UnitTestResult executionId="e3" testId="t3" testName="Later" outcome="NotExecuted"/></Results>
<TestDefinitions><UnitTest name="Adds" id="t1"><Execution id="e1"/><TestMethod codeBase="x.dll" className="Shop.CartTests, Shop.Tests" name="Adds"/></UnitTest><UnitTest name="Sums" id="t2"><TestMethod codeBase="x.dll" className="Shop.CartTests" name="Sums"/></UnitTest></TestDefinitions>
<ResultSummary outcome="Failed"><Counters total="3" executed="2" passed="1" failed="1"/></ResultSummary></TestRun>"#;
    check(Form::Trx, trx, [1, 1, 1, 0], &["Shop.CartTests.Sums(x: 1)"]);
    match read(Form::Trx, trx) {
        Results::Read(tests) => assert!(tests.tests.contains_key("Shop.CartTests.Adds"), "{tests:?}"),
        Results::NotUsed(why) => panic!("{why}"),
    }
}

#[test]
fn what_is_not_understood_to_the_end_is_not_used() {
    let deep = format!("<testsuite>{}{}</testsuite>", "<a>".repeat(200), "</a>".repeat(200));
    let many = format!("<testsuite>{}</testsuite>", "<testcase name='a'/>".repeat(200_001));
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;\">]><testsuite><testcase name=\"&b;\"/></testsuite>";
    for (case, form, text) in [
        ("empty", Form::Junit, ""),
        ("cut off", Form::Junit, &PYTEST[..PYTEST.len() - 20]),
        ("two roots", Form::Junit, "<testsuite/><testsuite/>"),
        ("another root", Form::Junit, "<html/>"),
        ("a type", Form::Junit, bomb),
        ("an entity of nobody", Form::Junit, "<testsuite><testcase name='&b;'/></testsuite>"),
        ("nested too deep", Form::Junit, &deep),
        ("too many", Form::Junit, &many),
        ("no name", Form::Junit, "<testsuite><testcase/></testsuite>"),
        ("a test in a test", Form::Junit, "<testsuite><testcase name='a'><testcase name='b'/></testcase></testsuite>"),
        ("an error of a suite", Form::Junit, "<testsuite><error/></testsuite>"),
        ("an attribute twice", Form::Junit, "<testsuite><testcase name='a' name='b'/></testsuite>"),
        ("mixed ends", Form::Junit, "<testsuite><testcase name='a'></testsuite></testcase>"),
        ("no json", Form::Jest, "{\"testResults\":["),
        ("json nested deep", Form::Jest, &"[".repeat(100_000)),
        ("a status of nobody", Form::Jest, r#"{"testResults":[{"name":"a","assertionResults":[{"title":"x","status":"fine"}]}]}"#),
        ("counts that lie", Form::Jest, r#"{"numPassedTests":9,"testResults":[{"name":"a","assertionResults":[{"title":"x","status":"passed"}]}]}"#),
        ("a count of examples that lies", Form::Rspec, r#"{"examples":[],"summary":{"example_count":3,"failure_count":0}}"#),
        ("an outcome of nobody", Form::Trx, "<TestRun><UnitTestResult testName='a' outcome='Splendid'/></TestRun>"),
    ] {
        assert!(matches!(read(form, text), Results::NotUsed(_)), "{case}");
    }
    assert!(matches!(Results::read(Form::Junit, &[]), Results::NotUsed(_)));
    assert!(matches!(Results::read(Form::Junit, &[PYTEST.into(), b"<x".to_vec()]), Results::NotUsed(_)), "one of two");
    assert!(matches!(Results::read(Form::Junit, &vec![b"<testsuite/>".to_vec(); MAX_FILES + 1]), Results::NotUsed(_)), "too many files");
    assert!(matches!(Results::read(Form::Junit, &[vec![0xff, 0xfe]]), Results::NotUsed(_)), "no text");
}

/// A run of pytest: what it prints without `-v`, and its report.
#[derive(Debug, Clone)]
struct Ran {
    exit: Exit,
    output: String,
    results: Results,
}

/// Tests by name and one letter: passed, failed, skipped, or failing as expected (`x`).
fn pytest(tests: &[(String, char)]) -> Ran {
    let count = |kind: char| tests.iter().filter(|(_, own)| *own == kind).count();
    let words = [('f', "failed"), ('p', "passed"), ('s', "skipped"), ('x', "xfailed")];
    let counts: Vec<String> = words.iter().filter(|(kind, _)| count(*kind) > 0).map(|(kind, word)| format!("{} {word}", count(*kind))).collect();
    let summary = if counts.is_empty() { "no tests ran".to_owned() } else { counts.join(", ") };
    let listed: String = tests.iter().filter(|(_, kind)| *kind == 'f').map(|(name, _)| format!("FAILED t.py::{name} - x\n")).collect();
    let cases: String = tests
        .iter()
        .map(|(name, kind)| {
            let inner = match kind {
                'f' => "<failure message='x'>x</failure>",
                's' => "<skipped type='pytest.skip'/>",
                'x' => "<skipped type='pytest.xfail'/>",
                _ => "",
            };
            format!("<testcase classname='t' name='{name}'>{inner}</testcase>")
        })
        .collect();
    let exit = if count('f') > 0 { 1 } else { i32::from(tests.is_empty()) * 5 };
    Ran {
        exit: Exit::Code(exit),
        output: format!("=== test session starts ===\n{listed}=== {summary} in 0.1s ===\n"),
        results: read(Form::Junit, &format!("<testsuites><testsuite>{cases}</testsuite></testsuites>")),
    }
}

impl Ran {
    fn evidence(&self) -> RunEvidence<'_> {
        RunEvidence { command: "pytest", exit: &self.exit, output: self.output.as_bytes(), identity: None, results: Some(&self.results) }
    }
}

fn tests_of(text: &str) -> Vec<(String, char)> {
    text.split_whitespace().map(|piece| (piece[..piece.len() - 1].to_owned(), piece.chars().last().unwrap())).collect()
}

#[test]
fn names_decide_what_counts_leave_open() {
    for (case, before, after, expected) in [
        ("mended", "ap bf", "ap bp", "EachTest"),
        ("mended, with a skip and an expected failure as before", "ap bf cs dx", "ap bp cs dx", "EachTest"),
        ("one added", "ap bf", "ap bp cp", "EachTest"),
        ("one added that is skipped", "ap bf", "ap bp cs", "EachTest"),
        ("a skip mended too", "ap bf cs", "ap bp cp", "EachTest"),
        ("vanished behind an added one", "ap bf", "bp cp", "less a"),
        ("renamed", "ap bf", "ap zp", "less b"),
        ("the failing one skipped behind added ones", "ap bf", "ap bs cp dp", "less b"),
        ("the failing one expected to fail", "ap bf", "ap bx cp", "less b"),
        ("another one skipped behind added ones", "ap bf", "as bp cp dp", "less a"),
        ("another one expected to fail", "ap bf", "ax bp cp", "less a"),
        ("a skipped one vanished", "ap bf cs", "ap bp dp", "less c"),
        ("of two with one name, one vanished", "ap ap bf", "ap bp cp", "less a"),
        ("still red", "ap bf", "ap bf cp", "red"),
    ] {
        let (was, is) = (pytest(&tests_of(before)), pytest(&tests_of(after)));
        let judged = match green_after(&was.evidence(), &is.evidence()) {
            GreenAfter::Proven { strength, .. } => format!("{strength:?}"),
            GreenAfter::Weakened(less) => format!("less {}", less.missing.iter().map(|name| name.trim_start_matches("t > ")).collect::<Vec<_>>().join(",")),
            GreenAfter::StillRed { .. } => "red".into(),
            GreenAfter::NotRun(why) => why.to_string(),
        };
        assert_eq!(judged, expected, "{case}");
    }
}

#[test]
fn a_file_that_could_not_be_loaded_is_mended_when_what_is_in_it_passes() {
    let mut was = pytest(&[]);
    was.exit = Exit::Code(2);
    was.output = "=== test session starts ===\nERROR t.py - ImportError: x\n=== 1 error in 0.1s ===\n".into();
    was.results = read(Form::Junit, "<testsuite><testcase classname='' name='t'><error message='collection failure'/></testcase></testsuite>");
    let judged = |after: &str| green_after(&was.evidence(), &pytest(&tests_of(after)).evidence());
    assert!(matches!(judged("ap bp cs"), GreenAfter::Proven { strength: Strength::EachTest, .. }), "{:?}", judged("ap bp cs"));
    assert!(matches!(judged("as bs"), GreenAfter::Weakened(_)), "{:?}", judged("as bs"));
    let other = Ran {
        results: read(Form::Junit, "<testsuite><testcase classname='u' name='a'/><testcase classname='t' name='t'><skipped/></testcase></testsuite>"),
        output: "=== test session starts ===\n=== 1 passed, 1 skipped in 0.1s ===\n".into(),
        ..pytest(&tests_of("ap"))
    };
    assert!(matches!(green_after(&was.evidence(), &other.evidence()), GreenAfter::Weakened(_)), "the whole file is skipped");
}

#[test]
fn a_report_never_stands_alone() {
    let (was, is) = (pytest(&tests_of("ap bf")), pytest(&tests_of("ap bp")));
    // Green in the report, red by exit code or in print.
    let died = Ran { exit: Exit::Limit("time".into()), ..is.clone() };
    let red = Ran { exit: Exit::Code(1), ..is.clone() };
    let printed = Ran { output: was.output.clone(), ..is.clone() };
    // Red in the report, green otherwise.
    let written = Ran { results: was.results.clone(), ..is.clone() };
    let fewer = Ran { output: pytest(&tests_of("bp")).output, ..is.clone() };
    let forged = Ran { output: is.output.replace("2 passed", "9 passed"), ..is.clone() };
    for (case, after, holds) in [
        ("both", &is, true),
        ("limit", &died, false),
        ("exit", &red, false),
        ("printed", &printed, false),
        ("written", &written, false),
        ("fewer", &fewer, false),
    ] {
        let proof = judge(
            &FailureIdentity { failed_tests: vec!["b".into()], ..FailureIdentity::default() },
            &was.evidence(),
            Some(&after.evidence()),
            Widening::NotYet,
        );
        assert_eq!(proof.holds(), holds, "{case}: {proof:?}");
    }
    let report = forged.evidence().report();
    assert!(report.source == Source::Printed && report.left_out.is_some(), "{report:?}");
    let said = judge(&FailureIdentity::default(), &was.evidence(), Some(&forged.evidence()), Widening::NotYet).summary;
    assert!(said.last().is_some_and(|last| last.contains("was not used")), "{said:?}");
    let missing = Ran { results: Results::NotUsed("the runner wrote none".into()), ..is.clone() };
    assert!(matches!(green_after(&was.evidence(), &missing.evidence()), GreenAfter::Proven { strength: Strength::Counts, .. }));
    assert!(
        matches!(red_before(&FailureIdentity { failed_tests: vec!["t.py::b".into()], ..FailureIdentity::default() }, &was.evidence()), RedBefore::Same { tests, .. } if tests.len() == 1)
    );
}

#[test]
fn silent_runners_are_counted_by_their_reports() {
    let of = |output: &'static str, code: i32, cases: &str| {
        let results = read(Form::Junit, &format!("<testsuite>{cases}</testsuite>"));
        (Exit::Code(code), output, results)
    };
    let red = of(
        "> Task :test FAILED\n\nBarTest > adds() FAILED\n\n2 tests completed, 1 failed\n",
        1,
        "<testcase classname='BarTest' name='adds()'><failure/></testcase><testcase classname='BarTest' name='b()'/>",
    );
    let green = "> Task :test\n\nBUILD SUCCESSFUL in 1s\n";
    let all = of(green, 0, "<testcase classname='BarTest' name='adds()'/><testcase classname='BarTest' name='b()'/>");
    let gone = of(green, 0, "<testcase classname='BarTest' name='adds()'/><testcase classname='BarTest' name='c()'/>");
    let run = |ran: &(Exit, &'static str, Results)| {
        let before = RunEvidence { command: "./gradlew test", exit: &red.0, output: red.1.as_bytes(), identity: None, results: Some(&red.2) };
        green_after(&before, &RunEvidence { command: "./gradlew test", exit: &ran.0, output: ran.1.as_bytes(), identity: None, results: Some(&ran.2) })
    };
    assert!(matches!(run(&all), GreenAfter::Proven { strength: Strength::EachTest, ran_after: 2, .. }), "{:?}", run(&all));
    assert!(matches!(run(&gone), GreenAfter::Weakened(_)), "{:?}", run(&gone));
}

fn many() -> impl Strategy<Value = Vec<(String, char)>> {
    proptest::collection::vec(("[a-f]", proptest::sample::select(vec!['p', 'p', 'p', 'f', 's', 'x'])), 0..7)
}

/// The oracle, in other words than the code: how often each name ends how.
fn may_be_proven(before: &[(String, char)], after: &[(String, char)]) -> bool {
    let times = |tests: &[(String, char)], name: &str, kinds: &str| tests.iter().filter(|(own, kind)| own == name && kinds.contains(*kind)).count();
    let none_red = after.iter().all(|(_, kind)| *kind != 'f') && after.iter().any(|(_, kind)| *kind == 'p');
    none_red
        && before.iter().all(|(name, kind)| {
            let passing = times(after, name, "p") >= times(before, name, "p");
            let idle = times(after, name, "sx") <= times(before, name, "sx");
            let all = times(after, name, "psx") >= times(before, name, "psx");
            passing && idle && (times(before, name, "sx") == 0 || all) && (*kind != 'f' || (times(after, name, "p") > 0 && times(after, name, "sx") == 0))
        })
}

#[test]
fn exit_code_counts_and_names_agree_with_the_oracle() {
    use proptest::test_runner::{Config, TestRunner};
    let (mut yes, mut no) = (0, 0);
    let mut runner =
        TestRunner::new_with_rng(Config::with_cases(4_000), proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha));
    let seen = std::cell::RefCell::new((&mut yes, &mut no));
    // Half of the time the run after is the run before with some of it mended, so that a yes happens.
    let pairs = (many(), many(), proptest::collection::vec(any::<bool>(), 7), any::<bool>()).prop_map(|(before, after, mended, alike)| {
        let same = before.iter().zip(&mended).map(|((name, kind), mend)| (name.clone(), if *kind == 'f' && *mend { 'p' } else { *kind }));
        let same = same.chain([("b".to_owned(), 'p')]);
        let after: Vec<_> = if alike { same.chain(after.iter().take(1).cloned()).collect() } else { after };
        let before: Vec<_> = before.into_iter().chain([("b".to_owned(), 'f')]).collect();
        (before, after)
    });
    runner
        .run(&pairs, |(before, after)| {
            let (was, is) = (pytest(&before), pytest(&after));
            let proven = matches!(green_after(&was.evidence(), &is.evidence()), GreenAfter::Proven { .. });
            // Fewer tests that ran are no proof either, although each name is there.
            let fewer = is.evidence().report().ran < was.evidence().report().ran;
            prop_assert_eq!(proven, may_be_proven(&before, &after) && !fewer, "{:?} -> {:?}", before, after);
            let mut seen = seen.borrow_mut();
            if proven {
                *seen.0 += 1
            } else {
                *seen.1 += 1
            }
            Ok(())
        })
        .unwrap();
    assert!(yes >= 300 && no >= 300, "{yes} times proven, {no} times not: the property holds of nothing");
}

proptest! {
    #[test]
    fn a_red_verdict_in_any_report_never_proves(before in many(), after in many(), at in any::<prop::sample::Index>(), exit_is_green in any::<bool>()) {
        prop_assume!(!after.is_empty());
        let mut after = after;
        let at = at.index(after.len());
        after[at].1 = 'f';
        let mut is = pytest(&after);
        // The print and the exit code lie as well as they can.
        let lied: Vec<(String, char)> = after.iter().map(|(name, kind)| (name.clone(), if *kind == 'f' { 'p' } else { *kind })).collect();
        is.output = pytest(&lied).output;
        if exit_is_green {
            is.exit = Exit::Code(0);
        }
        let was = pytest(&before);
        let proven = matches!(green_after(&was.evidence(), &is.evidence()), GreenAfter::Proven { .. });
        prop_assert!(!proven);
    }

    #[test]
    fn nothing_that_is_read_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), pieces in proptest::collection::vec(proptest::sample::select(vec![
        "<testsuite>", "</testsuite>", "<testcase name='é&amp;'>", "</testcase>", "<failure/>", "<skipped/>", "<![CDATA[", "]]>", "<!--", "&#x1;", "&x;", "<?xml?>", "'", "<", "{", "[", "\"testResults\":", "}", "]"]), 0..14)) {
        for form in [Form::Junit, Form::Jest, Form::Rspec, Form::Trx] {
            let _ = Results::read(form, std::slice::from_ref(&bytes));
            let _ = read(form, &pieces.concat());
        }
    }
}
