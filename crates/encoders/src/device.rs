//! Where the tensors of a transformer live.

use candle_core::Device;

use crate::EncoderError;

/// The device of a name: `cpu`, `cuda` (the first) or `cuda:N`.
///
/// # Errors
/// On another name, in a build without the feature `cuda`, and where there is no such device.
pub fn device(spec: &str) -> Result<Device, EncoderError> {
    let ordinal = match spec {
        "cpu" => return Ok(Device::Cpu),
        "cuda" => Some(0),
        _ => spec
            .strip_prefix("cuda:")
            .and_then(|number| number.parse().ok()),
    };
    let Some(ordinal) = ordinal else {
        return Err(EncoderError::DeviceName(spec.to_owned()));
    };
    if !cfg!(feature = "cuda") {
        return Err(EncoderError::NoCuda(spec.to_owned()));
    }
    Device::new_cuda(ordinal).map_err(|source| EncoderError::Device {
        device: spec.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_always_there() {
        assert!(device("cpu").unwrap().is_cpu());
    }

    #[test]
    fn other_names_are_refused() {
        for name in ["", "gpu", "cuda:", "cuda:one", "CPU"] {
            assert!(
                matches!(device(name), Err(EncoderError::DeviceName(found)) if found == name),
                "{name}"
            );
        }
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_build_without_cuda_says_so() {
        let message = device("cuda:1").unwrap_err().to_string();
        assert!(message.contains("--features cuda"), "{message}");
    }
}
