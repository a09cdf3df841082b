//! JUnit and TestNG through Maven (Surefire, Failsafe) and Ant, and JUnit's own console.

use crate::domain::diagnosis::rule::{Extent, Rule, cause, detail, frame, noise, summary, test, wrapper};
use crate::domain::diagnosis::taxonomy::Category::{TestAssertion, TimeoutOrOom};

const STACK: Extent = Extent::Section(26, &["[INFO]", "[ERROR] Tests run", "Tests run:", "[WARNING]"]);

/// Rules for JUnit and its relatives.
pub const RULES: &[Rule] = &[
    noise("junit.surefire_none", &["Failures: 0, Errors: 0"], r"^(?:\[\w+\] )?(?:\[main\] \w+ \S+ - )?Tests run: \d+, Failures: 0, Errors: 0"),
    noise("junit.console_zero", &["failed "], r"^\s*(?:\[junit\w*\] )?\[\s+0 (?:tests|containers) (?:failed|aborted)\s+\]$"),
    test("junit.surefire_case_new", 92, &["<<< FAILURE!", "<<< ERROR!"], r"^(?:\[ERROR\] +)?(?P<test>[\w.$]+\.[^\s(]+(?:\(.*?\))?(?:\[.*\])?)(?: --)? +Time elapsed: [\d.,]+ s(?:ec)? +<<< (?:FAILURE|ERROR)!$").with(STACK).opening(),
    test("junit.surefire_case", 92, &["<<< FAILURE!", "<<< ERROR!"], r"^(?:\[ERROR\] +)?(?P<test>[^\s(].*?\([\w.$]+\))(?:\[.*\])?(?: --)? +Time elapsed: [\d.,]+ s(?:ec)? +<<< (?:FAILURE|ERROR)!$").with(STACK).opening(),
    test("junit.surefire_case_any", 90, &["<<< FAILURE!", "<<< ERROR!"], r"^(?:\[ERROR\] +)?(?P<test>\S.*?)(?: --)? +Time elapsed: [\d.,]+ s(?:ec)? +<<< (?:FAILURE|ERROR)!$").with(STACK).opening(),
    summary("junit.surefire_class", TestAssertion, 70, &["<<< FAILURE!", "<<< ERROR!"], r"^(?:\[ERROR\] +)?Tests run: \d+, Failures: \d+, Errors: \d+, Skipped: \d+, Time elapsed: .* <<< (?:FAILURE|ERROR)!.*$"),
    cause("junit.surefire_results", TestAssertion, 66, &["Failures:", "Errors:", "Failed tests:", "Tests in error:"], r"^(?:\[ERROR\] +(?:Failures|Errors)|(?:\[ERROR\] +)?(?:Failed tests|Tests in error)): *$").with(Extent::Paragraph(40)),
    test("junit.surefire_listed", 86, &["[ERROR]   ", "[ERROR] "], r"^\[ERROR\] {2,}(?:Run \d+: )?(?P<test>[\w$]+(?:\.[\w$]+|>[\w$]+)*\.?[\w$]+(?:\[.*?\])?):(?P<line>\d+)(?:->\S+)*(?: (?P<msg>.*))?$"),
    test("junit.surefire_listed_bare", 82, &["[ERROR]   "], r"^\[ERROR\] {2,}(?P<test>[A-Z][\w$]*\.[\w$]+(?:\[.*?\])?)(?: (?:»|Expected|expected|Unexpected|\S+Exception).*)?$"),
    test("junit.surefire_listed_old", 84, &["("], r"^ {2}(?P<test>\w+\([\w.$]+\)): .*$").inside(),
    summary("junit.surefire_totals", TestAssertion, 86, &["Tests run: "], r"^(?:\[ERROR\] +|\[WARNING\] +)?Tests run: \d+, Failures: \d+, Errors: \d+(?:, Skipped: \d+)?$").inside(),
    summary("junit.surefire_totals_error", TestAssertion, 86, &["Failures: ", "Errors: "], r"^(?:\[ERROR\] +|\[WARNING\] +)?Tests run: \d+, Failures: \d+, Errors: \d+, Skipped: \d+$"),
    cause("junit.surefire_crashed", TimeoutOrOom, 84, &["The forked VM terminated", "Crashed tests", "ExecutionException The forked VM"], r"^.*(?P<msg>The forked VM terminated (?:without|.*)).*$").with(Extent::After(8)).inside(),
    cause("junit.surefire_crashed_alone", TimeoutOrOom, 84, &["xecutionException"], r"^.*(?P<msg>The forked VM terminated .*)$").with(Extent::After(8)),
    test("junit.ant_case", 92, &["FAILED", "Caused an ERROR"], r"^Testcase: (?P<test>\S+(?:\([\w.$]+\))?)(?: took [\d.]+ sec| took \S+ sec)?:?\s*(?:FAILED|Caused an ERROR)$").with(Extent::Section(20, &["Testcase:", "Test "])).opening(),
    test("junit.ant_case_open", 60, &["Testcase: "], r"^Testcase: (?P<test>\S+?)(?:\(.*\))?(?: took .*)?:?\s*$").inside(),
    summary("junit.ant_class", TestAssertion, 78, &["Failures: ", "Errors: "], r"^Tests run: \d+, Failures: \d+, Errors: \d+(?:, Skipped: \d+)?, Time elapsed: .*$").with(Extent::Section(24, &["Test ", "Running "])),
    test("junit.ant_class_crashed", 70, &["FAILED"], r"^Test (?P<test>[\w.$]+) FAILED \((?:crashed|timeout)\)$"),
    wrapper("junit.ant_class_failed", 60, &["FAILED"], r"^Test [\w.$]+ FAILED$"),
    test("junit.tree", 84, &["[X] "], r"^[\s│|+'├└─\-]*(?P<test>\S.*?) \[X\] (?P<msg>.*)$").inside(),
    cause("junit.console", TestAssertion, 60, &["Failures ("], r"^Failures \([1-9]\d*\):$").with(Extent::After(2)),
    test("junit.console_case", 88, &["JUnit Jupiter:", "JUnit Vintage:", "JUnit Platform Suite:"], r"^\s*JUnit (?:Jupiter|Vintage|Platform Suite):(?:.*:)?(?P<class>[\w$]+):(?P<test>.*)$").with(Extent::Section(30, &["Test run finished"])).opening(),
    test("junit.console_source", 60, &["MethodSource ["], r"^\s*MethodSource \[className = '(?P<class>.*?)', methodName = '(?P<test>.*?)'.*\]$").inside(),
    cause("junit.console_message", TestAssertion, 86, &["=> "], r"^\s*=> (?P<msg>.*)$").inside(),
    summary("junit.console_failed", TestAssertion, 82, &["tests failed", "containers failed"], r"^\[\s+[1-9]\d* (?:tests|containers) failed\s+\]$"),
    cause("java.assertion", TestAssertion, 91, &["AssertionFailedError", "AssertionError", "ComparisonFailure", "MultipleFailuresError", "ConditionNotSatisfiedError", "ssert", "rror"], r"^(?:\[ERROR\] +)?\s*(?:Caused by: |Suppressed: )?(?P<msg>(?:[\w$]+\.)*\w*(?:AssertionFailedError|AssertionError|ComparisonFailure|ArgumentsAreDifferent|WantedButNotInvoked|TooLittleActualInvocations|TooManyActualInvocations|MultipleFailuresError|ConditionNotSatisfiedError|SpockComparisonFailure)(?::.*| at .*)?)$").with(Extent::After(6)),
    cause("java.exception", TestAssertion, 82, &["Exception", "Error"], r"^(?:\[ERROR\] +)?\s*(?:Caused by: )(?P<msg>(?:[a-z_][\w$]*\.)+[A-Z][\w$]*(?:Exception|Error)(?::.*)?)$").with(Extent::After(4)).inside(),
    cause("java.exception_head", TestAssertion, 80, &["Exception", "Error"], r"^\s*(?P<msg>(?:Exception in thread .* )?(?:[a-z_][\w$]*\.)+[A-Z][\w$]*(?:Exception|Error|Failure)(?::.*)?)$").with(Extent::After(4)).inside(),
    cause("java.uncaught", TestAssertion, 64, &["Exception in thread"], r"^(?P<msg>Exception in thread .*)$").with(Extent::Indented(10)),
    detail("java.values", 76, &["xpected", "but was", "Actual", "actual", "to be equal"], r"^\s*(?:(?:Expected|Actual|expected|actual|to be equal to|but was)\b[^()]*:?.*|.*\bbut was:? .*)$"),
    frame("java.frame", 52, &["at "], r"^\s*at (?P<method>[\w.$/@\-]+)\.[^()]+\([\w$]+\.(?:java|kt|groovy|scala):\d+\)$"),
    wrapper("maven.test_failures", 50, &["There are test failures"], r"^.*There (?:are|were) test failures.*$").inside(),
    test("testng.failed", 84, &["FAILED: "], r"^(?:\[\w+\] )?FAILED: (?P<test>\S.*)$").with(Extent::After(10)),
];
