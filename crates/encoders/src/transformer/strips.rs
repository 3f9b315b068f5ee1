//! A matrix in strips of 32 columns, one strip after the other, each row by row.
//!
//! It is the one layout of the network on a CPU. A product reads both its sides in the order in
//! which they lie in memory, its result has the layout that the next product reads, and what a
//! thread writes is one piece. Columns beyond the last are zero.

/// How many columns a strip has.
pub(super) const WIDTH: usize = 32;

/// One row of a strip, two cache lines.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(64))]
pub(super) struct Lane(pub(super) [f32; WIDTH]);

impl Lane {
    pub(super) const ZERO: Self = Self([0.0; WIDTH]);

    /// The sum of its numbers, in the same order on every machine.
    #[inline(always)]
    pub(super) fn sum(&self) -> f32 {
        self.fold(|left, right| left + right)
    }

    /// The largest of its numbers.
    #[inline(always)]
    pub(super) fn max(&self) -> f32 {
        self.fold(f32::max)
    }

    #[inline(always)]
    fn fold(&self, join: impl Fn(f32, f32) -> f32) -> f32 {
        let mut values = self.0;
        let mut half = WIDTH / 2;
        while half > 0 {
            for at in 0..half {
                values[at] = join(values[at], values[at + half]);
            }
            half /= 2;
        }
        values[0]
    }
}

/// A matrix, shape `(rows, strips * WIDTH)`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Strips {
    rows: usize,
    lanes: Vec<Lane>,
}

impl Strips {
    pub(super) fn zeros(rows: usize, strips: usize) -> Self {
        Self {
            rows,
            lanes: vec![Lane::ZERO; rows * strips],
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn strips(&self) -> usize {
        self.lanes.len().checked_div(self.rows).unwrap_or(0)
    }

    pub(super) fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    pub(super) fn lanes_mut(&mut self) -> &mut [Lane] {
        &mut self.lanes
    }

    pub(super) fn strip(&self, strip: usize) -> &[Lane] {
        &self.lanes[strip * self.rows..][..self.rows]
    }

    pub(super) fn strip_mut(&mut self, strip: usize) -> &mut [Lane] {
        &mut self.lanes[strip * self.rows..][..self.rows]
    }

    /// The lanes of a row, from the first strip to the last.
    #[inline(always)]
    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = &Lane> {
        self.lanes.iter().skip(row).step_by(self.rows.max(1))
    }

    pub(super) fn set(&mut self, row: usize, column: usize, value: f32) {
        self.strip_mut(column / WIDTH)[row].0[column % WIDTH] = value;
    }
}

/// Numbers as lanes, zeros after the last.
pub(super) fn lanes(values: &[f32]) -> Vec<Lane> {
    let chunks = values.chunks(WIDTH).map(|chunk| {
        let mut lane = Lane::ZERO;
        lane.0[..chunk.len()].copy_from_slice(chunk);
        lane
    });
    chunks.collect()
}
