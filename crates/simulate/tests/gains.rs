//! Whether learning is worth while on the simulated log: what routers that know nothing, the
//! family, the words or the truth can gain, valued by the ground truth. Curves here are swept over
//! a grid of lambdas; the exact ones are the evaluator's.

use std::collections::BTreeMap;

use pointsman_simulate::{Settings, SimulatedPrompt, Simulation, Value, simulate};

/// What a router expects of a prompt: quality and cost of each model.
type Expectation = Vec<(f64, f64)>;

/// Means by family, as observed.
struct FamilyTable(BTreeMap<&'static str, Expectation>);

impl FamilyTable {
    fn fit(log: &Simulation) -> Self {
        let mut sums: BTreeMap<&'static str, Vec<[f64; 4]>> = BTreeMap::new();
        for (prompt, model, score, cost) in cells(log) {
            let models = sums
                .entry(log.prompts[prompt].family)
                .or_insert_with(|| vec![[0.0; 4]; log.models.len()]);
            let [scores, costs, scored, called] = &mut models[model];
            *costs += cost;
            *called += 1.0;
            if let Some(score) = score {
                *scores += score;
                *scored += 1.0;
            }
        }
        let mean = |[scores, costs, scored, called]: &[f64; 4]| (scores / scored, costs / called);
        Self(
            sums.into_iter()
                .map(|(family, models)| (family, models.iter().map(mean).collect()))
                .collect(),
        )
    }
}

/// Prompt, model, score and cost of each row.
fn cells(log: &Simulation) -> impl Iterator<Item = (usize, usize, Option<f64>, f64)> {
    log.rows.iter().map(|row| {
        let prompt: usize = row.prompt_id["synthetic-".len()..]
            .parse()
            .expect("an id ends with the prompt's number");
        let model = log
            .models
            .iter()
            .position(|m| *m == row.model)
            .expect("rows name only models of the log");
        let score = row.score.map(|score| f64::from(score.get()));
        let cost = row.cost_usd.expect("every row has its cost").as_f64();
        (prompt, model, score, cost)
    })
}

const BUCKETS: usize = 1 << 14;

/// Linear in hashed words: the logit of the score and the logarithm of the cost.
struct WordReader {
    quality: Vec<Vec<f64>>,
    cost: Vec<Vec<f64>>,
}

fn words(text: &str) -> Vec<usize> {
    let lower = text.to_lowercase();
    let mut buckets: Vec<usize> = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| {
            let known = if word.starts_with(|c: char| c.is_ascii_digit()) {
                "0"
            } else {
                word
            };
            pointsman_types::text_hash(known) as usize % (BUCKETS - 20)
        })
        .collect();
    let length = (buckets.len() as f64).log2() as usize;
    buckets.sort_unstable();
    buckets.dedup();
    buckets.extend([BUCKETS - 1, BUCKETS - 2 - length]);
    buckets
}

fn dot(weights: &[f64], features: &[usize]) -> f64 {
    features.iter().map(|i| weights[*i]).sum::<f64>() / (features.len() as f64).sqrt()
}

fn step(weights: &mut [f64], features: &[usize], error: f64) {
    let each = error / (features.len() as f64).sqrt();
    features.iter().for_each(|i| weights[*i] += each);
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl WordReader {
    fn fit(log: &Simulation) -> Self {
        let zeros = || vec![vec![0.0; BUCKETS]; log.models.len()];
        let mut reader = Self {
            quality: zeros(),
            cost: zeros(),
        };
        let features: Vec<Vec<usize>> = log.prompts.iter().map(|p| words(p.text.text())).collect();
        for epoch in 0..12 {
            let rate = 0.6 / f64::from(1 + epoch);
            for (prompt, model, score, cost) in cells(log) {
                let x = &features[prompt];
                if let Some(score) = score {
                    let weights = &mut reader.quality[model];
                    let error = score - logistic(dot(weights, x));
                    step(weights, x, rate * error);
                }
                let weights = &mut reader.cost[model];
                let error = cost.ln() + 8.0 - dot(weights, x);
                step(weights, x, 0.3 * rate * error);
            }
        }
        reader
    }

    fn expect(&self, text: &str) -> Expectation {
        let x = words(text);
        let quality = self.quality.iter().map(|w| logistic(dot(w, &x)));
        let cost = self.cost.iter().map(|w| (dot(w, &x) - 8.0).exp());
        quality.zip(cost).collect()
    }
}

/// Points for a grid of lambdas, from spending freely to spending nothing.
fn curve(log: &Simulation, expect: impl Fn(&SimulatedPrompt) -> Expectation) -> Vec<Value> {
    let expected: Vec<Expectation> = log.prompts.iter().map(expect).collect();
    let lambdas = (0..240).map(|i| {
        if i == 0 {
            0.0
        } else {
            10_f64.powf(f64::from(i) / 40.0)
        }
    });
    lambdas
        .map(|lambda| {
            let mut rows = expected.iter();
            log.value(|_| best(rows.next().expect("one expectation per prompt"), lambda))
        })
        .collect()
}

fn best(expectation: &Expectation, lambda: f64) -> usize {
    let utility = |(quality, cost): &(f64, f64)| quality - lambda * cost;
    (0..expectation.len())
        .max_by(|a, b| utility(&expectation[*a]).total_cmp(&utility(&expectation[*b])))
        .expect("there are models")
}

fn singles(log: &Simulation) -> Vec<Value> {
    (0..log.models.len())
        .map(|model| log.value(|_| model))
        .collect()
}

/// Upper concave hull, by cost, cut after the best quality.
fn hull(mut points: Vec<Value>) -> Vec<Value> {
    points.sort_by(|a, b| {
        let by_cost = a.cost_usd.total_cmp(&b.cost_usd);
        by_cost.then(b.quality.total_cmp(&a.quality))
    });
    let mut hull: Vec<Value> = Vec::new();
    for point in points {
        if hull
            .last()
            .is_some_and(|last| point.quality <= last.quality)
        {
            continue;
        }
        while let [.., a, b] = hull[..] {
            let rise = (b.quality - a.quality) * (point.cost_usd - a.cost_usd);
            if rise > (point.quality - a.quality) * (b.cost_usd - a.cost_usd) {
                break;
            }
            hull.pop();
        }
        hull.push(point);
    }
    hull
}

fn quality_at(hull: &[Value], cost: f64) -> f64 {
    let after = hull.partition_point(|point| point.cost_usd <= cost);
    match (after.checked_sub(1).map(|i| hull[i]), hull.get(after)) {
        (Some(a), Some(b)) => {
            let part = (cost - a.cost_usd) / (b.cost_usd - a.cost_usd);
            a.quality + part * (b.quality - a.quality)
        }
        (Some(a), None) => a.quality,
        (None, _) => hull[0].quality,
    }
}

/// Mean quality of the hull between the costs of the cheapest and the dearest single model.
fn aiq(log: &Simulation, points: Vec<Value>) -> f64 {
    let hull = hull(points);
    let costs = singles(log).into_iter().map(|value| value.cost_usd);
    let low = costs.clone().fold(f64::INFINITY, f64::min);
    let high = costs.fold(0.0, f64::max);
    let cuts = 2000;
    (0..cuts)
        .map(|i| {
            quality_at(
                &hull,
                low + (high - low) * (f64::from(i) + 0.5) / f64::from(cuts),
            )
        })
        .sum::<f64>()
        / f64::from(cuts)
}

fn truth_of(prompt: &SimulatedPrompt) -> Expectation {
    let costs = prompt.expected_cost.iter().map(|cost| cost.as_f64());
    prompt.truth.iter().copied().zip(costs).collect()
}

fn log(prompts: usize, seed: u64) -> Simulation {
    simulate(&Settings {
        prompts,
        seed,
        ..Settings::default()
    })
}

#[test]
fn more_knowledge_gains_more() {
    let (train, test) = (log(3500, 7), log(3500, 8));
    let table = FamilyTable::fit(&train);
    let reader = WordReader::fit(&train);
    let zero = aiq(&test, singles(&test));
    let by_family = aiq(&test, curve(&test, |prompt| table.0[prompt.family].clone()));
    let by_words = aiq(
        &test,
        curve(&test, |prompt| reader.expect(prompt.text.text())),
    );
    let oracle = aiq(&test, curve(&test, truth_of));
    println!("AIQ: zero {zero:.4} family {by_family:.4} words {by_words:.4} oracle {oracle:.4}");
    assert!(by_family > zero + 0.01);
    assert!(by_words > by_family + 0.005);
    assert!(oracle > by_words + 0.005);
    assert!((0.04..0.14).contains(&(oracle - zero)));
}

#[test]
fn no_model_dominates() {
    let log = log(3500, 7);
    let singles = singles(&log);
    let names: Vec<&str> = log.models.iter().map(|m| m.as_str()).collect();
    println!("{names:?}\n{singles:#?}");
    for (a, first) in singles.iter().enumerate() {
        for (b, second) in singles.iter().enumerate() {
            let beats = first.quality >= second.quality && first.cost_usd <= second.cost_usd;
            assert!(a == b || !beats, "{} beats {}", names[a], names[b]);
        }
    }
}

#[test]
fn each_model_is_worth_calling_for_some_prompts() {
    let log = log(3500, 7);
    let choices = |lambda: f64| {
        log.prompts
            .iter()
            .fold(vec![0_usize; log.models.len()], |mut counts, prompt| {
                counts[best(&truth_of(prompt), lambda)] += 1;
                counts
            })
    };
    for lambda in [0.0, 10.0, 40.0, 160.0, 640.0] {
        println!("lambda {lambda}: {:?}", choices(lambda));
    }
    assert!(
        choices(40.0).iter().all(|count| *count >= 70),
        "{:?}",
        choices(40.0)
    );
}

#[test]
fn difficulty_varies_within_each_family() {
    let log = log(6000, 7);
    let mut by_family: BTreeMap<&str, Vec<&SimulatedPrompt>> = BTreeMap::new();
    for prompt in &log.prompts {
        by_family.entry(prompt.family).or_default().push(prompt);
    }
    for (family, prompts) in by_family {
        let count = prompts.len() as f64;
        let mean = prompts.iter().map(|p| p.difficulty).sum::<f64>() / count;
        let spread = (prompts
            .iter()
            .map(|p| (p.difficulty - mean).powi(2))
            .sum::<f64>()
            / count)
            .sqrt();
        let quality: Vec<String> = (0..5)
            .map(|m| {
                format!(
                    "{:.2}",
                    prompts.iter().map(|p| p.truth[m]).sum::<f64>() / count
                )
            })
            .collect();
        println!("{family:18} n {count:4} difficulty {mean:.2} ± {spread:.2} quality {quality:?}");
        assert!(spread > 0.1, "{family}: {spread}");
        assert!((0.1..0.75).contains(&mean), "{family}: {mean}");
    }
}
