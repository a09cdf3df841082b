//! `regreen redact`: a text in, the same text without its secrets out.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use crate::domain::redaction::{Redacted, Redactor};

/// Bytes read at a time.
const CHUNK: usize = 256 << 10;

/// What `regreen redact` is asked.
#[derive(Debug, Clone, Args)]
pub struct RedactArgs {
    /// The text; `-` reads standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub file: PathBuf,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = RedactFormat::Text)]
    pub format: RedactFormat,
}

/// How a redacted text is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RedactFormat {
    /// The text itself, line for line as it is read; bytes that are no UTF-8 stay as they are.
    Text,
    /// One object, `{"counts":{kind:n},"text":"…"}`; bytes that are no UTF-8 are replaced.
    Json,
}

/// Prints the text with its secrets masked on standard output.
///
/// # Errors
/// If the file cannot be read, or the result not be written.
pub fn run(args: &RedactArgs) -> anyhow::Result<ExitCode> {
    let mut input: Box<dyn Read> = if args.file == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(File::open(&args.file).with_context(|| format!("cannot read `{}`; name a readable file, or `-` for standard input", args.file.display()))?)
    };
    let mut out = BufWriter::with_capacity(CHUNK, std::io::stdout().lock());
    let written = match args.format {
        RedactFormat::Text => stream(&mut input, &args.file, |settled| out.write_all(settled))?.1,
        RedactFormat::Json => {
            let mut text = Vec::new();
            let (counts, _) = stream(&mut input, &args.file, |settled| {
                text.extend_from_slice(settled);
                Ok(())
            })?;
            let redacted = Redacted { counts, text: String::from_utf8_lossy(&text).into_owned() };
            let mut json = serde_json::to_vec(&redacted).context("cannot print the result as JSON")?;
            json.push(b'\n');
            out.write_all(&json)
        }
    };
    match written.and_then(|()| out.flush()) {
        // A pager that was closed has seen enough.
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(e) => Err(e).context("cannot write the redacted text"),
        Ok(()) => Ok(ExitCode::SUCCESS),
    }
}

/// Reads to the end and hands on what is settled; a write that fails ends it, and is told apart from a read that fails.
fn stream(
    input: &mut dyn Read,
    name: &Path,
    mut write: impl FnMut(&[u8]) -> std::io::Result<()>,
) -> anyhow::Result<(std::collections::BTreeMap<String, usize>, std::io::Result<()>)> {
    let mut redactor = Redactor::new();
    let mut chunk = vec![0; CHUNK];
    let mut settled = Vec::with_capacity(CHUNK);
    loop {
        match input.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => redactor.push(&chunk[..n], &mut settled),
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(e).with_context(|| format!("cannot read `{}` to its end", name.display())),
        }
        if let Err(e) = write(&settled) {
            return Ok((redactor.finish(&mut settled), Err(e)));
        }
        settled.clear();
    }
    let counts = redactor.finish(&mut settled);
    let written = write(&settled);
    Ok((counts, written))
}
