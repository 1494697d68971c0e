//! Who may ask, before anything is answered: the host that is meant, the page that asks, the method, the token.
//!
//! A browser on this machine can be made to ask a server on loopback: by a foreign page (it sends `Origin`, and no token), or by a
//! name that suddenly points to 127.0.0.1 (DNS rebinding: it sends that name in `Host`). Both are refused.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Shared;
use super::config::is_loopback;
use super::problem::Problem;

/// Where a request came in; an extension of each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The address of ours that the client reached; None: a Unix socket.
    pub local: Option<IpAddr>,
}

impl Place {
    /// Whether only who is on this machine can have come here.
    pub fn is_of_here(self) -> bool {
        self.local.is_none_or(is_loopback)
    }
}

/// Refuses what nobody here should answer, and adds to each answer what keeps browsers from making something else of it.
pub async fn check(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let mut response = match refusal(&request, &shared) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    };
    secure(response.headers_mut());
    response
}

fn refusal(request: &Request, shared: &Shared) -> Option<Problem> {
    let Some(place) = request.extensions().get::<Place>() else {
        return Some(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "nobody knows where this came in",
        ));
    };
    let Some(host) = host_of(request) else {
        return Some(Problem::new(StatusCode::BAD_REQUEST, "one valid Host is needed"));
    };
    if !shared.is_our_name(&host, *place) {
        let words = "this name is not known here; names that clients may use stand in `hosts` of [http]";
        return Some(Problem::new(StatusCode::FORBIDDEN, words));
    }
    if is_foreign(request.headers(), &host) {
        return Some(Problem::new(
            StatusCode::FORBIDDEN,
            "pages of other origins may not ask",
        ));
    }
    refused_act(request.method(), request.uri().path())
}

/// What changes something elsewhere and nothing here. Of the acts that tunlog knows it is said who carries them out: whoever asks for
/// one by GET has the wrong method, whoever asks with the right one has no right to it.
fn refused_act(method: &Method, path: &str) -> Option<Problem> {
    const ACTS: [&str; 2] = ["block", "kick"];
    let act = path
        .strip_prefix("/api/v1/")
        .and_then(|name| ACTS.iter().find(|act| **act == name));
    match (act, method) {
        (Some(act), &Method::POST) => {
            let words = format!("nothing can be changed here; `tunlog {act}` on the gateway does it");
            Some(Problem::new(StatusCode::FORBIDDEN, words))
        }
        (Some(_), _) => Some(Problem::wrong_method(
            "this changes something, and is not asked for so",
            "POST",
        )),
        (None, &Method::GET | &Method::HEAD) => None,
        (None, _) => Some(Problem::wrong_method("nothing can be changed here", "GET, HEAD")),
    }
}

/// What stands in `Host` (RFC 9112 §3.2: exactly one), and in the request line if it is absolute.
fn host_of(request: &Request) -> Option<Authority> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return None;
    }
    let Some(host) = host else {
        // HTTP/1.0 knows no Host; whoever speaks it is no browser
        let is_old = request.version() == Version::HTTP_10;
        return is_old.then(|| Authority::from_static("localhost"));
    };
    let host: Authority = host.to_str().ok()?.parse().ok()?;
    let has_user = host.as_str().contains('@');
    let agrees = request.uri().authority().is_none_or(|written| *written == host);
    (!has_user && agrees).then_some(host)
}

/// A page of another origin, or one that hides its own (`null`).
fn is_foreign(headers: &HeaderMap, host: &Authority) -> bool {
    let is_ours = |origin: &HeaderValue| {
        let origin = origin.to_str().unwrap_or_default();
        let rest = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"));
        rest.is_some_and(|rest| rest.eq_ignore_ascii_case(host.as_str()))
    };
    let mut origins = headers.get_all(header::ORIGIN).iter();
    origins.any(|origin| !is_ours(origin))
}

/// Asks for the token.
pub async fn need_token(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    match check_token(request.headers(), &shared) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

/// Asks for the token where others than those of this machine can come.
pub async fn need_token_from_afar(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let is_of_here = request
        .extensions()
        .get::<Place>()
        .is_some_and(|place| place.is_of_here());
    match check_token(request.headers(), &shared).filter(|_| !is_of_here) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

fn check_token(headers: &HeaderMap, shared: &Shared) -> Option<Problem> {
    let Some(token) = &shared.token else {
        let words = "there is no token: give `token-file` in [http], or a store, where one is made";
        return Some(Problem::new(StatusCode::FORBIDDEN, words));
    };
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let is_right = given.next().is_some_and(|value| token.is_in(value.as_bytes())) && given.next().is_none();
    let words = "the token is needed: `Authorization: Bearer TOKEN`; it stands in the file that `token-file` names";
    (!is_right).then(|| Problem::new(StatusCode::UNAUTHORIZED, words))
}

fn secure(headers: &mut HeaderMap) {
    const ALWAYS: [(&str, &str); 6] = [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ];
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
