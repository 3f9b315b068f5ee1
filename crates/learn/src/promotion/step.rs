//! What happens next to a version, by what is known of it.

use pointsman_types::Stage;
use serde::{Deserialize, Serialize};

use super::{CallEvidence, Contrast, Evidence, Looks, Progress, Rails, WorthEvidence};

/// What happens next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Nothing yet.
    Wait {
        /// Why not, in a sentence.
        reason: String,
    },
    /// The gate is passed.
    Advance {
        /// Where the version goes.
        to: Stage,
        /// Why, in a sentence.
        reason: String,
        /// The numbers.
        evidence: Evidence,
    },
    /// The version is taken out of the trial.
    Reject {
        /// Why, in a sentence.
        reason: String,
        /// The numbers.
        evidence: Evidence,
    },
    /// The last good version takes the place of the current one.
    RollBack {
        /// Why, in a sentence.
        reason: String,
        /// The numbers.
        evidence: Evidence,
    },
    /// The current version has been watched for long enough.
    Settle {
        /// Why, in a sentence.
        reason: String,
        /// The numbers.
        evidence: Evidence,
    },
}

impl Step {
    /// Why, in a sentence.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Wait { reason }
            | Self::Advance { reason, .. }
            | Self::Reject { reason, .. }
            | Self::RollBack { reason, .. }
            | Self::Settle { reason, .. } => reason,
        }
    }
}

impl Looks {
    /// The looks after this evidence was looked at.
    #[must_use]
    pub fn after(self, evidence: &Evidence) -> Self {
        let judged = evidence.worth.as_ref().map_or(0, |one| one.look.number);
        let calls = evidence.calls.as_ref().map_or(0, |one| one.look.number);
        Self {
            judged: self.judged.max(judged),
            calls: self.calls.max(calls),
        }
    }
}

/// What happens next to a version. Evidence whose look was already had counts for nothing: a bound
/// that is asked for again is a bound of another confidence.
#[must_use]
pub fn next_step(progress: &Progress, evidence: &Evidence, rails: &Rails) -> Step {
    let evidence = fresh(evidence, progress.looks);
    match progress.stage {
        Stage::Shadow => challenge(Stage::Canary, evidence, rails),
        Stage::Canary => challenge(Stage::Current, evidence, rails),
        Stage::Current => watch(evidence, rails),
        stage => wait(format!(
            "a version that is {stage} takes no steps by itself"
        )),
    }
}

fn fresh(evidence: &Evidence, looks: Looks) -> Evidence {
    let mut evidence = evidence.clone();
    evidence.worth = evidence.worth.filter(|one| one.look.number > looks.judged);
    evidence.calls = evidence.calls.filter(|one| one.look.number > looks.calls);
    evidence
}

fn challenge(to: Stage, evidence: Evidence, rails: &Rails) -> Step {
    if let Some(reason) = broken(&evidence, rails).or_else(|| worse(&evidence, rails)) {
        return Step::Reject { reason, evidence };
    }
    if let Some(alarm) = evidence.alarms.first() {
        return wait(format!("no step is taken while there is drift: {alarm}"));
    }
    match gate(&evidence, rails) {
        Gate::Passed(reason) => Step::Advance {
            to,
            reason,
            evidence,
        },
        Gate::Closed(reason) if evidence.judged >= rails.most_judged => Step::Reject {
            reason: format!(
                "not shown to be better by {} judged decisions: {reason}",
                evidence.judged
            ),
            evidence,
        },
        Gate::Closed(reason) => wait(reason),
    }
}

fn watch(evidence: Evidence, rails: &Rails) -> Step {
    let found = broken(&evidence, rails)
        .or_else(|| worse(&evidence, rails))
        .or_else(|| fallen(&evidence, rails))
        .or_else(|| {
            let alarm = evidence.alarms.first()?;
            Some(format!("drift since it became current: {alarm}"))
        });
    if let Some(reason) = found {
        return Step::RollBack { reason, evidence };
    }
    let Evidence {
        judged, decisions, ..
    } = evidence;
    match decisions >= rails.most_watched {
        true => Step::Settle {
            reason: format!(
                "nothing was found against it in {decisions} requests, {judged} judged"
            ),
            evidence,
        },
        false => wait(format!(
            "watched: {decisions} of {} requests, {judged} judged",
            rails.most_watched
        )),
    }
}

/// Whether a version may go on.
enum Gate {
    Passed(String),
    Closed(String),
}

fn gate(evidence: &Evidence, rails: &Rails) -> Gate {
    if evidence.judged < rails.least_judged {
        return Gate::Closed(format!(
            "{} of {} judged decisions that are needed",
            evidence.judged, rails.least_judged
        ));
    }
    let Some(worth) = &evidence.worth else {
        return Gate::Closed(format!(
            "{} judged decisions; the next look comes when their number has doubled",
            evidence.judged
        ));
    };
    let Some(utility) = worth.utility else {
        let refusal = worth.refusal.as_deref().unwrap_or("no reason was given");
        return Gate::Closed(format!("the log cannot tell: {refusal}"));
    };
    if evidence.cost.is_none() {
        return Gate::Closed("what the versions expect to pay is unknown".to_owned());
    }
    let (floor, sure) = (floor(rails), confidence(worth));
    match utility.low > floor {
        true => Gate::Passed(format!(
            "the difference in utility {utility} is above {floor:.4} with {sure}; {evidence}"
        )),
        false => Gate::Closed(format!(
            "the difference in utility {utility} is not yet above {floor:.4} with {sure}"
        )),
    }
}

fn worse(evidence: &Evidence, rails: &Rails) -> Option<String> {
    let worth = evidence.worth.as_ref()?;
    let (floor, sure) = (floor(rails), confidence(worth));
    let utility = worth.utility.filter(|one| one.high < floor)?;
    Some(format!(
        "the difference in utility {utility} is below {floor:.4} with {sure}"
    ))
}

/// The least difference that is put up with; not written as a negative zero.
fn floor(rails: &Rails) -> f64 {
    0.0 - rails.margin
}

fn fallen(evidence: &Evidence, rails: &Rails) -> Option<String> {
    let found = evidence.worth.as_ref()?.before_after?;
    let margin = rails.before_after_margin;
    (found.difference.high < -margin).then(|| {
        format!(
            "mean utility was {:.4} before and is {:.4} since it is current: {} is below {:.4}",
            found.before, found.after, found.difference, -margin
        )
    })
}

fn confidence(worth: &WorthEvidence) -> String {
    let percent = 100.0 * (1.0 - worth.look.delta);
    format!("{percent:.2} % confidence (look {})", worth.look.number)
}

/// The first rail that is broken.
fn broken(evidence: &Evidence, rails: &Rails) -> Option<String> {
    fails(evidence, rails)
        .or_else(|| dearer(evidence, rails))
        .or_else(|| group_lost(evidence.worth.as_ref()?, rails))
        .or_else(|| calls_lost(evidence.calls.as_ref()?, rails))
}

/// Few failures among few decisions say nothing yet.
fn fails(evidence: &Evidence, rails: &Rails) -> Option<String> {
    let Evidence {
        decisions,
        failures,
        ..
    } = evidence;
    let share = *failures as f64 / (*decisions).max(rails.least_judged) as f64;
    (share > rails.failure_share)
        .then(|| format!("it failed or was too slow on {failures} of {decisions} requests"))
}

fn dearer(evidence: &Evidence, rails: &Rails) -> Option<String> {
    let factor = evidence.cost?.factor();
    let is_known = evidence.decisions >= rails.least_judged;
    (is_known && factor > rails.cost_factor).then(|| {
        format!(
            "it expects to pay {factor:.2} times as much, and {:.2} is the most",
            rails.cost_factor
        )
    })
}

fn group_lost(worth: &WorthEvidence, rails: &Rails) -> Option<String> {
    let lost = |one: &&super::GroupContrast| one.quality.high < -rails.group_margin;
    let group = worth.groups.iter().find(lost)?;
    Some(format!(
        "quality of {} fell by more than {:.4}: {} on {} judged decisions",
        group.group, rails.group_margin, group.quality, group.judged
    ))
}

fn calls_lost(calls: &CallEvidence, rails: &Rails) -> Option<String> {
    let above = |found: Option<Contrast>, most: f64| found.filter(|one| one.low > most);
    if let Some(errors) = above(calls.errors, rails.error_margin) {
        return Some(format!(
            "the share of failed calls rose by more than {:.4}: {errors} on {} calls",
            rails.error_margin, calls.calls
        ));
    }
    let excess = above(calls.latency_excess_ms, 0.0)?;
    Some(format!(
        "calls take more than {:.2} times as long: {excess} ms beyond that on {} calls",
        rails.latency_factor, calls.calls
    ))
}

fn wait(reason: String) -> Step {
    Step::Wait { reason }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{BeforeAfter, CostEvidence, GroupContrast, Look};
    use super::*;

    fn contrast(low: f64, high: f64) -> Contrast {
        Contrast {
            value: (low + high) / 2.0,
            low,
            high,
        }
    }

    fn look(number: u32) -> Look {
        Look {
            number,
            delta: 0.01,
        }
    }

    fn evidence(low: f64, high: f64) -> Evidence {
        Evidence {
            decisions: 2000,
            judged: 800,
            cost: Some(CostEvidence {
                new_usd: 0.001,
                current_usd: 0.001,
            }),
            worth: Some(WorthEvidence {
                look: look(3),
                utility: Some(contrast(low, high)),
                refusal: None,
                groups: Vec::new(),
                before_after: None,
            }),
            ..Evidence::default()
        }
    }

    fn step(stage: Stage, evidence: &Evidence) -> Step {
        let progress = Progress::entered("new", "old", stage);
        next_step(&progress, evidence, &Rails::default())
    }

    /// The words of a step: what happens, and what the reason must say.
    fn check(stage: Stage, change: impl FnOnce(&mut Evidence), what: &str, says: &str) {
        let mut evidence = evidence(-0.01, 0.01);
        change(&mut evidence);
        let step = step(stage, &evidence);
        assert_eq!(
            serde_json::to_value(&step).unwrap()["step"],
            what,
            "{step:?}"
        );
        assert!(step.reason().contains(says), "{}", step.reason());
    }

    fn worth(evidence: &mut Evidence) -> &mut WorthEvidence {
        evidence.worth.as_mut().unwrap()
    }

    fn utility(low: f64, high: f64) -> impl FnOnce(&mut Evidence) {
        move |evidence| worth(evidence).utility = Some(contrast(low, high))
    }

    #[test]
    fn what_is_better_beyond_doubt_goes_up_one_stage() {
        let says = "above 0.0000 with 99.00 % confidence (look 3)";
        check(Stage::Shadow, utility(0.001, 0.1), "advance", says);
        check(Stage::Canary, utility(0.001, 0.1), "advance", says);
        let up = step(Stage::Shadow, &evidence(0.001, 0.1));
        assert!(
            matches!(
                up,
                Step::Advance {
                    to: Stage::Canary,
                    ..
                }
            ),
            "{up:?}"
        );
    }

    #[test]
    fn what_is_worse_beyond_doubt_goes_back() {
        check(
            Stage::Shadow,
            utility(-0.1, -0.001),
            "reject",
            "below 0.0000",
        );
        check(
            Stage::Canary,
            utility(-0.1, -0.001),
            "reject",
            "below 0.0000",
        );
        check(
            Stage::Current,
            utility(-0.1, -0.001),
            "roll_back",
            "below 0.0000",
        );
    }

    #[test]
    fn what_is_not_known_waits() {
        check(Stage::Shadow, utility(-0.01, 0.01), "wait", "not yet above");
        check(Stage::Current, utility(0.01, 0.02), "wait", "watched");
        let few = |evidence: &mut Evidence| evidence.judged = 10;
        check(Stage::Shadow, few, "wait", "10 of 200");
        let cannot = |evidence: &mut Evidence| {
            worth(evidence).utility = None;
            worth(evidence).refusal = Some("it never explores".into());
        };
        check(
            Stage::Canary,
            cannot,
            "wait",
            "cannot tell: it never explores",
        );
        let between = |evidence: &mut Evidence| evidence.worth = None;
        check(Stage::Canary, between, "wait", "next look");
    }

    #[test]
    fn what_proves_nothing_for_long_enough_ends() {
        let long = |evidence: &mut Evidence| {
            (evidence.decisions, evidence.judged) = (100_000, 100_000);
        };
        check(Stage::Shadow, long, "reject", "not shown to be better");
        check(Stage::Current, long, "settle", "nothing was found");
    }

    fn check_rail(change: impl FnOnce(&mut Evidence) + Copy, says: &str) {
        let and_better = move |evidence: &mut Evidence| {
            utility(0.01, 0.02)(evidence);
            change(evidence);
        };
        check(Stage::Shadow, and_better, "reject", says);
        check(Stage::Canary, and_better, "reject", says);
        check(Stage::Current, and_better, "roll_back", says);
    }

    #[test]
    fn a_broken_rail_stops_even_what_is_better() {
        check_rail(|evidence| evidence.failures = 21, "21 of 2000");
        let dear = |evidence: &mut Evidence| {
            evidence.cost = Some(CostEvidence {
                new_usd: 0.002,
                current_usd: 0.001,
            });
        };
        check_rail(dear, "2.00 times as much");
        let group = |evidence: &mut Evidence| {
            worth(evidence).groups = vec![GroupContrast {
                group: "category maths".into(),
                judged: 150,
                quality: contrast(-0.2, -0.1),
            }];
        };
        check_rail(group, "category maths");
        check_rail(
            |evidence| evidence.calls = Some(calls(0.05, 0.0)),
            "failed calls",
        );
        check_rail(
            |evidence| evidence.calls = Some(calls(0.0, 90.0)),
            "times as long",
        );
    }

    fn calls(errors: f64, excess: f64) -> CallEvidence {
        CallEvidence {
            look: look(1),
            calls: 300,
            errors: Some(contrast(errors, errors + 0.1)),
            latency_excess_ms: Some(contrast(excess, excess + 10.0)),
        }
    }

    #[test]
    fn drift_stops_steps_up_and_undoes_the_last() {
        let drift = |evidence: &mut Evidence| {
            utility(0.01, 0.02)(evidence);
            evidence.alarms = vec!["inputs".into()];
        };
        check(Stage::Shadow, drift, "wait", "drift: inputs");
        check(Stage::Current, drift, "roll_back", "inputs");
    }

    #[test]
    fn a_fall_since_the_promotion_undoes_it() {
        let fallen = |evidence: &mut Evidence| {
            worth(evidence).before_after = Some(BeforeAfter {
                before: 0.8,
                after: 0.5,
                difference: contrast(-0.35, -0.25),
            });
        };
        check(
            Stage::Current,
            fallen,
            "roll_back",
            "0.8000 before and is 0.5000",
        );
        check(Stage::Canary, fallen, "wait", "not yet");
    }

    #[test]
    fn other_stages_take_no_steps() {
        for stage in [Stage::Candidate, Stage::Previous, Stage::RolledBack] {
            check(stage, utility(0.1, 0.2), "wait", "by itself");
        }
    }

    #[test]
    fn evidence_survives_being_written() {
        let mut whole = evidence(0.001, 0.1);
        whole.calls = Some(calls(0.0, 0.0));
        let step = step(Stage::Shadow, &whole);
        let text = serde_json::to_string(&step).unwrap();
        assert_eq!(serde_json::from_str::<Step>(&text).unwrap(), step);
    }

    prop_compose! {
        fn any_evidence()(
            decisions in 0..300_000_u64,
            judged in 0..200_000_u64,
            failures in 0..400_u64,
            costs in (0.0..2.0_f64, 0.0..2.0_f64),
            utility in prop::option::of((-0.5..0.5_f64, 0.0..0.5_f64)),
            number in 1..12_u32,
            alarmed in any::<bool>(),
        ) -> Evidence {
            Evidence {
                decisions, judged, failures,
                cost: Some(CostEvidence { new_usd: costs.0, current_usd: costs.1 }),
                worth: Some(WorthEvidence {
                    look: look(number),
                    utility: utility.map(|(low, width)| contrast(low, low + width)),
                    refusal: None,
                    groups: Vec::new(),
                    before_after: None,
                }),
                calls: None,
                alarms: if alarmed { vec!["x".into()] } else { Vec::new() },
            }
        }
    }

    proptest! {
        #[test]
        fn no_step_up_without_its_gate(
            evidence in any_evidence(),
            stage in prop::sample::select(Stage::ALL.to_vec()),
            had in 0..12_u32,
            margin in 0.0..0.1_f64,
        ) {
            let rails = Rails { margin, ..Rails::default() };
            let looks = Looks { judged: had, calls: 0 };
            let progress = Progress { looks, ..Progress::entered("new", "old", stage) };
            match next_step(&progress, &evidence, &rails) {
                Step::Advance { to, evidence: kept, .. } => {
                    let worth = kept.worth.unwrap();
                    prop_assert!(worth.look.number > had, "a look is had once");
                    prop_assert!(worth.utility.unwrap().low > -margin);
                    prop_assert!(kept.judged >= rails.least_judged && kept.alarms.is_empty());
                    prop_assert!(kept.cost.unwrap().factor() <= rails.cost_factor || kept.decisions < rails.least_judged);
                    let next = match stage { Stage::Shadow => Stage::Canary, _ => Stage::Current };
                    prop_assert!(stage.is_challenger() && to == next);
                }
                Step::Reject { .. } => prop_assert!(stage.is_challenger()),
                Step::RollBack { .. } | Step::Settle { .. } => prop_assert_eq!(stage, Stage::Current),
                Step::Wait { .. } => {}
            }
        }
    }
}
