//! The inner end of the way out: a loopback port whose connections are carried to the proxy's socket.
//!
//! It decides nothing: the proxy on the other side of the socket does, so a job may as well talk to the socket itself.

use std::{
    io,
    net::{Shutdown, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Connections carried at once; more are closed at once.
const CONNECTIONS: usize = 128;

/// Carries connections until the process is killed.
pub fn serve(listener: &TcpListener, socket: PathBuf) -> ! {
    let open = Arc::new(AtomicUsize::new(0));
    let socket = Arc::new(socket);
    loop {
        let Ok((client, _)) = listener.accept() else {
            // Out of descriptors or memory: let others finish first.
            std::thread::sleep(std::time::Duration::from_millis(20));
            continue;
        };
        if open.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS {
            open.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let (open_here, socket) = (Arc::clone(&open), Arc::clone(&socket));
        let spawned = std::thread::Builder::new().stack_size(128 << 10).spawn(move || {
            // Either side may go away at any time; there is nobody to tell.
            let _ = carry(client, &socket);
            open_here.fetch_sub(1, Ordering::Relaxed);
        });
        if spawned.is_err() {
            open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Copies both ways until both sides are done.
fn carry(mut client: TcpStream, socket: &Path) -> io::Result<()> {
    let mut proxy = UnixStream::connect(socket)?;
    let (mut up_from, mut up_to) = (client.try_clone()?, proxy.try_clone()?);
    std::thread::scope(|scope| {
        std::thread::Builder::new().stack_size(128 << 10).spawn_scoped(scope, move || {
            let _ = io::copy(&mut up_from, &mut up_to);
            let _ = up_to.shutdown(Shutdown::Write);
        })?;
        let _ = io::copy(&mut proxy, &mut client);
        let _ = client.shutdown(Shutdown::Write);
        Ok(())
    })
}
