//! Which policy is asked for, in words, and which one that makes.

use std::fmt;
use std::str::FromStr;

use pointsman_types::{ModelName, Quality, Usd};
use serde::{Deserialize, Serialize};

use crate::curve::OperatingCurve;

/// A policy as people ask for it: `utility:LAMBDA`, `adequate:TARGET`, `budget:USD`,
/// `reference:MODEL:LAMBDA`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PolicySpec {
    /// The highest quality minus `lambda` times cost.
    Utility {
        /// Quality that a dollar must buy: at 200, half a cent must bring one whole point of quality.
        lambda: f64,
    },
    /// The cheapest model whose lower estimate reaches the target.
    Adequate {
        /// The quality that must be reached.
        target: Quality,
    },
    /// The best quality at this mean cost per request.
    Budget {
        /// Mean cost per request.
        mean_cost: Usd,
    },
    /// The reference, unless a cheaper model saves more than it may lose against it.
    Reference {
        /// The model that the others are measured against.
        model: ModelName,
        /// Expected loss of quality that a saved dollar makes up for; at 0 always the reference.
        lambda: f64,
    },
}

/// A policy ready to choose with.
#[derive(Debug, Clone, PartialEq)]
pub enum Policy {
    /// See [`PolicySpec::Utility`].
    Utility {
        /// Quality per dollar.
        lambda: f64,
    },
    /// See [`PolicySpec::Adequate`].
    Adequate {
        /// The quality that must be reached.
        target: Quality,
    },
    /// Utility at the lambda that met the budget on the training curve.
    Budget {
        /// Quality per dollar.
        lambda: f64,
    },
    /// See [`PolicySpec::Reference`].
    Reference {
        /// The model that the others are measured against.
        model: ModelName,
        /// Quality per dollar.
        lambda: f64,
    },
}

impl Policy {
    /// The same policy at another quality per dollar, where it weighs one against the other.
    #[must_use]
    pub fn at(&self, lambda: f64) -> Self {
        match self {
            Self::Utility { .. } => Self::Utility { lambda },
            Self::Budget { .. } => Self::Budget { lambda },
            Self::Reference { model, .. } => Self::Reference {
                model: model.clone(),
                lambda,
            },
            Self::Adequate { target } => Self::Adequate { target: *target },
        }
    }

    /// Quality per dollar, where it weighs one against the other.
    #[must_use]
    pub fn lambda(&self) -> Option<f64> {
        match self {
            Self::Utility { lambda } | Self::Budget { lambda } | Self::Reference { lambda, .. } => {
                Some(*lambda)
            }
            Self::Adequate { .. } => None,
        }
    }
}

/// Words that are no policy, or a policy that this router cannot decide by.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PolicySpecError {
    /// Not of one of the four forms.
    #[error(
        "`{0}` is not a policy; write utility:LAMBDA (quality per USD, at least 0), adequate:TARGET (quality from 0 to 1), budget:USD (mean cost of a request, above 0) or reference:MODEL:LAMBDA (a model's name, quality per USD)"
    )]
    Unreadable(String),
    /// Cheaper than the cheapest.
    #[error(
        "a mean cost of {wanted} cannot be met: the cheapest choice for every request costs {least} on average"
    )]
    BudgetTooSmall {
        /// The budget.
        wanted: Usd,
        /// The least mean cost of the training curve.
        least: Usd,
    },
    /// A reference that the router does not know.
    #[error(
        "the reference `{model}` is none of the router's models: {}",
        listed(known)
    )]
    UnknownReference {
        /// What was asked for.
        model: ModelName,
        /// The router's models.
        known: Vec<ModelName>,
    },
}

fn listed(models: &[ModelName]) -> String {
    let names: Vec<&str> = models.iter().map(ModelName::as_str).collect();
    names.join(", ")
}

impl PolicySpec {
    /// The policy that this makes with the training curve of a router of these models.
    ///
    /// # Errors
    /// When a budget is below the cheapest point of the curve, or a reference is unknown.
    pub fn resolve(
        &self,
        curve: &OperatingCurve,
        models: &[ModelName],
    ) -> Result<Policy, PolicySpecError> {
        match self.clone() {
            Self::Utility { lambda } => Ok(Policy::Utility { lambda }),
            Self::Adequate { target } => Ok(Policy::Adequate { target }),
            Self::Budget { mean_cost } => match curve.lambda_for_cost(mean_cost) {
                Ok(lambda) => Ok(Policy::Budget { lambda }),
                Err(least) => Err(PolicySpecError::BudgetTooSmall {
                    wanted: mean_cost,
                    least,
                }),
            },
            Self::Reference { model, lambda } if models.contains(&model) => {
                Ok(Policy::Reference { model, lambda })
            }
            Self::Reference { model, .. } => Err(PolicySpecError::UnknownReference {
                model,
                known: models.to_vec(),
            }),
        }
    }
}

impl FromStr for PolicySpec {
    type Err = PolicySpecError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| PolicySpecError::Unreadable(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<PolicySpec> {
    let (kind, rest) = text.split_once(':')?;
    // The names of models may have colons of their own.
    let (model, value) = rest.rsplit_once(':').unwrap_or(("", rest));
    let value: f64 = value
        .parse()
        .ok()
        .filter(|value: &f64| value.is_finite() && *value >= 0.0)?;
    match kind {
        "reference" if !model.is_empty() => Some(PolicySpec::Reference {
            model: model.into(),
            lambda: value,
        }),
        _ if !model.is_empty() => None,
        "utility" => Some(PolicySpec::Utility { lambda: value }),
        "adequate" => Some(PolicySpec::Adequate {
            target: Quality::new(value).ok()?,
        }),
        "budget" if value > 0.0 => Some(PolicySpec::Budget {
            mean_cost: Usd::new(value).ok()?,
        }),
        _ => None,
    }
}

impl fmt::Display for PolicySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Utility { lambda } => write!(f, "utility:{lambda}"),
            Self::Adequate { target } => write!(f, "adequate:{}", target.get()),
            Self::Budget { mean_cost } => write!(f, "budget:{}", mean_cost.as_f64()),
            Self::Reference { model, lambda } => write!(f, "reference:{model}:{lambda}"),
        }
    }
}

impl TryFrom<String> for PolicySpec {
    type Error = PolicySpecError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<PolicySpec> for String {
    fn from(spec: PolicySpec) -> Self {
        spec.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_round_trip(text: &str) {
        assert_eq!(text.parse::<PolicySpec>().unwrap().to_string(), text);
    }

    #[test]
    fn policies_are_written_as_they_are_read() {
        check_round_trip("utility:200");
        check_round_trip("adequate:0.8");
        check_round_trip("budget:0.0005");
        check_round_trip("reference:gpt-4o:12.5");
        check_round_trip("reference:llama3:8b:0");
    }

    #[test]
    fn an_unknown_reference_is_named_with_those_known() {
        let spec: PolicySpec = "reference:c:1".parse().unwrap();
        let error = spec
            .resolve(&OperatingCurve::default(), &["a".into(), "b".into()])
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the reference `c` is none of the router's models: a, b"
        );
    }

    #[test]
    fn nonsense_is_refused() {
        for wrong in [
            "",
            "utility",
            "utility:",
            "utility:-1",
            "utility:NaN",
            "adequate:1.1",
            "budget:0",
            "best:1",
            "utility:gpt:1",
            "reference:1",
            "reference::1",
            "reference:gpt:-1",
            "reference:gpt:",
        ] {
            assert!(wrong.parse::<PolicySpec>().is_err(), "{wrong:?}");
        }
    }
}
