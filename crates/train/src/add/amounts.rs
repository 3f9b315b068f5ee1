//! Tokens and costs of a new model: those of the model most like it, scaled to what was logged.

use pointsman_models::{InputTokens, LogRegression, Model, Point};
use pointsman_router::expected_cost;
use pointsman_types::{Catalog, ModelName, Prices};

use super::few::{Call, Few};
use super::prior::family;
use crate::amounts::{LEAST_AMOUNT, LEAST_RESIDUALS, log_of, quantiles};
use crate::costs::ASSUMED_OUTPUT_TOKENS;

/// The prompt that models are compared on has so many characters and is average in all else.
const TYPICAL_CHARS: f32 = 1000.0;

/// The heads for tokens and costs with the new model at the end.
pub(super) struct WithAmounts {
    pub(super) input_tokens: Vec<InputTokens>,
    pub(super) output_tokens: Option<LogRegression>,
    pub(super) logged_cost: Option<LogRegression>,
    /// The number of the model that the new one is taken to be like.
    pub(super) like: usize,
    /// What the user should know.
    pub(super) note: Option<String>,
}

impl WithAmounts {
    pub(super) fn new(model: &Model, few: &Few, catalog: &Catalog, name: &ModelName) -> Self {
        let like = most_like(model, catalog, name);
        let shape = (model.representation.context_len(), model.names.len());
        let tokens = Amount::new(model.output_tokens.as_ref(), few, |call| call.output_tokens);
        let costs = Amount::new(model.logged_cost.as_ref(), few, |call| call.cost);
        let is_assumed = tokens.logged.is_empty()
            && tokens.like(like).is_none()
            && prices(catalog, name).is_some();
        let fallback = if is_assumed {
            ASSUMED_OUTPUT_TOKENS
        } else {
            f32::NAN
        };
        let cost_of_like = if costs.logged.is_empty() {
            None
        } else {
            costs.like(like)
        };
        Self {
            input_tokens: input_tokens(model, few, like),
            output_tokens: tokens.like(like).or_else(|| tokens.constant(shape, fallback)),
            logged_cost: cost_of_like.or_else(|| costs.constant(shape, f32::NAN)),
            like,
            note: is_assumed.then(|| {
                format!("nothing says how many tokens `{name}` answers with: {ASSUMED_OUTPUT_TOKENS} were assumed")
            }),
        }
    }

    /// What a typical prompt costs in US dollars, model by model, the new one last; `None` where
    /// nothing says it.
    pub(super) fn typical_costs(&self, names: &[ModelName], catalog: &Catalog) -> Vec<Option<f64>> {
        let cost = |(at, name): (usize, &ModelName)| {
            let input = self.input_tokens[at].predict(TYPICAL_CHARS);
            let output = typical(self.output_tokens.as_ref(), at);
            let logged = typical(self.logged_cost.as_ref(), at);
            expected_cost(prices(catalog, name), input, output, logged).map(|cost| cost.as_f64())
        };
        names.iter().enumerate().map(cost).collect()
    }
}

fn prices(catalog: &Catalog, name: &ModelName) -> Option<Prices> {
    catalog.get(name.as_str()).and_then(|card| card.prices())
}

/// Of the same family if there is one, then of the nearest price.
fn most_like(model: &Model, catalog: &Catalog, name: &ModelName) -> usize {
    let price =
        |name: &ModelName| prices(catalog, name).map(|both| both.input.get() + both.output.get());
    let own = price(name);
    let distance = |other: &ModelName| {
        let pair = own.zip(price(other));
        let apart = pair.map_or(f64::INFINITY, |(own, other)| (own / other).ln().abs());
        (family(other) != family(name), apart)
    };
    let nearer = |one: &usize, other: &usize| {
        let (one, other) = (distance(&model.names[*one]), distance(&model.names[*other]));
        one.0.cmp(&other.0).then(one.1.total_cmp(&other.1))
    };
    (0..model.names.len()).min_by(nearer).unwrap_or(0)
}

fn input_tokens(model: &Model, few: &Few, like: usize) -> Vec<InputTokens> {
    let line = model.input_tokens[like];
    let seen = || few.calls.iter().filter(|call| !call.input_tokens.is_nan());
    let factor = ratio(
        seen().map(|call| call.input_tokens).sum(),
        seen().map(|call| line.predict(call.chars)).sum(),
    );
    let new = InputTokens {
        base: line.base * factor,
        per_char: line.per_char * factor,
    };
    model.input_tokens.iter().copied().chain([new]).collect()
}

/// 1 where nothing was logged.
fn ratio(logged: f32, expected: f32) -> f32 {
    match logged > 0.0 && expected > 0.0 {
        true => logged / expected,
        false => 1.0,
    }
}

/// One kind of amount: the head of the models that are there, and the calls of which it was logged.
struct Amount<'a> {
    head: Option<&'a LogRegression>,
    logged: Vec<(&'a Point, f32)>,
}

impl<'a> Amount<'a> {
    fn new(head: Option<&'a LogRegression>, few: &'a Few, of: fn(&Call) -> f32) -> Self {
        let amounts = few.calls.iter().map(|call| (&call.point, of(call)));
        let logged = amounts.filter(|(_, amount)| !amount.is_nan());
        Self {
            head,
            logged: logged
                .map(|(point, amount)| (point, amount.max(LEAST_AMOUNT)))
                .collect(),
        }
    }

    /// The head with a model like this one, scaled to what was logged; `None` where nothing is known
    /// of that one.
    fn like(&self, like: usize) -> Option<LogRegression> {
        let head = self.head?;
        typical(self.head, like)?;
        let logged = self.logged.iter().map(|(_, amount)| amount).sum();
        let expected = self
            .logged
            .iter()
            .map(|(point, _)| head.predict(point)[like])
            .sum();
        Some(self.spread(head.with_scaled(like, ratio(logged, expected))))
    }

    /// The head with a model of the mean amount that was logged, or of `fallback`; `None` where there
    /// is no head and nothing to put into one.
    fn constant(&self, (context, models): (usize, usize), fallback: f32) -> Option<LogRegression> {
        let sum: f32 = self.logged.iter().map(|(_, amount)| amount).sum();
        let amount = match self.logged.len() {
            0 => fallback,
            count => sum / count as f32,
        };
        match self.head {
            None if amount.is_nan() => None,
            None => {
                let head = LogRegression::unknown(context, models).with_constant(amount);
                Some(self.spread(head))
            }
            Some(head) => Some(self.spread(head.with_constant(amount))),
        }
    }

    /// With as many amounts as training asks for, they say how far such amounts spread.
    fn spread(&self, head: LogRegression) -> LogRegression {
        if self.logged.len() < LEAST_RESIDUALS {
            return head;
        }
        let residual = |(point, amount): &(&Point, f32)| {
            let predicted = head.logs(point).last().copied();
            log_of(*amount) - predicted.unwrap_or(f32::NAN)
        };
        let residuals = quantiles(self.logged.iter().map(residual).collect());
        head.with_last_residuals(residuals)
    }
}

/// The amount of one model for a typical prompt, where it has one.
fn typical(head: Option<&LogRegression>, model: usize) -> Option<f32> {
    let head = head?;
    let mut context = vec![0.0; head.weights.rows()];
    context[0] = 1.0;
    let point = Point {
        ngrams: Vec::new(),
        context,
    };
    Some(head.predict(&point)[model]).filter(|amount| !amount.is_nan())
}
