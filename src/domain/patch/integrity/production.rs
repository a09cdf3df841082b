//! Production code that knows that it is tested: it asks its environment, its caller or the build, hooks into the end of the process, is equal to
//! everything, changes the framework that judges it, or has one answer by heart.
//!
//! Only what is new counts. What a fix has no honest use for is refused; what it may have is asked about. Known to miss: an answer by heart that is
//! looked up in a table, hashed, or computed from the input's length, where no literal is compared; a name that reaches an environment's read
//! through a function's argument.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::tests_found::{Source, pattern};
use super::{Finding, Rule, Severity, is_source};
use crate::domain::source::files::{Kind, is_test, is_test_support, kinds};
use crate::domain::source::lexer::Language;

/// Which view of a line a sign is looked for in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum View {
    /// Comments and the insides of strings are blank.
    Code,
    /// Comments are blank.
    Strings,
}

/// What a new line may say that production code seldom has to.
struct Sign {
    /// Empty for all.
    languages: &'static [Language],
    view: View,
    line: &'static str,
    severity: Severity,
    /// A program's own entry may: it reads arguments and ends the process.
    not_in_programs: bool,
    message: &'static str,
}

const fn sign(languages: &'static [Language], view: View, severity: Severity, message: &'static str, line: &'static str) -> Sign {
    Sign { languages, view, line, severity, not_in_programs: false, message }
}

const fn in_libraries(languages: &'static [Language], view: View, severity: Severity, message: &'static str, line: &'static str) -> Sign {
    Sign { languages, view, line, severity, not_in_programs: true, message }
}

use Language::{C, CSharp, Elixir, Go, Groovy, Java, JavaScript, Kotlin, Perl, Php, Python, Ruby, Rust, Scala, Swift};
use Severity::{NeedsApproval, Refuse};

const BUILD: &str = "production code would be another one where it is tested";
const CALLER: &str = "production code asks who calls it, or what is loaded";
const HOOK: &str = "something would run at the end of the process, or in place of a failure's report";
const END: &str = "the process would end well whatever the tests say";
const FRAMEWORK: &str = "production code changes the framework that tests it";
const LANGUAGE: &str = "production code changes what the language or its library means";
const EQUAL: &str = "how it compares with others is made up";

const SIGNS: &[Sign] = &[
    // The build.
    sign(&[Rust], View::Code, Refuse, BUILD, r"\bcfg!\s*\((?:[^)]*\W)?test\b|#!?\[\s*cfg(?:_attr)?\s*\(\s*not\s*\(\s*test\b"),
    sign(
        &[Rust],
        View::Code,
        NeedsApproval,
        BUILD,
        r"\bcfg!\s*\([^)]*debug_assertions|#!?\[\s*cfg(?:_attr)?\s*\([^\]]*debug_assertions|\bcfg!\s*\(\s*(?:not|any|all)\b",
    ),
    sign(&[C, CSharp, Swift], View::Code, NeedsApproval, BUILD, r"^\s*#\s*(?:el)?if(?:n?def)?\b.*\b\w*(?:TEST|NDEBUG|DEBUG|GTEST|CATCH)\w*\b"),
    sign(&[Python], View::Code, NeedsApproval, BUILD, r"\b__debug__\b"),
    sign(&[Go], View::Strings, NeedsApproval, BUILD, r#"^\s*(?:import\s+)?(?:\w+\s+)?"testing"\s*$|\btesting\.(?:Testing|CoverMode|Short|Verbose)\s*\("#),
    sign(&[CSharp], View::Code, NeedsApproval, BUILD, r"\bDebugger\s*\.\s*IsAttached\b"),
    sign(&[JavaScript], View::Code, NeedsApproval, BUILD, r"\bimport\s*\.\s*meta\s*\.\s*vitest\b|\btypeof\s+(?:jest|vi|describe|it|test|expect|mocha)\b"),
    sign(&[Ruby], View::Code, NeedsApproval, BUILD, r"\bdefined\?\s*\(?\s*(?:::)?(?:RSpec|Minitest|Test|Cucumber|SimpleCov)\b|\bObject\s*\.\s*const_defined\?"),
    sign(&[Php], View::Strings, NeedsApproval, BUILD, r"(?i)\b(?:class_exists|defined|interface_exists)\s*\(\s*.\\*phpunit"),
    // The caller, and what is loaded.
    sign(
        &[Python],
        View::Code,
        NeedsApproval,
        CALLER,
        r"\bsys\s*\.\s*(?:modules\b|_getframe|_current_frames|gettrace|getprofile|flags\b|orig_argv)|\binspect\s*\.\s*(?:stack|currentframe|trace|getouterframes|getframeinfo)\b|\btraceback\s*\.\s*(?:extract_stack|format_stack|print_stack|walk_stack|StackSummary)|\bgc\s*\.\s*get_(?:objects|referrers)|\b__main__\s*\.|\bimport\s+__main__|\bfrom\s+inspect\s+import\b.*\b(?:stack|currentframe)\b|\bfrom\s+sys\s+import\b.*\b(?:modules|_getframe|argv)\b|\bf_back\b",
    ),
    in_libraries(&[Python], View::Code, NeedsApproval, CALLER, r"\bsys\s*\.\s*argv\b"),
    sign(
        &[JavaScript],
        View::Code,
        NeedsApproval,
        CALLER,
        r"\bnew\s+Error\s*\([^)]*\)\s*\.\s*stack\b|\bError\s*\(\s*\)\s*\.\s*stack\b|\bcaptureStackTrace\b|\bprepareStackTrace\b|\brequire\s*\.\s*(?:main|cache)\b|\bmodule\s*\.\s*parent\b|\barguments\s*\.\s*callee\b",
    ),
    in_libraries(&[JavaScript], View::Code, NeedsApproval, CALLER, r"\bprocess\s*\.\s*(?:argv|execArgv|title|mainModule)\b"),
    sign(
        &[Go],
        View::Code,
        NeedsApproval,
        CALLER,
        r"\bruntime\s*\.\s*(?:Callers?|FuncForPC|Stack)\b|\bdebug\s*\.\s*(?:Stack|ReadBuildInfo)\b|\bflag\s*\.\s*Lookup\s*\(|\bos\s*\.\s*Executable\s*\(",
    ),
    in_libraries(&[Go], View::Code, NeedsApproval, CALLER, r"\bos\s*\.\s*Args\b"),
    sign(
        &[Rust],
        View::Code,
        NeedsApproval,
        CALLER,
        r"\bBacktrace\s*::|\bcurrent_exe\s*\(|\bthread\s*::\s*current\s*\(\s*\)\s*\.\s*name\b|\bLocation\s*::\s*caller\b|\bmodule_path!",
    ),
    in_libraries(&[Rust], View::Code, NeedsApproval, CALLER, r"\benv\s*::\s*args(?:_os)?\s*\("),
    sign(
        &[Java, Kotlin, Scala, Groovy],
        View::Code,
        NeedsApproval,
        CALLER,
        r"\bgetStackTrace\b|\bstackTrace\b|\bStackWalker\b|\bgetAllStackTraces\b|\bgetCallerClass\b",
    ),
    sign(
        &[Java, Kotlin, Scala, Groovy],
        View::Strings,
        Refuse,
        CALLER,
        r#"\b(?:forName|loadClass)\s*\(\s*"(?:org\.(?:junit|testng|mockito|spockframework)|io\.kotest)"#,
    ),
    sign(
        &[Ruby],
        View::Code,
        NeedsApproval,
        CALLER,
        r"\bcaller(?:_locations)?\b|\bObjectSpace\b|\$0\b|\$PROGRAM_NAME\b|\$LOADED_FEATURES\b|\bset_trace_func\b|\bTracePoint\b|\bbinding\s*\.\s*of_caller\b",
    ),
    in_libraries(&[Ruby], View::Code, NeedsApproval, CALLER, r"\bARGV\b"),
    sign(
        &[Php],
        View::Code,
        NeedsApproval,
        CALLER,
        r"\bdebug_(?:print_)?backtrace\s*\(|\bget_included_files\s*\(|\bget_declared_classes\s*\(|\bphp_sapi_name\s*\(|\bPHP_SAPI\b",
    ),
    in_libraries(&[Php], View::Code, NeedsApproval, CALLER, r"\$argv\b|\bargv\b"),
    sign(
        &[CSharp],
        View::Code,
        NeedsApproval,
        CALLER,
        r"\bnew\s+StackTrace\b|\bStackFrame\b|\bEnvironment\s*\.\s*(?:StackTrace|GetCommandLineArgs|CommandLine)\b|\bGetAssemblies\s*\(|\bGet(?:Entry|Calling)Assembly\s*\(",
    ),
    sign(
        &[C],
        View::Code,
        NeedsApproval,
        CALLER,
        r"\bprogram_invocation_(?:short_)?name\b|\bbacktrace(?:_symbols)?\s*\(|\bgetprogname\s*\(|\bstd\s*::\s*stacktrace\b|\b__progname\b",
    ),
    sign(&[C, Rust, Python, Go, Ruby, Perl], View::Strings, NeedsApproval, CALLER, r"/proc/(?:self|\d+|\$\$)/(?:cmdline|exe|comm|environ|stat)"),
    // Hooks.
    sign(
        &[Python],
        View::Code,
        NeedsApproval,
        HOOK,
        r"\batexit\b|\bsys\s*\.\s*(?:excepthook|unraisablehook)\s*=|\bthreading\s*\.\s*excepthook\s*=|\bfaulthandler\b",
    ),
    sign(
        &[Python],
        View::Code,
        Refuse,
        HOOK,
        r"\b(?:sys|threading)\s*\.\s*set(?:trace|profile)\b|\bsys\s*\.\s*(?:meta_path|path_hooks)\b|\bsys\s*\.\s*monitoring\b",
    ),
    sign(
        &[JavaScript],
        View::Strings,
        NeedsApproval,
        HOOK,
        r#"\bprocess\s*\.\s*(?:on|once|addListener|prependListener)\s*\(\s*['"`](?:exit|beforeExit|uncaughtException\w*|unhandledRejection)"#,
    ),
    sign(
        &[JavaScript],
        View::Code,
        Refuse,
        END,
        r"\bprocess\s*\.\s*exitCode\s*=\s*(?:0|undefined|null|void)\b|\bprocess\s*\.\s*(?:exit|reallyExit|abort)\s*=[^=]",
    ),
    sign(
        &[Rust],
        View::Code,
        NeedsApproval,
        HOOK,
        r"\bpanic\s*::\s*(?:set_hook|take_hook|update_hook)\b|\batexit\s*\(|#\[\s*(?:ctor|dtor)\b|\.init_array|\bset_alloc_error_hook\b",
    ),
    sign(&[Ruby], View::Code, NeedsApproval, HOOK, r"\bat_exit\b|\bEND\s*\{"),
    sign(&[Php], View::Code, NeedsApproval, HOOK, r"\bregister_shutdown_function\s*\(|\bset_(?:error|exception)_handler\s*\("),
    sign(&[Java, Kotlin, Scala, Groovy], View::Code, NeedsApproval, HOOK, r"\baddShutdownHook\b|\bsetDefaultUncaughtExceptionHandler\b|\bsetSecurityManager\b"),
    sign(&[CSharp], View::Code, NeedsApproval, HOOK, r"\bProcessExit\s*\+=|\bUnhandledException\s*\+=|\[\s*ModuleInitializer\b"),
    sign(&[C], View::Code, NeedsApproval, HOOK, r"\b(?:at_quick_exit|atexit|on_exit|set_terminate)\s*\(|__attribute__\s*\(\s*\(\s*(?:con|de)structor"),
    // The end of the process.
    in_libraries(
        &[Python],
        View::Code,
        NeedsApproval,
        END,
        r"\bos\s*\.\s*_exit\s*\(|\bos\s*\.\s*kill\s*\(|\bsys\s*\.\s*exit\s*\(\s*(?:0\s*|None\s*|False\s*|[A-Za-z_][\w.]*\s*)?\)|(?:^|[^\w.])(?:quit|exit)\s*\(\s*0?\s*\)|\braise\s+SystemExit\b(?:\s*\(\s*(?:0|None)?\s*\))?\s*$",
    ),
    in_libraries(
        &[JavaScript],
        View::Code,
        NeedsApproval,
        END,
        r"\bprocess\s*\.\s*(?:exit|reallyExit)\s*\(\s*(?:0\s*|[A-Za-z_][\w.]*\s*)?\)|\bDeno\s*\.\s*exit\s*\(\s*0?\s*\)",
    ),
    in_libraries(
        &[Rust],
        View::Code,
        NeedsApproval,
        END,
        r"\bprocess\s*::\s*exit\s*\(\s*(?:0|[A-Za-z_][\w.]*)\s*\)|\blibc\s*::\s*_?exit\b|\bExitCode\s*::\s*SUCCESS\s*\.\s*exit_process",
    ),
    in_libraries(
        &[Go],
        View::Code,
        NeedsApproval,
        END,
        r"\bos\s*\.\s*Exit\s*\(\s*(?:0|[A-Za-z_][\w.]*)\s*\)|\bsyscall\s*\.\s*Exit\s*\(|\bruntime\s*\.\s*Goexit\s*\(",
    ),
    in_libraries(
        &[Java, Kotlin, Scala, Groovy],
        View::Code,
        NeedsApproval,
        END,
        r"\bSystem\s*\.\s*exit\s*\(\s*(?:0|[A-Za-z_][\w.]*)\s*\)|\bexitProcess\s*\(\s*0|\.\s*halt\s*\(\s*0|\bsys\s*\.\s*exit\s*\(\s*0?\s*\)",
    ),
    in_libraries(&[Ruby], View::Code, NeedsApproval, END, r"(?:^|[^\w.:])exit!?\s*(?:\(?\s*(?:0|true)\s*\)?)?\s*(?:$|;|if\b|unless\b)|\bProcess\s*\.\s*exit!?"),
    in_libraries(&[Php], View::Code, NeedsApproval, END, r"(?:^|[^\w>:$])(?:exit|die)\s*(?:\(\s*0?\s*\))?\s*;"),
    in_libraries(&[CSharp], View::Code, NeedsApproval, END, r"\bEnvironment\s*\.\s*Exit\s*\(\s*(?:0|[A-Za-z_]\w*)\s*\)|\bEnvironment\s*\.\s*ExitCode\s*=\s*0"),
    in_libraries(&[C], View::Code, NeedsApproval, END, r"(?:^|[^\w.>])(?:_exit|_Exit|exit|quick_exit)\s*\(\s*(?:0|EXIT_SUCCESS)\s*\)"),
    // The framework.
    sign(
        &[Python],
        View::Code,
        Refuse,
        FRAMEWORK,
        r"(?:^|[^\w.])(?:_?pytest|unittest|TestCase|doctest|pluggy|nose2?)\s*(?:\.\s*\w+)+\s*=[^=]|\bsetattr\s*\(\s*(?:_?pytest|unittest|TestCase)\b|\bmock\s*\.\s*ANY\b|\bfrom\s+(?:unittest\s*\.\s*)?mock\s+import\b.*\bANY\b",
    ),
    sign(&[Python], View::Code, NeedsApproval, FRAMEWORK, r"^\s*(?:import|from)\s+(?:_?pytest|unittest|mock|nose2?|doctest|hypothesis)\b"),
    sign(
        &[JavaScript],
        View::Code,
        Refuse,
        FRAMEWORK,
        r"(?:^|[^\w.$])(?:(?:globalThis|global|window|self)\s*\.\s*)?(?:expect|assert|jest|vi|vitest|chai|sinon|should)\s*(?:\.\s*\w+|\[[^\]]*\])+\s*=[^=>]|\b(?:globalThis|global)\s*(?:\.\s*|\[\s*['\x22])(?:expect|assert|describe|it|test|beforeEach|afterEach|jest|vi)\b['\x22\]\s]*=[^=>]|\basymmetricMatch\b|\bexpect\s*\.\s*extend\s*\(",
    ),
    sign(
        &[JavaScript],
        View::Strings,
        NeedsApproval,
        FRAMEWORK,
        r#"(?:\bfrom|\brequire\s*\(|\bimport\s*\(?)\s*['"](?:@jest/|jest|vitest|mocha|chai|sinon|ava|node:test|@testing-library/)[\w/-]*['"]"#,
    ),
    sign(
        &[Ruby],
        View::Code,
        Refuse,
        FRAMEWORK,
        r"^\s*(?:class|module)\s+(?:::)?(?:RSpec|Minitest|Test::Unit|ActiveSupport::TestCase)\b|\b(?:RSpec|Minitest|Test::Unit)\b[\w:.]*\.(?:send|class_eval|module_eval|define_method|prepend|include|configure)\b",
    ),
    sign(&[Php], View::Code, NeedsApproval, FRAMEWORK, r"\b(?:namespace|use)\s+PHPUnit\b|\b(?:runkit7?|uopz)_\w+\s*\("),
    sign(
        &[Java, Kotlin, Scala, Groovy],
        View::Code,
        NeedsApproval,
        FRAMEWORK,
        r"^\s*(?:package|import)\s+(?:static\s+)?(?:org\.(?:junit|testng|mockito|hamcrest|assertj)|junit|io\.kotest|kotlin\.test|io\.mockk)\b",
    ),
    sign(
        &[CSharp],
        View::Code,
        NeedsApproval,
        FRAMEWORK,
        r"^\s*(?:global\s+)?using\s+(?:static\s+)?(?:Xunit|NUnit|Microsoft\.VisualStudio\.TestTools|Moq|FluentAssertions)\b",
    ),
    sign(&[Rust], View::Code, Refuse, FRAMEWORK, r"\bmacro_rules!\s*(?:debug_)?(?:assert\w*|panic|matches|unreachable|todo|unimplemented)\b"),
    sign(
        &[C],
        View::Code,
        Refuse,
        FRAMEWORK,
        r"^\s*#\s*define\s+(?:assert|static_assert|ASSERT\w*|EXPECT\w*|CHECK\w*|REQUIRE\w*|TEST\w*|NDEBUG|RUN_TEST|CU_ASSERT\w*|ck_assert\w*)\b",
    ),
    // The language.
    sign(
        &[Python],
        View::Code,
        Refuse,
        LANGUAGE,
        r"\b(?:__builtins__|builtins)\s*(?:\.\s*\w+|\[[^\]]*\])\s*=[^=]|\bsetattr\s*\(\s*(?:builtins|__builtins__)\b|\bctypes\s*\.\s*pythonapi\b|\bforbiddenfruit\b",
    ),
    sign(
        &[Python],
        View::Code,
        NeedsApproval,
        LANGUAGE,
        r"(?:^|[^\w.])(?:os|sys|time|datetime|random|json|math|re|io|socket|subprocess|operator|decimal|logging|warnings|threading|functools|itertools|collections|types|abc|copy|pickle|hashlib|uuid|tempfile|pathlib|shutil)\s*\.\s*(?:path\s*\.\s*)?\w+\s*=[^=]|\bimportlib\s*\.\s*reload\b|\b__class__\s*=[^=]",
    ),
    sign(
        &[JavaScript],
        View::Code,
        NeedsApproval,
        LANGUAGE,
        r"\b(?:Array|Object|String|Number|Function|Promise|Error|Date|Boolean|RegExp|Map|Set|Symbol|BigInt)\s*\.\s*prototype\s*(?:\.\s*\w+|\[[^\]]*\])\s*=[^=>]|(?:^|[^\w.$])(?:JSON|Math|Object|Date|Array|Number|Promise|Reflect|console|globalThis|global)\s*\.\s*\w+\s*=[^=>]|\bdefineProperty\s*\(\s*(?:globalThis|global|Object|Array|String|Number|Function)\b|\b__proto__\s*=[^=]",
    ),
    sign(
        &[Ruby],
        View::Code,
        NeedsApproval,
        LANGUAGE,
        r"^\s*(?:class|module)\s+(?:::)?(?:Kernel|Object|BasicObject|Module|Class|String|Symbol|Integer|Float|Numeric|Array|Hash|NilClass|TrueClass|FalseClass|Comparable|Enumerable|Exception|StandardError|Process|Time)\s*$|\brefine\s+(?:String|Integer|Array|Hash|Object)\b",
    ),
    // Equality.
    sign(
        &[JavaScript],
        View::Code,
        NeedsApproval,
        EQUAL,
        r"\bSymbol\s*\.\s*(?:toPrimitive|hasInstance|equals)\b|\[\s*Symbol\s*\.\s*toStringTag|(?:^|[^\w.])valueOf\s*\(\s*\)\s*\{|(?:^|[^\w.])valueOf\s*[:=]|\$\$typeof\b|\bjasmineToString\b",
    ),
    sign(
        &[Python],
        View::Code,
        NeedsApproval,
        EQUAL,
        r"\bdef\s+__(?:instancecheck|subclasscheck|bool|nonzero|getattribute)__\b|\b__(?:eq|ne)__\s*=|\bfunctools\s*\.\s*total_ordering\b",
    ),
];

static COMPILED: LazyLock<Vec<(Regex, &'static Sign)>> = LazyLock::new(|| SIGNS.iter().map(|sign| (pattern(sign.line), sign)).collect());

/// A read of the environment, up to and without its name. Sources: the standard libraries' documentation.
static READ: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x)\b(?:os\s*\.\s*environb?\s*(?:\.\s*(?:get|pop|setdefault|__getitem__)\s*\(|\[) | os\s*\.\s*getenvb?\s*\( | environ\s*(?:\.\s*get\s*\(|\[)
        | env\s*::\s*var(?:_os)?\s*\( | (?:option_)?env!\s*\(
        | process\s*\.\s*env\s*\[ | (?:process|Bun|import\s*\.\s*meta)\s*\.\s*env\s*\??\.\s* | (?:Deno|Bun)\s*\.\s*env\s*\.\s*(?:get|has)\s*\(
        | System\s*\.\s*(?:getenv|getProperty)\s*\( | Boolean\s*\.\s*getBoolean\s*\( | ENV\s*(?:\[|\.\s*(?:fetch|key\?|has_key\?|include\?|dig)\s*\(?)
        | Environment\s*\.\s*GetEnvironmentVariable\s*\( | os\s*\.\s*(?:Getenv|LookupEnv)\s*\( | syscall\s*\.\s*Getenv\s*\( | (?:std\s*::\s*)?(?:secure_)?getenv\s*\( | System\s*\.\s*(?:get_env|fetch_env!?)\s*\()
        | \$_(?:ENV|SERVER)\s*\[ | \$ENV\{",
    )
});
/// The whole environment at once, other than to hand it on.
static WHOLE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\bin\s+os\s*\.\s*environ\b|\bos\s*\.\s*environ\s*\.\s*(?:items|keys|values)\s*\(|\benv\s*::\s*vars(?:_os)?\s*\(|\bObject\s*\.\s*(?:keys|entries|values)\s*\(\s*process\s*\.\s*env\b|=\s*process\s*\.\s*env\s*;?\s*$|\bin\s+process\s*\.\s*env\b|\bos\s*\.\s*Environ\s*\(|\bSystem\s*\.\s*getenv\s*\(\s*\)|\bENV\s*\.\s*(?:each|any\?|select|find|keys|to_h)\b|\bGetEnvironmentVariables\s*\(",
    )
});
static LITERAL: LazyLock<Regex> = LazyLock::new(|| pattern(r#"^\s*(?:[bru]{0,2}|c|L|@)?["'`]([^"'`\\\n]*)["'`]\s*(?:[)\],}{;]|$|\?\?|\|\||do\b)"#));
static NAME: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*&?\s*((?:\w+(?:::|\.))*[A-Za-z_]\w*)\s*[)\],}?]"));
static WORD: LazyLock<Regex> = LazyLock::new(|| pattern(r"^([A-Za-z_]\w*)"));
/// Names of variables that say that tests, or a pipeline, run.
static OF_TESTS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?:^|_|\.)(?:ci|continuous_integration|pytest|jest|vitest|mocha|karma|cypress|playwright|rspec|minitest|phpunit|junit|testng|xunit|nunit|vstest|gtest|nextest|unittest|tests?|testing|tested|coverage|github_actions|gitlab_ci|travis|circleci|jenkins\w*|buildkite|appveyor|teamcity\w*|tf_build|bitbucket_build\w*|drone|runner_os|cargo_target_tmpdir|surefire\w*)(?:$|_|\.)",
    )
});
/// Names of variables that say, with other things, whether this is a test.
static MODE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)^(?:node_env|rails_env|rack_env|app_env|mix_env|django_settings_module|flask_env|mode|dev|aspnetcore_environment|env|environment)$")
});
static PRODUCTION: LazyLock<Regex> = LazyLock::new(|| pattern(r#"(?i)={2,3}\s*["']prod(?:uction)?["']"#));
static TESTING: LazyLock<Regex> = LazyLock::new(|| pattern(r#"(?i)["':](?:unit)?_?test(?:ing|s)?\b"#));

/// New lines of production code that know of tests.
pub(super) fn check(before: Option<&Source<'_>>, after: &Source<'_>, findings: &mut Vec<Finding>) {
    if !is_source(after.language) || is_test(after.path) || is_test_support(after.path) {
        return;
    }
    let kinds = kinds(after.path);
    let is = |kind: Kind| kinds.iter().any(|(of, _)| *of == kind);
    if is(Kind::Expected) || is(Kind::Generated) {
        return;
    }
    let lines = fresh(before, after);
    if is(Kind::BuildScript) {
        super::scripts::builds(&lines, after, findings);
    }
    // What builds and what configures a tool is a program, and knows where it runs; a runner's settings are asked about as a whole.
    let tool = is(Kind::BuildScript) || is(Kind::RunnerConfig) || is(Kind::Manifest) || is_settings(after.path);
    let program = tool || is_program(after);
    let own_tests = in_file_tests(after);
    let mut found: Vec<(usize, Severity, &str)> = Vec::new();
    for line in &lines {
        if own_tests.iter().any(|range| range.contains(&line.start)) || after.owner(line.start).is_some() {
            continue;
        }
        let (code, strings) = (&after.masked.code[line.clone()], &after.masked.uncommented[line.clone()]);
        for (regex, sign) in COMPILED.iter() {
            let spoken = sign.languages.is_empty() || sign.languages.contains(&after.language);
            let seen = if sign.view == View::Code { code } else { strings };
            if spoken && !(sign.not_in_programs && program) && regex.is_match(seen) {
                found.push((line.start, sign.severity, sign.message));
            }
        }
        if !tool && let Some((severity, message)) = environment(after, line) {
            found.push((line.start, severity, message));
        }
    }
    if after.language == Rust {
        only_in_tests(before, after, &mut found);
    }
    if !tool {
        equality(before, after, &own_tests, &mut found);
        if before.is_some() {
            answers(after, &lines, &own_tests, &mut found);
        }
    }
    found.sort_by_key(|(at, severity, _)| (*at, std::cmp::Reverse(*severity)));
    found.dedup_by_key(|(at, ..)| *at);
    for (at, severity, message) in found {
        let line = after.line(at);
        if findings
            .iter()
            .any(|finding| finding.rule == Rule::TestSpecialCased && finding.path == after.path && finding.line == line && finding.severity >= severity)
        {
            continue;
        }
        findings.push(Finding::new(Rule::TestSpecialCased, severity, after.path, line, message).with(None, Some(after.line_text(at))));
    }
}

/// The lines beyond those that were there, as ranges of the text, without blank ones.
fn fresh(before: Option<&Source<'_>>, after: &Source<'_>) -> Vec<Range<usize>> {
    let mut known: HashMap<&str, usize> = HashMap::new();
    for line in before.map_or("", |source| source.masked.uncommented.as_str()).lines() {
        *known.entry(line.trim()).or_default() += 1;
    }
    let (mut at, mut lines) = (0, Vec::new());
    for line in after.masked.uncommented.split_inclusive('\n') {
        let range = at..at + line.trim_end_matches('\n').len();
        at += line.len();
        match known.get_mut(line.trim()).filter(|left| **left > 0) {
            _ if line.trim().is_empty() => {}
            Some(left) => *left -= 1,
            None => lines.push(range),
        }
    }
    lines
}

/// The entry of a program: it reads arguments and ends the process.
fn is_program(source: &Source<'_>) -> bool {
    static FOLDER: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(?i)(?:^|/)(?:bin|cmd|cli|scripts?|tools?|commands?|console|exe|examples?|benches|benchmarks?|docs?)/"));
    static STEM: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)^(?:main|__main__|cli|manage|program|command\w*|\w*_cli|cli_\w*|\w*main|console)\."));
    let name = source.path.rsplit('/').next().unwrap_or(source.path);
    FOLDER.is_match(source.path) || STEM.is_match(name) || source.text.starts_with("#!")
}

/// `x.config.js` and its like.
fn is_settings(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.contains(".config.") || name.contains(".conf.") || name.starts_with('.')
}

/// The modules and functions of a source that are only built for its tests, and the part of a script that only runs as a program.
fn in_file_tests(source: &Source<'_>) -> Vec<Range<usize>> {
    static RUST: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"#\[\s*cfg\s*\(\s*test\s*\)\s*\]\s*(?:#\[[^\]]*\]\s*)*(?:pub(?:\([^)]*\))?\s+)?(?:mod|fn|impl|struct|enum|trait|const|static|use|type|async|unsafe)\b[^;{]*([;{])",
        )
    });
    static MAIN: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^if\s+__name__\s*==[^\n]*:"));
    let code = source.masked.code.as_str();
    match source.language {
        Rust => RUST
            .captures_iter(code)
            .filter_map(|hit| {
                let (whole, mark) = (hit.get(0)?, hit.get(1)?);
                let end = if mark.as_str() == "{" { closing(code, mark.start()) } else { mark.end() };
                Some(whole.start()..end)
            })
            .collect(),
        Python => MAIN.find(code).map(|hit| hit.start()..code.len()).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Statements, not items, that are only built for tests.
fn only_in_tests(before: Option<&Source<'_>>, after: &Source<'_>, found: &mut Vec<(usize, Severity, &'static str)>) {
    static STATEMENT: LazyLock<Regex> = LazyLock::new(|| pattern(r"#\[\s*cfg\s*\(\s*test\s*\)\s*\]\s*(?:return\b|\{|let\b|if\b|match\b|\w+\s*=[^=])"));
    let count = |source: &Source<'_>| STATEMENT.find_iter(&source.masked.code).count();
    if count(after) > before.map_or(0, count)
        && let Some(hit) = STATEMENT.find_iter(&after.masked.code).last()
    {
        found.push((hit.start(), Refuse, BUILD));
    }
}

/// Where the brace that opens at `open` closes.
fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return at + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// What a line asks of the environment.
fn environment(source: &Source<'_>, line: &Range<usize>) -> Option<(Severity, &'static str)> {
    let (code, strings) = (&source.masked.code[line.clone()], &source.masked.uncommented[line.clone()]);
    let mut worst = None;
    let mut say = |severity: Severity, message: &'static str| {
        if worst.as_ref().is_none_or(|(known, _)| *known < severity) {
            worst = Some((severity, message));
        }
    };
    for hit in READ.find_iter(strings) {
        // Inside of a string it reads nothing.
        if code.get(hit.start()..).is_none_or(|rest| rest.starts_with(' ')) {
            continue;
        }
        let rest = &strings[hit.end()..];
        let dotted = hit.as_str().trim_end().ends_with('.') || hit.as_str().ends_with('{');
        let name = if dotted {
            WORD.captures(rest).map(|name| name[1].to_owned())
        } else if let Some(literal) = LITERAL.captures(rest) {
            Some(literal[1].to_owned())
        } else if source.language == Php && hit.as_str().contains("SERVER") {
            continue;
        } else {
            NAME.captures(rest).and_then(|name| constant(source, name[1].rsplit(['.', ':']).next().unwrap_or("")))
        };
        let end = if dotted { name.as_ref().map_or(0, String::len) } else { rest.find([']', ')']).map_or(rest.len(), |at| at + 1) };
        let behind = rest.get(end..).unwrap_or("").trim_start();
        // It is set, not read.
        if behind.starts_with('=') && !["==", "=>", "=~"].iter().any(|word| behind.starts_with(word)) {
            continue;
        }
        match name {
            Some(name) if OF_TESTS.is_match(&name) => say(Severity::Refuse, "production code asks its environment whether it is being tested"),
            Some(name) if MODE.is_match(&name) => {
                // What only happens in production can't happen in a test.
                let apart = PRODUCTION.is_match(strings);
                if TESTING.is_match(strings) {
                    say(Severity::Refuse, "production code asks its environment whether it is being tested");
                } else if !apart {
                    say(Severity::NeedsApproval, "production code asks its environment in which mode it runs");
                }
            }
            Some(_) => {}
            None => say(Severity::NeedsApproval, "production code reads a variable of its environment whose name is not written there"),
        }
    }
    if WHOLE.is_match(code) {
        say(Severity::NeedsApproval, "production code looks through its whole environment");
    }
    worst
}

/// The literal that a name stands for in this source, where it is set once, to one.
fn constant(source: &Source<'_>, name: &str) -> Option<String> {
    if name.is_empty() {
        return None;
    }
    let mut found = None;
    for (at, _) in source.masked.code.match_indices(name) {
        let (before, after) = (&source.masked.code[..at], &source.masked.uncommented[at + name.len()..]);
        if before.ends_with(|c: char| c.is_alphanumeric() || c == '_') || after.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let line = after.lines().next().unwrap_or("");
        let Some((kind, value)) = line.split_once('=') else { continue };
        if !kind.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || matches!(c, ':' | '&' | '_' | '\'' | '<' | '>')) || value.starts_with('=') {
            continue;
        }
        let literal = LITERAL.captures(&format!("{},", value.trim().trim_end_matches(';'))).map(|literal| literal[1].to_owned());
        if found.is_some() || literal.is_none() {
            return None;
        }
        found = literal;
    }
    found
}

/// New comparisons that are equal to whatever they are asked about.
fn equality(before: Option<&Source<'_>>, after: &Source<'_>, skip: &[Range<usize>], found: &mut Vec<(usize, Severity, &'static str)>) {
    static HEAD: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?x)\bdef\s+__(?:eq|ne|ge|le|gt|lt|contains)__\s*\(\s*\w+\s*,\s*(?P<a>\w+)[^)]*\)[^:\n]*: | \bboolean\s+equals\s*\(\s*(?:final\s+|@\w+\s+)*[\w.<>?]+\s+(?P<b>\w+)\s*\)\s*\{
            | \bbool\s+Equals\s*\(\s*[\w.<>?]+\s+(?P<c>\w+)\s*\)\s*(?:\{|=>) | \bfn\s+eq\s*\(\s*&\s*self\s*,\s*(?P<d>\w+)\s*:[^)]*\)\s*->\s*bool\s*\{
            | \boperator\s*==\s*\([^)]*?(?P<e>\w+)\s*\)\s*(?:const)?\s*(?:noexcept)?\s*(?:\{|=>) | \bdef\s+(?:==|eql\?|equal\?|===)\s*\(?\s*(?P<f>\w+)\s*\)?
            | \bfun\s+equals\s*\(\s*(?P<g>\w+)\s*:[^)]*\)[^={\n]*(?:=|\{) | \bfunc\s+==\s*\([^)]*?(?P<h>\w+)\s*:\s*\w+\s*\)\s*->\s*Bool\s*\{",
        )
    });
    let read = |source: &Source<'_>| -> Vec<(usize, String, Option<Severity>)> {
        let code = source.masked.code.as_str();
        HEAD.captures_iter(code)
            .filter_map(|hit| {
                let whole = hit.get(0)?;
                let other = hit.iter().skip(1).flatten().next()?.as_str();
                let body = body(source, whole.end());
                let text: String = body.split_whitespace().collect::<Vec<_>>().join(" ");
                Some((whole.start(), text.clone(), judged(&text, other)))
            })
            .collect()
    };
    let known: Vec<String> = before.map(read).unwrap_or_default().into_iter().map(|(_, body, _)| body).collect();
    for (at, body, severity) in read(after) {
        let Some(severity) = severity else { continue };
        if !known.contains(&body) && !skip.iter().any(|range| range.contains(&at)) {
            found.push((at, severity, "it would be equal to what it was never compared with"));
        }
    }
}

/// The body of a function whose head ends at `at`: up to its brace, its `end`, or the first line that stands further out.
fn body<'a>(source: &'a Source<'_>, at: usize) -> &'a str {
    let code = source.masked.code.as_str();
    let head = &code[..at];
    if head.trim_end().ends_with('{') {
        return &code[at..closing(code, head.trim_end().len() - 1)];
    }
    if head.trim_end().ends_with(['=', '>']) && source.language != Python {
        return code[at..].split([';', '\n']).next().unwrap_or("");
    }
    let start = head.rfind('\n').map_or(0, |at| at + 1);
    let depth = |line: &str| line.len() - line.trim_start().len();
    let outer = depth(&code[start..]);
    let first = code[at..].find('\n').map_or(code.len(), |offset| at + offset + 1);
    let mut end = first;
    for line in code[first..].split_inclusive('\n') {
        if !line.trim().is_empty() && depth(line) <= outer {
            break;
        }
        end += line.len();
    }
    &code[at..end]
}

/// Whether a comparison looks at what it compares with.
fn judged(body: &str, other: &str) -> Option<Severity> {
    static CONSTANT: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"^[\s{]*(?:return\s+)?(?:true|True|not\s+None|not\s+False|!\s*false|1|!0|\w+\s*(?:==|is)\s*\w+\s*\|\|\s*true)\s*;?[\s}]*(?:end)?\s*$")
    });
    static KIND: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"isinstance\s*\([^)]*\)|\w+\s+(?:instanceof|is\s+not|is)\s+[\w.<>?]+|\w+\s*\.\s*(?:is_a|kind_of|instance_of)\?\s*\(?\s*[\w:]+\s*\)?|\w+\s*\??\.\s*getClass\(\)|\w+\s*\.\s*class\b|type\s*\([^)]*\)",
        )
    });
    static BOUND: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(?:instanceof|is)\s+(?:final\s+)?[A-Z][\w.<>?]*\s+([a-z_]\w*)"));
    if CONSTANT.is_match(body) {
        return Some(Severity::Refuse);
    }
    let words = |text: &str, name: &str| text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| *word == name).count();
    // `o instanceof A a && a.n == n`: it is looked at under its new name.
    if BOUND.captures_iter(body).any(|hit| words(body, &hit[1]) > 1) {
        return None;
    }
    let bare = KIND.replace_all(body, " ");
    // Only its kind is asked, or nothing at all.
    (words(&bare, other) == 0).then_some(Severity::NeedsApproval)
}

/// New branches that answer one input by heart.
fn answers(after: &Source<'_>, lines: &[Range<usize>], skip: &[Range<usize>], found: &mut Vec<(usize, Severity, &'static str)>) {
    static BRANCH: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r#"(?x)^\s*(?:\}?\s*else\s+)?(?:if|elif|elsif|when|unless)\b\s*\(?\s*
            (?:[A-Za-z_$@&*][\w.$]*(?:\[\w*\])?(?:\(\))?(?:\.len\(\)|\.length|\.size\(\)|\.count)?\s*(?:===?|\beq\b|\.equals\s*\(|\.eql\?\s*\(?)\s*(?P<a>"[^"\n]*"|'[^'\n]*'|b?"[^"\n]*"|-?\d[\w.]*|\[[^\]\n]*\w[^\]\n]*\]|\([^()\n]*,[^()\n]*\)|(?:vec!|&)\[[^\]\n]*\])
              |(?P<b>"[^"\n]*"|'[^'\n]*'|-?\d[\w.]*)\s*(?:===?|\.equals\s*\()\s*[A-Za-z_$@&*][\w.$]*)
            \s*\)?\s*(?P<rest>.*)$"#,
        )
    });
    static ANSWER: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r#"^[\s{:)]*(?:then\s+)?(?:return\s*\(?\s*)?(?P<a>"[^"\n]*"|'[^'\n]*'|-?\d[\w.]*|\[[^\]\n]*\w[^\]\n]*\]|Some\("?[^)\n]*\)|Ok\("?[^)\n]*\)|(?i:true|false|nil|null|none|undefined|nullptr)\b)\s*(?:\.(?:into|to_string|to_owned|freeze|dup)(?:\(\))?)?\s*\)?\s*(?:;|\}|$|,|if\b)"#,
        )
    });
    static CHOICE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r#"(?x)\breturn\s+(?:\w[\w.]*\s*===?\s*(?P<a>"[^"\n]*"|'[^'\n]*'|-?\d[\w.]*)\s*\?\s*(?P<b>"[^"\n]*"|'[^'\n]*'|-?\d[\w.]*)\s*: | (?P<c>"[^"\n]*"|'[^'\n]*'|-?\d[\w.]*)\s+if\s+\w[\w.]*\s*==\s*(?P<d>"[^"\n]*"|'[^'\n]*'|-?\d[\w.]*)\s+else\b)"#,
        )
    });
    let text = after.masked.uncommented.as_str();
    for line in lines.iter().filter(|line| !skip.iter().any(|range| range.contains(&line.start)) && after.owner(line.start).is_none()) {
        let this = &text[line.clone()];
        let whole = |hit: &regex::Captures<'_>| {
            let rest = hit.name("rest").map_or("", |rest| rest.as_str());
            rest.is_empty() || [")", ":", "{", "then", "return"].iter().any(|word| rest.starts_with(word))
        };
        let by_heart = if let Some(hit) = BRANCH.captures(this).filter(whole) {
            let input = hit.name("a").or_else(|| hit.name("b")).map_or("", |input| input.as_str());
            let rest = hit.name("rest").map_or("", |rest| rest.as_str());
            let next = text.get(line.end + 1..).unwrap_or("").lines().next().unwrap_or("");
            let said = if rest.trim_matches(['{', ' ', ':', ')']).is_empty() { next } else { rest };
            // A bare value ends a function only where the language has values for statements.
            let valued = matches!(after.language, Rust | Ruby | Kotlin | Scala | Elixir) || said.contains("return");
            let answer = ANSWER.captures(said).filter(|_| valued).and_then(|answer| answer.name("a")).map(|answer| answer.as_str());
            answer.is_some_and(|answer| own_answer(input, answer))
        } else {
            CHOICE.captures(this).is_some_and(|hit| hit.iter().skip(1).flatten().all(|literal| telling(literal.as_str())))
        };
        if by_heart {
            found.push((line.start, Severity::NeedsApproval, "one input gets an answer of its own"));
        }
    }
}

/// Whether an answer to an input looks learned by heart: both say something, or the input is so special that any fixed answer does.
fn own_answer(input: &str, answer: &str) -> bool {
    let quoted = |text: &str| text.starts_with(['"', '\'']) && text.len() > 3;
    (telling(input) && telling(answer)) || (quoted(input) && telling(input)) || (quoted(answer) && telling(answer)) || (telling(input) && answer.len() > 1)
}

/// A literal that says something: not the neutral ones that every function treats apart.
fn telling(literal: &str) -> bool {
    let bare = literal.trim_start_matches("Some(").trim_start_matches("Ok(").trim_end_matches(')').trim_matches(['"', '\'', '[', ']', '(', ' ']);
    !bare.is_empty()
        && !matches!(
            bare,
            "0" | "1" | "-1" | "2" | "0.0" | "1.0" | "0n" | "true" | "false" | "none" | "None" | "null" | "undefined" | "()" | "." | "," | "/" | "-" | "*"
        )
}

#[cfg(test)]
mod tests;
