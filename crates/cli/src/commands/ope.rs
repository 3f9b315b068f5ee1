//! `pointsman ope`.

use std::io::Write;

use pointsman_evaluate::{
    OffPolicyOptions, OffPolicyReport, Reward, Seen, off_policy, off_policy_table,
};
use pointsman_logs::{ReadOptions, find, read};
use pointsman_policy::PolicySpec;
use pointsman_types::LogRow;

use crate::args::{OpeArgs, RewardKind, RouterArgs};
use crate::failure::Usage;
use crate::opening;
use crate::progress::spinner;
use crate::reading;

pub(crate) fn run(args: &OpeArgs) -> anyhow::Result<()> {
    let report = evaluated(args)?;
    if let Some(out) = &args.out {
        report.write(out)?;
    }
    match args.json {
        true => writeln!(
            std::io::stdout(),
            "{}",
            serde_json::to_string_pretty(&report)?
        )?,
        false => writeln!(std::io::stdout(), "{}", off_policy_table(&report))?,
    }
    if let Some(out) = &args.out {
        eprintln!("wrote {}", out.join("off_policy.html").display());
    }
    Ok(())
}

fn evaluated(args: &OpeArgs) -> anyhow::Result<OffPolicyReport> {
    let router = RouterArgs {
        dir: args.policy.clone(),
        catalog: args.catalog.clone(),
        encoding: args.encoding.clone(),
    };
    let router = opening::open(&router, None)?;
    let options = options(args, router.policy())?;
    let rows = rows(args)?;
    let progress = spinner("replaying and resampling");
    let report = off_policy(&router, &rows, &options)?;
    progress.finish_and_clear();
    Ok(report)
}

fn rows(args: &OpeArgs) -> anyhow::Result<Vec<LogRow>> {
    let mut rows = Vec::new();
    let strict = ReadOptions {
        strict: args.strict,
    };
    let faults = read(&find(&args.logs)?, &strict, |row| {
        rows.push(row);
        Ok(())
    })?;
    reading::tell_faults(&faults);
    Ok(rows)
}

fn options(args: &OpeArgs, policy: &PolicySpec) -> Result<OffPolicyOptions, Usage> {
    let default = OffPolicyOptions::default();
    Ok(OffPolicyOptions {
        title: args.title.clone().unwrap_or(default.title),
        synthetic: args.synthetic,
        reward: reward(args, policy)?,
        confidence: args.confidence,
        bernstein: args.bernstein,
        replicates: args.replicates as usize,
        seed: args.seed,
        limits: default.limits,
        strict: args.strict,
        seen: match args.include_training {
            true => Seen::Keep,
            false => Seen::LeaveOut,
        },
    })
}

fn reward(args: &OpeArgs, policy: &PolicySpec) -> Result<Reward, Usage> {
    let lambda = match (args.reward, args.lambda, policy) {
        (Some(RewardKind::Score), Some(_), _) => {
            let said = "--lambda has no part in --reward score; leave one of them out";
            return Err(Usage(said.to_owned()));
        }
        (Some(RewardKind::Score) | None, None, _) => return Ok(Reward::Score),
        (_, Some(lambda), _) => lambda,
        (_, None, PolicySpec::Utility { lambda }) => *lambda,
        _ => {
            let said = format!("--reward utility needs --lambda: the router's policy is {policy}");
            return Err(Usage(said));
        }
    };
    Ok(Reward::Utility { lambda })
}
