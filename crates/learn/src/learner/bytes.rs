//! A learner as bytes, and back: little endian, with a version in front. Settings are the caller's
//! and are not in them.

use pointsman_models::{Posterior, StateError};

use super::influence::{Influence, Key};
use super::learn::{Learner, LearnerCounts};
use super::settings::LearnerSettings;
use super::suspicion::Suspicion;

const MAGIC: &[u8; 8] = b"PTSMLSN\0";
/// Raised whenever the meaning of the numbers changes.
const VERSION: u32 = 1;

/// A state that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LearnerError {
    /// It is something else.
    #[error("this is no state of a learner and its keys")]
    Foreign,
    /// Another release wrote it.
    #[error("the learner's state has version {found}, this release reads version {VERSION}")]
    Version {
        /// Its version.
        found: u32,
    },
    /// It ends early, goes on too long, or holds a number that is none.
    #[error("the learner's state is damaged: {0}")]
    Damaged(&'static str),
    /// What it believes cannot be used.
    #[error("the learner's posterior cannot be used")]
    Posterior(#[from] StateError),
}

impl Learner {
    /// The state as bytes; equal states give equal bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        let influence = &self.influence;
        for number in counted(self.counts)
            .into_iter()
            .chain([influence.heard, influence.keys.len() as u64])
        {
            bytes.extend(number.to_le_bytes());
        }
        for number in [influence.unit, influence.cut] {
            bytes.extend(number.to_le_bytes());
        }
        for (name, key) in &influence.keys {
            put_key(&mut bytes, *name, key);
        }
        bytes.extend(self.posterior.to_bytes());
        bytes
    }

    /// The state that [`Learner::to_bytes`] wrote.
    ///
    /// # Errors
    /// When it is something else, of another version, or damaged.
    pub fn from_bytes(bytes: &[u8], settings: LearnerSettings) -> Result<Self, LearnerError> {
        let rest = bytes.strip_prefix(MAGIC.as_slice());
        let mut rest = Rest(rest.ok_or(LearnerError::Foreign)?);
        match u32::from_le_bytes(rest.take()?) {
            VERSION => {}
            found => return Err(LearnerError::Version { found }),
        }
        let counts = rest.counts()?;
        let (heard, keys) = (rest.count()?, rest.count()?);
        let (unit, cut) = (rest.number()?, rest.number()?);
        if !unit.is_finite() || unit <= 0.0 || cut.is_nan() {
            return Err(LearnerError::Damaged("its unit is no unit"));
        }
        let keys = (0..keys).map(|_| rest.key()).collect::<Result<_, _>>()?;
        let influence = Influence {
            keys,
            unit,
            heard,
            cut,
        };
        let posterior = Posterior::from_bytes(rest.0)?;
        Ok(Self::assembled(posterior, influence, counts, settings))
    }
}

fn counted(counts: LearnerCounts) -> [u64; 8] {
    [
        counts.learned,
        counts.capped,
        counts.late,
        counts.quarantined,
        counts.ignored,
        counts.refused,
        counts.corrected,
        counts.restarts,
    ]
}

fn put_key(bytes: &mut Vec<u8>, name: Option<u64>, key: &Key) {
    bytes.push(u8::from(name.is_some()));
    bytes.push(key.suspicion.accused.map_or(0, |at| at + 1));
    for count in [name.unwrap_or(0), key.lessons, key.set_aside] {
        bytes.extend(count.to_le_bytes());
    }
    for number in [key.offered, key.residual]
        .iter()
        .chain(key.suspicion.evidence())
    {
        bytes.extend(number.to_le_bytes());
    }
}

struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], LearnerError> {
        let split = self.0.split_first_chunk::<N>();
        let (taken, rest) = split.ok_or(LearnerError::Damaged("it ends early"))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn count(&mut self) -> Result<u64, LearnerError> {
        self.take().map(u64::from_le_bytes)
    }

    fn number(&mut self) -> Result<f64, LearnerError> {
        self.take().map(f64::from_le_bytes)
    }

    fn finite(&mut self) -> Result<f64, LearnerError> {
        let number = self.number()?;
        match number.is_finite() {
            true => Ok(number),
            false => Err(LearnerError::Damaged("a key holds what is no number")),
        }
    }

    fn flag(&mut self) -> Result<bool, LearnerError> {
        match self.take()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(LearnerError::Damaged("a flag is neither 0 nor 1")),
        }
    }

    fn accused(&mut self) -> Result<Option<u8>, LearnerError> {
        let [number] = self.take()?;
        let Some(number) = number.checked_sub(1) else {
            return Ok(None);
        };
        let accused = Suspicion::accusation(number);
        accused.map(Some).ok_or(LearnerError::Damaged(
            "a key is set aside for no known reason",
        ))
    }

    fn counts(&mut self) -> Result<LearnerCounts, LearnerError> {
        Ok(LearnerCounts {
            learned: self.count()?,
            capped: self.count()?,
            late: self.count()?,
            quarantined: self.count()?,
            ignored: self.count()?,
            refused: self.count()?,
            corrected: self.count()?,
            restarts: self.count()?,
        })
    }

    fn key(&mut self) -> Result<(Option<u64>, Key), LearnerError> {
        let (is_named, accused) = (self.flag()?, self.accused()?);
        let (name, lessons, set_aside) = (self.count()?, self.count()?, self.count()?);
        let (offered, residual) = (self.finite()?, self.finite()?);
        let mut suspicion = Suspicion {
            accused,
            ..Suspicion::default()
        };
        for number in suspicion.evidence_mut() {
            *number = self.finite()?;
        }
        let key = Key {
            offered,
            residual,
            suspicion,
            lessons,
            set_aside,
        };
        Ok((is_named.then_some(name), key))
    }
}
