//! The bodies by which versions are changed.

use std::path::PathBuf;

use pointsman_types::Stage;
use serde::Deserialize;

use crate::problem::Problem;
use crate::versions::Order;

const LONGEST_REASON: usize = 4096;

/// The body of `POST /v1/versions`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisterBody {
    /// On the machine that serves; absolute, since the server's own directory is nobody's affair.
    path: Option<PathBuf>,
    /// Or the number of a learner's snapshot, on top of the current version.
    snapshot: Option<i64>,
}

/// What is to become a candidate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Registered {
    Directory(PathBuf),
    Snapshot(i64),
}

/// The body of `POST /v1/promote`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PromoteBody {
    version: Option<String>,
    to: Option<Target>,
    share: Option<f64>,
    force: Option<bool>,
    reason: Option<String>,
}

/// Where a version can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Target {
    Shadow,
    Canary,
    Current,
    Rejected,
}

/// The body of `POST /v1/rollback`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RollbackBody {
    reason: Option<String>,
}

impl RegisterBody {
    pub(crate) fn check(self) -> Result<Registered, Problem> {
        let wrong = |message: String| Err(Problem::invalid("path", message));
        match (self.path, self.snapshot) {
            (Some(path), None) if path.is_absolute() => Ok(Registered::Directory(path)),
            (Some(path), None) => wrong(format!(
                "path must be absolute, `{}` is not",
                path.display()
            )),
            (None, Some(seq)) => Ok(Registered::Snapshot(seq)),
            (Some(_), Some(_)) => wrong("give path or snapshot, not both".to_owned()),
            (None, None) => wrong("path is missing".to_owned()),
        }
    }
}

impl PromoteBody {
    pub(crate) fn check(self) -> Result<Order, Problem> {
        let Some(version) = self.version else {
            return Err(Problem::invalid("version", "version is missing"));
        };
        Ok(Order {
            version,
            to: self.to.unwrap_or(Target::Shadow).into(),
            share: self.share,
            force: self.force.unwrap_or(false),
            reason: bounded(self.reason)?,
        })
    }
}

impl RollbackBody {
    pub(crate) fn check(self) -> Result<Option<String>, Problem> {
        bounded(self.reason)
    }
}

impl From<Target> for Stage {
    fn from(target: Target) -> Self {
        match target {
            Target::Shadow => Self::Shadow,
            Target::Canary => Self::Canary,
            Target::Current => Self::Current,
            Target::Rejected => Self::Rejected,
        }
    }
}

/// It is kept with the event for ever.
fn bounded(reason: Option<String>) -> Result<Option<String>, Problem> {
    match reason {
        Some(reason) if reason.len() > LONGEST_REASON => Err(Problem::invalid(
            "reason",
            format!("reason is longer than {LONGEST_REASON} bytes"),
        )),
        reason => Ok(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;

    fn order(body: &str) -> Result<Order, Problem> {
        parse::<PromoteBody>(body.as_bytes())?.check()
    }

    fn check_refused(body: &str, param: &str, says: &str) {
        let problem = order(body).unwrap_err();
        assert_eq!(problem.param.as_deref(), Some(param), "{}", problem.message);
        assert!(problem.message.contains(says), "{}", problem.message);
    }

    #[test]
    fn a_version_goes_to_shadow_unless_told_otherwise() {
        let sent = order(r#"{"version": "a"}"#).unwrap();
        assert_eq!((sent.to, sent.force), (Stage::Shadow, false));
        let sent = order(r#"{"version": "a", "to": "canary", "share": 0.2}"#).unwrap();
        assert_eq!((sent.to, sent.share), (Stage::Canary, Some(0.2)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        check_refused("{}", "version", "missing");
        check_refused(r#"{"version": "a", "to": "previous"}"#, "to", "canary");
        check_refused(
            r#"{"version": "a", "stage": "canary"}"#,
            "stage",
            "unknown field",
        );
        let long = format!(r#"{{"version": "a", "reason": "{}"}}"#, "x".repeat(5000));
        check_refused(&long, "reason", "4096");
    }

    #[test]
    fn a_path_is_absolute() {
        let path = |body: &str| parse::<RegisterBody>(body.as_bytes()).unwrap().check();
        assert!(path(r#"{"path": "/models/a"}"#).is_ok());
        assert_eq!(
            path(r#"{"path": "models/a"}"#)
                .unwrap_err()
                .param
                .as_deref(),
            Some("path")
        );
        assert!(path("{}").is_err());
        assert_eq!(path(r#"{"snapshot": 3}"#).unwrap(), Registered::Snapshot(3));
        assert!(path(r#"{"path": "/models/a", "snapshot": 3}"#).is_err());
    }
}
