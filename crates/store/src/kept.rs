//! Decisions, feedback and outcomes read back: what a learner needs of them, and how columns become
//! values again.

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use pointsman_types::{ModelName, Probability, Quality, Signal, Tokens, Usage, Usd, Verdict};
use serde::de::{DeserializeOwned, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::outcome::UsageCells;
use crate::{Arm, KeptCandidate, Shadow, StoreError};

/// A decision read back. The text of its prompt is left out: see [`crate::Export`].
#[derive(Debug, Clone, PartialEq)]
pub struct KeptDecision {
    /// Its number, rising in the order in which decisions were kept.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// When it was made: milliseconds since 1970, UTC.
    pub ts_ms: i64,
    /// The chosen model.
    pub model: ModelName,
    /// With which probability it was chosen.
    pub propensity: Probability,
    /// What decided.
    pub policy_version: String,
    /// Which version decided, where there were several.
    pub arm: Option<Arm>,
    /// Every candidate, the chosen one first; none when the decision was erased.
    pub candidates: Vec<KeptCandidate>,
    /// Where the prompt lies in the router's representation.
    pub coordinates: Option<Vec<f32>>,
    /// Which key asked.
    pub key_id: Option<String>,
    /// The asking user's tier.
    pub tier: Option<String>,
    /// The task's label, from the metadata.
    pub category: Option<String>,
    /// The conversation it belongs to.
    pub session_id: Option<String>,
    /// Tokens in, where the caller counted them.
    pub input_tokens: Option<Tokens>,
    /// Expected cost of the request with the chosen model.
    pub cost: Usd,
    /// Quality per US dollar at which it was decided.
    pub lambda: Option<f64>,
    /// What a version on trial would have done.
    pub shadow: Option<Shadow>,
    /// When its contents were erased.
    pub erased_ms: Option<i64>,
}

/// A piece of feedback read back.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptFeedback {
    /// Its number, rising in the order in which feedback was kept; never given twice.
    pub seq: i64,
    /// Its id.
    pub feedback_id: String,
    /// When it came: milliseconds since 1970, UTC.
    pub ts_ms: i64,
    /// Which measure.
    pub metric_name: String,
    /// How often this submission (decision, metric and idempotency key) has changed: 1 is the first.
    pub version: i64,
    /// The judgement.
    pub value: Quality,
    /// The word it was given in, if it was.
    pub verdict: Option<Verdict>,
    /// Who sent it.
    pub key_id: Option<String>,
}

impl KeptFeedback {
    /// Whether it was inferred from what a user did, rather than said.
    #[must_use]
    pub fn is_signal(&self) -> bool {
        self.metric_name.starts_with(Signal::PREFIX)
    }
}

/// The columns of a [`KeptDecision`], of `decision AS d`.
pub(crate) const DECISION: &str = "
    d.seq AS d_seq, d.id AS d_id, d.ts_ms AS d_ts_ms, d.model, d.propensity, d.policy_version, d.arm,
    d.candidates, d.coordinates, d.key_id AS d_key_id, d.tier, d.category, d.session_id,
    d.input_tokens AS d_input_tokens, d.cost_usd AS d_cost_usd, d.lambda, d.shadow, d.erased_ms";

/// The columns of a [`KeptFeedback`], of `feedback AS f`.
pub(crate) const FEEDBACK: &str = "
    f.seq AS f_seq, f.id AS f_id, f.ts_ms AS f_ts_ms, f.metric_name, f.version AS f_version,
    f.value, f.verdict, f.key_id AS f_key_id";

/// The columns of a [`Usage`], of `outcome AS o`.
pub(crate) const USAGE: &str = "
    o.seq AS o_seq, o.input_tokens, o.output_tokens, o.cached_tokens, o.cost_usd, o.latency_ms,
    o.error, o.estimated, o.answer_logprob, o.answer_chars";

/// Joins the newest outcome of a decision `d`.
pub(crate) const NEWEST_OUTCOME: &str = "
LEFT JOIN outcome AS o ON o.decision_id = d.id
    AND o.version = (SELECT max(version) FROM outcome WHERE decision_id = d.id)";

/// The score of a decision `d`: the mean, over metrics, of the newest value of each. What users say
/// outweighs what they do, so signals count where there is nothing else. `max` makes the bare columns
/// those of the newest row: <https://www.sqlite.org/lang_select.html#bareagg>.
pub(crate) const SCORE: &str = "
(SELECT coalesce(avg(CASE WHEN metric NOT GLOB 'signal:*' THEN value END), avg(value))
 FROM (SELECT s.metric_name AS metric, s.value, max(s.seq) FROM feedback AS s
       WHERE s.decision_id = d.id GROUP BY s.metric_name)) AS score";

#[derive(Debug, sqlx::FromRow)]
pub(crate) struct DecisionCells {
    d_seq: i64,
    pub(crate) d_id: String,
    d_ts_ms: i64,
    model: String,
    propensity: f64,
    policy_version: String,
    arm: Option<String>,
    candidates: String,
    coordinates: Option<Vec<u8>>,
    d_key_id: Option<String>,
    tier: Option<String>,
    category: Option<String>,
    session_id: Option<String>,
    d_input_tokens: Option<i64>,
    d_cost_usd: f64,
    lambda: Option<f64>,
    shadow: Option<String>,
    erased_ms: Option<i64>,
}

/// All empty where nothing was joined.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct FeedbackCells {
    f_seq: Option<i64>,
    f_id: Option<String>,
    f_ts_ms: Option<i64>,
    metric_name: Option<String>,
    f_version: Option<i64>,
    value: Option<f64>,
    verdict: Option<String>,
    f_key_id: Option<String>,
}

/// Without a number where nothing was joined.
#[derive(Debug, Default, sqlx::FromRow)]
pub(crate) struct OutcomeCells {
    o_seq: Option<i64>,
    #[sqlx(flatten)]
    usage: UsageCells,
}

/// Whose column is out of range, for the error.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) path: &'a Path,
    pub(crate) decision_id: &'a str,
}

impl Place<'_> {
    /// What no release writes.
    pub(crate) fn damaged(self, column: &'static str) -> StoreError {
        StoreError::Damaged {
            path: self.path.to_owned(),
            column,
            decision_id: self.decision_id.to_owned(),
        }
    }

    pub(crate) fn quality(self, value: f64) -> Result<Quality, StoreError> {
        Quality::new(value).map_err(|_| self.damaged("feedback value"))
    }

    pub(crate) fn probability(self, value: f64) -> Result<Probability, StoreError> {
        Probability::new(value).map_err(|_| self.damaged("propensity"))
    }

    pub(crate) fn tokens(
        self,
        column: &'static str,
        count: Option<i64>,
    ) -> Result<Option<Tokens>, StoreError> {
        Ok(self.count(column, count)?.map(Tokens))
    }

    fn count(self, column: &'static str, count: Option<i64>) -> Result<Option<u64>, StoreError> {
        let count = count.map(u64::try_from).transpose();
        count.map_err(|_| self.damaged(column))
    }

    pub(crate) fn cost(self, cost: f64) -> Result<Usd, StoreError> {
        Usd::new(cost).map_err(|_| self.damaged("cost_usd"))
    }

    fn json<T: DeserializeOwned>(self, column: &'static str, text: &str) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|_| self.damaged(column))
    }

    /// The first value of a list, without the work that the others are.
    pub(crate) fn first<T: DeserializeOwned>(
        self,
        column: &'static str,
        text: &str,
    ) -> Result<Option<T>, StoreError> {
        let First(first) = self.json(column, text)?;
        Ok(first)
    }

    /// The member of a closed list that has this word.
    pub(crate) fn word<T: Copy, const N: usize>(
        self,
        column: &'static str,
        all: [T; N],
        word_of: fn(T) -> &'static str,
        word: Option<String>,
    ) -> Result<Option<T>, StoreError> {
        let Some(word) = word else { return Ok(None) };
        let found = all.into_iter().find(|member| word_of(*member) == word);
        found.map(Some).ok_or_else(|| self.damaged(column))
    }

    fn coordinates(self, bytes: &[u8]) -> Result<Vec<f32>, StoreError> {
        let (numbers, rest) = bytes.as_chunks::<4>();
        match rest.is_empty() {
            true => Ok(numbers.iter().copied().map(f32::from_le_bytes).collect()),
            false => Err(self.damaged("coordinates")),
        }
    }
}

/// Of a list, what is read of it.
struct First<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for First<T> {
    fn deserialize<D: Deserializer<'de>>(list: D) -> Result<Self, D::Error> {
        list.deserialize_seq(FirstOf(PhantomData))
    }
}

struct FirstOf<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FirstOf<T> {
    type Value = First<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<First<T>, A::Error> {
        let first = list.next_element()?;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(First(first))
    }
}

impl DecisionCells {
    pub(crate) fn kept(self, path: &Path) -> Result<KeptDecision, StoreError> {
        let id = self.d_id;
        let place = Place {
            path,
            decision_id: &id,
        };
        let shadow = self.shadow.map(|text| place.json("shadow", &text));
        let coordinates = self.coordinates.map(|bytes| place.coordinates(&bytes));
        Ok(KeptDecision {
            seq: self.d_seq,
            ts_ms: self.d_ts_ms,
            model: ModelName::from(self.model),
            propensity: place.probability(self.propensity)?,
            policy_version: self.policy_version,
            arm: place.word("arm", Arm::ALL, Arm::as_str, self.arm)?,
            candidates: place.json("candidates", &self.candidates)?,
            coordinates: coordinates.transpose()?,
            key_id: self.d_key_id,
            tier: self.tier,
            category: self.category,
            session_id: self.session_id,
            input_tokens: place.tokens("input_tokens", self.d_input_tokens)?,
            cost: place.cost(self.d_cost_usd)?,
            lambda: self.lambda,
            shadow: shadow.transpose()?,
            erased_ms: self.erased_ms,
            id,
        })
    }
}

impl FeedbackCells {
    /// `None` where nothing was joined.
    pub(crate) fn kept(self, place: Place<'_>) -> Result<Option<KeptFeedback>, StoreError> {
        let (Some(seq), Some(feedback_id), Some(ts_ms)) = (self.f_seq, self.f_id, self.f_ts_ms)
        else {
            return Ok(None);
        };
        let (Some(metric_name), Some(version), Some(value)) =
            (self.metric_name, self.f_version, self.value)
        else {
            return Err(place.damaged("feedback"));
        };
        let verdict = place.word("verdict", Verdict::ALL, Verdict::as_str, self.verdict);
        Ok(Some(KeptFeedback {
            seq,
            feedback_id,
            ts_ms,
            metric_name,
            version,
            value: place.quality(value)?,
            verdict: verdict?,
            key_id: self.f_key_id,
        }))
    }
}

impl OutcomeCells {
    /// `None` where nothing was joined.
    pub(crate) fn kept(self, place: Place<'_>) -> Result<Option<Usage>, StoreError> {
        let cells = self.usage;
        if self.o_seq.is_none() {
            return Ok(None);
        }
        let cost = cells.cost_usd.map(|cost| place.cost(cost));
        Ok(Some(Usage {
            input_tokens: place.tokens("input_tokens", cells.input_tokens)?,
            output_tokens: place.tokens("output_tokens", cells.output_tokens)?,
            cached_tokens: place.tokens("cached_tokens", cells.cached_tokens)?,
            cost: cost.transpose()?,
            latency_ms: cells.latency_ms,
            error: cells.error,
            is_estimated: cells.estimated,
            answer_logprob: cells.answer_logprob,
            answer_chars: place.count("answer_chars", cells.answer_chars)?,
        }))
    }
}
