//! What a job sees: the list of mounts and the environment, the same for bubblewrap and for the built-in walls.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use super::{spec::Mount, toolchains::Toolchains};
use crate::ports::sandbox::{HOME, WORKSPACE};

/// Where our own things are inside.
pub const OWN: &str = "/run/regreen";

/// Memory for `/tmp` at most, in bytes.
const TMP_BYTES: u64 = 1 << 30;

/// Memory for `/dev/shm` at most, in bytes.
const SHM_BYTES: u64 = 256 << 20;

/// What is shown of `/etc`, where it exists: configuration of compilers and libraries, nothing of the machine's users.
const ETC: &[&str] = &[
    "alternatives",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "ssl/certs",
    "ssl/openssl.cnf",
    "ssl/cert.pem",
    "ssl/ca-bundle.pem",
    "pki/tls/certs",
    "pki/ca-trust/extracted",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "localtime",
    "timezone",
    "mime.types",
    "services",
    "protocols",
    "magic",
    "os-release",
    "debian_version",
    "lsb-release",
    "redhat-release",
    "alpine-release",
    "shells",
    "fonts",
    "perl",
    "gcc",
    "maven/m2.conf",
    "maven/logging",
    "java",
    "R",
];

/// Beginnings of further names in `/etc` that carry a version.
const ETC_VERSIONED: &[&str] = &["java-", "python", "openssl", "gcc-", "php"];

/// Where systems keep their certificate authorities.
const AUTHORITIES: &[&str] = &["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"];

/// Variables by which programs are told of certificate authorities.
pub const AUTHORITY_VARIABLES: &[&str] =
    &["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "CARGO_HTTP_CAINFO"];

/// What is put together for one job.
#[derive(Debug)]
pub struct View<'a> {
    /// The job's tree, canonical.
    pub tree: &'a Path,
    /// The job's home, canonical.
    pub home: &'a Path,
    /// A private folder of the call, canonical, for synthesised files.
    pub scratch: &'a Path,
    /// The regreen binary.
    pub launcher: &'a Path,
    /// The proxy's socket, where there is a way out.
    pub socket: Option<&'a Path>,
    /// Compilers and interpreters.
    pub toolchains: &'a Toolchains,
    /// The service's own certificate authorities by variable.
    pub authorities: &'a BTreeMap<String, PathBuf>,
    /// Bound for what grows in memory.
    pub disk_bytes: u64,
}

/// The mounts of the inside and the environment that belongs to them.
#[derive(Debug)]
pub struct Inside {
    /// In the order to build them.
    pub mounts: Vec<Mount>,
    /// `PATH`, `HOME` and what else a job finds set.
    pub env: BTreeMap<String, String>,
}

impl View<'_> {
    /// Lists everything for the isolating sandboxes, and writes the synthesised files.
    ///
    /// # Errors
    /// When `scratch` can't be written.
    pub fn inside(&self) -> io::Result<Inside> {
        let mut mounts = Vec::new();
        let read_only = |from: PathBuf, to: PathBuf| Mount::Bind { from, to, writable: false };
        for name in ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32"] {
            let path = Path::new(name);
            match fs::symlink_metadata(path) {
                Ok(meta) if meta.is_symlink() => mounts.push(Mount::Symlink { target: fs::read_link(path)?, at: path.to_owned() }),
                Ok(meta) if meta.is_dir() => mounts.push(read_only(path.to_owned(), path.to_owned())),
                _ => {}
            }
        }
        self.etc(&mut mounts)?;
        mounts.extend([
            Mount::Proc,
            Mount::Dev,
            Mount::Tmpfs { at: "/dev/shm".into(), bytes: SHM_BYTES.min(self.disk_bytes) },
            Mount::Tmpfs { at: "/tmp".into(), bytes: TMP_BYTES.min(self.disk_bytes) },
            Mount::Symlink { target: "/tmp".into(), at: "/var/tmp".into() },
            Mount::Bind { from: self.tree.to_owned(), to: WORKSPACE.into(), writable: true },
            Mount::Bind { from: self.home.to_owned(), to: HOME.into(), writable: true },
            read_only(self.launcher.to_owned(), Path::new(OWN).join("regreen")),
        ]);
        if let Some(socket) = self.socket {
            mounts.push(read_only(socket.to_owned(), Path::new(OWN).join("proxy.sock")));
        }
        for root in &self.toolchains.roots {
            mounts.push(read_only(root.clone(), place(root)));
        }
        for (name, file) in &self.toolchains.lone {
            mounts.push(read_only(file.clone(), Path::new(OWN).join("bin").join(name)));
        }
        // Rust's own container image keeps its home in /usr, which is shown.
        let empty = self.write("empty", "")?;
        for name in ["credentials", "credentials.toml"] {
            let file = Path::new("/usr/local/cargo").join(name);
            if file.is_file() {
                mounts.push(read_only(empty.clone(), file));
            }
        }
        let mut env = self.common_env(HOME, "/tmp", &self.path(place, &Path::new(OWN).join("bin")));
        if self.socket.is_some() {
            let mut shown = BTreeMap::new();
            for (variable, file) in self.authority_files() {
                let inside = if ETC.iter().any(|name| file.starts_with(Path::new("/etc").join(name))) || file.starts_with("/usr") {
                    file.clone()
                } else {
                    let at = Path::new(OWN).join("authorities").join(format!("{variable}.pem"));
                    shown.entry(file.clone()).or_insert(at).clone()
                };
                env.insert(variable, inside.display().to_string());
            }
            for (from, to) in shown {
                mounts.push(read_only(from, to));
            }
        }
        mounts.extend([Mount::ReadOnly { at: "/dev".into() }, Mount::ReadOnly { at: "/".into() }]);
        Ok(Inside { mounts, env })
    }

    /// The environment of a job that lives at its host paths.
    #[must_use]
    pub fn host_env(&self, temporary: &Path, lone: &Path) -> BTreeMap<String, String> {
        let path = self.path(Path::to_owned, lone);
        let mut env = self.common_env(&self.home.display().to_string(), &temporary.display().to_string(), &path);
        if self.socket.is_some() {
            env.extend(self.authority_files().into_iter().map(|(variable, file)| (variable, file.display().to_string())));
        }
        env
    }

    fn common_env(&self, home: &str, temporary: &str, path: &OsString) -> BTreeMap<String, String> {
        let mut env: BTreeMap<String, String> = [
            ("PATH", path.to_string_lossy().into_owned()),
            ("HOME", home.to_owned()),
            ("CARGO_HOME", format!("{home}/.cargo")),
            ("GRADLE_USER_HOME", format!("{home}/.gradle")),
            ("TMPDIR", temporary.to_owned()),
            ("USER", "regreen".to_owned()),
            ("LOGNAME", "regreen".to_owned()),
            ("SHELL", "/bin/sh".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            ("TERM", "dumb".to_owned()),
            ("CI", "true".to_owned()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        if self.socket.is_none() {
            // Says at once what would otherwise be a long wait for names that never resolve.
            env.insert("CARGO_NET_OFFLINE".to_owned(), "true".to_owned());
            // Waits between the tries: npm and pnpm for more than a minute, pip for a quarter of one.
            for (name, tries) in [("npm_config_fetch_retries", "0"), ("PIP_RETRIES", "0"), ("UV_HTTP_RETRIES", "0"), ("BUNDLE_RETRY", "0")] {
                env.insert(name.to_owned(), tries.to_owned());
            }
        }
        env
    }

    fn path(&self, place: impl Fn(&Path) -> PathBuf, lone: &Path) -> OsString {
        let roots = &self.toolchains.roots;
        let folders = self.toolchains.path.iter().map(|folder| match roots.iter().find(|root| folder.starts_with(root)) {
            Some(root) => place(root).join(folder.strip_prefix(root).unwrap_or(folder)),
            None => folder.clone(),
        });
        let lone = (!self.toolchains.lone.is_empty()).then(|| lone.to_owned());
        // A folder whose name holds a colon can't be in a PATH: leave it out.
        let folders = lone.into_iter().chain(folders).filter(|folder| !folder.as_os_str().as_encoded_bytes().contains(&b':'));
        std::env::join_paths(folders).unwrap_or_else(|_| "/usr/bin:/bin".into())
    }

    /// The certificate authorities by variable: the service's own where it names one, else the system's.
    fn authority_files(&self) -> BTreeMap<String, PathBuf> {
        let system = AUTHORITIES.iter().map(Path::new).find(|file| file.is_file()).map(Path::to_owned);
        let base = self.authorities.get("SSL_CERT_FILE").cloned().or(system);
        AUTHORITY_VARIABLES
            .iter()
            .filter_map(|variable| Some(((*variable).to_owned(), self.authorities.get(*variable).cloned().or_else(|| base.clone())?)))
            .collect()
    }

    fn etc(&self, mounts: &mut Vec<Mount>) -> io::Result<()> {
        let mut names: Vec<String> = ETC.iter().map(|name| (*name).to_owned()).collect();
        for entry in fs::read_dir("/etc").into_iter().flatten().flatten() {
            if let Ok(name) = entry.file_name().into_string()
                && ETC_VERSIONED.iter().any(|start| name.starts_with(start))
            {
                names.push(name);
            }
        }
        for name in names {
            let path = Path::new("/etc").join(&name);
            let Ok(real) = path.canonicalize() else { continue };
            // Programs read the zone's name from the link itself.
            match fs::read_link(&path) {
                Ok(target) if real.starts_with("/usr") => mounts.push(Mount::Symlink { target, at: path }),
                _ => mounts.push(Mount::Bind { from: real, to: path, writable: false }),
            }
        }
        let id = super::namespaces::INSIDE_ID;
        for (name, text) in [
            ("passwd", format!("regreen:x:{id}:{id}:regreen:{HOME}:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")),
            ("group", format!("regreen:x:{id}:\nnogroup:x:65534:\n")),
            ("hosts", "127.0.0.1 localhost regreen\n::1 localhost\n".to_owned()),
            ("hostname", "regreen\n".to_owned()),
            ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n".to_owned()),
            ("resolv.conf", String::new()),
        ] {
            let from = self.write(name, &text)?;
            mounts.push(Mount::Bind { from, to: Path::new("/etc").join(name), writable: false });
        }
        Ok(())
    }

    fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let folder = self.scratch.join("etc");
        fs::create_dir_all(&folder)?;
        let file = folder.join(name);
        fs::write(&file, text)?;
        Ok(file)
    }
}

/// Where an installation appears inside: at its own path, so that what has the path built in works. Not so where a
/// mount point would have to be created in a folder that a job wrote to: a link there could lead anywhere.
fn place(root: &Path) -> PathBuf {
    if ![WORKSPACE, HOME, "/tmp", "/var/tmp", "/dev", OWN].iter().any(|taken| root.starts_with(taken)) {
        return root.to_owned();
    }
    let flat = root.to_string_lossy().replace('/', "-");
    Path::new("/opt/regreen").join(flat.trim_start_matches('-'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn nothing_private_is_listed_and_the_root_is_closed_last() {
        let base = tempfile::tempdir().unwrap();
        let toolchains = Toolchains {
            roots: BTreeSet::from(["/home/regreen/.rustup/toolchains/x".into(), "/opt/rust".into()]),
            lone: BTreeMap::from([("uv".to_owned(), "/home/a/.local/bin/uv".into())]),
            path: vec!["/home/regreen/.rustup/toolchains/x/bin".into(), "/opt/rust/bin".into(), "/usr/bin".into()],
            refused: Vec::new(),
        };
        let view = View {
            tree: Path::new("/srv/tree"),
            home: Path::new("/srv/home"),
            scratch: base.path(),
            launcher: Path::new("/usr/bin/regreen"),
            socket: None,
            toolchains: &toolchains,
            authorities: &BTreeMap::new(),
            disk_bytes: 1 << 20,
        };
        let inside = view.inside().unwrap();
        assert_eq!(inside.mounts.last(), Some(&Mount::ReadOnly { at: "/".into() }));
        let mut writable = Vec::new();
        for mount in &inside.mounts {
            match mount {
                Mount::Bind { from, to, writable: true } => writable.push((from.as_path(), to.as_path())),
                Mount::Bind { to, .. } => {
                    for private in ["/etc/shadow", "/etc/ssl/private", "/root", "/home/a", "/run/docker.sock"] {
                        assert!(!to.starts_with(private) && !Path::new(private).starts_with(to), "{private} in {to:?}");
                    }
                }
                _ => {}
            }
        }
        assert_eq!(writable, [(Path::new("/srv/tree"), Path::new(WORKSPACE)), (Path::new("/srv/home"), Path::new(HOME))]);
        assert_eq!(inside.env["PATH"], "/run/regreen/bin:/opt/regreen/home-regreen-.rustup-toolchains-x/bin:/opt/rust/bin:/usr/bin");
        assert_eq!(inside.env["HOME"], HOME);
    }
}
