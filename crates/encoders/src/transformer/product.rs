//! The matrix product, where nearly all of the time goes.
//!
//! Goto and van de Geijn's scheme (ACM TOMS 34(3), 2008) without its copying, since the operands
//! lie in strips already: a tile of up to 12 rows and two vectors of columns stays in registers
//! while it runs along both operands. Each number is a chain of fused multiply-adds in the order
//! of the inner index, so it has the same bits whatever the instruction set, tile or thread.

use pulp::{Simd, WithSimd};

use crate::machine::ARCH;
use crate::transformer::strips::{Lane, Strips, WIDTH};

/// Some rows of a matrix in strips.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    lanes: &'a [Lane],
    /// From one strip to the next.
    stride: usize,
    first: usize,
}

impl<'a> Rows<'a> {
    /// The rows from `first` on of strips that have `stride` rows.
    pub(super) fn new(lanes: &'a [Lane], stride: usize, first: usize) -> Self {
        Self {
            lanes,
            stride,
            first,
        }
    }

    pub(super) fn all(matrix: &'a Strips) -> Self {
        Self::new(matrix.lanes(), matrix.rows(), 0)
    }

    #[inline(always)]
    fn block<const HEIGHT: usize>(&self, strip: usize, row: usize) -> &'a [Lane; HEIGHT] {
        let start = strip * self.stride + self.first + row;
        let (block, _) = self.lanes[start..]
            .split_first_chunk()
            .expect("rows within the matrix");
        block
    }
}

/// `out = start + left right`, for one strip of the right side and of the result.
pub(super) struct Product<'a> {
    /// Shape `(rows, inner)`.
    pub(super) left: Rows<'a>,
    /// Shape `(inner, WIDTH)`.
    pub(super) right: &'a [Lane],
    /// The same for each row.
    pub(super) start: &'a Lane,
    /// Shape `(rows, WIDTH)`.
    pub(super) out: &'a mut [Lane],
}

impl Product<'_> {
    pub(super) fn run(self) {
        ARCH.dispatch(self);
    }
}

impl WithSimd for Product<'_> {
    type Output = ();

    /// Tiles of even height, so that the last is not a sliver.
    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let rows = self.out.len();
        let tallest = if S::REGISTER_COUNT < 32 { 6 } else { 12 };
        let tiles = rows.div_ceil(tallest);
        for tile in 0..tiles {
            let (first, end) = (tile * rows / tiles, (tile + 1) * rows / tiles);
            for pair in 0..WIDTH / (2 * S::F32_LANES) {
                self.tile_of_height(simd, end - first, first, pair);
            }
        }
    }
}

impl Product<'_> {
    #[inline(always)]
    fn tile_of_height<S: Simd>(&mut self, simd: S, height: usize, row: usize, pair: usize) {
        match height {
            1 => self.tile::<S, 1>(simd, row, pair),
            2 => self.tile::<S, 2>(simd, row, pair),
            3 => self.tile::<S, 3>(simd, row, pair),
            4 => self.tile::<S, 4>(simd, row, pair),
            5 => self.tile::<S, 5>(simd, row, pair),
            6 => self.tile::<S, 6>(simd, row, pair),
            7 => self.tile::<S, 7>(simd, row, pair),
            8 => self.tile::<S, 8>(simd, row, pair),
            9 => self.tile::<S, 9>(simd, row, pair),
            10 => self.tile::<S, 10>(simd, row, pair),
            11 => self.tile::<S, 11>(simd, row, pair),
            12 => self.tile::<S, 12>(simd, row, pair),
            _ => unreachable!("tiles have 1 to 12 rows"),
        }
    }

    /// `HEIGHT` rows from `row` on, two vectors of columns.
    #[inline(always)]
    fn tile<S: Simd, const HEIGHT: usize>(&mut self, simd: S, row: usize, pair: usize) {
        let mut sums = [two::<S>(self.start, pair); HEIGHT];
        for (strip, right) in self.right.chunks(WIDTH).enumerate() {
            let left = self.left.block::<HEIGHT>(strip, row);
            for (inner, lane) in right.iter().enumerate().take(WIDTH) {
                let [first, second] = two::<S>(lane, pair);
                for (sum, lane) in sums.iter_mut().zip(left) {
                    let factor = simd.splat_f32s(lane.0[inner]);
                    sum[0] = simd.mul_add_f32s(factor, first, sum[0]);
                    sum[1] = simd.mul_add_f32s(factor, second, sum[1]);
                }
            }
        }
        for (lane, sum) in self.out[row..row + HEIGHT].iter_mut().zip(sums) {
            let (vectors, _) = S::as_mut_simd_f32s(&mut lane.0);
            vectors[2 * pair..2 * pair + 2].copy_from_slice(&sum);
        }
    }
}

/// Two vectors of a lane.
#[inline(always)]
fn two<S: Simd>(lane: &Lane, pair: usize) -> [S::f32s; 2] {
    let (vectors, _) = S::as_simd_f32s(&lane.0);
    [vectors[2 * pair], vectors[2 * pair + 1]]
}

#[cfg(test)]
mod tests {
    use super::*;

    const INNER: usize = 45;

    fn matrix(rows: usize, columns: usize) -> Strips {
        let mut matrix = Strips::zeros(rows, columns.div_ceil(WIDTH));
        for row in 0..rows {
            for column in 0..columns {
                let value = ((row * 31 + column * 17) % 101) as f32 / 7.0 - 7.0;
                matrix.set(row, column, value);
            }
        }
        matrix
    }

    /// One strip of a product, made in some way.
    fn product(rows: usize, make: impl Fn(Product<'_>)) -> Vec<Lane> {
        let (left, right) = (matrix(rows + 3, INNER), matrix(INNER, WIDTH));
        let mut out = vec![Lane::ZERO; rows];
        make(Product {
            left: Rows::new(left.lanes(), left.rows(), 3),
            right: right.strip(0),
            start: &Lane([0.1; WIDTH]),
            out: &mut out,
        });
        out
    }

    /// The chain of fused multiply-adds that each number is.
    fn plain(rows: usize) -> Vec<Lane> {
        let (left, right) = (matrix(rows + 3, INNER), matrix(INNER, WIDTH));
        let number = |row: usize, column: usize| {
            (0..INNER).fold(0.1_f32, |sum, inner| {
                let factor = left.strip(inner / WIDTH)[row + 3].0[inner % WIDTH];
                factor.mul_add(right.strip(0)[inner].0[column], sum)
            })
        };
        let lane = |row| Lane(std::array::from_fn(|column| number(row, column)));
        (0..rows).map(lane).collect()
    }

    #[test]
    fn a_product_is_a_chain_of_fused_multiply_adds_for_any_number_of_rows() {
        for rows in 1..40 {
            assert_eq!(
                product(rows, |product| product.run()),
                plain(rows),
                "{rows} rows"
            );
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        for rows in [1, 6, 7, 12, 29] {
            let expected = plain(rows);
            assert_eq!(
                product(rows, |product| product.with_simd(pulp::Scalar)),
                expected
            );
            if let Some(v3) = pulp::x86::V3::try_new() {
                assert_eq!(
                    product(rows, |product| Simd::vectorize(v3, product)),
                    expected
                );
            }
            if let Some(v4) = pulp::x86::V4::try_new() {
                assert_eq!(
                    product(rows, |product| Simd::vectorize(v4, product)),
                    expected
                );
            }
        }
    }
}
