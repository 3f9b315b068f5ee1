//! The instruction set of this machine, asked for once: loops are compiled for several and the best
//! is taken at run time.

use std::sync::LazyLock;

use pulp::Arch;

pub(crate) static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);

/// Runs loops compiled for the best instruction set. The closure must be `#[inline(always)]` and
/// call only such functions: what is not inlined is compiled for the oldest machine.
pub(crate) fn vectorised<T>(loops: impl FnOnce() -> T) -> T {
    ARCH.dispatch(loops)
}
