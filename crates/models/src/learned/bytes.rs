//! A posterior as bytes, and back: little endian, with a version in front.

use pointsman_types::Grid;

use super::{Coordinates, Posterior, Prior};

const MAGIC: &[u8; 8] = b"PTSMLRN\0";
/// Raised whenever the meaning of the numbers changes.
const VERSION: u32 = 1;

/// A state that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// It is something else.
    #[error("this is no state of a learner")]
    Foreign,
    /// Another release wrote it.
    #[error("the state has version {found}, this release reads version {VERSION}")]
    Version {
        /// Its version.
        found: u32,
    },
    /// It ends early, goes on too long, or holds a number that is none.
    #[error("the state is damaged: {0}")]
    Damaged(&'static str),
}

impl Posterior {
    /// The state as bytes; equal states give equal bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let mut word = |value: u32| bytes.extend(value.to_le_bytes());
        word(VERSION);
        word(self.prior.models() as u32);
        word(self.prior.factors() as u32);
        word(self.prior.latent_scale.to_bits());
        bytes.extend(self.judgements.to_le_bytes());
        let prior = self
            .prior
            .loadings
            .values()
            .iter()
            .chain(self.prior.levels.values());
        prior.for_each(|value| bytes.extend(value.to_le_bytes()));
        let state = self.mean.iter().chain(self.covariance.values());
        state.for_each(|value| bytes.extend(value.to_le_bytes()));
        bytes
    }

    /// The state that [`Posterior::to_bytes`] wrote.
    ///
    /// # Errors
    /// When it is something else, of another version, or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        let mut rest = Bytes(
            bytes
                .strip_prefix(MAGIC.as_slice())
                .ok_or(StateError::Foreign)?,
        );
        match rest.word()? {
            VERSION => {}
            found => return Err(StateError::Version { found }),
        }
        let (models, factors) = (rest.word()? as usize, rest.word()? as usize);
        if models == 0 || factors == 0 || models > 4096 || factors > 64 {
            return Err(StateError::Damaged("its size is impossible"));
        }
        let latent_scale = f32::from_bits(rest.word()?);
        let judgements = u64::from_le_bytes(rest.take()?);
        let size = models + Coordinates::LEN * factors;
        let loadings = Grid::from_values(factors, rest.singles(models * factors)?);
        let levels = Grid::from_values(models, rest.singles(models * models)?);
        let posterior = Self {
            prior: Prior {
                loadings,
                levels,
                latent_scale,
            },
            mean: rest.doubles(size)?,
            covariance: Grid::from_values(size, rest.doubles(size * size)?),
            judgements,
        };
        // Looked at in a copy: a state that was read goes on exactly as the one that was written.
        match (rest.0.is_empty(), posterior.clone().is_sound()) {
            (false, _) => Err(StateError::Damaged("it goes on after its end")),
            (_, false) => Err(StateError::Damaged(
                "its covariance is not positive definite",
            )),
            _ => Ok(posterior),
        }
    }
}

struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], StateError> {
        let (taken, rest) = self
            .0
            .split_first_chunk::<N>()
            .ok_or(StateError::Damaged("it ends early"))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn word(&mut self) -> Result<u32, StateError> {
        self.take().map(u32::from_le_bytes)
    }

    fn singles(&mut self, count: usize) -> Result<Vec<f32>, StateError> {
        (0..count)
            .map(|_| self.take().map(f32::from_le_bytes))
            .collect()
    }

    fn doubles(&mut self, count: usize) -> Result<Vec<f64>, StateError> {
        (0..count)
            .map(|_| self.take().map(f64::from_le_bytes))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learnt() -> Posterior {
        let mut posterior = Posterior::new(Prior::independent(3));
        let at = Coordinates::kept(vec![0.1; Coordinates::LEN]).unwrap();
        posterior.learn(&at, 1, 0.25, 0.2);
        assert!(posterior.is_sound());
        posterior
    }

    #[test]
    fn what_was_written_is_read() {
        let posterior = learnt();
        assert_eq!(Posterior::from_bytes(&posterior.to_bytes()), Ok(posterior));
    }

    #[test]
    fn damage_is_noticed() {
        let bytes = learnt().to_bytes();
        let damaged = |bytes: &[u8]| Posterior::from_bytes(bytes).unwrap_err();
        assert_eq!(damaged(&bytes[1..]), StateError::Foreign);
        assert!(matches!(
            damaged(&bytes[..bytes.len() - 1]),
            StateError::Damaged(_)
        ));
        assert!(matches!(
            damaged(&[bytes.as_slice(), &[0]].concat()),
            StateError::Damaged(_)
        ));
        let mut newer = bytes.clone();
        newer[8] = 9;
        assert_eq!(damaged(&newer), StateError::Version { found: 9 });
        let mut endless = bytes;
        let end = endless.len() - 8;
        endless[end..].copy_from_slice(&f64::NAN.to_le_bytes());
        assert!(matches!(damaged(&endless), StateError::Damaged(_)));
    }
}
