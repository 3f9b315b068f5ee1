//! A sparse matrix that multiplies tensors from either side.

use candle_core::{Device, Result, Tensor};
use pointsman_models::SparseVector;
use rayon::prelude::*;

/// Shape `(rows, columns)`, packed by row and by column, so that both products are sums in a fixed
/// order: the same result on any number of threads.
#[derive(Debug, Clone)]
pub(crate) struct SparseMatrix {
    by_row: Packed,
    by_column: Packed,
}

/// Entries line by line.
#[derive(Debug, Clone)]
struct Packed {
    offsets: Vec<usize>,
    positions: Vec<u32>,
    values: Vec<f32>,
}

impl SparseMatrix {
    /// The matrix whose rows these are, `columns` wide.
    pub(crate) fn new(rows: &[SparseVector], columns: usize) -> Self {
        let by_row = Packed::from_lines(rows);
        let by_column = by_row.transposed(columns);
        Self { by_row, by_column }
    }

    /// `self * dense`: `(rows, columns) x (columns, width) -> (rows, width)`.
    pub(crate) fn times(&self, dense: &Tensor) -> Result<Tensor> {
        self.by_row.times(dense)
    }

    /// `selfᵀ * dense`: `(columns, rows) x (rows, width) -> (columns, width)`.
    pub(crate) fn transposed_times(&self, dense: &Tensor) -> Result<Tensor> {
        self.by_column.times(dense)
    }
}

impl Packed {
    fn from_lines(lines: &[SparseVector]) -> Self {
        let mut offsets = vec![0];
        offsets.extend(lines.iter().scan(0, |sum, line| {
            *sum += line.len();
            Some(*sum)
        }));
        let (positions, values) = lines.iter().flatten().copied().unzip();
        Self {
            offsets,
            positions,
            values,
        }
    }

    fn lines(&self) -> usize {
        self.offsets.len() - 1
    }

    fn line(&self, line: usize) -> impl Iterator<Item = (u32, f32)> + '_ {
        let range = self.offsets[line]..self.offsets[line + 1];
        self.positions[range.clone()]
            .iter()
            .copied()
            .zip(self.values[range].iter().copied())
    }

    fn transposed(&self, columns: usize) -> Self {
        let mut offsets = vec![0; columns + 1];
        self.positions
            .iter()
            .for_each(|position| offsets[*position as usize + 1] += 1);
        (0..columns).for_each(|column| offsets[column + 1] += offsets[column]);
        let mut next = offsets.clone();
        let mut positions = vec![0; self.positions.len()];
        let mut values = vec![0.0; self.values.len()];
        for row in 0..self.lines() {
            for (column, value) in self.line(row) {
                let slot = &mut next[column as usize];
                (positions[*slot], values[*slot]) = (row as u32, value);
                *slot += 1;
            }
        }
        Self {
            offsets,
            positions,
            values,
        }
    }

    fn times(&self, dense: &Tensor) -> Result<Tensor> {
        match dense.device() {
            Device::Cpu => self.times_on_cpu(dense),
            device => self.times_by_gathering(dense, device),
        }
    }

    fn times_on_cpu(&self, dense: &Tensor) -> Result<Tensor> {
        let width = dense.dim(1)?;
        let dense = dense.flatten_all()?.to_vec1::<f32>()?;
        let mut product = vec![0.0_f32; self.lines() * width];
        product
            .par_chunks_mut(width)
            .enumerate()
            .for_each(|(line, sums)| {
                for (position, value) in self.line(line) {
                    let start = position as usize * width;
                    for (sum, other) in sums.iter_mut().zip(&dense[start..start + width]) {
                        *sum += value * other;
                    }
                }
            });
        Tensor::from_vec(product, (self.lines(), width), &Device::Cpu)
    }

    /// The same product with operations that every device has.
    fn times_by_gathering(&self, dense: &Tensor, device: &Device) -> Result<Tensor> {
        let entries = self.values.len();
        let positions = Tensor::from_slice(&self.positions, entries, device)?;
        let values = Tensor::from_slice(&self.values, (entries, 1), device)?;
        let lines: Vec<u32> = (0..self.lines())
            .flat_map(|line| {
                std::iter::repeat_n(line as u32, self.offsets[line + 1] - self.offsets[line])
            })
            .collect();
        let lines = Tensor::from_vec(lines, entries, device)?;
        let products = dense.index_select(&positions, 0)?.broadcast_mul(&values)?;
        let sums = Tensor::zeros((self.lines(), dense.dim(1)?), dense.dtype(), device)?;
        sums.index_add(&lines, &products, 0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    fn dense(rows: usize, columns: usize) -> Tensor {
        let values: Vec<f32> = (0..rows * columns)
            .map(|number| (number as f32 * 0.7).sin())
            .collect();
        Tensor::from_vec(values, (rows, columns), &Device::Cpu).unwrap()
    }

    fn as_dense(rows: &[SparseVector], columns: usize) -> Tensor {
        let mut values = vec![0.0_f32; rows.len() * columns];
        for (row, vector) in rows.iter().enumerate() {
            vector
                .iter()
                .for_each(|(column, value)| values[row * columns + *column as usize] = *value);
        }
        Tensor::from_vec(values, (rows.len(), columns), &Device::Cpu).unwrap()
    }

    fn any_rows() -> impl Strategy<Value = Vec<SparseVector>> {
        let row = prop::collection::btree_map(0..7_u32, -1.0..1.0_f32, 0..6);
        prop::collection::vec(row.prop_map(|entries| entries.into_iter().collect()), 1..9)
    }

    fn close(left: &Tensor, right: &Tensor) -> bool {
        values(left)
            .iter()
            .zip(values(right))
            .all(|(left, right)| (left - right).abs() < 1e-5)
    }

    proptest! {
        #[test]
        fn products_equal_those_of_the_dense_matrix(rows in any_rows()) {
            let matrix = SparseMatrix::new(&rows, 7);
            let full = as_dense(&rows, 7);
            let (right, left) = (dense(7, 3), dense(rows.len(), 3));
            prop_assert!(close(&matrix.times(&right).unwrap(), &full.matmul(&right).unwrap()));
            let transposed = full.t().unwrap().contiguous().unwrap().matmul(&left).unwrap();
            prop_assert!(close(&matrix.transposed_times(&left).unwrap(), &transposed));
        }

        #[test]
        fn gathering_gives_the_same_product(rows in any_rows()) {
            let matrix = SparseMatrix::new(&rows, 7);
            let right = dense(7, 3);
            let gathered = matrix.by_row.times_by_gathering(&right, &Device::Cpu).unwrap();
            prop_assert!(close(&matrix.times(&right).unwrap(), &gathered));
        }
    }
}
