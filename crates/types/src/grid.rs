//! A dense table of numbers, row by row.

use std::ops::{Index, IndexMut};

/// Shape `(rows, columns)`, usually `(prompts, models)`; a missing number is NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid<T> {
    columns: usize,
    values: Vec<T>,
}

impl<T: Copy> Grid<T> {
    /// A table of `rows` times `columns`, every number `value`.
    #[must_use]
    pub fn filled(rows: usize, columns: usize, value: T) -> Self {
        Self {
            columns,
            values: vec![value; rows * columns],
        }
    }

    /// A table from its numbers, row after row.
    ///
    /// # Panics
    /// When the numbers do not fill whole rows.
    #[must_use]
    pub fn from_values(columns: usize, values: Vec<T>) -> Self {
        assert!(
            columns > 0 && values.len().is_multiple_of(columns),
            "{} numbers in rows of {columns}",
            values.len()
        );
        Self { columns, values }
    }

    /// How many rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.len().checked_div(self.columns).unwrap_or(0)
    }

    /// How many columns.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// One row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[T] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }

    /// One row, to write.
    pub fn row_mut(&mut self, row: usize) -> &mut [T] {
        &mut self.values[row * self.columns..(row + 1) * self.columns]
    }

    /// One column, from the first row to the last.
    pub fn column(&self, column: usize) -> impl Iterator<Item = T> + '_ {
        self.values
            .iter()
            .skip(column)
            .step_by(self.columns.max(1))
            .copied()
    }

    /// The numbers, row after row.
    #[must_use]
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// The rows named, in that order; a row may be named twice.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        let values = rows
            .iter()
            .flat_map(|row| self.row(*row))
            .copied()
            .collect();
        Self {
            columns: self.columns,
            values,
        }
    }

    /// The columns named, in that order.
    #[must_use]
    pub fn select_columns(&self, columns: &[usize]) -> Self {
        let rows = (0..self.rows()).map(|row| self.row(row));
        let values = rows
            .flat_map(|row| columns.iter().map(|column| row[*column]))
            .collect();
        Self {
            columns: columns.len(),
            values,
        }
    }

    /// Rows as columns.
    #[must_use]
    pub fn transposed(&self) -> Self {
        Self {
            columns: self.rows(),
            values: (0..self.columns).flat_map(|at| self.column(at)).collect(),
        }
    }

    /// The same table with one more column at the end, made from each row.
    #[must_use]
    pub fn with_column(&self, value: impl Fn(&[T]) -> T) -> Self {
        let rows = (0..self.rows()).map(|row| self.row(row));
        let values = rows
            .flat_map(|row| row.iter().copied().chain([value(row)]))
            .collect();
        Self {
            columns: self.columns + 1,
            values,
        }
    }

    /// Adds a row at the end.
    ///
    /// # Panics
    /// When the row has another length than the table is wide.
    pub fn push_row(&mut self, row: &[T]) {
        assert_eq!(row.len(), self.columns, "a row as wide as the table");
        self.values.extend_from_slice(row);
    }
}

impl<T> Index<(usize, usize)> for Grid<T> {
    type Output = T;
    fn index(&self, (row, column): (usize, usize)) -> &T {
        &self.values[row * self.columns + column]
    }
}

impl<T> IndexMut<(usize, usize)> for Grid<T> {
    fn index_mut(&mut self, (row, column): (usize, usize)) -> &mut T {
        &mut self.values[row * self.columns + column]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposed_twice_is_as_before() {
        let grid = Grid::from_values(3, vec![1, 2, 3, 4, 5, 6]);
        let transposed = grid.transposed();
        assert_eq!(transposed, Grid::from_values(2, vec![1, 4, 2, 5, 3, 6]));
        assert_eq!(transposed.transposed(), grid);
    }
}
