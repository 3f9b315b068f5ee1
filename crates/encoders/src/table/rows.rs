//! The vectors of a table, kept as compactly as the file has them, and their sums.

use half::{bf16, f16};
use safetensors::tensor::Dtype;

use crate::EncoderError;
use crate::machine::vectorised;
use crate::tensors::{Tensors, each};

/// Vectors, shape `(rows, dimensions)`.
pub(super) struct Rows {
    dimensions: usize,
    values: Values,
}

/// The numbers in the precision of the file.
enum Values {
    F32(Vec<f32>),
    F16(Vec<f16>),
    Bf16(Vec<bf16>),
    /// One scale for the whole table, which unit length takes away.
    I8(Vec<i8>),
}

impl Rows {
    pub(super) fn read(tensors: &Tensors<'_>, name: &str) -> Result<Self, EncoderError> {
        let view = tensors.view(name)?;
        let bytes = view.data();
        let values = match view.dtype() {
            Dtype::F32 => Some(Values::F32(each(bytes, f32::from_le_bytes).collect())),
            Dtype::F16 => Some(Values::F16(each(bytes, f16::from_le_bytes).collect())),
            Dtype::BF16 => Some(Values::Bf16(each(bytes, bf16::from_le_bytes).collect())),
            Dtype::I8 => Some(Values::I8(each(bytes, i8::from_le_bytes).collect())),
            _ => None,
        };
        match (values, view.shape()) {
            (Some(values), [rows, dimensions]) if *rows > 0 && *dimensions > 0 => {
                values.check(tensors, name)?;
                Ok(Self {
                    dimensions: *dimensions,
                    values,
                })
            }
            _ => {
                let expected = "F32, F16, BF16 or I8 [tokens, dimensions]";
                Err(tensors.wrong(name, &view, expected.into()))
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        let numbers = match &self.values {
            Values::F32(values) => values.len(),
            Values::F16(values) => values.len(),
            Values::Bf16(values) => values.len(),
            Values::I8(values) => values.len(),
        };
        numbers / self.dimensions
    }

    pub(super) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// The weighted sum of some rows.
    pub(super) fn sum(&self, rows: &[(usize, f32)]) -> Vec<f32> {
        match &self.values {
            Values::F32(values) => sum(values, self.dimensions, rows, from_f32),
            Values::F16(values) => sum(values, self.dimensions, rows, from_f16),
            Values::Bf16(values) => sum(values, self.dimensions, rows, from_bf16),
            Values::I8(values) => sum(values, self.dimensions, rows, from_i8),
        }
    }
}

fn sum<T: Copy>(
    values: &[T],
    dimensions: usize,
    rows: &[(usize, f32)],
    number: impl Fn(T) -> f32,
) -> Vec<f32> {
    let mut sum = vec![0.0; dimensions];
    vectorised(
        #[inline(always)]
        || {
            for (row, weight) in rows {
                let row = &values[row * dimensions..][..dimensions];
                for (sum, value) in sum.iter_mut().zip(row) {
                    *sum += weight * number(*value);
                }
            }
        },
    );
    sum
}

#[inline(always)]
fn from_f32(value: f32) -> f32 {
    value
}

/// The bits of a finite half moved to the place that they have in a single, which is then too
/// small by the difference of the exponents' biases. Unlike the conversion of `half` it becomes
/// part of the loop around it.
#[inline(always)]
fn from_f16(value: f16) -> f32 {
    const BIASES: f32 = f32::from_bits((127 + 127 - 15) << 23);
    let bits = u32::from(value.to_bits());
    let magnitude = f32::from_bits((bits & 0x7fff) << 13) * BIASES;
    f32::from_bits(magnitude.to_bits() | (bits & 0x8000) << 16)
}

#[inline(always)]
fn from_bf16(value: bf16) -> f32 {
    f32::from_bits(u32::from(value.to_bits()) << 16)
}

#[inline(always)]
fn from_i8(value: i8) -> f32 {
    f32::from(value)
}

impl Values {
    fn check(&self, tensors: &Tensors<'_>, name: &str) -> Result<(), EncoderError> {
        match self {
            Self::F32(values) => tensors.check_finite(name, values, f32::is_finite),
            Self::F16(values) => tensors.check_finite(name, values, f16::is_finite),
            Self::Bf16(values) => tensors.check_finite(name, values, bf16::is_finite),
            Self::I8(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_half_is_converted_exactly() {
        for bits in 0..=u16::MAX {
            let half = f16::from_bits(bits);
            if half.is_finite() {
                assert_eq!(
                    from_f16(half).to_bits(),
                    half.to_f32().to_bits(),
                    "{bits:04x}"
                );
            }
            let half = bf16::from_bits(bits);
            if half.is_finite() {
                assert_eq!(
                    from_bf16(half).to_bits(),
                    half.to_f32().to_bits(),
                    "{bits:04x}"
                );
            }
        }
    }
}
