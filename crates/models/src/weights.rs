//! A model's parameters as `weights.safetensors`, and back.

use std::borrow::Cow;
use std::collections::BTreeMap;

use pointsman_features::{FeatureSpec, SURFACE_FEATURES};
use pointsman_types::{Grid, ModelName};
use safetensors::tensor::{Dtype, SafeTensors, View};

use crate::calibration::Calibration;
use crate::familiarity::Familiarity;
use crate::kernel::Kernel;
use crate::learned::Prior;
use crate::lexicon::Lexicon;
use crate::model::{EncoderReference, Model};
use crate::network::Network;
use crate::quality::{ClusterTable, QualityHead};
use crate::rarity::Rarity;
use crate::regression::{InputTokens, LogRegression};
use crate::representation::{EmbeddingProjection, Representation};

/// Weights that do not make a model.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file is no safetensors file.
    #[error("weights.safetensors cannot be read: {0}")]
    Unreadable(#[from] safetensors::SafeTensorError),
    /// A tensor is absent.
    #[error("weights.safetensors has no tensor `{0}`")]
    Missing(String),
    /// A tensor is of another type or shape than its place asks for.
    #[error("tensor `{tensor}` in weights.safetensors is {found}, expected {expected}")]
    Shape {
        /// Which tensor.
        tensor: String,
        /// What it is.
        found: String,
        /// What its place asks for.
        expected: String,
    },
    /// The calibration speaks of another number of models.
    #[error("calibration.json has {found} models, the router has {expected}")]
    Calibration {
        /// How many it has.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
}

/// A tensor on its way into the file.
struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl View for Tensor {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// Tensors by name, in name order, so that equal models give equal bytes.
#[derive(Default)]
struct Tensors(BTreeMap<String, Tensor>);

impl Tensors {
    fn floats(&mut self, name: &str, shape: Vec<usize>, values: &[f32]) {
        let bytes = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.0.insert(
            name.to_owned(),
            Tensor {
                dtype: Dtype::F32,
                shape,
                bytes,
            },
        );
    }

    fn list(&mut self, name: &str, values: &[f32]) {
        self.floats(name, vec![values.len()], values);
    }

    fn grid(&mut self, name: &str, grid: &Grid<f32>) {
        self.floats(name, vec![grid.rows(), grid.columns()], grid.values());
    }

    fn integers(&mut self, name: &str, values: &[u32]) {
        let bytes = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.0.insert(
            name.to_owned(),
            Tensor {
                dtype: Dtype::U32,
                shape: vec![values.len()],
                bytes,
            },
        );
    }

    fn log_regression(&mut self, name: &str, head: &LogRegression) {
        let (low, high): (Vec<f32>, Vec<f32>) = head.range.iter().copied().unzip();
        self.grid(&format!("{name}.weights"), &head.weights);
        self.list(&format!("{name}.smearing"), &head.smearing);
        self.list(&format!("{name}.low"), &low);
        self.list(&format!("{name}.high"), &high);
        let (p50, p90): (Vec<f32>, Vec<f32>) = head.residuals.iter().copied().unzip();
        self.list(&format!("{name}.p50"), &p50);
        self.list(&format!("{name}.p90"), &p90);
    }
}

impl Model {
    /// The parameters as a safetensors file; equal models give equal bytes. Names, feature spec
    /// and calibration are not in it.
    ///
    /// # Errors
    /// When the tensors cannot be serialised.
    pub fn weights(&self) -> Result<Vec<u8>, WeightsError> {
        let mut tensors = Tensors::default();
        let seen = &self.representation;
        tensors.integers("lexicon.buckets", seen.lexicon.buckets());
        tensors.list("lexicon.idf", seen.lexicon.idf());
        tensors.list("surface.mean", &seen.surface_mean);
        tensors.list("surface.scale", &seen.surface_scale);
        tensors.list("rarity.unknown", &[seen.rarity.unknown]);
        tensors.list("rarity.mean", &seen.rarity.mean);
        tensors.list("rarity.scale", &seen.rarity.scale);
        tensors.grid("projection", &seen.projection);
        if let Some(embedding) = &seen.embedding {
            tensors.list("embedding.mean", &embedding.mean);
            tensors.grid("embedding.directions", &embedding.directions);
        }
        let Familiarity {
            least_known,
            most_distance,
        } = self.familiarity;
        tensors.list("familiarity", &[least_known, most_distance]);
        tensors.grid("examples", &self.examples);
        put_quality(&mut tensors, &self.quality);
        tensors.grid("prior.loadings", &self.prior.loadings);
        tensors.grid("prior.levels", &self.prior.levels);
        tensors.list("prior.latent_scale", &[self.prior.latent_scale]);
        let (base, per_char): (Vec<f32>, Vec<f32>) = self
            .input_tokens
            .iter()
            .map(|line| (line.base, line.per_char))
            .unzip();
        tensors.list("input_tokens.base", &base);
        tensors.list("input_tokens.per_char", &per_char);
        if let Some(head) = &self.output_tokens {
            tensors.log_regression("output_tokens", head);
        }
        if let Some(head) = &self.logged_cost {
            tensors.log_regression("logged_cost", head);
        }
        Ok(safetensors::serialize(tensors.0, None)?)
    }

    /// The model of these parts.
    ///
    /// # Errors
    /// When a tensor is missing or does not fit the others.
    pub fn from_weights(
        bytes: &[u8],
        names: Vec<ModelName>,
        features: FeatureSpec,
        encoder: Option<EncoderReference>,
        calibration: Calibration,
    ) -> Result<Self, WeightsError> {
        let file = File {
            tensors: SafeTensors::deserialize(bytes)?,
            models: names.len(),
        };
        if calibration.models.len() != names.len() {
            return Err(WeightsError::Calibration {
                found: calibration.models.len(),
                expected: names.len(),
            });
        }
        let representation = file.representation(&features)?;
        let context = representation.context_len();
        Ok(Self {
            quality: file.quality(&representation)?,
            input_tokens: file.input_tokens()?,
            output_tokens: file.log_regression("output_tokens", context)?,
            logged_cost: file.log_regression("logged_cost", context)?,
            familiarity: file.familiarity()?,
            prior: file.prior()?,
            examples: file.grid("examples", None, Some(representation.dimensions()))?,
            names,
            features,
            encoder,
            representation,
            calibration,
        })
    }
}

fn put_quality(tensors: &mut Tensors, quality: &QualityHead) {
    tensors.list("quality.mean", &quality.mean);
    if let Some(weights) = &quality.ngrams {
        tensors.grid("quality.ngrams", weights);
    }
    if let Some(weights) = &quality.context {
        tensors.grid("quality.context", weights);
    }
    for (position, table) in quality.tables.iter().enumerate() {
        tensors.grid(
            &format!("quality.table.{position:02}.centroids"),
            &table.centroids,
        );
        tensors.grid(
            &format!("quality.table.{position:02}.deviations"),
            &table.deviations,
        );
    }
    for (position, network) in quality.networks.iter().enumerate() {
        let name = |part: &str| network_tensor(position, part);
        tensors.grid(&name("hidden"), &network.hidden);
        tensors.grid(&name("output"), &network.output);
        tensors.list(&name("bias"), &network.bias);
        tensors.list(&name("weight"), &[network.weight]);
    }
    for (position, kernel) in quality.kernels.iter().enumerate() {
        let name = |part: &str| kernel_tensor(position, part);
        tensors.integers(&name("first"), &[kernel.first as u32]);
        tensors.grid(&name("landmarks"), &kernel.landmarks.transposed());
        tensors.grid(&name("weights"), &kernel.weights);
    }
}

fn network_tensor(position: usize, part: &str) -> String {
    format!("quality.network.{position:02}.{part}")
}

fn kernel_tensor(position: usize, part: &str) -> String {
    format!("quality.kernel.{position:02}.{part}")
}

/// Shape and numbers of a tensor, still in bytes.
type RawTensor = (Vec<usize>, Vec<[u8; 4]>);

/// A file being read, for so many models.
struct File<'a> {
    tensors: SafeTensors<'a>,
    models: usize,
}

impl File<'_> {
    /// Values and shape of a tensor of one type.
    fn raw(&self, name: &str, dtype: Dtype) -> Result<Option<RawTensor>, WeightsError> {
        let Ok(view) = self.tensors.tensor(name) else {
            return Ok(None);
        };
        if view.dtype() != dtype {
            return Err(wrong(
                name,
                format!("{:?}", view.dtype()),
                format!("{dtype:?}"),
            ));
        }
        let (words, _) = view.data().as_chunks::<4>();
        Ok(Some((view.shape().to_vec(), words.to_vec())))
    }

    fn grid_if_there(
        &self,
        name: &str,
        rows: Option<usize>,
        columns: Option<usize>,
    ) -> Result<Option<Grid<f32>>, WeightsError> {
        let Some((shape, words)) = self.raw(name, Dtype::F32)? else {
            return Ok(None);
        };
        let fits =
            |wanted: Option<usize>, found: usize| wanted.is_none_or(|wanted| wanted == found);
        match shape[..] {
            [found_rows, found_columns]
                if found_columns > 0 && fits(rows, found_rows) && fits(columns, found_columns) =>
            {
                Ok(Some(Grid::from_values(
                    found_columns,
                    words.into_iter().map(f32::from_le_bytes).collect(),
                )))
            }
            _ => Err(wrong(
                name,
                format!("{shape:?}"),
                format!("{:?}", (rows, columns)),
            )),
        }
    }

    fn grid(
        &self,
        name: &str,
        rows: Option<usize>,
        columns: Option<usize>,
    ) -> Result<Grid<f32>, WeightsError> {
        self.grid_if_there(name, rows, columns)?
            .ok_or_else(|| WeightsError::Missing(name.to_owned()))
    }

    fn array<const N: usize>(&self, name: &str) -> Result<[f32; N], WeightsError> {
        let list = self.list(name, N)?;
        Ok(list.try_into().expect("a list has the length asked for"))
    }

    fn list(&self, name: &str, len: usize) -> Result<Vec<f32>, WeightsError> {
        let found = self
            .raw(name, Dtype::F32)?
            .ok_or_else(|| WeightsError::Missing(name.to_owned()))?;
        match found.0[..] {
            [found_len] if found_len == len => {
                Ok(found.1.into_iter().map(f32::from_le_bytes).collect())
            }
            _ => Err(wrong(name, format!("{:?}", found.0), format!("[{len}]"))),
        }
    }

    fn prior(&self) -> Result<Prior, WeightsError> {
        Ok(Prior {
            loadings: self.grid("prior.loadings", Some(self.models), None)?,
            levels: self.grid("prior.levels", Some(self.models), Some(self.models))?,
            latent_scale: self.list("prior.latent_scale", 1)?[0],
        })
    }

    fn lexicon(&self, features: &FeatureSpec) -> Result<Lexicon, WeightsError> {
        let name = "lexicon.buckets";
        let (_, words) = self
            .raw(name, Dtype::U32)?
            .ok_or_else(|| WeightsError::Missing(name.to_owned()))?;
        let buckets: Vec<u32> = words.into_iter().map(u32::from_le_bytes).collect();
        let ascending = buckets.is_sorted_by(|left, right| left < right);
        if !ascending
            || buckets
                .last()
                .is_some_and(|last| *last as usize >= features.buckets())
        {
            return Err(wrong(
                name,
                "out of order or range".into(),
                format!("ascending below {}", features.buckets()),
            ));
        }
        let idf = self.list("lexicon.idf", buckets.len())?;
        Ok(Lexicon::new(features.buckets(), buckets, idf))
    }

    fn representation(&self, features: &FeatureSpec) -> Result<Representation, WeightsError> {
        let lexicon = self.lexicon(features)?;
        Ok(Representation {
            surface_mean: self.list("surface.mean", SURFACE_FEATURES)?,
            surface_scale: self.list("surface.scale", SURFACE_FEATURES)?,
            rarity: self.rarity()?,
            projection: self.grid("projection", Some(lexicon.len()), None)?,
            embedding: self.embedding()?,
            lexicon,
        })
    }

    fn rarity(&self) -> Result<Rarity, WeightsError> {
        let [unknown] = self.array("rarity.unknown")?;
        Ok(Rarity {
            unknown,
            mean: self.array("rarity.mean")?,
            scale: self.array("rarity.scale")?,
        })
    }

    fn embedding(&self) -> Result<Option<EmbeddingProjection>, WeightsError> {
        let Some(directions) = self.grid_if_there("embedding.directions", None, None)? else {
            return Ok(None);
        };
        Ok(Some(EmbeddingProjection {
            mean: self.list("embedding.mean", directions.rows())?,
            directions,
        }))
    }

    fn familiarity(&self) -> Result<Familiarity, WeightsError> {
        let ends = self.list("familiarity", 2)?;
        Ok(Familiarity {
            least_known: ends[0],
            most_distance: ends[1],
        })
    }

    fn quality(&self, seen: &Representation) -> Result<QualityHead, WeightsError> {
        let mut tables = Vec::new();
        while let Some(table) = self.table(tables.len(), seen.dimensions())? {
            tables.push(table);
        }
        let mut networks = Vec::new();
        while let Some(network) = self.network(networks.len(), seen.context_len())? {
            networks.push(network);
        }
        let mut kernels = Vec::new();
        while let Some(kernel) = self.kernel(kernels.len(), seen.dimensions())? {
            kernels.push(kernel);
        }
        Ok(QualityHead {
            mean: self.list("quality.mean", self.models)?,
            ngrams: self.grid_if_there(
                "quality.ngrams",
                Some(seen.lexicon.len()),
                Some(self.models),
            )?,
            context: self.grid_if_there(
                "quality.context",
                Some(seen.context_len()),
                Some(self.models),
            )?,
            tables,
            networks,
            kernels,
        })
    }

    fn table(
        &self,
        position: usize,
        dimensions: usize,
    ) -> Result<Option<ClusterTable>, WeightsError> {
        let name = format!("quality.table.{position:02}.centroids");
        let Some(centroids) = self.grid_if_there(&name, None, Some(dimensions))? else {
            return Ok(None);
        };
        let name = format!("quality.table.{position:02}.deviations");
        let deviations = self.grid(&name, Some(centroids.rows()), Some(self.models))?;
        Ok(Some(ClusterTable {
            centroids,
            deviations,
        }))
    }

    fn network(&self, position: usize, context: usize) -> Result<Option<Network>, WeightsError> {
        let name = |part: &str| network_tensor(position, part);
        let Some(hidden) = self.grid_if_there(&name("hidden"), Some(context), None)? else {
            return Ok(None);
        };
        Ok(Some(Network {
            output: self.grid(&name("output"), Some(hidden.columns()), Some(self.models))?,
            bias: self.list(&name("bias"), self.models)?,
            weight: self.list(&name("weight"), 1)?[0],
            hidden,
        }))
    }

    fn kernel(&self, position: usize, dimensions: usize) -> Result<Option<Kernel>, WeightsError> {
        let name = |part: &str| kernel_tensor(position, part);
        let Some(landmarks) = self.grid_if_there(&name("landmarks"), None, None)? else {
            return Ok(None);
        };
        let (first, width) = (self.index(&name("first"))?, landmarks.columns());
        if first + width > dimensions {
            return Err(wrong(
                &name("landmarks"),
                format!("for the coordinates {first} to {}", first + width),
                format!("none from {dimensions} on"),
            ));
        }
        Ok(Some(Kernel {
            weights: self.grid(&name("weights"), Some(landmarks.rows()), Some(self.models))?,
            first,
            landmarks: landmarks.transposed(),
        }))
    }

    fn index(&self, name: &str) -> Result<usize, WeightsError> {
        let (shape, words) = self
            .raw(name, Dtype::U32)?
            .ok_or_else(|| WeightsError::Missing(name.to_owned()))?;
        match words[..] {
            [word] => Ok(u32::from_le_bytes(word) as usize),
            _ => Err(wrong(name, format!("{shape:?}"), "[1]".into())),
        }
    }

    fn input_tokens(&self) -> Result<Vec<InputTokens>, WeightsError> {
        let base = self.list("input_tokens.base", self.models)?;
        let per_char = self.list("input_tokens.per_char", self.models)?;
        Ok(base
            .into_iter()
            .zip(per_char)
            .map(|(base, per_char)| InputTokens { base, per_char })
            .collect())
    }

    fn log_regression(
        &self,
        name: &str,
        context: usize,
    ) -> Result<Option<LogRegression>, WeightsError> {
        let weights =
            self.grid_if_there(&format!("{name}.weights"), Some(context), Some(self.models))?;
        let Some(weights) = weights else {
            return Ok(None);
        };
        let low = self.list(&format!("{name}.low"), self.models)?;
        let high = self.list(&format!("{name}.high"), self.models)?;
        let smearing = self.list(&format!("{name}.smearing"), self.models)?;
        let p50 = self.list(&format!("{name}.p50"), self.models)?;
        let p90 = self.list(&format!("{name}.p90"), self.models)?;
        Ok(Some(LogRegression {
            weights,
            smearing,
            range: low.into_iter().zip(high).collect(),
            residuals: p50.into_iter().zip(p90).collect(),
        }))
    }
}

fn wrong(tensor: &str, found: String, expected: String) -> WeightsError {
    WeightsError::Shape {
        tensor: tensor.to_owned(),
        found,
        expected,
    }
}

#[cfg(test)]
mod tests {
    use crate::calibration::{Calibrator, CommonCurve, LowerCurve};

    use super::*;

    fn quality() -> QualityHead {
        QualityHead {
            mean: vec![0.25, 0.75],
            ngrams: Some(Grid::from_values(2, vec![0.1, -0.1, 0.2, -0.2])),
            context: None,
            tables: vec![ClusterTable {
                centroids: Grid::filled(3, 4, 0.5),
                deviations: Grid::filled(3, 2, 0.125),
            }],
            networks: vec![Network {
                hidden: Grid::filled(Representation::LATENT + 4, 3, 0.25),
                output: Grid::filled(3, 2, -0.5),
                bias: vec![0.5, -0.5],
                weight: 0.5,
            }],
            kernels: vec![Kernel {
                first: 1,
                landmarks: Grid::filled(3, 5, 0.5),
                weights: Grid::filled(5, 2, -0.125),
            }],
        }
    }

    fn model() -> Model {
        let regression = |scale: f32| LogRegression {
            weights: Grid::filled(Representation::LATENT + 4, 2, scale),
            smearing: vec![1.25, f32::INFINITY],
            range: vec![(0.0, 8.0), (1.0, 2.0)],
            residuals: vec![(-0.125, 0.5), (0.0, 0.25)],
        };
        let calibrator = Calibrator {
            intercept: 0.1,
            slope: 0.9,
            is_common: true,
            lower: LowerCurve(vec![(0.5, 0.4)]),
        };
        Model {
            names: vec!["a".into(), "b".into()],
            features: FeatureSpec::default(),
            representation: Representation {
                lexicon: Lexicon::new(
                    FeatureSpec::default().buckets(),
                    vec![3, 70_000],
                    vec![1.0, 2.5],
                ),
                surface_mean: vec![0.5; SURFACE_FEATURES],
                surface_scale: vec![2.0; SURFACE_FEATURES],
                rarity: Rarity {
                    unknown: 3.5,
                    mean: [1.0, 2.0, 0.5],
                    scale: [0.5, 0.0, 4.0],
                },
                projection: Grid::from_values(2, vec![0.1, 0.2, 0.3, 0.4]),
                embedding: Some(EmbeddingProjection {
                    mean: vec![0.5; 3],
                    directions: Grid::filled(3, 2, 0.25),
                }),
            },
            encoder: None,
            familiarity: Familiarity {
                least_known: 0.25,
                most_distance: 4.0,
            },
            prior: Prior::independent(2),
            examples: Grid::filled(2, 4, 0.5),
            quality: quality(),
            calibration: Calibration {
                lower_estimate: "test".into(),
                prompts: 9,
                common: CommonCurve {
                    offset: 0.1,
                    slope: 0.2,
                    hinges: vec![(0.5, -0.1)],
                },
                models: vec![calibrator; 2],
            },
            input_tokens: vec![InputTokens::UNKNOWN; 2],
            output_tokens: Some(regression(0.5)),
            logged_cost: None,
        }
    }

    fn read(bytes: &[u8], names: usize) -> Result<Model, WeightsError> {
        let mut calibration = model().calibration;
        calibration.models.resize(names, Calibrator::identity());
        let names = model().names.into_iter().cycle().take(names).collect();
        Model::from_weights(bytes, names, FeatureSpec::default(), None, calibration)
    }

    #[test]
    fn a_model_survives_its_file() {
        assert_eq!(read(&model().weights().unwrap(), 2).unwrap(), model());
    }

    #[test]
    fn a_kernel_beyond_the_coordinates_is_refused() {
        let mut model = model();
        model.quality.kernels[0].first = 2;
        let refused = read(&model.weights().unwrap(), 2).unwrap_err();
        assert!(refused.to_string().contains("quality.kernel.00.landmarks"));
    }

    #[test]
    fn equal_models_have_equal_bytes() {
        assert_eq!(model().weights().unwrap(), model().weights().unwrap());
    }

    #[test]
    fn a_file_for_other_models_is_refused() {
        assert!(matches!(
            read(&model().weights().unwrap(), 3),
            Err(WeightsError::Shape { .. })
        ));
    }

    #[test]
    fn a_cut_file_is_refused() {
        let bytes = model().weights().unwrap();
        assert!(matches!(
            read(&bytes[..bytes.len() / 2], 2),
            Err(WeightsError::Unreadable(_))
        ));
    }

    #[test]
    fn an_empty_file_of_tensors_names_what_is_missing() {
        let bytes = safetensors::serialize(BTreeMap::<String, Tensor>::new(), None).unwrap();
        assert!(
            matches!(read(&bytes, 2), Err(WeightsError::Missing(name)) if name == "lexicon.buckets")
        );
    }
}
