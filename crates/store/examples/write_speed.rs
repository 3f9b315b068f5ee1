//! How fast does a store write, and how fast do learners read? `write_speed DIRECTORY [SECONDS]`: the
//! store is made there.
//!
//! Prints decisions per second of 64 callers who each wait for their answer, then the same for
//! feedback, then how long feedback takes that comes 2,000 times a second at fixed times (counted
//! from the time it was due), then how fast all of it is read in pages. Processor time is that of the whole process, so that it can be compared
//! on a machine that does other things as well.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use pointsman_store::{Arm, DecisionRecord, FeedbackRecord, Store, StoreError};
use pointsman_types::{
    Candidate, Decision, Feedback, ModelName, Probability, Quality, Reason, Tokens, Usd,
};
use tokio::time::{MissedTickBehavior, interval, sleep};

const CALLERS: u64 = 64;
const MODELS: usize = 9;
const RATE: u64 = 2000;
const PAGE: u32 = 256;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments
        .next()
        .ok_or("usage: write_speed DIRECTORY [SECONDS]")?;
    let seconds = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let store = Store::open(Path::new(&directory).join("store.db")).await?;
    let rounds = Duration::from_secs(seconds);
    let mut out = std::io::stdout();
    let decisions = closed_loop(&store, rounds, false).await?;
    writeln!(out, "decisions: {decisions}")?;
    let feedback = closed_loop(&store, rounds, true).await?;
    writeln!(out, "feedback: {feedback}")?;
    writeln!(
        out,
        "feedback at {RATE} a second: {}",
        open_loop(&store, seconds).await?
    )?;
    writeln!(out, "reading news: {}", read_all(&store).await?)?;
    store.close().await;
    Ok(())
}

/// Reads from the first piece of feedback to the last, and once where there is nothing new.
async fn read_all(store: &Store) -> Result<String, Failure> {
    let (start, mut after, mut count) = (Instant::now(), 0, 0);
    loop {
        let page = store.news(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.feedback.seq;
        count += page.len();
    }
    let rate = count as f64 / start.elapsed().as_secs_f64();
    let start = Instant::now();
    store.news(after, PAGE).await?;
    let nothing = start.elapsed().as_secs_f64() * 1e3;
    Ok(format!(
        "{rate:.0}/s in pages of {PAGE}; {nothing:.2} ms when there is nothing new"
    ))
}

/// Every caller goes on as soon as it is answered.
async fn closed_loop(store: &Store, time: Duration, feedback: bool) -> Result<String, Failure> {
    let (start, busy) = (Instant::now(), processor_seconds());
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut count = 0_u64;
                while start.elapsed() < time {
                    let id = format!("{caller:02}-{count:08}");
                    match feedback {
                        false => keep(&store, &id).await?,
                        true => store
                            .feedback(judgement(&id, "thumbs", caller))
                            .await
                            .map(drop)?,
                    }
                    count += 1;
                }
                Ok::<u64, Failure>(count)
            })
        })
        .collect();
    let mut count = 0;
    for caller in callers {
        count += caller.await??;
    }
    let busy = (processor_seconds() - busy) / count as f64 * 1e6;
    let rate = count as f64 / start.elapsed().as_secs_f64();
    Ok(format!("{rate:.0}/s, {busy:.0} us of processor time each"))
}

/// Keeps a decision, again and again while too many wait.
async fn keep(store: &Store, id: &str) -> Result<(), StoreError> {
    loop {
        match store.record(decision(id)) {
            Err(StoreError::Busy { .. }) => sleep(Duration::from_millis(1)).await,
            kept => return kept,
        }
    }
}

/// Feedback comes when it is due, whether or not the last was answered.
async fn open_loop(store: &Store, seconds: u64) -> Result<String, Failure> {
    let mut ticks = interval(Duration::from_secs(1) / RATE as u32);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut answers = Vec::new();
    for number in 0..seconds * RATE {
        let due = ticks.tick().await;
        let store = store.clone();
        let id = format!("{:02}-{:08}", number % CALLERS, number / CALLERS);
        answers.push(tokio::spawn(async move {
            let kept = store.feedback(judgement(&id, "score", number)).await;
            kept.map(|_| due.elapsed())
        }));
    }
    let mut times = Vec::new();
    for answer in answers {
        times.push(answer.await??);
    }
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    Ok(format!(
        "all durable; p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms",
        at(0.5),
        at(0.99),
        at(0.999)
    ))
}

fn candidate(number: usize) -> Candidate {
    Candidate {
        model: ModelName::from(format!("provider/model-{number}")),
        quality: Quality::clamped(0.712_345 - number as f32 / 100.0),
        quality_lower: Quality::clamped(0.5),
        learned: None,
        cost: Usd::saturating(0.000_123_456 * (number + 1) as f64),
        output_tokens: Some(213.5 + number as f32),
        output_tokens_p50: None,
        output_tokens_p90: None,
        probability: Probability::new(if number == 0 { 0.9 } else { 0.0125 })
            .expect("both are probabilities"),
        refusal: None,
    }
}

fn decision(id: &str) -> DecisionRecord {
    let candidates: Vec<Candidate> = (0..MODELS).map(candidate).collect();
    DecisionRecord {
        id: id.into(),
        ts_ms: 1_700_000_000_123,
        prompt_id: "0123456789abcdef".into(),
        prompt: None,
        session_id: Some("conversation-1".into()),
        metadata: None,
        input_tokens: Some(Tokens(117)),
        decision: Decision {
            model: candidates[0].model.clone(),
            reason: Reason::BestUtility,
            familiarity: 1.0,
            coordinates: Vec::new(),
            lambda: None,
            propensity: candidates[0].probability,
            policy_version: "0123456789abcdef".into(),
            candidates,
        },
        key_id: Some("key-1".into()),
        tier: None,
        coordinates: Some(vec![0.25; 64]),
        lambda: Some(30.0),
        arm: Some(Arm::Current),
        shadow: None,
    }
}

fn judgement(decision_id: &str, metric: &str, number: u64) -> FeedbackRecord {
    FeedbackRecord {
        feedback_id: format!("{metric}-{decision_id}"),
        ts_ms: 1_700_000_000_456,
        feedback: Feedback {
            decision_id: decision_id.into(),
            metric_name: metric.into(),
            value: Quality::clamped((number % 2) as f32),
            verdict: None,
        },
        tags: None,
        idempotency_key: None,
        key_id: Some("key-1".into()),
    }
}

/// What this process has used so far; 0 where the system does not say.
fn processor_seconds() -> f64 {
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks: f64 = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    ticks / TICKS
}
