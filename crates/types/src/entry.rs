//! Entries that a table has of some cells only: lists by prompt, which follow the table's prompts
//! and models.

/// One entry of such a list.
pub(crate) trait Entry: Copy {
    /// The prompt's row.
    fn prompt(&self) -> usize;
    /// The same entry at another row.
    fn at(self, prompt: usize) -> Self;
    /// The same entry with its models at other columns; `None` where one of them is gone.
    fn with_models(self, place: impl Fn(usize) -> Option<usize>) -> Option<Self>;
}

/// The entries of these rows, in their order, renumbered.
pub(crate) fn of_prompts<T: Entry>(entries: &[T], rows: &[usize]) -> Vec<T> {
    let of_prompt = |row: usize| {
        let start = entries.partition_point(|one| one.prompt() < row);
        let rest = &entries[start..];
        &rest[..rest.partition_point(|one| one.prompt() == row)]
    };
    let moved = |(prompt, row): (usize, &usize)| {
        let entries = of_prompt(*row).iter();
        entries.map(move |one| one.at(prompt))
    };
    rows.iter().enumerate().flat_map(moved).collect()
}

/// The entries of these columns, renumbered.
pub(crate) fn of_models<T: Entry>(entries: &[T], models: &[usize]) -> Vec<T> {
    let place = |model: usize| models.iter().position(|kept| *kept == model);
    let kept = entries.iter().filter_map(|one| one.with_models(place));
    kept.collect()
}
