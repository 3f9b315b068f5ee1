//! The paths that are served: what `app` mounts, `metrics` labels by and the OpenAPI document describes.

/// Every route: method and path.
pub const ROUTES: [(&str, &str); 16] = [
    ("post", "/v1/route"),
    ("post", "/v1/chat/completions"),
    ("post", "/v1/messages"),
    ("post", "/v1/responses"),
    ("post", "/v1/feedback"),
    ("get", "/v1/models"),
    ("get", "/v1/learning"),
    ("get", "/v1/savings"),
    ("get", "/v1/versions"),
    ("post", "/v1/versions"),
    ("post", "/v1/promote"),
    ("post", "/v1/rollback"),
    ("get", "/healthz"),
    ("get", "/readyz"),
    ("get", "/metrics"),
    ("get", "/openapi.json"),
];
