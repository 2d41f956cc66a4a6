//! `plugins`: the table, as names or with what each is for.

use std::process::ExitCode;

use super::arguments::PluginsStyle;
use crate::plugin::table::{PLUGINS, Status};

pub(super) fn run(style: PluginsStyle) -> ExitCode {
    match style {
        PluginsStyle::Names => {
            let built = PLUGINS.iter().filter(|entry| matches!(entry.status, Status::Built(_)));
            let mut names: Vec<&str> = built.map(|entry| entry.name).collect();
            names.sort_unstable();
            println!("{}", names.join("\n"));
        }
        PluginsStyle::Table => {
            for entry in PLUGINS {
                let status = match entry.status {
                    Status::Built(_) => "built",
                    Status::NotYet => "not yet",
                    Status::NotPlanned { .. } => "no",
                };
                println!("{:<14} {status:<8} {}", entry.name, entry.about);
            }
        }
    }
    ExitCode::SUCCESS
}
