//! Calls that a change adds: processes, code made from text, the network, `unsafe`.
//!
//! Words are looked for in code without its blanks. Known to miss: a call behind a name that the change's other files bind (`run = subprocess.run`
//! in a file that it does not touch), and what a language builds of pieces at run time without any of the words of [`EVAL`].

use serde::Serialize;

use crate::domain::patch::{Applied, FileContent};
use crate::domain::source::lexer::{Language, mask};

/// Calls that a fix seldom needs and an attack does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct NewCalls {
    /// Processes and shells.
    pub process: usize,
    /// `unsafe` and its kin.
    pub unsafe_code: usize,
    /// Code made from text, unsafe deserialisation, names looked up at run time.
    pub eval: usize,
    /// Sockets and requests.
    pub network: usize,
}

/// Words as they stand in code without its blanks (see [`compact`]). A word that ends in `*` may go on; one that begins with `.` is a method;
/// one that begins with `^` is looked for in what is imported, strings included.
#[rustfmt::skip]
const PROCESS: &[&str] = &[
    "Command::new(", "subprocess", "os.system", "os.popen", "os.exec*", "os.spawn*", "os.posix_spawn*", "child_process", "^child_process",
    "^execa", "^shelljs", "^zx", "execSync", "spawnSync", "execFile*", "exec.Command*", "^os/exec", "Runtime.getRuntime", "ProcessBuilder",
    "Process.Start", "ProcessStartInfo", "shell_exec(", "proc_open(", "pcntl_exec(", "popen(", "passthru(", "system(", "pty.spawn", "create_subprocess_*",
    "Deno.Command", "Deno.run", "Bun.spawn*", "Open3", "Process.spawn", "IO.popen", "syscall.Exec", "syscall.ForkExec", "os.StartProcess",
    "libc::exec*", "libc::fork", "libc::system", "fork(", "vfork(", "execv*", "execl*", "posix_spawn*", "CreateProcess*", "ShellExecute*", "WinExec(",
    "System.cmd", "Port.open", "os:cmd", "NSTask", "Process.run", "Process.start", "^duct", "^tokio::process", "^std::process::Command",
    "Invoke-Expression", "Start-Process",
];
/// Only where the language has the word.
#[rustfmt::skip]
const UNSAFE: &[&str] = &[
    "unsafe", "unsafe.Pointer", "transmute*", "mem::transmute", "sun.misc.Unsafe", "ctypes", "^cffi", "stackalloc",
    "no_mangle", "get_unchecked*", "from_utf8_unchecked", "unwrap_unchecked", "unreachable_unchecked", "unsafePerformIO", "unsafeCoerce", "UnsafeMutable*",
    "UnsafePointer", "unsafeBitCast", "MemoryMarshal",
];
#[rustfmt::skip]
const EVAL: &[&str] = &[
    "eval(", "exec(", "execfile(", "compile(", "new Function(", "Function(", "pickle.load*", "cPickle.load*", "dill.load*", "joblib.load", "shelve.open",
    "yaml.load(", "yaml.unsafe_load", "yaml.full_load", "marshal.load*", "vm.runIn*", "vm.Script", "^vm", "ObjectInputStream", "XMLDecoder",
    "ScriptEngine*", "BinaryFormatter", "CSharpScript", "Assembly.Load*", "unserialize(", "create_function(", "assert_options(", "Marshal.load",
    "instance_eval", "class_eval", "module_eval", "binding.eval", "__import__", "importlib", "__builtins__", "globals()[", "getattr(os*",
    "getattr(sys*", "getattr(builtins*", "load_string(", "loadstring(", "dangerouslySetInnerHTML", "innerHTML=", "innerHTML+=", "outerHTML=",
    "insertAdjacentHTML(", "document.write*", "plugin.Open", "dlopen(", "LoadLibrary*", "libloading",
];
#[rustfmt::skip]
const NETWORK: &[&str] = &[
    "reqwest", "ureq", "^hyper", "TcpStream", "UdpSocket", "TcpListener", "requests.get", "requests.post", "requests.put",
    "requests.request", "requests.Session", "^requests", "urllib.request", "^urllib", "^urllib3", "httpx", "aiohttp",
    "socket.socket", "socket.create_connection", "^socket", "^smtplib", "^ftplib", "^paramiko", "^http.client", "fetch(", "axios", "^node-fetch",
    "^got", "^undici", "XMLHttpRequest", "sendBeacon", "EventSource", "http.Get(", "http.Post*", "http.NewRequest*", "http.DefaultClient", "net.Dial*",
    "net.Listen*", "HttpClient", "HttpURLConnection", "WebClient", "openConnection", "^java.net", "OkHttpClient", "URLSession", "curl_init(", "curl_exec(",
    "fsockopen(", "Net::HTTP", "^net/http", "URI.open", "Faraday", "HTTParty", "TCPSocket", "new WebSocket", "WebSocketClient", "http.request(",
    "https.request(", "https.get(", "net.connect(", "net.createConnection(", "HTTPoison", "Invoke-WebRequest", "Invoke-RestMethod",
];
/// In scripts of a shell only: they are ordinary words elsewhere.
const SHELL_NETWORK: &[&str] = &["curl", "wget", "nc", "ncat", "netcat", "telnet", "scp", "sftp", "rsync", "ssh", "/dev/tcp/*"];
const SHELL_EVAL: &[&str] = &["eval", "source<(", "base64--decode", "base64-d"];

impl NewCalls {
    /// Calls that the changed files hold more of than before. Words in comments and strings do not count, nor do words in texts for people.
    #[must_use]
    pub fn of(applied: &Applied) -> Self {
        let mut calls = Self::default();
        for file in &applied.files {
            let language = Language::of(&file.path);
            if is_prose(&file.path) {
                continue;
            }
            let views =
                |content: &Option<FileContent>| content.as_ref().and_then(|content| content.text().map(|text| Views::of(language, text))).unwrap_or_default();
            let (before, after) = (views(&file.before), views(&file.after));
            let more = |words: &[&str]| words.iter().map(|word| after.count(word).saturating_sub(before.count(word))).sum::<usize>();
            calls.process += more(PROCESS);
            calls.eval += more(EVAL);
            calls.network += more(NETWORK);
            if matches!(
                language,
                Language::Rust | Language::CSharp | Language::Go | Language::Java | Language::Python | Language::Haskell | Language::Swift | Language::Zig
            ) {
                calls.unsafe_code += more(UNSAFE);
            }
            if matches!(language, Language::Shell | Language::Other) {
                calls.network += more(SHELL_NETWORK);
                calls.eval += more(SHELL_EVAL);
            }
        }
        calls
    }
}

/// Texts for people: words in them call nothing.
fn is_prose(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    [".md", ".markdown", ".mdx", ".rst", ".txt", ".adoc", ".asciidoc", ".org", ".tex", ".html", ".csv", ".svg"].iter().any(|end| lower.ends_with(end))
}

/// A source as the words are looked for in it.
#[derive(Default)]
struct Views {
    code: String,
    imports: String,
}

impl Views {
    fn of(language: Language, text: &str) -> Self {
        let masked = mask(language, text);
        let imports: Vec<&str> = masked
            .uncommented
            .lines()
            .filter(|line| {
                let line = line.trim_start();
                ["import ", "from ", "use ", "require ", "require(", "require_relative ", "#include", "open "].iter().any(|word| line.starts_with(word))
                    || line.contains("require(")
                    || line.contains("import(")
                    || line.contains(" from ")
            })
            .collect();
        // In Go an imported path stands on a line of its own.
        let listed = if language == Language::Go { go_imports(&masked.uncommented) } else { "" };
        Self { code: compact(&masked.code), imports: compact(&format!("{}\n{listed}", imports.join("\n"))) }
    }

    /// How often `word` stands here, not as a part of a longer name.
    fn count(&self, word: &str) -> usize {
        match word.strip_prefix('^') {
            Some(word) => occurrences(&self.imports, word),
            None => occurrences(&self.code, word),
        }
    }
}

/// What stands between the brackets of `import (`.
fn go_imports(text: &str) -> &str {
    let Some(at) = text.find("import (") else { return "" };
    let rest = &text[at + "import (".len()..];
    rest.find(')').map_or(rest, |end| &rest[..end])
}

/// Code without the blanks that mean nothing: one is left between two words, none elsewhere. So no call is hidden or found by a blank.
fn compact(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut blank = None;
    for c in code.chars() {
        if c.is_whitespace() {
            // A break between two words ends what was said; a blank does not.
            blank = if c == '\n' || blank == Some('\n') { Some('\n') } else { Some(' ') };
            continue;
        }
        if let Some(blank) = blank.take()
            && is_word(c)
            && out.chars().next_back().is_some_and(is_word)
        {
            out.push(blank);
        }
        out.push(c);
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Words behind which a name with a bracket is called, not defined.
const BEFORE_A_CALL: [&str; 20] = [
    "return", "await", "yield", "throw", "else", "and", "or", "not", "in", "if", "unless", "when", "do", "then", "raise", "case", "of", "echo", "puts", "print",
];

/// How often `word` stands in compact code as a whole, and, where it is a bare call, neither as another thing's method nor as a definition.
fn occurrences(code: &str, word: &str) -> usize {
    let (word, open) = word.strip_suffix('*').map_or((word, false), |word| (word, true));
    let bare = word.ends_with('(') && word[..word.len() - 1].chars().all(is_word);
    code.match_indices(word)
        .filter(|(at, _)| {
            let (before, after) = (&code[..*at], &code[at + word.len()..]);
            let cut = word.starts_with(is_word) && before.ends_with(is_word);
            let runs_on = !open && word.ends_with(is_word) && after.starts_with(is_word);
            let of_another = bare && (before.ends_with('.') || before.ends_with("->"));
            let defined = bare && before.ends_with(' ') && {
                let head = before.trim_end();
                let start = head.char_indices().rev().take_while(|(_, c)| is_word(*c)).last().map_or(head.len(), |(at, _)| at);
                !BEFORE_A_CALL.contains(&&head[start..])
            };
            // `innerHTML==` compares.
            let compared = word.ends_with('=') && after.starts_with('=');
            !(cut || runs_on || of_another || defined || compared)
        })
        .count()
}
