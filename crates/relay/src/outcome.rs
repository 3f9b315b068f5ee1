//! What a call says about its back end, and what to do about it.

use std::time::Duration;

use pointsman_wire::{Failure, FailureKind};

/// What a call says about its back end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is well; also where it rightly refused the request.
    Served,
    /// It failed.
    Failed,
    /// It is out of quota or of capacity, for so long if it says so.
    Limited(Option<Duration>),
    /// Nothing: the caller went away first.
    Unknown,
}

/// Why a call gave no answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trouble {
    /// What the caller is told if nobody else answers.
    pub(crate) failure: Failure,
    /// What it says about the back end.
    pub(crate) outcome: Outcome,
    /// What to do next.
    pub(crate) next: Next,
}

/// What to do after a call without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The same back end may answer yet.
    Again,
    /// Another back end of the same model may.
    OtherPlace,
    /// Another model may.
    OtherModel,
    /// The request itself is at fault: nobody will answer.
    Nowhere,
}

impl Trouble {
    /// The back end failed before it answered; trying again is safe.
    pub(crate) fn again(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            failure: Failure::new(kind, message),
            outcome: Outcome::Failed,
            next: Next::Again,
        }
    }

    /// The back end took its time in vain; it is not asked a second time.
    pub(crate) fn too_slow(message: impl Into<String>) -> Self {
        Self {
            next: Next::OtherPlace,
            ..Self::again(FailureKind::Timeout, message)
        }
    }

    /// This model cannot be asked.
    pub(crate) fn other_model(failure: Failure) -> Self {
        Self {
            failure,
            outcome: Outcome::Served,
            next: Next::OtherModel,
        }
    }

    /// The back end answered with an error.
    pub(crate) fn told(failure: Failure, asked: Option<Duration>) -> Self {
        let (outcome, next) = match failure.kind {
            FailureKind::RateLimit => (Outcome::Limited(asked), Next::Again),
            // It is there, and says when it will have time.
            FailureKind::Overloaded if asked.is_some() => (Outcome::Limited(asked), Next::Again),
            // Its key, its money or its model's name is wrong: nothing that this caller can mend.
            FailureKind::Authentication
            | FailureKind::Permission
            | FailureKind::Billing
            | FailureKind::NotFound => (Outcome::Failed, Next::OtherPlace),
            kind if kind.is_passing() => (Outcome::Failed, Next::Again),
            _ if is_window(&failure) => (Outcome::Served, Next::OtherModel),
            _ => (Outcome::Served, Next::Nowhere),
        };
        Self {
            failure: of_gateway(failure),
            outcome,
            next,
        }
    }

    /// How long the back end asks to wait.
    pub(crate) const fn asked(&self) -> Option<Duration> {
        match self.outcome {
            Outcome::Limited(asked) => asked,
            _ => None,
        }
    }
}

/// Whether the prompt does not fit into this model's window; it may fit into another's.
fn is_window(failure: &Failure) -> bool {
    let says = |text: &str| text.contains("context_length") || text.contains("context window");
    failure.code.as_deref().is_some_and(says)
        || says(&failure.message)
        || failure.message.contains("prompt is too long")
}

/// What a caller is told of a trouble between the gateway and its back end: not the back end's words,
/// which may quote a key.
fn of_gateway(failure: Failure) -> Failure {
    let what = match failure.kind {
        FailureKind::Authentication | FailureKind::Permission => "refused the gateway's key",
        FailureKind::Billing => "has no credit left",
        FailureKind::NotFound => "does not know the model",
        _ => return failure,
    };
    Failure::new(FailureKind::BadGateway, format!("the back end {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: FailureKind, message: &str) -> Trouble {
        Trouble::told(Failure::new(kind, message), None)
    }

    #[test]
    fn a_wrong_request_goes_nowhere() {
        let trouble = told(FailureKind::Invalid, "temperature is too high");
        assert_eq!(
            (trouble.outcome, trouble.next),
            (Outcome::Served, Next::Nowhere)
        );
    }

    #[test]
    fn a_prompt_that_does_not_fit_may_fit_elsewhere() {
        for message in [
            "prompt is too long: 210000 tokens",
            "over the context window",
        ] {
            assert_eq!(told(FailureKind::Invalid, message).next, Next::OtherModel);
        }
        let failure = Failure {
            code: Some("context_length_exceeded".into()),
            ..Failure::new(FailureKind::Invalid, "too many tokens")
        };
        assert_eq!(Trouble::told(failure, None).next, Next::OtherModel);
    }

    #[test]
    fn a_refused_key_is_not_quoted() {
        let trouble = told(FailureKind::Authentication, "Incorrect API key: sk-secret");
        assert_eq!(trouble.next, Next::OtherPlace);
        assert_eq!(trouble.failure.kind, FailureKind::BadGateway);
        assert!(!trouble.failure.message.contains("sk-secret"));
    }

    #[test]
    fn quota_is_not_a_fault() {
        let asked = Some(Duration::from_secs(7));
        let trouble = Trouble::told(Failure::new(FailureKind::RateLimit, "slow down"), asked);
        assert_eq!(
            (trouble.outcome, trouble.next),
            (Outcome::Limited(asked), Next::Again)
        );
        assert_eq!(trouble.asked(), asked);
    }

    #[test]
    fn a_busy_back_end_that_says_until_when_is_left_alone_until_then() {
        let busy = || Failure::new(FailureKind::Overloaded, "busy");
        let asked = Some(Duration::from_secs(2));
        assert_eq!(
            Trouble::told(busy(), asked).outcome,
            Outcome::Limited(asked)
        );
        assert_eq!(Trouble::told(busy(), None).outcome, Outcome::Failed);
    }
}
