//! Every estimator here is the sum of two ratios of sums, so all share their resampling and their
//! standard error.

/// `A / B + C / D` over sums of groups: `[A, B, C, D]` for each group. A ratio without anything in
/// its denominator is 0.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ratios {
    groups: Vec<[f64; 4]>,
}

/// A value and its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) value: f64,
    pub(super) standard_error: f64,
}

/// How the sum of what the groups add is distributed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    /// Of how many groups the standard error is made: `sum(x^2)^2 / sum(x^4)`. Where a few heavy groups
    /// make it, it is itself uncertain.
    pub(super) freedom: f64,
    /// The skewness of the sum: `sum(x^3) / sum(x^2)^(3/2)`.
    pub(super) skewness: f64,
}

impl Ratios {
    /// Adds up what each decision has, by the number of its group.
    pub(super) fn new(
        group_of: &[usize],
        groups: usize,
        of_decision: impl Fn(usize) -> [f64; 4],
    ) -> Self {
        let mut sums = vec![[0.0; 4]; groups];
        for (decision, group) in group_of.iter().enumerate() {
            let each = of_decision(decision);
            (0..4).for_each(|part| sums[*group][part] += each[part]);
        }
        Self { groups: sums }
    }

    /// The value where each group counts so often.
    ///
    /// The standard error is that of the linear part (the delta method) with groups independent.
    pub(super) fn spread(&self, counts: &[f64]) -> Spread {
        let (total, sums) = self.sums(counts);
        let linear = Linear::at(sums, total);
        let added = self.groups.iter().map(|group| linear.adds(group));
        let squares: f64 = added
            .zip(counts)
            .map(|(adds, count)| count * adds * adds)
            .sum();
        Spread {
            value: linear.ratios[0] + linear.ratios[1],
            standard_error: (squares / (total * (total - 1.0).max(1.0))).sqrt(),
        }
    }

    /// How what the groups add is distributed.
    pub(super) fn shape(&self) -> Shape {
        let (total, sums) = self.sums(&vec![1.0; self.groups.len()]);
        let linear = Linear::at(sums, total);
        let added = self.groups.iter().map(|group| linear.adds(group));
        let [squares, cubes, fourths] = added.fold([0.0; 3], |[squares, cubes, fourths], adds| {
            let square = adds * adds;
            [
                squares + square,
                cubes + square * adds,
                fourths + square * square,
            ]
        });
        Shape {
            freedom: ratio(squares * squares, fourths).max(1.0),
            skewness: ratio(cubes, squares.powf(1.5)),
        }
    }

    fn sums(&self, counts: &[f64]) -> (f64, [f64; 4]) {
        let mut sums = [0.0; 4];
        for (group, count) in self.groups.iter().zip(counts) {
            (0..4).for_each(|part| sums[part] += count * group[part]);
        }
        (counts.iter().sum(), sums)
    }

    /// The greatest share of one group in the denominators, times the number of groups: by how much
    /// a group may count more than the mean one.
    pub(super) fn largest_group(&self) -> f64 {
        let (total, [_, b, _, d]) = self.sums(&vec![1.0; self.groups.len()]);
        let of_group =
            |group: &[f64; 4]| ratio(total * group[1], b).max(ratio(total * group[3], d));
        self.groups.iter().map(of_group).fold(0.0, f64::max)
    }
}

/// What a group adds to the value, to first order: `(A_g - B_g A / B) / mean(B)` and the same of C
/// and D.
struct Linear {
    ratios: [f64; 2],
    by: [f64; 2],
}

impl Linear {
    fn at([a, b, c, d]: [f64; 4], total: f64) -> Self {
        Self {
            ratios: [ratio(a, b), ratio(c, d)],
            by: [ratio(total, b), ratio(total, d)],
        }
    }

    fn adds(&self, [a, b, c, d]: &[f64; 4]) -> f64 {
        (a - b * self.ratios[0]) * self.by[0] + (c - d * self.ratios[1]) * self.by[1]
    }
}

fn ratio(numerator: f64, denominator: f64) -> f64 {
    match denominator > 0.0 {
        true => numerator / denominator,
        false => 0.0,
    }
}

/// The groups of these labels, numbered from 0 by rising label so that the order of decisions does
/// not matter, and how many.
pub(super) fn numbered(labels: impl Iterator<Item = u64>) -> (Vec<usize>, usize) {
    let labels: Vec<u64> = labels.collect();
    let mut distinct = labels.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let number = |label: &u64| distinct.partition_point(|other| other < label);
    (labels.iter().map(number).collect(), distinct.len())
}
