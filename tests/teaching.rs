//! A teacher that reads embeddings, and what its student has of it.

use std::collections::HashMap;
use std::sync::Arc;

use pointsman_models::EncoderReference;
use pointsman_router::Router;
use pointsman_simulate::{Settings, Simulation, simulate};
use pointsman_train::{Embed, Options, Teacher, TrainError, Trained, train};
use pointsman_types::{Grid, LogTable};

use crate::learning::{gain, permuted};
use crate::program::table;

const FEW: usize = 100;

fn simulation(prompts: usize, seed: u64) -> Simulation {
    simulate(&Settings {
        prompts,
        seed,
        ..Settings::default()
    })
}

/// Embeds a prompt as what is true of it, for every prompt of these logs.
#[derive(Debug)]
struct KnowsTheTruth(HashMap<String, Vec<f32>>);

impl KnowsTheTruth {
    fn of(logs: &[&Simulation]) -> Self {
        let prompts = logs.iter().flat_map(|log| &log.prompts);
        let known = prompts.map(|prompt| {
            let truth = prompt.truth.iter().map(|score| *score as f32);
            (prompt.text.text().to_owned(), truth.collect())
        });
        Self(known.collect())
    }
}

impl Embed for KnowsTheTruth {
    fn reference(&self) -> EncoderReference {
        EncoderReference {
            spec: "truth".into(),
            fingerprint: "0".into(),
        }
    }

    fn embed(&self, texts: &[&str]) -> Result<Grid<f32>, String> {
        let vectors: Vec<f32> = texts
            .iter()
            .flat_map(|text| self.0[*text].clone())
            .collect();
        Ok(Grid::from_values(vectors.len() / texts.len(), vectors))
    }
}

/// A log of a few prompts, many prompts without labels, and others to be measured on.
struct Lesson {
    few: Simulation,
    unlabelled: Simulation,
    fresh: LogTable,
}

impl Lesson {
    fn new(seed: u64) -> Self {
        Self {
            few: simulation(FEW, seed),
            unlabelled: simulation(1200, seed + 100),
            fresh: table(simulation(1000, seed + 200).rows),
        }
    }

    fn teacher(&self) -> Teacher {
        Teacher {
            encoder: Arc::new(KnowsTheTruth::of(&[&self.few, &self.unlabelled])),
            unlabelled: table(self.unlabelled.rows.clone()).prompts,
        }
    }

    fn train(&self, teacher: Option<Teacher>) -> Result<Trained, TrainError> {
        let options = Options {
            teacher,
            ..Options::default()
        };
        let few = table(self.few.rows.clone());
        train(few, self.few.catalog.clone(), &options, |_| {})
    }

    fn gain(&self, teacher: Option<Teacher>) -> f64 {
        let router = Router::new(self.train(teacher).unwrap().artifact).unwrap();
        gain(&router, &self.fresh).estimate.unwrap()
    }
}

#[test]
fn a_student_learns_from_prompts_without_labels() {
    let lessons = [31, 32, 33].map(Lesson::new);
    let alone: f64 = lessons.iter().map(|lesson| lesson.gain(None)).sum();
    let taught = lessons
        .iter()
        .map(|lesson| lesson.gain(Some(lesson.teacher())));
    let taught: f64 = taught.sum();
    assert!(taught > alone, "{taught} with teachers, {alone} without");
}

#[test]
fn a_student_needs_no_encoder_and_remembers_what_it_was_taught() {
    let lesson = Lesson::new(41);
    let trained = lesson.train(Some(lesson.teacher())).unwrap();
    assert!(trained.artifact.model.encoder.is_none());
    let taught = &lesson.unlabelled.prompts[0].text;
    assert!(trained.artifact.trained_on.contains(taught));
    let report = trained.report.teacher.unwrap();
    assert!(report.prompts > 1000 && report.encoder == "truth");
    assert!(report.cross_validated.is_some());
    assert_eq!(trained.report.prompts, FEW);
}

#[test]
fn lessons_are_the_same_again() {
    let lesson = Lesson::new(42);
    let fingerprint = |teacher: Teacher| {
        let artifact = lesson.train(Some(teacher)).unwrap().artifact;
        (artifact.data_fingerprint.clone(), artifact.model)
    };
    assert_eq!(fingerprint(lesson.teacher()), fingerprint(lesson.teacher()));
}

/// An embedding may tell the prompts apart, and labels may be noise: then a teacher that has seen
/// the labels of a fold would hand them to the student's held-out predictions.
#[test]
fn a_teacher_tells_no_held_out_label() {
    let mut lesson = Lesson::new(43);
    lesson.few.rows = permuted(lesson.few.rows);
    let measured = lesson.train(Some(lesson.teacher())).unwrap().report;
    let measured = measured.cross_validated.unwrap();
    let gain = measured.router.aiq - measured.zero_router.aiq;
    assert!(gain < 0.02, "gained {gain} on labels that nothing can tell");
}

#[test]
fn a_class_without_new_prompts_is_an_error() {
    let lesson = Lesson::new(44);
    let mut teacher = lesson.teacher();
    teacher.unlabelled = table(lesson.few.rows.clone()).prompts;
    let found = lesson.train(Some(teacher));
    assert!(matches!(found, Err(TrainError::NothingToTeach(FEW))));
}
