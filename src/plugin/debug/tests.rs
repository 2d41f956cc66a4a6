use super::*;
use crate::plugin::testing::Bench;

#[test]
fn it_adds_no_handler_and_holds_the_level_while_the_block_runs() {
    let bench = Bench::new(&["."]);
    let draft = bench.set_up(setup, "debug").unwrap();
    assert!(draft.plugins.is_empty(), "CoreDNS has no handler of that name either");
    assert_eq!(draft.tasks.len(), 1);
    assert!(bench.set_up(setup, "debug\ndebug").is_ok(), "as in CoreDNS");
}

#[test]
fn bad_words_are_refused() {
    let bench = Bench::new(&["."]);
    assert_eq!(
        bench.refusal(setup, "debug off"),
        "`debug` takes no arguments, not 1 | too many | write `debug`"
    );
    assert_eq!(
        bench.refusal(setup, "debug {\n}"),
        "`debug` takes no block | leave the braces and what is between them out"
    );
}
