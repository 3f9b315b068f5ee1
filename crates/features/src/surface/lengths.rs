//! Mean, greatest and spread of lengths.

/// The sums of lengths.
#[derive(Debug, Default)]
pub(super) struct Lengths {
    count: u32,
    sum: u64,
    squares: u64,
    greatest: u32,
}

impl Lengths {
    pub(super) fn add(&mut self, length: u32) {
        self.count += 1;
        self.sum += u64::from(length);
        self.squares += u64::from(length) * u64::from(length);
        self.greatest = self.greatest.max(length);
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    pub(super) fn greatest(&self) -> u32 {
        self.greatest
    }

    /// 0 of none.
    pub(super) fn mean(&self) -> f32 {
        (self.sum as f64 / self.least_one()) as f32
    }

    /// Standard deviation, not corrected for the degree of freedom.
    pub(super) fn spread(&self) -> f32 {
        let (count, sum) = (self.least_one(), self.sum as f64);
        let variance = (self.squares as f64 - sum * sum / count) / count;
        variance.max(0.0).sqrt() as f32
    }

    fn least_one(&self) -> f64 {
        f64::from(self.count.max(1))
    }
}
