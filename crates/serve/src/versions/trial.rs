//! The comparison that is under way, as it follows from the stored versions and events.

use pointsman_learn::promotion::{Looks, Moments, Progress, Roster};
use pointsman_store::Event;
use pointsman_types::Stage;

use super::event::LOOK;
use super::{Book, Detail};

/// Two versions that are compared on every request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trial {
    pub(crate) progress: Progress,
    /// The version that runs beside the current one.
    pub(crate) beside: String,
    /// The last decision before the trial; names it.
    pub(crate) after: i64,
    /// The event that began it; 0 before that is kept.
    pub(crate) begun: i64,
    /// The utility of what was served before, where the version on trial is current.
    pub(crate) before: Option<Moments>,
}

impl Trial {
    /// Who is compared with whom: a challenger with the current version, or the current version with
    /// the one before it.
    pub(super) fn between(roster: &Roster, after: i64, before: Option<Moments>) -> Option<Self> {
        let current = &roster.current()?.version;
        let (progress, beside) = match (roster.challenger(), roster.previous()) {
            (Some(challenger), _) => {
                let (version, stage) = (&challenger.version, challenger.stage);
                (Progress::entered(version, current, stage), version)
            }
            (None, Some(previous)) => {
                let version = &previous.version;
                (Progress::entered(current, version, Stage::Current), version)
            }
            (None, None) => return None,
        };
        Some(Self {
            progress,
            beside: beside.clone(),
            after,
            begun: 0,
            before,
        })
    }
}

impl Book {
    /// The trial that is under way.
    pub(crate) fn trial(&self) -> Option<Trial> {
        let mut trial = Trial::between(&self.roster, 0, None)?;
        let Progress { version, stage, .. } = trial.progress.clone();
        let begins = |event: &Event| {
            let detail = detail(event)?;
            let mut moves = detail.moves.iter();
            moves
                .any(|one| one.version == version && one.to == stage)
                .then_some(detail)
        };
        let mut events = self.events.iter().enumerate().rev();
        let (at, begun) = events.find_map(|(at, event)| Some((at, begins(event)?)))?;
        trial.begun = self.events[at].seq;
        (trial.after, trial.before) = (begun.after, begun.before);
        let later = self.events[at..].iter();
        trial.progress.looks = later
            .filter(|event| event.event.kind == LOOK)
            .filter(|event| event.event.subject.as_deref() == Some(&version))
            .filter_map(looks)
            .next_back()
            .unwrap_or_default();
        Some(trial)
    }

    /// The version that the router's directory was last seen to hold.
    pub(crate) fn directory(&self) -> Option<String> {
        self.events
            .iter()
            .rev()
            .find_map(|event| detail(event)?.directory)
    }
}

fn detail(event: &Event) -> Option<Detail> {
    serde_json::from_value(event.event.detail.clone()).ok()
}

fn looks(event: &Event) -> Option<Looks> {
    serde_json::from_value(event.event.detail.get("looks")?.clone()).ok()
}
