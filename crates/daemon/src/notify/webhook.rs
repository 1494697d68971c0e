//! Requests over HTTP, on a connection that is kept. Nothing is followed: a redirect would carry a token to another host.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use ureq::Agent;
use ureq::http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::config::{Template, Webhook};
use super::courier::{Courier, Failed, said};
use super::message::Message;
use super::secret::Secret;
use super::{own, template};

/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 64 << 10;
/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(300);
/// Longest that a receiver may ask to be left alone.
const AFTER_MAX: u64 = 3600;
/// Where Telegram's bots are.
const TELEGRAM: &str = "https://api.telegram.org";

type Wrong = (&'static str, String);

/// Judges a webhook's configuration.
pub fn check(config: &Webhook) -> Result<(), Wrong> {
    let telegram = config.template == Template::Telegram;
    match &config.url {
        Secret::Absent if telegram && !config.token.is_absent() => {}
        Secret::Absent => return Err(("url", "is missing".to_owned())),
        Secret::Text(url) => judge_url(url).map(drop).map_err(|why| ("url", why))?,
        _ => {}
    }
    if telegram && config.chat.is_empty() {
        return Err(("chat", "is missing: Telegram needs the id of a chat".to_owned()));
    }
    match (config.template, config.body.is_empty()) {
        (Template::Own, true) => return Err(("body", "is missing: template = \"own\" needs it".to_owned())),
        (Template::Own, false) => own::check(&config.body).map_err(|why| ("body", why))?,
        (_, false) => return Err(("body", "is only used with template = \"own\"".to_owned())),
        _ => {}
    }
    if !matches!(config.method.as_str(), "POST" | "PUT" | "PATCH") {
        return Err(("method", format!("`{}`: POST, PUT or PATCH", config.method)));
    }
    if let Some(name) = config
        .headers
        .keys()
        .find(|name| HeaderName::from_bytes(name.as_bytes()).is_err())
    {
        return Err(("headers", format!("`{name}` is no name of a header")));
    }
    if HeaderValue::from_str(&config.content_type).is_err() {
        return Err(("content-type", "is none".to_owned()));
    }
    if config.timeout.is_zero() {
        return Err(("timeout", "must be at least a second".to_owned()));
    }
    Ok(())
}

/// A URL is a secret: what is wrong with it is told without it.
fn judge_url(url: &str) -> Result<Uri, String> {
    let uri: Uri = url.parse().map_err(|_| "is no URL".to_owned())?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(host)) if !host.is_empty() => Ok(uri),
        _ => Err("must begin with https:// or http:// and a host".to_owned()),
    }
}

/// Sends requests.
pub struct Requests {
    config: Webhook,
    agent: Agent,
    uri: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
    zone: TimeZone,
}

impl Requests {
    /// Reads secrets and certificates.
    ///
    /// # Errors
    /// The key that is wrong, and why.
    pub fn open(config: &Webhook, zone: TimeZone) -> Result<Requests, Wrong> {
        let uri = judge_url(&target(config)?).map_err(|why| ("url", why))?;
        let mut headers = Vec::new();
        for (name, value) in &config.headers {
            let text = value.read().map_err(|why| ("headers", why))?;
            let name =
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| ("headers", "no name of a header".to_owned()))?;
            headers.push((
                name,
                secret_value(&text).ok_or(("headers", "no value of a header".to_owned()))?,
            ));
        }
        if !config.token.is_absent() && config.template != Template::Telegram {
            let token = config.token.read().map_err(|why| ("token", why))?;
            let value =
                secret_value(&format!("Bearer {token}")).ok_or(("token", "cannot stand in a header".to_owned()))?;
            headers.push((ureq::http::header::AUTHORIZATION, value));
        }
        Ok(Requests {
            agent: agent(config, uri.scheme_str() == Some("https"))?,
            config: config.clone(),
            uri,
            headers,
            zone,
        })
    }

    fn request(&self, message: &Message) -> Result<Request<String>, Failed> {
        let content = template::content(&self.config, message, &self.zone);
        let method = match (self.config.template, self.config.method.as_str()) {
            (Template::Own, "PUT") => Method::PUT,
            (Template::Own, "PATCH") => Method::PATCH,
            _ => Method::POST,
        };
        let mut request = Request::builder()
            .method(method)
            .uri(self.uri.clone())
            .header("Content-Type", content.content_type)
            .header("Idempotency-Key", &message.id);
        for (name, value) in content.headers {
            request = request.header(name, value);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        // everything in it was judged before, so it is this message that cannot be sent
        request.body(content.body).map_err(|_| Failed {
            refused: true,
            ..Failed::for_now("cannot be made a request")
        })
    }
}

/// Where requests go.
fn target(config: &Webhook) -> Result<String, Wrong> {
    let url = match &config.url {
        Secret::Absent => TELEGRAM.to_owned(),
        url => url.read().map_err(|why| ("url", why))?,
    };
    if config.template != Template::Telegram || config.token.is_absent() {
        return Ok(url);
    }
    let token = config.token.read().map_err(|why| ("token", why))?;
    Ok(format!("{}/bot{token}/sendMessage", url.trim_end_matches('/')))
}

fn secret_value(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn agent(config: &Webhook, tls: bool) -> Result<Agent, Wrong> {
    let timeout = config.timeout.duration();
    let proxy = match &config.proxy {
        Secret::Absent => None,
        proxy => {
            let url = proxy.read().map_err(|why| ("proxy", why))?;
            Some(ureq::Proxy::new(&url).map_err(|_| ("proxy", "is no address of a proxy".to_owned()))?)
        }
    };
    let mut builder = Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(proxy)
        .max_idle_age(IDLE)
        .max_response_header_size(16 << 10)
        .user_agent(concat!("tunlog/", env!("CARGO_PKG_VERSION")));
    if tls {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = RootCerts::new_with_certs(&roots(config)?);
        let tls = TlsConfig::builder()
            .root_certs(roots)
            .unversioned_rustls_crypto_provider(provider)
            .build();
        builder = builder.tls_config(tls);
    }
    Ok(builder.build().new_agent())
}

/// The certificates that are trusted.
fn roots(config: &Webhook) -> Result<Vec<Certificate<'static>>, Wrong> {
    let found: Vec<CertificateDer<'static>> = match &config.ca {
        Some(path) => {
            let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            all.map_err(|error| ("ca", format!("{}: {error}", path.display())))?
        }
        None => rustls_native_certs::load_native_certs().certs,
    };
    if found.is_empty() {
        let why = match &config.ca {
            Some(path) => format!("{}: no certificate in it", path.display()),
            None => {
                "this system has no list of trusted certificates: install ca-certificates, or name a file".to_owned()
            }
        };
        return Err(("ca", why));
    }
    Ok(found.iter().map(|der| Certificate::from_der(der).to_owned()).collect())
}

impl Courier for Requests {
    fn deliver(&mut self, message: &Message) -> Result<(), Failed> {
        let sent = match self.agent.run(self.request(message)?) {
            // the receiver closed a connection that was kept: that says nothing of the message
            Err(error) if is_stale(&error) => self.agent.run(self.request(message)?),
            sent => sent,
        };
        answer(sent.map_err(|error| Failed::for_now(reason(&error)))?)
    }
}

fn is_stale(error: &ureq::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error, ureq::Error::Io(error)
        if matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof))
}

/// Characters of a receiver's words that are told.
const WORDS_MAX: usize = 120;

/// Without the URL, whatever the error holds.
fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => said(&error.to_string()),
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        ureq::Error::HostNotFound => "the host's name is not found".to_owned(),
        ureq::Error::Rustls(error) => format!("TLS: {}", said(&error.to_string())),
        ureq::Error::Tls(why) => format!("TLS: {why}"),
        ureq::Error::ConnectionFailed => "cannot connect".to_owned(),
        ureq::Error::ConnectProxyFailed(_) => "the proxy does not connect".to_owned(),
        ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => "the answer is no HTTP".to_owned(),
        _ => "the request failed".to_owned(),
    }
}

fn answer(mut response: Response<ureq::Body>) -> Result<(), Failed> {
    let status = response.status();
    let after = response
        .headers()
        .get("retry-after")
        .and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
    // to its end, so that the connection can be used again
    let body = response
        .body_mut()
        .with_config()
        .limit(ANSWER_BYTES_MAX)
        .read_to_vec()
        .unwrap_or_default();
    if status.is_success() {
        return Ok(());
    }
    let code = status.as_u16();
    let why = match code {
        300..400 => format!("{code}: the receiver is somewhere else; redirects are not followed"),
        _ => format!("{code} {}", receivers_words(&body)).trim_end().to_owned(),
    };
    let after = after
        .or_else(|| telegram_after(&body))
        .map(|seconds| Duration::from_secs(seconds.min(AFTER_MAX)));
    Err(Failed {
        why,
        after,
        // it is about the message; others (401, 404, 429, 5xx) are about the receiver and may be mended
        refused: matches!(code, 400 | 405 | 413 | 414 | 415 | 422 | 431),
    })
}

/// What the receiver says of itself: a word or two (`no_service`), or the description in its JSON. Anything else may repeat the
/// request, with a secret in its path.
fn receivers_words(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let is_plain = |text: &str| {
        text.len() <= WORDS_MAX
            && !text.contains('/')
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || " _-.,:'()".contains(c))
    };
    let described = serde_json::from_slice::<serde_json::Value>(body)
        .ok()
        .and_then(|answer| {
            let keys = ["description", "message", "error", "reason"];
            keys.iter().find_map(|key| answer.get(key)?.as_str().map(str::to_owned))
        });
    let words = described.unwrap_or_else(|| text.trim().to_owned());
    if is_plain(&words) { said(&words) } else { String::new() }
}

/// Telegram says in the body how long to wait.
fn telegram_after(body: &[u8]) -> Option<u64> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    answer.get("parameters")?.get("retry_after")?.as_u64()
}
