//! From a sample and a replay to a report.

use pointsman_measures::{
    Calibration, Curve, CurvePoint, Hull, Interval, MeasureError, Measures, Point, Predicted,
    Preference, Singles, Sweep, TwoModelCurve, Weights, gap_share, quantile_binned, sweep,
};
use pointsman_types::ModelName;

use crate::amounts::amounts;
use crate::baselines::{Baseline, baselines};
use crate::finding::finding;
use crate::guaranteed::guaranteed;
use crate::operating::operating;
use crate::replay::Replayed;
use crate::report::{
    BootstrapFacts, CascadePoint, Lines, ModelCalibration, Report, Row, RowKind, TwoModel,
    VersusBest,
};
use crate::sample::Sample;
use crate::traffic::{thinned, traffic};
use crate::versus::{Contest, Line, bootstrap};
use crate::{Cascaded, EvaluateError, Options};

/// What an evaluation found.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// For people and programs.
    pub report: Report,
    /// The whole curve of the router, every breakpoint.
    pub curve: Vec<CurvePoint>,
}

/// Measures what a replay said about a sample.
///
/// # Errors
/// When the replay is of another sample.
pub fn measure(
    sample: &Sample,
    replayed: &Replayed,
    options: &Options,
) -> Result<Evaluation, EvaluateError> {
    if replayed.decided.len() != sample.prompts.len() {
        return Err(EvaluateError::OtherPrompts {
            needed: sample.prompts.len(),
            got: replayed.decided.len(),
        });
    }
    let swept = Swept::of(sample, replayed)?;
    let contenders = contenders(sample, replayed, options)?;
    let rows: Vec<usize> = (0..sample.prompts.len()).collect();
    let bootstrap = bootstrap(sample, &rows, options);
    let (gains, versus_best) = Contest {
        outcomes: &sample.outcomes,
        router: &swept.curve,
        others: contenders.iter().map(|contender| &contender.line).collect(),
        best: swept.singles.best(),
    }
    .run(&bootstrap, sample);
    let drawn = Drawn::of(&swept, &contenders);
    let mut report = Report {
        title: options.title.clone(),
        synthetic: options.synthetic,
        finding: String::new(),
        warnings: sample.warnings.clone(),
        policy: replayed.policy.clone(),
        policy_version: replayed.policy_version.clone(),
        prompts: sample.prompts.len(),
        models: sample.models.clone(),
        left_out: sample.left_out.clone(),
        bootstrap: BootstrapFacts {
            replicates: bootstrap.replicates(),
            seed: bootstrap.seed(),
            resample: options.resample,
            drawn_from: bootstrap.groups(),
        },
        rows: drawn.rows(&swept, sample, gains),
        operating: decided(sample, replayed, &versus_best, options)?,
        guaranteed: guaranteed(sample, replayed, options)?,
        versus_best,
        two_model: two_model(sample, replayed, &swept.singles)?,
        calibration: calibration(sample, replayed)?,
        amounts: amounts(sample, replayed),
        traffic: traffic(&swept.sweep, &swept.points),
        cascade: replayed.cascaded.as_ref().map_or_else(Vec::new, along),
        lines: drawn.lines(&swept),
        training: None,
    };
    report.finding = finding(&report);
    Ok(Evaluation {
        report,
        curve: swept.points,
    })
}

/// A cascade lambda by lambda, on all prompts.
fn along(cascaded: &Cascaded) -> Vec<CascadePoint> {
    let all = Weights::even(cascaded.cost.columns());
    let points = cascaded.points(&all).into_iter().enumerate();
    points
        .map(|(step, point)| CascadePoint {
            lambda: cascaded.lambdas[step],
            cost_usd: point.cost,
            quality: point.quality,
            calls: all.mean(cascaded.calls.row(step)),
        })
        .collect()
}

/// The router swept over lambda, on all prompts.
struct Swept {
    sweep: Sweep,
    curve: Curve,
    points: Vec<CurvePoint>,
    singles: Singles,
    all: Weights,
}

impl Swept {
    fn of(sample: &Sample, replayed: &Replayed) -> Result<Self, MeasureError> {
        let all = Weights::even(sample.prompts.len());
        let sweep = sweep(&replayed.predicted);
        let curve = Curve::new(&sweep, &sample.outcomes)?;
        Ok(Self {
            points: curve.points(),
            singles: Singles::of(&sample.outcomes, &all),
            sweep,
            curve,
            all,
        })
    }
}

/// A row of the table that has a curve, other than the router.
struct Contender {
    name: &'static str,
    kind: RowKind,
    caveat: Option<&'static str>,
    line: Line,
}

fn contenders(
    sample: &Sample,
    replayed: &Replayed,
    options: &Options,
) -> Result<Vec<Contender>, EvaluateError> {
    let curve =
        |predicted: &Predicted| Curve::new(&sweep(predicted), &sample.outcomes).map(Line::Curve);
    let fitted = |baseline: Baseline| -> Result<Contender, EvaluateError> {
        Ok(Contender {
            name: baseline.name,
            kind: baseline.kind,
            caveat: baseline.caveat,
            line: curve(&baseline.predicted)?,
        })
    };
    let mut all: Vec<Contender> = replayed.cascaded.clone().map(cascade).into_iter().collect();
    for baseline in baselines(sample, options.seed)? {
        all.push(fitted(baseline)?);
    }
    all.push(Contender {
        name: "zero router",
        kind: RowKind::ZeroRouter,
        caveat: Some("mixes single models at random"),
        line: Line::ZeroRouter,
    });
    all.push(Contender {
        name: "oracle",
        kind: RowKind::Oracle,
        caveat: Some("not reachable: knows every score beforehand"),
        line: curve(&sample.outcomes.as_predicted())?,
    });
    Ok(all)
}

fn cascade(cascaded: Cascaded) -> Contender {
    Contender {
        name: "cascade",
        kind: RowKind::Cascade,
        caveat: Some("reads answers; costs of all calls"),
        line: Line::Cascade(cascaded),
    }
}

/// Hulls on all prompts.
struct Drawn<'a> {
    router: Hull,
    others: Vec<(&'a Contender, Hull)>,
}

impl<'a> Drawn<'a> {
    fn of(swept: &Swept, contenders: &'a [Contender]) -> Self {
        let hull = |contender: &'a Contender| {
            let hull = contender.line.hull(&swept.singles, &swept.all);
            (contender, hull)
        };
        Self {
            router: swept.curve.hull(&swept.all),
            others: contenders.iter().map(hull).collect(),
        }
    }

    fn other(&self, kind: RowKind) -> Option<&Hull> {
        let mut others = self.others.iter();
        let found = others.find(|(contender, _)| contender.kind == kind);
        found.map(|(_, hull)| hull)
    }

    fn hull(&self, kind: RowKind) -> &Hull {
        self.other(kind).unwrap_or(&self.router)
    }

    fn rows(&self, swept: &Swept, sample: &Sample, gains: Vec<Interval>) -> Vec<Row> {
        let singles = &swept.singles;
        let zero = singles.measure(self.hull(RowKind::ZeroRouter)).aiq;
        let oracle = singles.measure(self.hull(RowKind::Oracle)).aiq;
        let with_curve = |name: &str, kind, hull: &Hull| {
            let measures: Measures = singles.measure(hull);
            Row {
                name: name.to_owned(),
                kind,
                caveat: None,
                point: None,
                gap_share: gap_share(measures.aiq, zero, oracle),
                measures: Some(measures),
                router_gain: None,
            }
        };
        let mut rows = vec![with_curve("router", RowKind::Router, &self.router)];
        rows.extend(
            self.others
                .iter()
                .zip(gains)
                .map(|((other, hull), gain)| Row {
                    caveat: other.caveat,
                    router_gain: Some(gain),
                    ..with_curve(other.name, other.kind, hull)
                }),
        );
        rows.extend(sample.models.iter().zip(singles.points()).map(single));
        rows
    }

    fn lines(&self, swept: &Swept) -> Lines {
        let corners = |kind| thinned(self.hull(kind).corners());
        let points = swept.points.iter().map(|point| Point {
            cost: point.cost,
            quality: point.quality,
        });
        Lines {
            router: thinned(&points.collect::<Vec<Point>>()),
            router_hull: thinned(self.router.corners()),
            cascade_hull: self
                .other(RowKind::Cascade)
                .map_or_else(Vec::new, |hull| thinned(hull.corners())),
            zero_router: corners(RowKind::ZeroRouter),
            oracle: corners(RowKind::Oracle),
        }
    }
}

fn single((model, point): (&ModelName, &Point)) -> Row {
    Row {
        name: model.to_string(),
        kind: RowKind::Single,
        caveat: None,
        point: Some(*point),
        measures: None,
        gap_share: None,
        router_gain: None,
    }
}

fn decided(
    sample: &Sample,
    replayed: &Replayed,
    versus_best: &VersusBest,
    options: &Options,
) -> Result<Option<crate::Operating>, EvaluateError> {
    let best = sample
        .models
        .iter()
        .position(|model| *model == versus_best.model)
        .expect("the best single model is one of the sample");
    operating(
        &sample.outcomes,
        &replayed.decided,
        best,
        f64::from(options.target.get()),
        |rows| bootstrap(sample, rows, options),
    )
}

/// Two models of equal quality have no gap to recover, so nothing is said about them.
fn two_model(
    sample: &Sample,
    replayed: &Replayed,
    singles: &Singles,
) -> Result<Option<TwoModel>, MeasureError> {
    if sample.models.len() != 2 {
        return Ok(None);
    }
    let strong = singles.best();
    let weak = 1 - strong;
    let quality = replayed.predicted.quality();
    let score = |model| sample.outcomes.score().column(model).collect::<Vec<f64>>();
    let for_strong: Vec<f64> = quality
        .column(strong)
        .zip(quality.column(weak))
        .map(|(strong, weak)| strong - weak)
        .collect();
    let (strong_scores, weak_scores) = (score(strong), score(weak));
    let preference = Preference {
        for_strong: &for_strong,
        strong: &strong_scores,
        weak: &weak_scores,
    };
    let curve = match TwoModelCurve::new(preference) {
        Err(MeasureError::NoGap { .. }) => return Ok(None),
        curve => curve?,
    };
    Ok(Some(TwoModel {
        strong: sample.models[strong].clone(),
        weak: sample.models[weak].clone(),
        apgr: curve.apgr(),
        cpt: [0.2, 0.5, 0.8].map(|pgr| curve.share_to_recover(pgr)),
        routellm: quantile_binned(preference)?,
    }))
}

fn calibration(
    sample: &Sample,
    replayed: &Replayed,
) -> Result<Vec<ModelCalibration>, MeasureError> {
    let of = |(column, model): (usize, &ModelName)| {
        let predicted = replayed.predicted.quality().column(column);
        let actual = sample.outcomes.score().column(column);
        Ok(ModelCalibration {
            model: model.clone(),
            calibration: Calibration::new(predicted, actual)?,
        })
    };
    sample.models.iter().enumerate().map(of).collect()
}
