//! The only way out of a sandbox: a forward proxy on a unix socket that knows which hosts are allowed.
//!
//! It speaks what package managers speak: `CONNECT host:port`, and `GET`, `HEAD` and `POST` with an absolute address.
//! Names are resolved here and the connection goes to the address that was checked, so that a name can't be public for
//! the check and private for the connection. Everything read from the sandbox is bounded.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::Engine as _;
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixListener, UnixStream},
    sync::Semaphore,
    task::JoinSet,
    time::timeout,
};

use crate::ports::sandbox::{HostPattern, HostUse};

/// Connections at once; more wait.
const CONNECTIONS: usize = 64;
/// The longest request head.
const HEAD_BYTES: usize = 16 << 10;
/// How long a request head may take.
const HEAD_TIME: Duration = Duration::from_secs(15);
/// How long resolving and connecting may take.
const CONNECT_TIME: Duration = Duration::from_secs(15);
/// How long both sides may be silent.
const IDLE_TIME: Duration = Duration::from_secs(120);
/// Bytes one job may receive, and a tenth of them it may send.
const JOB_BYTES: u64 = 20 << 30;
/// Distinct hosts and ports that are reported; more are refused.
const HOSTS_REPORTED: usize = 256;

/// A proxy of the operator's network, through which everything but explicitly listed ports goes.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// `host:port`.
    pub address: String,
    /// The value for `Proxy-Authorization`.
    pub authorization: Option<SecretString>,
}

impl Upstream {
    /// Reads the value of an `HTTPS_PROXY` variable; `None` where it is not a plain HTTP proxy's address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = url::Url::parse(&text).ok().filter(|url| url.scheme() == "http")?;
        let authorization = (!url.username().is_empty()).then(|| {
            let decode = |part: &str| percent_decoded(part);
            let pair = format!("{}:{}", decode(url.username()), decode(url.password().unwrap_or("")));
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)).into()
        });
        let address = format!("{}:{}", url.host_str()?, url.port_or_known_default()?);
        Some(Self { address, authorization })
    }
}

fn percent_decoded(text: &str) -> String {
    // Only the form decoder of `url` decodes: keep what means something else in a form.
    let escaped = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(escaped.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

/// A running proxy; dropping it ends every connection.
#[derive(Debug)]
pub struct Proxy {
    ledger: Arc<Ledger>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// Listens on a new socket at `socket`.
    ///
    /// # Errors
    /// When the socket can't be created.
    pub fn start(socket: &Path, hosts: Vec<HostPattern>, upstream: Option<Upstream>) -> io::Result<Self> {
        let listener = UnixListener::bind(socket)?;
        let ledger = Arc::new(Ledger::default());
        let gate = Arc::new(Gate { hosts, upstream, ledger: Arc::clone(&ledger) });
        let permits = Arc::new(Semaphore::new(CONNECTIONS));
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
                while connections.try_join_next().is_some() {}
                match listener.accept().await {
                    Ok((client, _)) => {
                        let gate = Arc::clone(&gate);
                        connections.spawn(async move {
                            let _permit = permit;
                            // A broken connection is the job's to notice.
                            let _ = gate.serve(client).await;
                        });
                    }
                    // Out of descriptors: others must finish first.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        });
        Ok(Self { ledger, task })
    }

    /// Ends it and tells what was asked for.
    #[must_use]
    pub fn finish(self) -> Vec<HostUse> {
        self.task.abort();
        std::mem::take(&mut *self.ledger.lock())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Who was asked for, and how much went.
#[derive(Debug, Default)]
struct Ledger(Mutex<Vec<HostUse>>);

impl Ledger {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<HostUse>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request; `false` where too many different ones were made.
    fn note(&self, host: &str, port: u16, refused: Option<&str>) -> bool {
        let mut uses = self.lock();
        if let Some(known) = uses.iter_mut().find(|known| known.host == host && known.port == port) {
            known.requests += 1;
            return true;
        }
        if uses.len() >= HOSTS_REPORTED {
            return false;
        }
        uses.push(HostUse { host: host.to_owned(), port, refused: refused.map(str::to_owned), requests: 1, bytes_sent: 0, bytes_received: 0 });
        true
    }

    fn refuse(&self, host: &str, port: u16, reason: &str) {
        if let Some(known) = self.lock().iter_mut().find(|known| known.host == host && known.port == port) {
            known.refused.get_or_insert_with(|| reason.to_owned());
        }
    }

    /// Counts bytes; `false` where the job has had its share.
    fn count(&self, host: &str, port: u16, sent: u64, received: u64) -> bool {
        let mut uses = self.lock();
        if let Some(known) = uses.iter_mut().find(|known| known.host == host && known.port == port) {
            known.bytes_sent += sent;
            known.bytes_received += received;
        }
        let all = |part: fn(&HostUse) -> u64| uses.iter().map(part).sum::<u64>();
        all(|known| known.bytes_received) <= JOB_BYTES && all(|known| known.bytes_sent) <= JOB_BYTES / 10
    }
}

struct Gate {
    hosts: Vec<HostPattern>,
    upstream: Option<Upstream>,
    ledger: Arc<Ledger>,
}

/// What a client asks for.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    connect: bool,
    host: String,
    port: u16,
    /// The head to send on, in origin form, without what is meant for proxies; empty for CONNECT.
    head: Vec<u8>,
    /// The same with the absolute address, for a proxy above us.
    head_for_proxy: Vec<u8>,
    body_bytes: u64,
}

impl Gate {
    async fn serve(&self, mut client: UnixStream) -> io::Result<()> {
        let Ok(read) = timeout(HEAD_TIME, read_head(&mut client)).await else {
            return answer(&mut client, "408 Request Timeout", "the request took too long").await;
        };
        let Some((head, rest)) = read? else {
            return answer(&mut client, "431 Request Header Fields Too Large", "the request head is too long").await;
        };
        let request = match Request::parse(&head) {
            Ok(request) => request,
            Err(reason) => return answer(&mut client, "400 Bad Request", reason).await,
        };
        let (host, port) = (request.host.as_str(), request.port);
        let grant = self.hosts.iter().find_map(|pattern| Some((pattern, pattern.grants(host, port)?)));
        let Some((pattern, grant)) = grant else {
            self.ledger.note(host, port, Some("not among the allowed hosts"));
            return answer(&mut client, "403 Forbidden", "this host is not among those the sandbox may reach").await;
        };
        if !self.ledger.note(host, port, None) {
            return answer(&mut client, "403 Forbidden", "too many different hosts").await;
        }
        let upstream = self.upstream.as_ref().filter(|_| pattern.port().is_none());
        let connected = match upstream {
            Some(upstream) => timeout(CONNECT_TIME, through(upstream, &request)).await,
            None => timeout(CONNECT_TIME, directly(host, port, grant.private_addresses)).await,
        };
        let mut server = match connected {
            Ok(Ok(server)) => server,
            Ok(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.ledger.refuse(host, port, "its name leads to an address that is not public; list it with its port to allow that");
                return answer(&mut client, "403 Forbidden", "this name leads to an address that is not public").await;
            }
            Ok(Err(_)) => return answer(&mut client, "502 Bad Gateway", "the host can't be reached").await,
            Err(_) => return answer(&mut client, "504 Gateway Timeout", "the host does not answer").await,
        };
        let count = |sent, received| self.ledger.count(host, port, sent, received);
        if request.connect {
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
            server.write_all(&rest).await?;
            count(rest.len() as u64, 0);
            return carry(&mut client, &mut server, u64::MAX, count).await;
        }
        if upstream.is_some() {
            server.write_all(&request.head_for_proxy).await?;
            if let Some(secret) = upstream.and_then(|upstream| upstream.authorization.as_ref()) {
                server.write_all(format!("Proxy-Authorization: {}\r\n", secret.expose_secret()).as_bytes()).await?;
            }
        } else {
            server.write_all(&request.head).await?;
        }
        server.write_all(b"\r\n").await?;
        // Exactly the body that was announced: what follows would be another request that nobody looked at.
        let body = &rest[..rest.len().min(usize::try_from(request.body_bytes).unwrap_or(usize::MAX))];
        server.write_all(body).await?;
        count((request.head.len() + body.len()) as u64, 0);
        carry(&mut client, &mut server, request.body_bytes - body.len() as u64, count).await
    }
}

/// Reads up to the empty line; `None` where the head is too long. Returns the head and what came after it.
async fn read_head(client: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let mut read = Vec::with_capacity(1024);
    loop {
        if let Some(end) = memchr::memmem::find(&read, b"\r\n\r\n") {
            let rest = read.split_off(end + 4);
            return Ok(Some((read, rest)));
        }
        if read.len() >= HEAD_BYTES {
            return Ok(None);
        }
        let left = HEAD_BYTES - read.len();
        if (&mut *client).take(left as u64).read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

impl Request {
    fn parse(head: &[u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(head).map_err(|_| "the request head is not text")?;
        let mut lines = text.trim_end_matches("\r\n").split("\r\n");
        let mut words = lines.next().unwrap_or("").split(' ');
        let (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None) = (words.next(), words.next(), words.next(), words.next()) else {
            return Err("not a request line");
        };
        if text.contains('\0') || text.replace("\r\n", "").contains(['\r', '\n']) {
            return Err("a stray line end in the request head");
        }
        if method == "CONNECT" {
            let (host, port) = target.rsplit_once(':').ok_or("CONNECT needs host:port")?;
            let port = port.parse().map_err(|_| "CONNECT needs a port")?;
            let host = host_name(host.trim_start_matches('[').trim_end_matches(']'))?;
            return Ok(Self { connect: true, host, port, head: Vec::new(), head_for_proxy: Vec::new(), body_bytes: 0 });
        }
        if !matches!(method, "GET" | "HEAD" | "POST") {
            return Err("only CONNECT, GET, HEAD and POST are carried");
        }
        let url = url::Url::parse(target).map_err(|_| "expected an absolute address")?;
        if url.scheme() != "http" {
            return Err("expected an http:// address; https goes through CONNECT");
        }
        let host = host_name(url.host_str().unwrap_or("").trim_start_matches('[').trim_end_matches(']'))?;
        let port = url.port().unwrap_or(80);
        let mut headers = String::new();
        let mut body_bytes = None;
        for line in lines.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').ok_or("a header without a colon")?;
            let (name, value) = (name.to_ascii_lowercase(), value.trim());
            match name.as_str() {
                "host" | "connection" | "keep-alive" | "upgrade" | "te" | "trailer" => {}
                _ if name.starts_with("proxy-") => {}
                "transfer-encoding" => return Err("a body needs a content-length here"),
                "content-length" => {
                    let bytes: u64 = value.parse().map_err(|_| "content-length is not a number")?;
                    if body_bytes.replace(bytes).is_some() {
                        return Err("more than one content-length");
                    }
                    headers.push_str(&format!("Content-Length: {bytes}\r\n"));
                }
                _ if name.is_empty() || name.contains(|c: char| !c.is_ascii_graphic()) => {
                    return Err("a header's name is malformed");
                }
                _ => headers.push_str(&format!("{name}: {value}\r\n")),
            }
        }
        let shown = match (url.host_str().unwrap_or(""), url.port()) {
            (host, Some(port)) => format!("{host}:{port}"),
            (host, None) => host.to_owned(),
        };
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let path = format!("{}{query}", url.path());
        let common = format!("Host: {shown}\r\nConnection: close\r\n{headers}");
        Ok(Self {
            connect: false,
            head: format!("{method} {path} HTTP/1.1\r\n{common}").into_bytes(),
            head_for_proxy: format!("{method} http://{shown}{path} HTTP/1.1\r\n{common}").into_bytes(),
            host,
            port,
            body_bytes: body_bytes.unwrap_or(0),
        })
    }
}

fn host_name(text: &str) -> Result<String, &'static str> {
    let name = text.trim_end_matches('.').to_ascii_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
    if name.is_empty() || name.len() > 253 || !name.chars().all(plain) {
        return Err("the host's name is malformed");
    }
    Ok(name)
}

/// Resolves here and connects to what was checked.
async fn directly(host: &str, port: u16, private_addresses: bool) -> io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
    let fine: Vec<SocketAddr> = addresses.iter().copied().filter(|address| private_addresses || is_public(address.ip())).collect();
    if fine.is_empty() && !addresses.is_empty() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    TcpStream::connect(fine.as_slice()).await
}

/// Connects to a proxy above us, and for CONNECT asks it to go on. It resolves the name, so its rules apply.
async fn through(upstream: &Upstream, request: &Request) -> io::Result<TcpStream> {
    let mut server = TcpStream::connect(&upstream.address).await?;
    if request.connect {
        let target = if request.host.contains(':') { format!("[{}]:{}", request.host, request.port) } else { format!("{}:{}", request.host, request.port) };
        let secret = upstream.authorization.as_ref();
        let secret = secret.map(|secret| format!("Proxy-Authorization: {}\r\n", secret.expose_secret()));
        let ask = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{}\r\n", secret.unwrap_or_default());
        server.write_all(ask.as_bytes()).await?;
        // Byte by byte: what follows the head belongs to the tunnel.
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() >= HEAD_BYTES {
                return Err(io::ErrorKind::InvalidData.into());
            }
            head.push(server.read_u8().await?);
        }
        let accepted = head.split(|byte| *byte == b' ').nth(1) == Some(b"200");
        if !accepted {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
    }
    Ok(server)
}

/// Whether an address belongs to the public internet: not loopback, private, link-local (where clouds keep their
/// metadata), shared, multicast or reserved (RFC 6890). The documentation blocks stay allowed: nothing of an operator lives there by those
/// rules, and closed networks put their package mirrors behind them, also where an IPv6 address carries such an IPv4 one.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let special = a == 0 || a >= 240 || (a, b, c) == (192, 0, 0) || (a == 198 && (18..20).contains(&b));
    !(v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.is_multicast() || shared || special)
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    let parts = v6.segments();
    let carried = v6.to_ipv4_mapped().or_else(|| {
        let low = Ipv4Addr::from((u32::from(parts[6]) << 16) | u32::from(parts[7]));
        // NAT64, and 6to4 with the address in its second and third part.
        match parts {
            [0x64, 0xff9b, 0, 0, 0, 0, ..] => Some(low),
            [0x2002, high, mid, ..] => Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(mid))),
            _ => None,
        }
    });
    match carried {
        Some(v4) => is_public_v4(v4),
        // Global unicast is 2000::/3; of it, 2001:db8::/32 and 2001::/32 (Teredo) are not to be reached.
        None => parts[0] & 0xe000 == 0x2000 && !(parts[0] == 0x2001 && matches!(parts[1], 0xdb8 | 0)),
    }
}

/// Copies both ways until both are done, silence, or the end of the job's share. `most` bounds what is sent.
async fn carry(client: &mut UnixStream, server: &mut TcpStream, most: u64, count: impl Fn(u64, u64) -> bool) -> io::Result<()> {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let up = async {
        copy(&mut (&mut from_client).take(most), &mut to_server, |bytes| count(bytes, 0)).await?;
        if most == u64::MAX {
            to_server.shutdown().await?;
        }
        io::Result::Ok(())
    };
    let down = async {
        copy(&mut from_server, &mut to_client, |bytes| count(0, bytes)).await?;
        to_client.shutdown().await
    };
    if most == u64::MAX {
        tokio::try_join!(up, down).map(|_| ())
    } else {
        // A plain answer ends the exchange, whether or not the whole body was wanted.
        tokio::pin!(up, down);
        tokio::select! {
            result = &mut down => result,
            sent = &mut up => { sent?; down.await }
        }
    }
}

async fn copy(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin), count: impl Fn(u64) -> bool) -> io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let read = timeout(IDLE_TIME, from.read(&mut buffer)).await.map_err(|_| io::ErrorKind::TimedOut)??;
        if read == 0 {
            return Ok(());
        }
        if !count(read as u64) {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        timeout(IDLE_TIME, to.write_all(&buffer[..read])).await.map_err(|_| io::ErrorKind::TimedOut)??;
    }
}

/// Answers a request that goes nowhere.
async fn answer(client: &mut UnixStream, status: &str, reason: &str) -> io::Result<()> {
    let body = format!("regreen: {reason}\n");
    let length = body.len();
    let text = format!("HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    timeout(HEAD_TIME, client.write_all(text.as_bytes())).await.map_err(|_| io::ErrorKind::TimedOut)??;
    client.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_public_or_not() {
        for (address, public) in [
            ("1.1.1.1", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("198.18.0.1", false),
            ("192.0.0.192", false),
            ("::1", false),
            ("::", false),
            ("fe80::1", false),
            ("fd00:ec2::254", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:1.1.1.1", true),
            ("64:ff9b::a9fe:a9fe", false),
            ("2002:7f00:1::", false),
            ("2606:4700::1111", true),
            ("2001:db8::1", false),
            ("ff02::1", false),
            ("::127.0.0.1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }

    #[test]
    fn requests_are_read_strictly() {
        let read = |text: &str| Request::parse(text.as_bytes());
        let connect = read("CONNECT Index.Crates.io.:443 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert_eq!((connect.connect, connect.host.as_str(), connect.port), (true, "index.crates.io", 443));
        let get = read("GET http://a.b:81/c?d=e HTTP/1.1\r\nHost: evil\r\nProxy-Authorization: x\r\nAccept: */*\r\n\r\n").unwrap();
        assert_eq!(String::from_utf8(get.head).unwrap(), "GET /c?d=e HTTP/1.1\r\nHost: a.b:81\r\nConnection: close\r\naccept: */*\r\n");
        for bad in [
            "",
            "GET / HTTP/1.1\r\n\r\n",
            "PUT http://a.b/ HTTP/1.1\r\n\r\n",
            "GET https://a.b/ HTTP/1.1\r\n\r\n",
            "GET ftp://a.b/ HTTP/1.1\r\n\r\n",
            "CONNECT a.b HTTP/1.1\r\n\r\n",
            "CONNECT :443 HTTP/1.1\r\n\r\n",
            "POST http://a.b/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST http://a.b/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "GET http://a.b/ HTTP/1.1\r\nX: y\nHost: evil\r\n\r\n",
            "GET http://a.b/ HTTP/1.1\r\nbad name: y\r\n\r\n",
            "CONNECT a/b:443 HTTP/1.1\r\n\r\n",
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn upstreams_keep_their_password() {
        let upstream = Upstream::parse("http://me:p%40ss@proxy.example:3128").unwrap();
        assert_eq!(upstream.address, "proxy.example:3128");
        let secret = upstream.authorization.as_ref().unwrap().expose_secret();
        assert_eq!(secret, format!("Basic {}", base64::engine::general_purpose::STANDARD.encode("me:p@ss")));
        assert!(!format!("{upstream:?}").contains("Basic"));
        assert_eq!(Upstream::parse("proxy:80").unwrap().address, "proxy:80");
        assert!(Upstream::parse("socks5://proxy:1080").is_none());
    }

    #[tokio::test]
    async fn a_public_name_for_a_private_address_is_refused() {
        let error = directly("localhost", 80, false).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }
}
