//! The launcher of the built-in walls: it unshares every namespace, builds the inside from the specification's list
//! of mounts, gives up every capability, and goes on as process 1.
//!
//! Two user namespaces are nested, as bubblewrap does it: the outer one, in which we are root, owns the mounts; the
//! inner one, in which the job is user 1000, owns nothing, so that the job can't change what is mounted.

use std::{
    fs,
    io::{self, Read},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::ExitCode,
};

use nix::{
    errno::Errno,
    libc,
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, unshare},
    sys::{prctl, signal::Signal, wait::waitpid},
    unistd::{ForkResult, fork, getgid, getuid, pivot_root, sethostname},
};

use super::{
    init::{self, Reporter, Walls},
    spec::{Mount, Spec},
};

/// User and group of the job, as it sees itself.
pub const INSIDE_ID: u32 = 1000;

/// Where the host's root is while the inside is being built.
const HOST: &str = "/oldroot";

/// Where the inside is built.
const INSIDE: &str = "/newroot";

/// Parts of `/proc` through which whoever has user id 0 outside could change the host, with no capability needed.
pub const PROC_READ_ONLY: &[&str] =
    &["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/acpi", "/proc/scsi", "/proc/mtrr", "/proc/driver"];

/// Parts of `/proc` that tell user id 0 more than a job should know.
pub const PROC_MASKED: &[&str] = &["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/kmsg", "/proc/slabinfo", "/proc/vmallocinfo"];

/// Builds the walls and runs the job inside.
pub fn launch(spec: Spec) -> ExitCode {
    let mut reporter = Reporter::adopt(spec.status_fd);
    let service = nix::unistd::getppid();
    match isolate() {
        Ok(()) => {}
        Err(reason) => return reporter.fail(reason),
    }
    // Changes of credentials may have cleared it.
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    if nix::unistd::getppid() != service {
        return ExitCode::FAILURE;
    }
    let (lifeline, held) = match io::pipe() {
        Ok(pipe) => pipe,
        Err(error) => return reporter.fail(format!("open a pipe: {error}")),
    };
    // SAFETY: this process has one thread, so that the child may go on as usual.
    match unsafe { fork() } {
        Err(error) => reporter.fail(format!("start process 1: {error}")),
        Ok(ForkResult::Parent { child }) => {
            drop(reporter);
            drop(lifeline);
            // Process 1 is reaped only after everyone else in its namespace is dead.
            while waitpid(child, None) == Err(Errno::EINTR) {}
            drop(held);
            ExitCode::SUCCESS
        }
        Ok(ForkResult::Child) => {
            drop(held);
            match build(&spec.mounts).and_then(|()| become_nobody()) {
                Ok(()) => {}
                Err(reason) => return reporter.fail(reason),
            }
            let _ = prctl::set_pdeathsig(Signal::SIGKILL);
            if closed(lifeline) {
                return ExitCode::FAILURE;
            }
            init::run(spec, reporter, Walls::Namespaces)
        }
    }
}

/// Whether the launcher died before its death could be signalled to us.
fn closed(mut lifeline: io::PipeReader) -> bool {
    use std::os::fd::AsRawFd;
    // SAFETY: plain system call on a descriptor that we own.
    unsafe { libc::fcntl(lifeline.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
    matches!(lifeline.read(&mut [0]), Ok(0))
}

/// Enters the namespaces; the process namespace takes effect for the next child.
fn isolate() -> Result<(), String> {
    let (uid, gid) = (getuid(), getgid());
    let all = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    unshare(all).map_err(|error| format!("namespaces are not available here: {error}"))?;
    // Not every kernel has it, and it only hides names.
    let _ = unshare(CloneFlags::CLONE_NEWCGROUP);
    map_ids(0, uid.as_raw(), gid.as_raw())?;
    sethostname("regreen").map_err(|error| format!("set the host's name: {error}"))?;
    raise_loopback()
}

fn map_ids(inside: u32, uid: u32, gid: u32) -> Result<(), String> {
    let write = |name: &str, text: String| fs::write(format!("/proc/self/{name}"), text).map_err(|error| format!("write /proc/self/{name}: {error}"));
    // Inherited as denied in the inner namespace, where writing it again fails.
    if inside == 0 {
        write("setgroups", "deny".to_owned())?;
    }
    write("uid_map", format!("{inside} {uid} 1"))?;
    let gid_inside = if inside == 0 { 0 } else { INSIDE_ID };
    write("gid_map", format!("{gid_inside} {gid} 1"))
}

/// Tests that start a server of their own need loopback.
fn raise_loopback() -> Result<(), String> {
    #[repr(C)]
    struct Request {
        name: [u8; libc::IFNAMSIZ],
        flags: libc::c_short,
        // The kernel copies a whole `struct ifreq`, a union of up to 24 bytes after the name.
        rest: [u8; 22],
    }
    let mut request = Request { name: [0; libc::IFNAMSIZ], flags: libc::IFF_UP as libc::c_short, rest: [0; 22] };
    request.name[..2].copy_from_slice(b"lo");
    // SAFETY: `request` has the size and layout of `struct ifreq` and outlives the calls; the socket is closed once.
    let result = unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        let result = Errno::result(socket).and_then(|socket| Errno::result(libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &raw mut request)));
        libc::close(socket);
        result
    };
    result.map(|_| ()).map_err(|error| format!("bring loopback up: {error}"))
}

/// Builds the inside on a fresh file system and makes it the root; the host's root is gone afterwards.
fn build(mounts: &[Mount]) -> Result<(), String> {
    let none = None::<&str>;
    let at = |doing: &str, path: &Path| format!("{doing} {}", path.display());
    let fail = |what: String| move |error: Errno| format!("{what}: {error}");
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).map_err(fail("make mounts private".to_owned()))?;
    // `/tmp` is only a place to mount on: after pivot_root the host's own is visible again below `HOST`.
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), "/tmp", Some("tmpfs"), flags, Some("mode=0755,size=16m")).map_err(fail("mount a base".to_owned()))?;
    for name in [INSIDE, HOST] {
        fs::create_dir(format!("/tmp{name}")).map_err(|error| format!("create {name}: {error}"))?;
    }
    pivot_root("/tmp", format!("/tmp{HOST}").as_str()).map_err(fail("enter the base".to_owned()))?;
    std::env::set_current_dir("/").map_err(|error| format!("enter the base: {error}"))?;
    mount(Some("tmpfs"), INSIDE, Some("tmpfs"), flags, Some("mode=0755,size=16m")).map_err(fail("mount the new root".to_owned()))?;
    for step in mounts {
        match step {
            Mount::Bind { from, to, writable } => {
                let what = at("bind", from);
                bind(from, to, *writable).map_err(|reason| format!("{what}: {reason}"))?;
            }
            Mount::Symlink { target, at: place } => {
                let link = inside(place);
                parent(&link)?;
                symlink(target, &link).map_err(|error| format!("{}: {error}", at("link", place)))?;
            }
            Mount::Tmpfs { at: place, bytes } => {
                let options = format!("mode=0755,size={bytes}");
                let target = inside(place);
                folder(&target)?;
                mount(Some("tmpfs"), &target, Some("tmpfs"), flags, Some(options.as_str())).map_err(fail(at("mount memory on", place)))?;
            }
            Mount::Proc => mount_proc()?,
            Mount::Dev => mount_dev()?,
            Mount::ReadOnly { at: place } => {
                let target = inside(place);
                set_attributes(&target, MOUNT_ATTR_RDONLY, false).map_err(fail(at("close", place)))?;
            }
        }
    }
    // The new root goes over the old one, which is then taken away from below it (pivot_root(2)).
    std::env::set_current_dir(INSIDE).map_err(|error| format!("enter the new root: {error}"))?;
    pivot_root(".", ".").map_err(fail("enter the new root".to_owned()))?;
    umount2(".", MntFlags::MNT_DETACH).map_err(fail("leave the host's root".to_owned()))?;
    std::env::set_current_dir("/").map_err(|error| format!("enter the new root: {error}"))
}

/// A place inside, while it is being built.
fn inside(path: &Path) -> PathBuf {
    Path::new(INSIDE).join(path.strip_prefix("/").unwrap_or(path))
}

fn folder(path: &Path) -> Result<(), String> {
    fs::create_dir_all(path).map_err(|error| format!("create {}: {error}", path.display()))
}

fn parent(path: &Path) -> Result<(), String> {
    path.parent().map_or(Ok(()), folder)
}

fn bind(from: &Path, to: &Path, writable: bool) -> Result<(), String> {
    let source = Path::new(HOST).join(from.strip_prefix("/").unwrap_or(from));
    let target = inside(to);
    let kind = fs::symlink_metadata(&source).map_err(|error| error.to_string())?;
    if kind.is_dir() {
        folder(&target)?;
    } else {
        parent(&target)?;
        fs::File::create(&target).map_err(|error| format!("create {}: {error}", to.display()))?;
    }
    let none = None::<&str>;
    mount(Some(&source), &target, none, MsFlags::MS_BIND | MsFlags::MS_REC, none).map_err(|error| error.to_string())?;
    let closed = if writable { 0 } else { MOUNT_ATTR_RDONLY };
    // Device nodes are bound one by one, and only those of `mount_dev`.
    let devices = if from.starts_with("/dev") { 0 } else { MOUNT_ATTR_NODEV };
    set_attributes(&target, closed | MOUNT_ATTR_NOSUID | devices, true).map_err(|error| format!("protect it: {error}"))
}

fn mount_proc() -> Result<(), String> {
    let target = inside(Path::new("/proc"));
    folder(&target)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), &target, Some("proc"), flags, None::<&str>).map_err(|error| format!("mount /proc: {error}"))?;
    for name in PROC_READ_ONLY {
        let part = inside(Path::new(name));
        if part.exists() {
            let none = None::<&str>;
            mount(Some(&part), &part, none, MsFlags::MS_BIND | MsFlags::MS_REC, none)
                .and_then(|()| set_attributes(&part, MOUNT_ATTR_RDONLY, true))
                .map_err(|error| format!("close {name}: {error}"))?;
        }
    }
    for part in PROC_MASKED {
        if inside(Path::new(part)).exists() {
            bind_over(Path::new("/dev/null"), Path::new(part))?;
        }
    }
    Ok(())
}

/// Binds a host file over a file that already exists inside.
fn bind_over(from: &Path, to: &Path) -> Result<(), String> {
    let source = Path::new(HOST).join(from.strip_prefix("/").unwrap_or(from));
    let target = inside(to);
    mount(Some(&source), &target, None::<&str>, MsFlags::MS_BIND, None::<&str>).map_err(|error| format!("cover {}: {error}", to.display()))
}

fn mount_dev() -> Result<(), String> {
    let target = inside(Path::new("/dev"));
    folder(&target)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    mount(Some("tmpfs"), &target, Some("tmpfs"), flags, Some("mode=0755,size=1m")).map_err(|error| format!("mount /dev: {error}"))?;
    for name in ["null", "zero", "full", "random", "urandom", "tty"] {
        let node = Path::new("/dev").join(name);
        if Path::new(HOST).join("dev").join(name).exists() {
            bind(&node, &node, true).map_err(|reason| format!("bind {}: {reason}", node.display()))?;
        }
    }
    for (link, to) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("core", "/proc/kcore"),
        ("ptmx", "pts/ptmx"),
    ] {
        symlink(to, target.join(link)).map_err(|error| format!("link /dev/{link}: {error}"))?;
    }
    folder(&target.join("shm"))?;
    let pts = target.join("pts");
    folder(&pts)?;
    mount(Some("devpts"), &pts, Some("devpts"), flags, Some("newinstance,ptmxmode=0666,mode=620")).map_err(|error| format!("mount /dev/pts: {error}"))
}

/// Enters the inner user namespace and gives up every capability, for good.
fn become_nobody() -> Result<(), String> {
    unshare(CloneFlags::CLONE_NEWUSER).map_err(|error| format!("nested user namespaces are not available here: {error}"))?;
    map_ids(INSIDE_ID, 0, 0)?;
    give_up_capabilities()
}

/// Empties every set of capabilities, and the one that would fill them again when a program is started as user id 0.
pub fn give_up_capabilities() -> Result<(), String> {
    prctl::set_no_new_privs().map_err(|error| format!("give up new privileges: {error}"))?;
    for capability in 0..64 {
        // SAFETY: prctl with integers only. Numbers the kernel does not know are refused, which is as good.
        unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
    }
    // capset(2): version 3 has two sets of 32 bits; all of them empty.
    let header: [u32; 2] = [0x2008_0522, 0];
    let data = [0u32; 6];
    // SAFETY: both arrays have the layout that capset(2) reads for version 3, and outlive the call.
    let result = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), data.as_ptr()) };
    Errno::result(result).map(|_| ()).map_err(|error| format!("give up capabilities: {error}"))
}

/// mount_setattr(2), for which neither libc nor nix has a function. It adds flags and never takes one away, and is
/// the only way to do so for a whole tree at once.
fn set_attributes(path: &Path, attributes: u64, whole_tree: bool) -> Result<(), Errno> {
    use std::os::unix::ffi::OsStrExt;
    #[repr(C)]
    struct MountAttr {
        set: u64,
        clear: u64,
        propagation: u64,
        userns_fd: u64,
    }
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    let attr = MountAttr { set: attributes, clear: 0, propagation: 0, userns_fd: 0 };
    let flags = if whole_tree { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: `path` is a C string and `attr` has the layout of `struct mount_attr`; both outlive the call.
    let result = unsafe { libc::syscall(libc::SYS_mount_setattr, libc::AT_FDCWD, path.as_ptr(), flags, &raw const attr, size_of::<MountAttr>()) };
    Errno::result(result).map(|_| ())
}

/// `MOUNT_ATTR_*` of mount_setattr(2).
const MOUNT_ATTR_RDONLY: u64 = 1;
const MOUNT_ATTR_NOSUID: u64 = 2;
const MOUNT_ATTR_NODEV: u64 = 4;
