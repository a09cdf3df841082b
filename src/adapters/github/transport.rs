//! The HTTP client below octocrab. Octocrab's own one follows redirects by itself (a redirected POST becomes a GET), repeats requests, and
//! knows neither proxies nor a deadline; this one does exactly one exchange.

use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use octocrab::{AuthState, OctoBody, Octocrab, OctocrabBuilder};
use url::{Host, Url};

/// How long an exchange may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands.
    pub connect: Duration,
    /// Between two pieces of an answer.
    pub idle: Duration,
    /// For a whole exchange.
    pub request: Duration,
    /// For a whole log.
    pub log: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), idle: Duration::from_secs(30), request: Duration::from_secs(60), log: Duration::from_secs(300) }
    }
}

/// Octocrab over our transport. Must be called within a tokio runtime: octocrab spawns a task.
pub(super) fn octocrab(api: &Url, user_agent: &str, timeouts: &Timeouts) -> Result<Octocrab, reqwest::Error> {
    // `main` installs the provider first of all; whoever uses the library otherwise gets the same one. An error means that another thread was faster.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let mut client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .user_agent(user_agent)
        .connect_timeout(timeouts.connect)
        .read_timeout(timeouts.idle);
    if is_loopback(api) {
        // A proxy's loopback is not ours.
        client = client.no_proxy();
    }
    let built = OctocrabBuilder::new_empty().with_service(Exchange(client.build()?)).with_auth(AuthState::None).build();
    match built {
        Ok(octocrab) => Ok(octocrab),
        Err(never) => match never {},
    }
}

/// Whether a host is this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[derive(Clone)]
struct Exchange(reqwest::Client);

impl tower::Service<http::Request<OctoBody>> for Exchange {
    type Response = http::Response<reqwest::Body>;
    type Error = reqwest::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<OctoBody>) -> Self::Future {
        let client = self.0.clone();
        Box::pin(async move {
            let request = reqwest::Request::try_from(request.map(reqwest::Body::wrap))?;
            // The address of a log carries a signature: it must not get into a message.
            let response = client.execute(request).await.map_err(reqwest::Error::without_url)?;
            Ok(response.into())
        })
    }
}
