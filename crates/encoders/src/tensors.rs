//! A safetensors file being read: tensors by name, their shapes checked, every number finite.

use std::path::{Path, PathBuf};

use half::{bf16, f16};
use pointsman_types::Grid;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::EncoderError;

/// The tensors of a file.
pub(crate) struct Tensors<'a> {
    file: PathBuf,
    tensors: SafeTensors<'a>,
}

impl<'a> Tensors<'a> {
    pub(crate) fn parse(file: &Path, bytes: &'a [u8]) -> Result<Self, EncoderError> {
        let file = file.to_owned();
        match SafeTensors::deserialize(bytes) {
            Ok(tensors) => Ok(Self { file, tensors }),
            Err(source) => Err(EncoderError::Weights { file, source }),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.tensors.tensor(name).is_ok()
    }

    pub(crate) fn view(&self, name: &str) -> Result<TensorView<'a>, EncoderError> {
        self.tensors
            .tensor(name)
            .map_err(|_| EncoderError::NoTensor {
                file: self.file.clone(),
                tensor: name.to_owned(),
            })
    }

    /// Shape `(rows, columns)`.
    pub(crate) fn grid(
        &self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Grid<f32>, EncoderError> {
        let values = self.floats(name, &[rows, columns])?;
        Ok(Grid::from_values(columns, values))
    }

    /// Shape `(len)`.
    pub(crate) fn list(&self, name: &str, len: usize) -> Result<Vec<f32>, EncoderError> {
        self.floats(name, &[len])
    }

    /// Whole numbers, shape `(len)`.
    pub(crate) fn indices(&self, name: &str, len: usize) -> Result<Vec<usize>, EncoderError> {
        let view = self.view(name)?;
        let indices: Option<Vec<usize>> = match view.dtype() {
            _ if view.shape() != [len] => None,
            Dtype::I64 => each(view.data(), i64::from_le_bytes)
                .map(|index| index.try_into().ok())
                .collect(),
            Dtype::I32 => each(view.data(), i32::from_le_bytes)
                .map(|index| index.try_into().ok())
                .collect(),
            _ => None,
        };
        indices.ok_or_else(|| {
            let expected = format!("I64 or I32 [{len}], from 0");
            self.wrong(name, &view, expected)
        })
    }

    /// Numbers of any floating type, as 32 bits.
    fn floats(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, EncoderError> {
        let view = self.view(name)?;
        let values = (view.shape() == shape).then(|| floats(&view)).flatten();
        let values =
            values.ok_or_else(|| self.wrong(name, &view, format!("F32, F16 or BF16 {shape:?}")))?;
        self.check_finite(name, &values, |value| value.is_finite())?;
        Ok(values)
    }

    /// That no number of a tensor is NaN or infinite.
    pub(crate) fn check_finite<T: Copy>(
        &self,
        name: &str,
        values: &[T],
        finite: impl Fn(T) -> bool,
    ) -> Result<(), EncoderError> {
        match values.iter().position(|value| !finite(*value)) {
            None => Ok(()),
            Some(position) => Err(EncoderError::NotFinite {
                file: self.file.clone(),
                tensor: name.to_owned(),
                position,
            }),
        }
    }

    /// The error that a tensor does not fit its place.
    pub(crate) fn wrong(
        &self,
        name: &str,
        view: &TensorView<'_>,
        expected: String,
    ) -> EncoderError {
        EncoderError::Shape {
            file: self.file.clone(),
            tensor: name.to_owned(),
            found: format!("{:?} {:?}", view.dtype(), view.shape()),
            expected,
        }
    }
}

fn floats(view: &TensorView<'_>) -> Option<Vec<f32>> {
    match view.dtype() {
        Dtype::F32 => Some(each(view.data(), f32::from_le_bytes).collect()),
        Dtype::F16 => Some(each(view.data(), |bytes| f16::from_le_bytes(bytes).to_f32()).collect()),
        Dtype::BF16 => {
            Some(each(view.data(), |bytes| bf16::from_le_bytes(bytes).to_f32()).collect())
        }
        _ => None,
    }
}

/// The numbers in the bytes of a tensor.
pub(crate) fn each<const N: usize, T>(
    bytes: &[u8],
    number: impl Fn([u8; N]) -> T,
) -> impl Iterator<Item = T> {
    bytes.as_chunks().0.iter().map(move |bytes| number(*bytes))
}
