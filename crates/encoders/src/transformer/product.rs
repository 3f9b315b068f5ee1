//! The matrix product, where nearly all of the time goes.
//!
//! Goto and van de Geijn's scheme (ACM TOMS 34(3), 2008) without its copying, since the operands
//! lie in strips already: a tile of up to 12 rows and two vectors of columns stays in registers
//! while it runs along both operands. Each number is a chain of fused multiply-adds in the order
//! of the inner index, so it has the same bits whatever the instruction set, tile or thread.

use pulp::{Arch, Simd, WithSimd};

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
        self.run_on(*ARCH);
    }

    /// Tiles of even height, so that the last is not a sliver.
    fn run_on(mut self, arch: Arch) {
        let rows = self.out.len();
        let tiles = rows.div_ceil(arch.dispatch(Tallest));
        for tile in 0..tiles {
            let (first, end) = (tile * rows / tiles, (tile + 1) * rows / tiles);
            match end - first {
                1 => self.tile::<1>(arch, first),
                2 => self.tile::<2>(arch, first),
                3 => self.tile::<3>(arch, first),
                4 => self.tile::<4>(arch, first),
                5 => self.tile::<5>(arch, first),
                6 => self.tile::<6>(arch, first),
                7 => self.tile::<7>(arch, first),
                8 => self.tile::<8>(arch, first),
                9 => self.tile::<9>(arch, first),
                10 => self.tile::<10>(arch, first),
                11 => self.tile::<11>(arch, first),
                12 => self.tile::<12>(arch, first),
                _ => unreachable!("tiles have 1 to 12 rows"),
            }
        }
    }

    /// The rows from `row` on. A function of its own for each height: in one function for all, the
    /// compiler runs out of registers and keeps sums in memory.
    fn tile<const HEIGHT: usize>(&mut self, arch: Arch, row: usize) {
        let (out, _) = self.out[row..]
            .split_first_chunk_mut()
            .expect("rows of the result");
        arch.dispatch(Tile::<HEIGHT> {
            left: self.left,
            row,
            right: self.right,
            start: self.start,
            out,
        });
    }
}

/// How many rows a tile may have, two sums in registers for each.
struct Tallest;

impl WithSimd for Tallest {
    type Output = usize;

    fn with_simd<S: Simd>(self, _: S) -> usize {
        if S::REGISTER_COUNT < 32 { 6 } else { 12 }
    }
}

/// Some rows of a product.
struct Tile<'a, const HEIGHT: usize> {
    left: Rows<'a>,
    row: usize,
    right: &'a [Lane],
    start: &'a Lane,
    out: &'a mut [Lane; HEIGHT],
}

impl<const HEIGHT: usize> WithSimd for Tile<'_, HEIGHT> {
    type Output = ();

    /// Two vectors of columns at a time.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for pair in 0..WIDTH / (2 * S::F32_LANES) {
            let sums = self.sums(simd, pair);
            for (lane, sum) in self.out.iter_mut().zip(sums) {
                let (vectors, _) = S::as_mut_simd_f32s(&mut lane.0);
                vectors[2 * pair..2 * pair + 2].copy_from_slice(&sum);
            }
        }
    }
}

impl<const HEIGHT: usize> Tile<'_, HEIGHT> {
    #[inline(always)]
    fn sums<S: Simd>(&self, simd: S, pair: usize) -> [[S::f32s; 2]; HEIGHT] {
        let mut sums = [two::<S>(self.start, pair); HEIGHT];
        for (strip, right) in self.right.chunks(WIDTH).enumerate() {
            let left = self.left.block::<HEIGHT>(strip, self.row);
            for (inner, lane) in right.iter().enumerate().take(WIDTH) {
                let [first, second] = two::<S>(lane, pair);
                for (sum, lane) in sums.iter_mut().zip(left) {
                    let factor = simd.splat_f32s(lane.0[inner]);
                    sum[0] = simd.mul_add_f32s(factor, first, sum[0]);
                    sum[1] = simd.mul_add_f32s(factor, second, sum[1]);
                }
            }
        }
        sums
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
        let v3 = pulp::x86::V3::try_new().map(Arch::V3);
        let v4 = pulp::x86::V4::try_new().map(Arch::V4);
        for arch in [Some(Arch::Scalar), v3, v4].into_iter().flatten() {
            for rows in [1, 6, 7, 12, 29] {
                let found = product(rows, |product| product.run_on(arch));
                assert_eq!(found, plain(rows), "{arch:?}");
            }
        }
    }
}
