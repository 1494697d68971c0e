//! What each path answers.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::get;
use tokio::sync::Semaphore;

use super::answers::{Answers, Failure, Page};
use super::problem::Problem;
use super::question::{self, Parameter, Question};
use super::{Rooms, Shared, guard, openapi, wait_for};
use crate::metrics::Form;

/// Bytes of what may be asked to be explained.
const ASKED_MAX: usize = 2048;

/// A query, decoded, in the order in which it was written.
type Pairs = Query<Vec<(String, String)>>;
type Answered = Result<Response, Problem>;

/// All paths.
pub fn router(shared: Arc<Shared>) -> Router {
    let api = Router::new()
        .route("/api/v1/attempts", get(attempts))
        .route("/api/v1/sessions", get(sessions))
        .route("/api/v1/clients", get(clients))
        .route("/api/v1/findings", get(findings))
        .route("/api/v1/search", get(search))
        .route("/api/v1/explain/{*asked}", get(explain))
        .route("/api/v1/status", get(status))
        .route("/api/v1/openapi.json", get(document))
        .route_layer(from_fn_with_state(Arc::clone(&shared), guard::need_token));
    let metrics = Router::new()
        .route("/metrics", get(metrics))
        .route_layer(from_fn_with_state(Arc::clone(&shared), guard::need_token_from_afar));
    Router::new()
        .route("/", get(index))
        .route("/healthz", get(healthy))
        .route("/readyz", get(ready))
        .merge(api)
        .merge(metrics)
        .fallback(nowhere)
        .layer(from_fn_with_state(Arc::clone(&shared), guard::check))
        .layer(map_response(plain_error))
        .with_state(shared)
}

/// What axum itself refuses (a path that is no UTF-8, a query that is none) comes as plain text; it may quote the request.
async fn plain_error(response: Response) -> Response {
    use axum::response::IntoResponse as _;
    let status = response.status();
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let is_ours = content_type.is_some_and(|kind| kind == "application/problem+json");
    if !status.is_client_error() || is_ours {
        return response;
    }
    let headers = response.headers().clone();
    let mut problem = Problem::new(status, "the request cannot be read").into_response();
    for (name, value) in &headers {
        if !matches!(*name, header::CONTENT_TYPE | header::CONTENT_LENGTH) {
            problem.headers_mut().insert(name, value.clone());
        }
    }
    problem
}

async fn nowhere() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is nothing here; / names what is")
}

const INDEX: &str = "tunlog\n\n\
    /metrics               metrics for Prometheus\n\
    /healthz, /readyz      whether it runs; whether everything that was there at the start is taken in\n\
    /api/v1/attempts       connection attempts        (since, until, user, ip, gateway, outcome, cause, limit, cursor)\n\
    /api/v1/sessions       those that became sessions\n\
    /api/v1/clients        sums per user\n\
    /api/v1/findings       attacks and abuse          (since, until, user, ip, rule, severity, limit, cursor)\n\
    /api/v1/search         attempts by text           (q, re, and those of attempts)\n\
    /api/v1/explain/ID     what a message, cause or code means\n\
    /api/v1/status         sources, store, lag\n\
    /api/v1/openapi.json   all of it, for programs\n\n\
    /api/v1 asks for the token: Authorization: Bearer TOKEN\n";

async fn index() -> Response {
    typed(HeaderValue::from_static("text/plain; charset=utf-8"), INDEX.to_owned())
}

async fn healthy() -> Response {
    typed(HeaderValue::from_static("text/plain; charset=utf-8"), "ok\n".to_owned())
}

async fn ready(State(shared): State<Arc<Shared>>) -> Answered {
    match shared.answers.is_ready() {
        true => Ok(typed(
            HeaderValue::from_static("text/plain; charset=utf-8"),
            "ready\n".to_owned(),
        )),
        false => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "what was there at the start is still being taken in",
        )),
    }
}

async fn metrics(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Answered {
    let mut accepts = headers.get_all(header::ACCEPT).iter();
    let accept: Vec<&str> = accepts.by_ref().filter_map(|value| value.to_str().ok()).collect();
    let form = Form::of_accept(&accept.join(","));
    let asked = Arc::clone(&shared);
    let text = wait_for(&shared.rooms.metrics, move || asked.metrics.render(form, (asked.now)())).await?;
    Ok(typed(HeaderValue::from_static(form.content_type()), text))
}

async fn attempts(State(shared): State<Arc<Shared>>, pairs: Pairs) -> Answered {
    let question = read(&shared, &pairs, question::ATTEMPTS)?;
    page(
        shared,
        question,
        |rooms| &rooms.pages,
        |answers, asked| answers.attempts(asked),
    )
    .await
}

async fn sessions(State(shared): State<Arc<Shared>>, pairs: Pairs) -> Answered {
    let question = read(&shared, &pairs, question::ATTEMPTS)?;
    page(
        shared,
        question,
        |rooms| &rooms.pages,
        |answers, asked| answers.sessions(asked),
    )
    .await
}

async fn clients(State(shared): State<Arc<Shared>>, pairs: Pairs) -> Answered {
    let question = read(&shared, &pairs, question::CLIENTS)?;
    page(
        shared,
        question,
        |rooms| &rooms.long,
        |answers, asked| answers.clients(asked),
    )
    .await
}

async fn search(State(shared): State<Arc<Shared>>, pairs: Pairs) -> Answered {
    let question = read(&shared, &pairs, question::SEARCH)?;
    if question.patterns.is_empty() {
        let words = "say what to look for: `q`, a text, or `re`, a regular expression";
        return Err(Problem::new(StatusCode::BAD_REQUEST, words));
    }
    page(
        shared,
        question,
        |rooms| &rooms.long,
        |answers, asked| answers.search(asked),
    )
    .await
}

async fn findings(State(shared): State<Arc<Shared>>, pairs: Pairs) -> Answered {
    let question = read(&shared, &pairs, question::FINDINGS)?;
    page(
        shared,
        question,
        |rooms| &rooms.pages,
        |answers, asked| answers.findings(asked),
    )
    .await
}

type Ask = fn(&dyn Answers, &Question) -> Result<Page, Failure>;

fn read(shared: &Shared, pairs: &Pairs, keys: &[Parameter]) -> Result<Question, Problem> {
    question::read(&pairs.0, keys, (shared.now)()).map_err(|why| Problem::new(StatusCode::BAD_REQUEST, why))
}

async fn page(shared: Arc<Shared>, question: Question, room: fn(&Rooms) -> &Arc<Semaphore>, ask: Ask) -> Answered {
    let asked = Arc::clone(&shared);
    let answer = wait_for(room(&shared.rooms), move || ask(&*asked.answers, &question)).await?;
    match answer {
        Ok(page) => Ok(items(&page)),
        Err(Failure::Cursor) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "cursor: take `next` of the page before as it was given",
        )),
        Err(Failure::TooLong(time)) => {
            let words = format!(
                "this takes longer than {} s: ask for a shorter time with `since` and `until`",
                time.as_secs()
            );
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, words))
        }
        Err(Failure::Unavailable(why)) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, why)),
    }
}

async fn explain(State(shared): State<Arc<Shared>>, Path(asked): Path<String>) -> Answered {
    if asked.len() > ASKED_MAX {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "that is too long"));
    }
    let answering = Arc::clone(&shared);
    let found = wait_for(&shared.rooms.pages, move || answering.answers.explain(&asked)).await?;
    match found.is_empty() {
        true => Err(Problem::new(
            StatusCode::NOT_FOUND,
            "nothing is known by this name; `tunlog explain --list` names what is",
        )),
        false => Ok(items(&Page {
            items: found,
            next: None,
        })),
    }
}

async fn status(State(shared): State<Arc<Shared>>) -> Answered {
    let asked = Arc::clone(&shared);
    let status = wait_for(&shared.rooms.status, move || asked.answers.status()).await?;
    Ok(json(status))
}

async fn document() -> Response {
    json(openapi::document().to_string())
}

/// `{"items":[…],"next":"…"}`. The objects are JSON texts already.
fn items(page: &Page) -> Response {
    let bytes: usize = page.items.iter().map(|item| item.len() + 2).sum();
    let mut out = String::with_capacity(bytes + 64);
    out.push_str("{\"items\":[");
    for (at, item) in page.items.iter().enumerate() {
        out.push_str(if at > 0 { ",\n" } else { "\n" });
        out.push_str(item);
    }
    out.push_str("\n]");
    if let Some(next) = &page.next {
        out.push_str(",\"next\":");
        out.push_str(&serde_json::Value::from(next.as_str()).to_string());
    }
    out.push_str("}\n");
    json(out)
}

fn json(text: String) -> Response {
    typed(HeaderValue::from_static("application/json"), text)
}

fn typed(content_type: HeaderValue, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
