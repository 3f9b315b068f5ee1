//! What a caller asks for by the name of a model.

use pointsman_wire::{Failure, FailureKind};

use super::check::{AUTO, THRESHOLD_PREFIX};
use super::fleet::Fleet;

/// Who is to answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Asked {
    /// Whom the router chooses. With a threshold: the cheapest whose predicted quality is at most so
    /// far below the best one's.
    Routed {
        /// In points of quality, in [0, 1].
        threshold: Option<f32>,
    },
    /// This member of the fleet.
    Pinned(usize),
    /// This pipeline.
    Pipeline(usize),
}

impl Asked {
    /// `auto` and the router's name route, `router-NAME-THRESHOLD` does within a threshold, the name of
    /// a model pins.
    pub(crate) fn of(name: &str, fleet: &Fleet) -> Result<Self, Failure> {
        if let Some(member) = fleet.place(name) {
            return Ok(Self::Pinned(member));
        }
        if let Some(pipeline) = fleet.pipeline(name) {
            return Ok(Self::Pipeline(pipeline));
        }
        if is_router(name, fleet) {
            return Ok(Self::Routed { threshold: None });
        }
        match name
            .strip_prefix(THRESHOLD_PREFIX)
            .and_then(|rest| rest.rsplit_once('-'))
        {
            Some((router, threshold)) if is_router(router, fleet) => within(threshold),
            _ => Err(unknown(name)),
        }
    }
}

fn is_router(name: &str, fleet: &Fleet) -> bool {
    name == AUTO || name == fleet.router_name
}

fn within(threshold: &str) -> Result<Asked, Failure> {
    let parsed = threshold.parse::<f32>().ok();
    match parsed.filter(|threshold| (0.0..=1.0).contains(threshold)) {
        Some(threshold) => Ok(Asked::Routed {
            threshold: Some(threshold),
        }),
        None => Err(Failure {
            param: Some("model".into()),
            ..Failure::new(
                FailureKind::Invalid,
                "the threshold after the router's name must be a number from 0 to 1",
            )
        }),
    }
}

fn unknown(name: &str) -> Failure {
    let message = format!(
        "there is no model `{name:.80}`; GET /v1/models lists those there are, and `{AUTO}` lets the router choose"
    );
    Failure {
        code: Some("model_not_found".into()),
        param: Some("model".into()),
        ..Failure::new(FailureKind::NotFound, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::check::tests::config;

    fn asked(name: &str) -> Result<Asked, u16> {
        let fleet = config(
            r#"
            router = { name = "mine-2" }
            [[models]]
            name = "small"
            deployments = [{ dialect = "openai", base_url = "http://127.0.0.1:1/v1" }]
            "#,
        );
        let fleet = fleet.fleet(&|_| None, None).ok().unwrap();
        Asked::of(name, &fleet).map_err(|failure| failure.kind.status())
    }

    #[test]
    fn names_route_or_pin() {
        let routed = |threshold| Ok(Asked::Routed { threshold });
        assert_eq!(asked("auto"), routed(None));
        assert_eq!(asked("mine-2"), routed(None));
        assert_eq!(asked("router-mine-2-0.11593"), routed(Some(0.11593)));
        assert_eq!(asked("router-auto-1"), routed(Some(1.0)));
        assert_eq!(asked("small"), Ok(Asked::Pinned(0)));
    }

    #[test]
    fn others_are_refused() {
        assert_eq!(asked("router-mine-2-1.5"), Err(400));
        assert_eq!(asked("router-mine-2-NaN"), Err(400));
        assert_eq!(asked("router-other-0.5"), Err(404));
        assert_eq!(asked("large"), Err(404));
        assert_eq!(asked(""), Err(404));
    }
}
