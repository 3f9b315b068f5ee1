//! What is measured for the collector. Names and buckets of `gen_ai.*` are those of the semantic
//! conventions of OpenTelemetry; the others are ours. Attributes are of the settings and closed words,
//! but for the model that a provider says answered.
//!
//! | name | unit | attributes besides provider, model and address |
//! |---|---|---|
//! | `gen_ai.client.token.usage` | `{token}` | `gen_ai.token.type`: as the provider counted |
//! | `gen_ai.client.operation.duration` | `s` | `error.type` |
//! | `pointsman.cost` | `USD` | `pointsman.cost_estimated` |
//! | `pointsman.requests` | `{request}` | `http.route`, `http.response.status_code` alone |
//! | `pointsman.decisions` | `{decision}` | `pointsman.model`, `pointsman.reason` alone |
//! | `pointsman.cache` | `{request}` | `pointsman.cache` alone |
//! | `pointsman.retries`, `pointsman.fallbacks` | `{call}` | none |
//! | `pointsman.telemetry.dropped` | `{span}` | none |

use opentelemetry::metrics::{Counter, Histogram, Meter};
use prometheus_client::metrics::counter::Counter as Dropped;

/// Factors of four from 1 to 67 million.
const TOKEN_BUCKETS: u32 = 14;
/// Factors of two from 10 ms to 82 s.
const SECOND_BUCKETS: u32 = 14;

/// What is measured.
pub(super) struct Instruments {
    pub(super) tokens: Histogram<u64>,
    pub(super) seconds: Histogram<f64>,
    pub(super) cost: Counter<f64>,
    pub(super) requests: Counter<u64>,
    pub(super) decisions: Counter<u64>,
    pub(super) cache: Counter<u64>,
    pub(super) retries: Counter<u64>,
    pub(super) fallbacks: Counter<u64>,
}

impl Instruments {
    pub(super) fn new(meter: &Meter, dropped: &Dropped) -> Self {
        let dropped = dropped.clone();
        meter
            .u64_observable_counter("pointsman.telemetry.dropped")
            .with_unit("{span}")
            .with_callback(move |counter| counter.observe(dropped.get(), &[]))
            .build();
        let counter = |name, unit| meter.u64_counter(name).with_unit(unit).build();
        Self {
            tokens: meter
                .u64_histogram("gen_ai.client.token.usage")
                .with_unit("{token}")
                .with_boundaries(
                    (0..TOKEN_BUCKETS)
                        .map(|power| 4_f64.powi(power as i32))
                        .collect(),
                )
                .build(),
            seconds: meter
                .f64_histogram("gen_ai.client.operation.duration")
                .with_unit("s")
                .with_boundaries(
                    (0..SECOND_BUCKETS)
                        .map(|power| f64::from(1_u32 << power) / 100.0)
                        .collect(),
                )
                .build(),
            cost: meter.f64_counter("pointsman.cost").with_unit("USD").build(),
            requests: counter("pointsman.requests", "{request}"),
            decisions: counter("pointsman.decisions", "{decision}"),
            cache: counter("pointsman.cache", "{request}"),
            retries: counter("pointsman.retries", "{call}"),
            fallbacks: counter("pointsman.fallbacks", "{call}"),
        }
    }
}
