//! Which compilers and interpreters a job may use: found on the service's `PATH`, followed to their real
//! installation, and offered read-only. A home, or anything with credentials in it, is never offered.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    fs, io,
    io::Read,
    path::{Component, Path, PathBuf},
};

/// The programs that are looked for.
const TOOLS: &[&str] = &[
    "cargo",
    "rustc",
    "rustfmt",
    "rustdoc",
    "clippy-driver",
    "cargo-nextest",
    "just",
    "python",
    "python3",
    "pip",
    "pip3",
    "pytest",
    "tox",
    "nox",
    "uv",
    "poetry",
    "pdm",
    "hatch",
    "ruff",
    "black",
    "mypy",
    "node",
    "npm",
    "npx",
    "pnpm",
    "yarn",
    "corepack",
    "deno",
    "bun",
    "go",
    "gofmt",
    "golangci-lint",
    "java",
    "javac",
    "mvn",
    "gradle",
    "kotlinc",
    "scala",
    "sbt",
    "ruby",
    "bundle",
    "gem",
    "rake",
    "php",
    "composer",
    "dotnet",
    "cmake",
    "ctest",
    "make",
    "ninja",
    "meson",
    "gcc",
    "g++",
    "cc",
    "c++",
    "clang",
    "clang++",
    "ld.lld",
    "perl",
    "elixir",
    "mix",
    "erl",
    "swift",
    "zig",
    "ghc",
    "cabal",
    "stack",
    "dart",
    "flutter",
    "Rscript",
    "julia",
    "lua",
    "git",
    "bash",
];

/// Folders that every sandbox shows, so that nothing below them needs an offer of its own.
const SYSTEM: &[&str] = &["/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32"];

/// Names that betray credentials when they lie at the top of a folder.
const CREDENTIALS: &[&str] = &[
    "credentials",
    "credentials.toml",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".git-credentials",
    ".env",
    ".ssh",
    ".aws",
    ".azure",
    ".docker",
    ".config",
    ".gnupg",
    ".kube",
    ".cargo",
    ".m2",
    ".gem",
    "id_rsa",
    "id_ed25519",
    "auth.json",
];

/// What the search knows of the service: its own `PATH` and the variables by which version managers are moved.
#[derive(Debug, Clone, Default)]
pub struct Service {
    /// The folders of `PATH`.
    pub path: Vec<PathBuf>,
    /// The service's home.
    pub home: Option<PathBuf>,
    /// `RUSTUP_HOME`, `PYENV_ROOT` and the like, by name.
    pub variables: BTreeMap<String, OsString>,
    /// Folders the operator adds.
    pub extra: Vec<PathBuf>,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Toolchains {
    /// Installations, canonical, none inside another.
    pub roots: BTreeSet<PathBuf>,
    /// Single programs without an installation around them: the name and the canonical file.
    pub lone: BTreeMap<String, PathBuf>,
    /// Host folders for `PATH`, best first. Lone programs come before all of them.
    pub path: Vec<PathBuf>,
    /// What was left out and why, for `doctor`.
    pub refused: Vec<String>,
}

/// Looks for every known tool.
#[must_use]
pub fn find(service: &Service) -> Toolchains {
    let mut found = Toolchains::default();
    let mut known = BTreeSet::new();
    let mut folders = service.path.clone();
    // A service often has a shorter PATH than its user's shell.
    folders.extend(service.home.iter().map(|home| home.join(".cargo/bin")));
    folders.push("/usr/local/go/bin".into());
    for folder in folders.iter().filter(|folder| folder.is_absolute()) {
        for tool in TOOLS {
            let program = folder.join(tool);
            if !known.contains(tool) && is_program(&program) && settle(service, &mut found, tool, &program) {
                known.insert(*tool);
            }
        }
        if is_system(folder) && folder.is_dir() {
            push(&mut found.path, folder.clone());
        }
    }
    for folder in &service.extra {
        match accept(service, folder) {
            Ok(root) => {
                let bin = root.join("bin");
                push(&mut found.path, if bin.is_dir() { bin } else { root.clone() });
                found.roots.insert(root);
            }
            Err(reason) => found.refused.push(reason),
        }
    }
    for folder in ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"] {
        push(&mut found.path, folder.into());
    }
    let roots = found.roots.clone();
    found.roots.retain(|root| !is_system(root) && !roots.iter().any(|other| other != root && root.starts_with(other)));
    found
}

fn push(path: &mut Vec<PathBuf>, folder: PathBuf) {
    if !path.contains(&folder) {
        path.push(folder);
    }
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

fn is_system(path: &Path) -> bool {
    SYSTEM.iter().any(|system| path.starts_with(system))
}

/// Adds what `program` really is; `false` where it is a shim without an installation behind it.
fn settle(service: &Service, found: &mut Toolchains, tool: &str, program: &Path) -> bool {
    let installed = match behind_shim(service, tool, program) {
        Shim::Not => None,
        Shim::Of(installed) => Some(installed),
        Shim::Empty => return false,
    };
    let program = installed.as_deref().unwrap_or(program);
    let Ok(real) = program.canonicalize() else { return false };
    if is_system(&real) {
        if let Some(folder) = program.parent().filter(|folder| is_system(folder)) {
            if installed.is_some() {
                push(&mut found.path, folder.to_owned());
            }
        } else if let Some(folder) = real.parent() {
            push(&mut found.path, folder.to_owned());
        }
        return true;
    }
    // A script of a virtual environment runs with that environment's interpreter.
    for file in [Some(real.clone()), interpreter(&real)].into_iter().flatten() {
        match installation(service, &file) {
            Some(root) => {
                if let Ok(text) = fs::read_to_string(root.join("pyvenv.cfg")) {
                    let base = text.lines().filter_map(|line| line.split_once('=')).find(|(key, _)| key.trim() == "home");
                    let base = base.and_then(|(_, bin)| Path::new(bin.trim()).canonicalize().ok());
                    let base = base.and_then(|bin| installation(service, &bin.join("python3")));
                    found.roots.extend(base);
                }
                if file == real
                    && let Some(bin) = real.parent()
                {
                    // `npm` is a link from `bin` into `lib`: the folder that held the name is the one to search.
                    let named = program.parent().and_then(|folder| folder.canonicalize().ok());
                    let folder = named.filter(|folder| folder.starts_with(&root)).unwrap_or_else(|| bin.to_owned());
                    push(&mut found.path, folder);
                }
                found.roots.insert(root);
            }
            None if file == real && real.file_name().is_some() => {
                found.lone.insert(tool.to_owned(), real.clone());
            }
            None => {}
        }
    }
    true
}

/// The interpreter of a script that names it by path.
fn interpreter(script: &Path) -> Option<PathBuf> {
    let mut head = [0; 256];
    let read = fs::File::open(script).and_then(|mut file| file.read(&mut head)).ok()?;
    let line = std::str::from_utf8(&head[..read]).ok()?.lines().next()?;
    let program = Path::new(line.strip_prefix("#!")?.split_whitespace().next()?);
    // Not canonical: the link inside the virtual environment is what leads to it.
    (program.is_absolute() && !is_system(program) && program.exists()).then(|| program.to_owned())
}

/// What a version manager's stand-in leads to.
enum Shim {
    /// The program is the thing itself.
    Not,
    /// The program it stands for.
    Of(PathBuf),
    /// It is a stand-in, and nothing is installed.
    Empty,
}

fn behind_shim(service: &Service, tool: &str, program: &Path) -> Shim {
    let or_empty = |found: Option<PathBuf>| found.filter(|path| is_program(path)).map_or(Shim::Empty, Shim::Of);
    let folder = program.parent().unwrap_or(Path::new("/"));
    let real_name = program.canonicalize().ok().and_then(|real| real.file_name().map(OsStr::to_owned));
    let is_rust = matches!(tool, "cargo" | "rustc" | "rustfmt" | "rustdoc" | "clippy-driver");
    if is_rust && (real_name.as_deref() == Some(OsStr::new("rustup")) || same_file(program, &folder.join("rustup"))) {
        return or_empty(rustup_toolchain(service).map(|root| root.join("bin").join(tool)));
    }
    if real_name.as_deref() == Some(OsStr::new("volta-shim")) {
        return or_empty(volta_image(folder.parent()).map(|image| image.join("bin").join(tool)));
    }
    let Some(root) = folder.parent().filter(|_| folder.file_name() == Some(OsStr::new("shims"))) else {
        return Shim::Not;
    };
    if root.join("versions").is_dir() {
        return or_empty(env_version(service, root, tool));
    }
    if root.join("installs").is_dir() {
        return or_empty(install_version(root, tool, program));
    }
    Shim::Empty
}

fn same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

/// The folder of rustup's active default toolchain (`settings.toml`, or `RUSTUP_TOOLCHAIN`).
fn rustup_toolchain(service: &Service) -> Option<PathBuf> {
    let home = service.variables.get("RUSTUP_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(service.home.as_ref()?.join(".rustup")))?;
    let all = home.join("toolchains");
    let named = service.variables.get("RUSTUP_TOOLCHAIN").and_then(|name| name.to_str()).map(str::to_owned);
    let named = named.or_else(|| {
        let settings: toml::Table = fs::read_to_string(home.join("settings.toml")).ok()?.parse().ok()?;
        Some(settings.get("default_toolchain")?.as_str()?.to_owned())
    });
    let mut installed: Vec<_> = fs::read_dir(&all).ok()?.flatten().map(|entry| entry.file_name()).collect();
    installed.sort();
    let pick = named.and_then(|name| {
        // `stable` is installed as `stable-x86_64-unknown-linux-gnu`.
        let long = format!("{name}-");
        let exact = installed.iter().find(|entry| entry.to_str() == Some(&name));
        exact.or_else(|| installed.iter().find(|entry| entry.to_str().is_some_and(|entry| entry.starts_with(&long))))
    });
    all.join(pick.or(installed.last())?).canonicalize().ok()
}

/// The node of `volta`, as its `platform.json` names it.
fn volta_image(root: Option<&Path>) -> Option<PathBuf> {
    let root = root?;
    let text = fs::read_to_string(root.join("tools/user/platform.json")).ok()?;
    let platform: serde_json::Value = serde_json::from_str(&text).ok()?;
    let version = platform.pointer("/node/runtime")?.as_str()?;
    plain_name(version).then(|| root.join("tools/image/node").join(version))
}

/// pyenv, rbenv, nodenv, goenv and jenv keep `versions/<version>` and name the chosen ones in a file `version`.
fn env_version(service: &Service, root: &Path, tool: &str) -> Option<PathBuf> {
    let manager = root.file_name()?.to_str()?.trim_start_matches('.').to_ascii_uppercase();
    let chosen = service.variables.get(&format!("{manager}_VERSION")).and_then(|text| text.to_str()).map(str::to_owned);
    let chosen = chosen.or_else(|| fs::read_to_string(root.join("version")).ok()).unwrap_or_default();
    let chosen = chosen.split([':', '\n', ' ']).map(str::trim).filter(|version| plain_name(version));
    chosen.map(|version| root.join("versions").join(version).join("bin").join(tool)).find(|path| is_program(path))
}

/// asdf names the plugin and versions in the shim; mise keeps a link `latest` beside the versions.
fn install_version(root: &Path, tool: &str, shim: &Path) -> Option<PathBuf> {
    let installs = root.join("installs");
    let mut text = String::new();
    let read = fs::File::open(shim).and_then(|file| file.take(16 << 10).read_to_string(&mut text));
    let mut candidates = Vec::new();
    if read.is_ok() {
        for line in text.lines().filter_map(|line| line.strip_prefix("# asdf-plugin: ")) {
            if let Some((plugin, version)) = line.trim().split_once(' ')
                && plain_name(plugin)
                && plain_name(version)
            {
                candidates.push(installs.join(plugin).join(version));
            }
        }
    }
    if candidates.is_empty() {
        let plugins = fs::read_dir(&installs).ok()?.flatten();
        candidates.extend(plugins.map(|plugin| plugin.path().join("latest")));
    }
    candidates.into_iter().rev().map(|root| root.join("bin").join(tool)).find(|path| is_program(path))
}

fn plain_name(text: &str) -> bool {
    !text.is_empty() && Path::new(text).components().count() == 1 && matches!(Path::new(text).components().next(), Some(Component::Normal(_)))
}

/// The folder that is offered for a real program file; `None` where only the file itself can be.
fn installation(service: &Service, program: &Path) -> Option<PathBuf> {
    let by_bin = program.ancestors().skip(1).find(|folder| folder.file_name() == Some(OsStr::new("bin")));
    // `…/lib/node_modules/npm/bin/npm-cli.js` belongs to what holds `lib`.
    let by_lib = program.ancestors().find(|folder| folder.ends_with("lib/node_modules")).and_then(|lib| lib.ancestors().nth(2));
    let root = by_lib.or_else(|| by_bin.and_then(Path::parent))?.canonicalize().ok()?;
    accept(service, &root).ok()
}

/// Whether a folder may be offered: canonical, deep enough to be one installation, and without credentials.
fn accept(service: &Service, folder: &Path) -> Result<PathBuf, String> {
    let refuse = |reason: &str| Err(format!("toolchain folder `{}` is not offered: {reason}", folder.display()));
    let real = match folder.canonicalize() {
        Ok(real) if real.is_dir() => real,
        _ => return refuse("it is not a folder"),
    };
    if is_system(&real) && real.components().count() > 1 {
        return Ok(real);
    }
    if real.components().count() <= 2 {
        return refuse("it is the root of the file system or right below it");
    }
    let forbidden = ["/proc", "/sys", "/dev", "/run", "/etc", "/var/run", "/boot"];
    if forbidden.iter().any(|place| real.starts_with(place)) {
        return refuse("it belongs to the system");
    }
    for home in homes(service) {
        if home.starts_with(&real) {
            return refuse("it is a home, or holds one");
        }
        if let Ok(below) = real.strip_prefix(&home) {
            // Right below a home lie `.local`, `go`, `.cargo`: shared with what is private. A self-contained
            // environment says so.
            let own = real.join("conda-meta").is_dir() || real.join("pyvenv.cfg").is_file();
            if below.components().count() < 2 && !own {
                return refuse("it lies right below a home and is not one installation");
            }
            let private = [".ssh", ".gnupg", ".aws", ".config", ".docker", ".kube", ".cargo", ".m2", ".azure"];
            if private.iter().any(|name| below.starts_with(name)) {
                return refuse("it belongs to the private part of a home");
            }
        }
    }
    match CREDENTIALS.iter().find(|name| fs::symlink_metadata(real.join(name)).is_ok()) {
        Some(name) => refuse(&format!("`{name}` lies in it")),
        None => Ok(real),
    }
}

/// Every folder that is someone's home.
fn homes(service: &Service) -> Vec<PathBuf> {
    let below = |place: &str| -> io::Result<Vec<PathBuf>> { Ok(fs::read_dir(place)?.flatten().map(|entry| entry.path()).collect()) };
    let mut homes = below("/home").unwrap_or_default();
    homes.push("/root".into());
    homes.extend(service.home.clone());
    homes.extend(homes.clone().iter().filter_map(|home| home.canonicalize().ok()));
    homes.sort();
    homes.dedup();
    homes
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn program(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn service(home: &Path, path: &[&str]) -> Service {
        Service { path: path.iter().map(|folder| home.join(folder)).collect(), home: Some(home.to_owned()), ..Service::default() }
    }

    /// Every manager's layout in a home, the tool, and where it must lead: a root, or a lone program.
    #[test]
    fn stand_ins_lead_to_installations() {
        let base = tempfile::tempdir().unwrap();
        let home = base.path().canonicalize().unwrap().join("someone");
        // rustup: proxies in ~/.cargo/bin beside credentials.
        program(&home.join(".cargo/bin/rustup"), "");
        symlink("rustup", home.join(".cargo/bin/cargo")).unwrap();
        fs::write(home.join(".cargo/credentials.toml"), "token").unwrap();
        program(&home.join(".rustup/toolchains/stable-x/bin/cargo"), "");
        program(&home.join(".rustup/toolchains/zzz/bin/cargo"), "");
        fs::write(home.join(".rustup/settings.toml"), "default_toolchain = 'stable'\n").unwrap();
        // pyenv
        program(&home.join(".pyenv/shims/python3"), "#!/usr/bin/env bash\n");
        program(&home.join(".pyenv/versions/3.11.7/bin/python3"), "");
        program(&home.join(".pyenv/versions/2.7/bin/python3"), "");
        fs::write(home.join(".pyenv/version"), "3.11.7\n").unwrap();
        // asdf
        program(&home.join(".asdf/shims/ruby"), "#!/bin/bash\n# asdf-plugin: ruby 3.3.0\n");
        program(&home.join(".asdf/installs/ruby/3.3.0/bin/ruby"), "");
        // nvm, npm a link into lib
        program(&home.join(".nvm/versions/node/v20/bin/node"), "");
        program(&home.join(".nvm/versions/node/v20/lib/node_modules/npm/bin/npm-cli.js"), "#!/usr/bin/env node\n");
        symlink("../lib/node_modules/npm/bin/npm-cli.js", home.join(".nvm/versions/node/v20/bin/npm")).unwrap();
        // sdkman
        program(&home.join(".sdkman/candidates/java/17/bin/java"), "");
        symlink("17", home.join(".sdkman/candidates/java/current")).unwrap();
        // a lone program, and one in a folder shared with private things
        program(&home.join(".local/bin/uv"), "");
        program(&home.join("go/bin/golangci-lint"), "");
        // poetry: a script of its own virtual environment
        program(&home.join(".local/share/pypoetry/venv/bin/python"), "");
        fs::write(home.join(".local/share/pypoetry/venv/pyvenv.cfg"), "home = /usr/bin\n").unwrap();
        let python = home.join(".local/share/pypoetry/venv/bin/python");
        program(&home.join(".local/share/pypoetry/venv/bin/poetry"), &format!("#!{}\n", python.display()));
        symlink("../share/pypoetry/venv/bin/poetry", home.join(".local/bin/poetry")).unwrap();

        let path = [".cargo/bin", ".pyenv/shims", ".asdf/shims", ".nvm/versions/node/v20/bin", ".sdkman/candidates/java/current/bin", ".local/bin", "go/bin"];
        let found = find(&service(&home, &path));
        let expected: BTreeSet<PathBuf> = [
            ".rustup/toolchains/stable-x",
            ".pyenv/versions/3.11.7",
            ".asdf/installs/ruby/3.3.0",
            ".nvm/versions/node/v20",
            ".sdkman/candidates/java/17",
            ".local/share/pypoetry/venv",
        ]
        .iter()
        .map(|root| home.join(root))
        .collect();
        assert_eq!(found.roots, expected);
        assert_eq!(found.lone.keys().collect::<Vec<_>>(), ["golangci-lint", "uv"]);
        for root in [".rustup/toolchains/stable-x/bin", ".nvm/versions/node/v20/bin", ".sdkman/candidates/java/17/bin"] {
            assert!(found.path.contains(&home.join(root)), "{root}: {:?}", found.path);
        }
        assert!(!found.path.iter().any(|folder| folder.ends_with("shims") || folder.ends_with(".cargo/bin")));
    }

    #[test]
    fn private_folders_are_refused() {
        let base = tempfile::tempdir().unwrap();
        let home = base.path().canonicalize().unwrap().join("someone");
        for folder in ["tools/a/.docker", ".config/x/y", "tools/b/bin", ".cargo/z/y", "tools/c"] {
            fs::create_dir_all(home.join(folder)).unwrap();
        }
        fs::write(home.join("tools/c/.npmrc"), "").unwrap();
        let service = service(&home, &[]);
        for (folder, fine) in [
            ("", false),
            ("tools", false),
            ("tools/a", false),
            (".config/x/y", false),
            ("tools/b", true),
            (".cargo/z/y", false),
            ("tools/c", false),
            ("..", false),
            ("missing/x", false),
        ] {
            assert_eq!(accept(&service, &home.join(folder)).is_ok(), fine, "{folder}");
        }
        for folder in ["/", "/etc/ssl", "/proc/self", "/root", "/home"] {
            assert!(accept(&service, Path::new(folder)).is_err(), "{folder}");
        }
    }
}
