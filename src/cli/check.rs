//! `check`: whether a Corefile would start, without starting anything.

use std::process::ExitCode;

use super::arguments::CheckOptions;
use super::serve;
use crate::app::{Defaults, Numbers, Plan, Source};

pub(super) fn run(options: &CheckOptions) -> ExitCode {
    match check(options) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}", error.trim_end());
            ExitCode::FAILURE
        }
    }
}

fn check(options: &CheckOptions) -> Result<String, String> {
    let source = Source::File(options.corefile.clone());
    let corefile = source.load().map_err(|failure| failure.to_string())?;
    let runtime = serve::runtime()?;
    let _entered = runtime.enter();
    let process = serve::process(&runtime, &[], true);
    let plan = Plan::new(&corefile, &process, Defaults { port: options.port }, &mut Numbers::default());
    let plan = plan.map_err(|diagnostics| {
        let texts: Vec<_> =
            diagnostics.iter().map(|diagnostic| corefile.sources.render(diagnostic)).collect();
        texts.join("\n")
    })?;
    for warning in &corefile.warnings {
        eprintln!("{}", corefile.sources.render(warning));
    }
    let blocks = corefile.blocks.len();
    let what = if blocks == 1 { "1 server block" } else { &format!("{blocks} server blocks") };
    Ok(format!("{}: {what}, {}", options.corefile.display(), plan.lines.join(", ")))
}
