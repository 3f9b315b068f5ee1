//! Tests of the room as a whole. The fixtures were written after the public documentation of the
//! APIs, with the fields that their servers send.

mod answers;
mod broken;
mod failures;
mod fixtures;
mod hostile;
mod requests;
mod round_trip;
mod server_sent;
mod streams;
mod table;

use crate::{Answer, Body, Dialect};

fn read_answer(dialect: Dialect, bytes: &[u8]) -> Answer {
    let body = Body::parse(bytes).unwrap();
    dialect.read_answer(&body).unwrap()
}
