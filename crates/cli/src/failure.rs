//! How a failure is told: what went wrong, then each cause, and the exit status.

use std::process::ExitCode;

use pointsman_train::TrainError;

/// Wrong usage that only shows once the arguments are put together.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// Prints the error and its causes to standard error. Status 2 for wrong usage, otherwise 1.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
    match is_usage(error) {
        true => ExitCode::from(2),
        false => ExitCode::FAILURE,
    }
}

fn is_usage(error: &anyhow::Error) -> bool {
    error.is::<Usage>() || matches!(error.downcast_ref(), Some(TrainError::Option { .. }))
}
