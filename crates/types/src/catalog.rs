//! The catalogue: which models there are, what they cost and what they can do.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{ModelName, Tokens, Usd, UsdPerMillion};

/// What a model may be asked for beyond text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Calls tools.
    Tools,
    /// Reads images.
    Vision,
    /// Answers by a JSON schema.
    Json,
}

/// What a model costs per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Prices {
    /// Tokens in.
    #[serde(rename = "input_usd_per_million")]
    pub input: UsdPerMillion,
    /// Tokens out.
    #[serde(rename = "output_usd_per_million")]
    pub output: UsdPerMillion,
    /// Tokens in that the provider had cached; the price of tokens in where none is given.
    #[serde(
        rename = "cached_input_usd_per_million",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub cached_input: Option<UsdPerMillion>,
}

impl Prices {
    /// `input (n_in - n_cached) + cached n_cached + output n_out`, in tokens.
    #[must_use]
    pub fn cost(&self, input: f64, cached: f64, output: f64) -> Usd {
        let cached = cached.min(input);
        let cached_price = self.cached_input.unwrap_or(self.input);
        Usd::saturating(
            self.input.times(input - cached)
                + cached_price.times(cached)
                + self.output.times(output),
        )
    }
}

/// What a model costs per million tokens where the prompt is long. A price that is not given is that
/// of shorter prompts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceTier {
    /// From one token in more than this.
    pub above_input_tokens: Tokens,
    /// Tokens in, per million.
    pub input_usd_per_million: UsdPerMillion,
    /// Tokens out, per million.
    pub output_usd_per_million: UsdPerMillion,
    /// Cached tokens in, per million.
    pub cached_input_usd_per_million: Option<UsdPerMillion>,
    /// Tokens in that are put into the cache, per million.
    pub cache_write_usd_per_million: Option<UsdPerMillion>,
}

/// The tokens of a call, as a provider bills them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Billed {
    /// Tokens in, all of them.
    pub input: u64,
    /// Of these, read from the provider's cache.
    pub cached: u64,
    /// Of these, written to it.
    pub cache_write: u64,
    /// Tokens out, reasoning included.
    pub output: u64,
}

/// One model of the catalogue. What is not stated is not filtered on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelCard {
    /// The name, as the logs spell it.
    pub name: ModelName,
    /// Tokens in, per million.
    pub input_usd_per_million: Option<UsdPerMillion>,
    /// Tokens out, per million.
    pub output_usd_per_million: Option<UsdPerMillion>,
    /// Cached tokens in, per million.
    pub cached_input_usd_per_million: Option<UsdPerMillion>,
    /// Tokens in that the provider puts into its cache, per million; as other tokens in where none is
    /// given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_usd_per_million: Option<UsdPerMillion>,
    /// Prices of long prompts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<PriceTier>,
    /// Tokens in and out together.
    pub context_window: Option<Tokens>,
    /// Most tokens out.
    pub max_output_tokens: Option<Tokens>,
    /// What it can do; unstated means nothing is known and nothing is refused.
    pub capabilities: Option<BTreeSet<Capability>>,
    /// Free words to select by.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// Where it runs.
    pub region: Option<String>,
    /// Whether the provider keeps nothing.
    #[serde(default)]
    pub zero_retention: bool,
    /// Whether it is no longer to be chosen, though routers know it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
    /// Typical time to answer, in milliseconds.
    pub latency_ms: Option<f64>,
}

impl ModelCard {
    /// A card that states nothing but the name.
    #[must_use]
    pub fn unknown(name: ModelName) -> Self {
        Self {
            name,
            input_usd_per_million: None,
            output_usd_per_million: None,
            cached_input_usd_per_million: None,
            cache_write_usd_per_million: None,
            tiers: Vec::new(),
            context_window: None,
            max_output_tokens: None,
            capabilities: None,
            tags: BTreeSet::new(),
            region: None,
            zero_retention: false,
            retired: false,
            latency_ms: None,
        }
    }

    /// The prices, when both directions are priced.
    #[must_use]
    pub fn prices(&self) -> Option<Prices> {
        Some(Prices {
            input: self.input_usd_per_million?,
            output: self.output_usd_per_million?,
            cached_input: self.cached_input_usd_per_million,
        })
    }

    /// This card, and what another says where it says nothing. Prices go together.
    fn filled_from(&self, other: &Self) -> Self {
        let priced = if self.prices().is_some() { self } else { other };
        let tags = if self.tags.is_empty() { other } else { self };
        Self {
            name: self.name.clone(),
            input_usd_per_million: priced.input_usd_per_million,
            output_usd_per_million: priced.output_usd_per_million,
            cached_input_usd_per_million: priced.cached_input_usd_per_million,
            cache_write_usd_per_million: priced.cache_write_usd_per_million,
            tiers: priced.tiers.clone(),
            context_window: self.context_window.or(other.context_window),
            max_output_tokens: self.max_output_tokens.or(other.max_output_tokens),
            capabilities: self
                .capabilities
                .clone()
                .or_else(|| other.capabilities.clone()),
            tags: tags.tags.clone(),
            region: self.region.clone().or_else(|| other.region.clone()),
            zero_retention: self.zero_retention || other.zero_retention,
            retired: self.retired || other.retired,
            latency_ms: self.latency_ms.or(other.latency_ms),
        }
    }

    /// What a call cost, at the prices for prompts of its length; `None` where there is no price.
    #[must_use]
    pub fn bill(&self, call: &Billed) -> Option<Usd> {
        let base = self.prices()?;
        let tier = self.tier(call.input);
        let prices = tier.map_or(base, |tier| Prices {
            input: tier.input_usd_per_million,
            output: tier.output_usd_per_million,
            cached_input: tier.cached_input_usd_per_million.or(base.cached_input),
        });
        let write = tier
            .and_then(|tier| tier.cache_write_usd_per_million)
            .or(self.cache_write_usd_per_million)
            .unwrap_or(prices.input);
        let written = call.cache_write.min(call.input) as f64;
        let rest = call.input as f64 - written;
        let read = prices.cost(rest, call.cached as f64, call.output as f64);
        Some(Usd::saturating(read.as_f64() + write.times(written)))
    }

    /// The tier of the longest prompts that a prompt of this length is in.
    fn tier(&self, input: u64) -> Option<&PriceTier> {
        let reached = |tier: &&PriceTier| tier.above_input_tokens.0 < input;
        let tiers = self.tiers.iter().filter(reached);
        tiers.max_by_key(|tier| tier.above_input_tokens)
    }
}

/// A defect of a catalogue.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CatalogError {
    /// The same model stands there twice.
    #[error("the catalogue lists model `{0}` twice")]
    Duplicate(ModelName),
    /// One direction has a price and the other has none.
    #[error(
        "model `{0}` has a price for one direction only; give both input_usd_per_million and output_usd_per_million, or neither"
    )]
    HalfPriced(ModelName),
    /// A latency that is not a time.
    #[error("model `{0}`: latency_ms must be finite and not negative")]
    Latency(ModelName),
}

/// The models that can be chosen, by name.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "CatalogFile", into = "CatalogFile")]
pub struct Catalog(BTreeMap<ModelName, ModelCard>);

/// The form of the file: `[[models]]` tables.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogFile {
    #[serde(default)]
    models: Vec<ModelCard>,
}

impl Catalog {
    /// Checks the cards and orders them by name.
    ///
    /// # Errors
    /// On a model listed twice, priced in one direction only, or with a latency that is no time.
    pub fn new(cards: Vec<ModelCard>) -> Result<Self, CatalogError> {
        let mut by_name = BTreeMap::new();
        for card in cards {
            check(&card)?;
            if let Some(twice) = by_name.insert(card.name.clone(), card) {
                return Err(CatalogError::Duplicate(twice.name));
            }
        }
        Ok(Self(by_name))
    }

    /// The card of a model.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&ModelCard> {
        self.0.get(name)
    }

    /// All cards, by name.
    pub fn cards(&self) -> impl Iterator<Item = &ModelCard> {
        self.0.values()
    }

    /// The same with these cards for their models; what they do not state stays as it was.
    #[must_use]
    pub fn overridden<'c>(&self, cards: impl IntoIterator<Item = &'c ModelCard>) -> Self {
        let mut by_name = self.0.clone();
        for card in cards {
            let card = match by_name.get(&card.name) {
                Some(before) => card.filled_from(before),
                None => card.clone(),
            };
            by_name.insert(card.name.clone(), card);
        }
        Self(by_name)
    }

    /// Whether it lists no model.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn check(card: &ModelCard) -> Result<(), CatalogError> {
    if card.input_usd_per_million.is_some() != card.output_usd_per_million.is_some() {
        return Err(CatalogError::HalfPriced(card.name.clone()));
    }
    if card
        .latency_ms
        .is_some_and(|latency| !latency.is_finite() || latency < 0.0)
    {
        return Err(CatalogError::Latency(card.name.clone()));
    }
    Ok(())
}

impl TryFrom<CatalogFile> for Catalog {
    type Error = CatalogError;
    fn try_from(file: CatalogFile) -> Result<Self, CatalogError> {
        Self::new(file.models)
    }
}

impl From<Catalog> for CatalogFile {
    fn from(catalog: Catalog) -> Self {
        Self {
            models: catalog.0.into_values().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prices(input: f64, output: f64, cached: Option<f64>) -> Prices {
        let price = |usd| UsdPerMillion::new(usd).unwrap();
        Prices {
            input: price(input),
            output: price(output),
            cached_input: cached.map(price),
        }
    }

    #[test]
    fn cached_tokens_have_their_own_price() {
        assert_eq!(
            prices(2.0, 8.0, Some(0.5)).cost(1000.0, 400.0, 100.0),
            Usd::new(0.0022).unwrap()
        );
    }

    #[test]
    fn without_a_cached_price_cached_tokens_cost_the_same() {
        assert_eq!(
            prices(2.0, 8.0, None).cost(1000.0, 400.0, 100.0),
            Usd::new(0.0028).unwrap()
        );
    }

    fn price(usd: f64) -> Option<UsdPerMillion> {
        Some(UsdPerMillion::new(usd).unwrap())
    }

    fn check_bill(card: &ModelCard, [input, cached, cache_write, output]: [u64; 4], usd: f64) {
        let call = Billed {
            input,
            cached,
            cache_write,
            output,
        };
        assert_eq!(card.bill(&call), Some(Usd::new(usd).unwrap()), "{call:?}");
    }

    #[test]
    fn a_bill_knows_the_cache_and_long_prompts() {
        let mut card = ModelCard {
            input_usd_per_million: price(3.0),
            output_usd_per_million: price(15.0),
            cached_input_usd_per_million: price(0.3),
            cache_write_usd_per_million: price(3.75),
            ..ModelCard::unknown("long".into())
        };
        check_bill(&card, [1000, 0, 0, 100], 0.0045);
        check_bill(&card, [1000, 400, 200, 100], 0.00357);
        check_bill(&card, [300_000, 0, 0, 0], 0.9);
        card.tiers = vec![PriceTier {
            above_input_tokens: Tokens(200_000),
            input_usd_per_million: UsdPerMillion::new(6.0).unwrap(),
            output_usd_per_million: UsdPerMillion::new(22.5).unwrap(),
            cached_input_usd_per_million: None,
            cache_write_usd_per_million: None,
        }];
        check_bill(&card, [200_000, 0, 0, 0], 0.6);
        check_bill(&card, [300_000, 100_000, 0, 1000], 1.2525);
        assert_eq!(
            ModelCard::unknown("free".into()).bill(&Billed::default()),
            None
        );
    }

    #[test]
    fn a_catalogue_names_each_model_once() {
        let card = ModelCard::unknown("small".into());
        let twice = Catalog::new(vec![card.clone(), card]);
        assert_eq!(twice, Err(CatalogError::Duplicate("small".into())));
    }

    #[test]
    fn an_override_states_what_it_states() {
        let before = ModelCard {
            input_usd_per_million: price(1.0),
            output_usd_per_million: price(2.0),
            cached_input_usd_per_million: price(0.1),
            context_window: Some(Tokens(1000)),
            ..ModelCard::unknown("small".into())
        };
        let catalog = Catalog::new(vec![before.clone()]).unwrap();
        let region = ModelCard {
            region: Some("eu".into()),
            ..ModelCard::unknown("small".into())
        };
        let overridden = catalog.overridden([&region]);
        let card = overridden.get("small").unwrap();
        assert_eq!(
            (card.prices(), card.context_window),
            (before.prices(), Some(Tokens(1000)))
        );
        assert_eq!(card.region.as_deref(), Some("eu"));
        let dearer = ModelCard {
            input_usd_per_million: price(5.0),
            output_usd_per_million: price(6.0),
            ..ModelCard::unknown("small".into())
        };
        let card = catalog.overridden([&dearer]);
        assert_eq!(
            card.get("small").unwrap().cached_input_usd_per_million,
            None
        );
    }

    #[test]
    fn half_a_price_is_no_price() {
        let mut card = ModelCard::unknown("small".into());
        card.input_usd_per_million = Some(UsdPerMillion::new(1.0).unwrap());
        assert_eq!(
            Catalog::new(vec![card]),
            Err(CatalogError::HalfPriced("small".into()))
        );
    }
}
