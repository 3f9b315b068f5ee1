//! The five made-up models: prices, windows, speed, and how steeply each falls off as prompts get
//! harder. What each is good at stands in `family`.

use pointsman_types::{Capability, Catalog, ModelCard, ModelName, Prices, Tokens, UsdPerMillion};

/// How many models there are.
pub(crate) const MODELS: usize = 5;

/// One made-up model.
pub(crate) struct SimulatedModel {
    pub(crate) name: &'static str,
    /// US dollars per million tokens: in, out, cached in.
    usd: (f64, f64, Option<f64>),
    window: u64,
    pub(crate) max_output: f64,
    capabilities: &'static [Capability],
    tag: &'static str,
    /// Loss of skill, in logits, from the easiest prompt to the hardest.
    pub(crate) slope: f64,
    /// Bytes of text for each of its tokens.
    pub(crate) bytes_per_token: f64,
    /// Typical time to the first token, in milliseconds.
    pub(crate) ttft_ms: f64,
    /// Tokens out per second.
    pub(crate) speed: f64,
    /// Which part of all missing cells is this model's, times [`MODELS`].
    pub(crate) missing: f64,
}

/// Ordered by name, as the catalogue is. `sim-finch` and `sim-tern` have the same list prices and
/// answer at different lengths; the dearest model is called, and so scored, least often.
pub(crate) const ROSTER: [SimulatedModel; MODELS] = [
    SimulatedModel {
        name: "sim-condor",
        usd: (5.0, 20.0, Some(0.5)),
        window: 200_000,
        max_output: 16_384.0,
        capabilities: &[Capability::Tools, Capability::Vision, Capability::Json],
        tag: "frontier",
        slope: 2.0,
        bytes_per_token: 4.2,
        ttft_ms: 900.0,
        speed: 55.0,
        missing: 2.2,
    },
    SimulatedModel {
        name: "sim-finch",
        usd: (0.2, 0.8, None),
        window: 128_000,
        max_output: 8_192.0,
        capabilities: &[Capability::Tools, Capability::Json],
        tag: "code",
        slope: 10.0,
        bytes_per_token: 3.9,
        ttft_ms: 280.0,
        speed: 140.0,
        missing: 0.7,
    },
    SimulatedModel {
        name: "sim-heron",
        usd: (1.0, 4.0, Some(0.25)),
        window: 128_000,
        max_output: 16_384.0,
        capabilities: &[Capability::Tools, Capability::Vision, Capability::Json],
        tag: "reasoning",
        slope: 7.0,
        bytes_per_token: 4.2,
        ttft_ms: 520.0,
        speed: 90.0,
        missing: 0.9,
    },
    SimulatedModel {
        name: "sim-tern",
        usd: (0.2, 0.8, Some(0.05)),
        window: 64_000,
        max_output: 8_192.0,
        capabilities: &[Capability::Json],
        tag: "languages",
        slope: 8.5,
        bytes_per_token: 4.6,
        ttft_ms: 310.0,
        speed: 120.0,
        missing: 0.6,
    },
    SimulatedModel {
        name: "sim-wren",
        usd: (0.05, 0.2, None),
        window: 32_000,
        max_output: 4_096.0,
        capabilities: &[],
        tag: "small",
        slope: 12.0,
        bytes_per_token: 3.7,
        ttft_ms: 120.0,
        speed: 260.0,
        missing: 0.6,
    },
];

impl SimulatedModel {
    /// What its tokens cost.
    pub(crate) fn prices(&self) -> Prices {
        let (input, output, cached) = self.usd;
        Prices {
            input: price(input),
            output: price(output),
            cached_input: cached.map(price),
        }
    }

    /// Whether it charges less for tokens that it has seen just before.
    pub(crate) fn caches(&self) -> bool {
        self.usd.2.is_some()
    }

    fn card(&self) -> ModelCard {
        let prices = self.prices();
        ModelCard {
            input_usd_per_million: Some(prices.input),
            output_usd_per_million: Some(prices.output),
            cached_input_usd_per_million: prices.cached_input,
            context_window: Some(Tokens(self.window)),
            max_output_tokens: Some(Tokens(self.max_output as u64)),
            capabilities: Some(self.capabilities.iter().copied().collect()),
            tags: ["synthetic".to_owned(), self.tag.to_owned()].into(),
            latency_ms: Some(self.ttft_ms),
            ..ModelCard::unknown(ModelName::from(self.name))
        }
    }
}

fn price(usd: f64) -> UsdPerMillion {
    UsdPerMillion::new(usd).expect("the roster's prices are not negative")
}

/// The catalogue of the made-up models.
pub(crate) fn catalog() -> Catalog {
    Catalog::new(ROSTER.iter().map(SimulatedModel::card).collect())
        .expect("the roster names each model once and prices both directions")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roster_has_the_catalogue_s_order() {
        let catalog = catalog();
        let names: Vec<&str> = catalog.cards().map(|card| card.name.as_str()).collect();
        assert_eq!(names, ROSTER.each_ref().map(|model| model.name));
    }

    #[test]
    fn missing_cells_are_shared_out_whole() {
        let total: f64 = ROSTER.iter().map(|model| model.missing).sum();
        assert!((total - MODELS as f64).abs() < 1e-9, "{total}");
    }
}
