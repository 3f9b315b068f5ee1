//! `GET /openapi.json`: the description of the API. It is a file, to be read and reviewed as one;
//! tests hold it to the routes and to the fields that are accepted.

use axum::response::Response;

use crate::problem::json_bytes;

const DOCUMENT: &str = include_str!("openapi.json");

pub(crate) async fn openapi() -> Response {
    json_bytes(DOCUMENT)
}

#[cfg(test)]
mod tests {
    use pointsman_types::Reason;
    use serde_json::{Value, json};

    use super::*;
    use crate::ROUTES;
    use crate::admin_body::PromoteBody;
    use crate::feedback_body::FeedbackBody;
    use crate::parse::parse;
    use crate::problem::Problem;
    use crate::route_body::RouteBody;

    fn document() -> Value {
        serde_json::from_str(DOCUMENT).unwrap()
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let document = document();
        let mut described: Vec<(String, String)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap().keys();
                methods.map(|method| (method.clone(), path.clone()))
            })
            .collect();
        described.sort();
        let mut routes = ROUTES
            .map(|(method, path)| (method.to_owned(), path.to_owned()))
            .to_vec();
        routes.sort();
        assert_eq!(described, routes);
    }

    #[test]
    fn it_has_the_version_of_the_package() {
        assert_eq!(document()["info"]["version"], env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        for part in DOCUMENT.split("\"$ref\": \"#").skip(1) {
            let pointer = part.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }

    #[test]
    fn every_reason_is_described() {
        let document = document();
        let pointer = "/components/schemas/RouteResponse/properties/reason/enum";
        let reasons = Reason::ALL.map(Reason::as_str);
        assert_eq!(document.pointer(pointer).unwrap(), &json!(reasons));
    }

    /// The words that the parser offers when it meets a field it does not know.
    fn accepted(problem: Problem) -> Vec<String> {
        let list = problem
            .message
            .split("expected one of")
            .nth(1)
            .unwrap()
            .to_owned();
        let mut names: Vec<String> = list
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect();
        names.sort();
        names
    }

    fn described(pointer: &str) -> Vec<String> {
        let document = document();
        let schema = document.pointer(pointer).unwrap()["properties"]
            .as_object()
            .unwrap();
        schema.keys().cloned().collect()
    }

    #[test]
    fn the_fields_described_are_those_accepted() {
        let body = json!({"no_such_field": 1}).to_string();
        let route = parse::<RouteBody<'_>>(body.as_bytes()).unwrap_err();
        let feedback = parse::<FeedbackBody>(body.as_bytes()).unwrap_err();
        let promote = parse::<PromoteBody>(body.as_bytes()).unwrap_err();
        assert_eq!(
            described("/components/schemas/PromoteRequest"),
            accepted(promote)
        );
        let body = json!({"provider": {"no_such_field": 1}}).to_string();
        let provider = parse::<RouteBody<'_>>(body.as_bytes()).unwrap_err();
        let body = json!({"usage": {"no_such_field": 1}}).to_string();
        let usage = parse::<FeedbackBody>(body.as_bytes()).unwrap_err();
        assert_eq!(
            described("/components/schemas/RouteRequest"),
            accepted(route)
        );
        assert_eq!(
            described("/components/schemas/FeedbackRequest"),
            accepted(feedback)
        );
        assert_eq!(
            described("/components/schemas/Provider"),
            accepted(provider)
        );
        assert_eq!(described("/components/schemas/Usage"), accepted(usage));
    }
}
