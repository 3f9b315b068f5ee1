//! `GET /v1/models`: the list form of the OpenAI API, with what the catalogue states of each model.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use pointsman_types::ModelCard;
use serde::Serialize;

use crate::App;
use crate::problem::{Problem, json_bytes};

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Entry<'a>>,
}

/// The catalogue's card under the names that clients of that API look for. When a model was made
/// is not known; the API has no way to say so but 0.
#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
    #[serde(flatten)]
    card: &'a ModelCard,
}

/// The body of the answer; it changes with the router alone.
pub(crate) fn list(cards: &[ModelCard]) -> Vec<u8> {
    let data = cards.iter().map(entry).collect();
    serde_json::to_vec(&List {
        object: "list",
        data,
    })
    .expect("keys are strings and writing to memory does not fail")
}

fn entry(card: &ModelCard) -> Entry<'_> {
    Entry {
        id: card.name.as_str(),
        object: "model",
        created: 0,
        owned_by: "catalog",
        card,
    }
}

pub(crate) async fn models(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let fleet = app.gateway.fleet.load();
    let guest = fleet.door.admit(&headers)?;
    Ok(match fleet.is_empty() {
        true => json_bytes(app.live.snapshot().current.models.clone()),
        false => json_bytes(fleet.listed_for(&guest)),
    })
}
