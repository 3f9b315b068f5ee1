//! `pointsman quickstart`: the whole way through on the bundled synthetic log.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;
use pointsman_router::Router;
use pointsman_serve::{Adaptive, Live};

use crate::args::{
    EncodingArgs, EvaluateArgs, GuaranteeArgs, LearningArgs, LogArgs, QuickstartArgs, TrainArgs,
};
use crate::commands::{evaluate, serve, train};
use crate::settings::Settings;
use crate::telemetry;

/// The bundled log and catalogue are part of the program, so that it works from any directory.
const LOG: &[u8] = include_bytes!("../../../../datasets/synthetic.jsonl.zst");
const CATALOG: &str = include_str!("../../../../datasets/synthetic.catalog.toml");

pub(crate) fn run(args: &QuickstartArgs) -> anyhow::Result<()> {
    let out = &args.out;
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    let (log, catalog) = (
        out.join("synthetic.jsonl.zst"),
        out.join("synthetic.catalog.toml"),
    );
    fs::write(&log, LOG).with_context(|| format!("cannot write {}", log.display()))?;
    fs::write(&catalog, CATALOG).with_context(|| format!("cannot write {}", catalog.display()))?;
    let router = out.join("router");
    eprintln!("1/3 training on the bundled SYNTHETIC log, a fifth held out");
    train::run(&training(&log, &catalog, &router))?;
    eprintln!("2/3 evaluating on the held-out fifth");
    evaluate::run(&evaluation(&log, &router, &out.join("report")))?;
    if args.no_serve {
        return Ok(());
    }
    eprintln!("3/3 serving; stop with Ctrl-C");
    telemetry::start(false)?;
    let mut settings = Settings::default();
    settings.server.bind = args.bind;
    settings.store.path = out.join("pointsman.db");
    let open = |dir: &Path| Router::open(dir).map(Adaptive::new);
    let live = Live::open(&router, open)?;
    serve::block_on(settings, live, None, say_how_to_ask)
}

fn logs(log: &Path) -> LogArgs {
    LogArgs {
        logs: vec![log.display().to_string()],
        strict: true,
        max_prompts: 200_000,
    }
}

fn training(log: &Path, catalog: &Path, out: &Path) -> TrainArgs {
    TrainArgs {
        logs: logs(log),
        out: out.to_owned(),
        catalog: Some(catalog.to_owned()),
        seed: 0,
        folds: 5,
        grouped: false,
        holdout: 0.2,
        min_rows: 10,
        passes: 1,
        drop_rare: false,
        policy: None,
        guarantee: GuaranteeArgs::none(),
        cascade: false,
        device: "cpu".into(),
        encoder: None,
        teacher: None,
        unlabelled: Vec::new(),
        embedding_cache: None,
        keep_texts: true,
        json: false,
    }
}

fn evaluation(log: &Path, router: &Path, out: &Path) -> EvaluateArgs {
    EvaluateArgs {
        router: Some(router.to_owned()),
        catalog: None,
        encoding: EncodingArgs::default(),
        logs: logs(log),
        learning: LearningArgs::default(),
        out: out.to_owned(),
        cascade: false,
        policy: None,
        target: pointsman_types::Quality::clamped(0.5),
        grouped: false,
        replicates: 1000,
        seed: 0,
        include_training: false,
        synthetic: true,
        title: Some("Quickstart (synthetic log)".into()),
        json: false,
    }
}

fn say_how_to_ask(address: SocketAddr) {
    eprintln!("try:\n  curl -s http://{address}/v1/route -H 'content-type: application/json' \\");
    eprintln!(
        "    -d '{{\"prompt\": \"Write a SQL query that counts orders per customer.\", \"explain\": true}}'"
    );
}
