use super::*;
use crate::plugin::Ready;
use crate::plugin::testing::Bench;

fn condition(plugin: &'static str, holds: &Arc<AtomicBool>) -> Readiness {
    let holds = Arc::clone(holds);
    Readiness { plugin, is_ready: Arc::new(move || holds.load(Ordering::Relaxed)) }
}

fn ask(handler: &impl Fn(&Request) -> Response) -> (u16, String) {
    let (request, ()) = hyper::Request::new(()).into_parts();
    let response = handler(&request);
    (response.status, response.body.into_owned())
}

#[test]
fn it_names_the_plugins_that_wait() {
    let holds = [false, false, false].map(|value| Arc::new(AtomicBool::new(value)));
    let plugins = ["kubernetes", "erratic", "kubernetes"];
    let conditions = plugins.iter().zip(&holds).map(|(plugin, holds)| condition(plugin, holds)).collect();
    let handler = handler(conditions, false, Arc::default());
    assert_eq!(ask(&handler), (503, "erratic,kubernetes".to_owned()));
    holds[0].store(true, Ordering::Relaxed);
    holds[1].store(true, Ordering::Relaxed);
    assert_eq!(ask(&handler), (503, "kubernetes".to_owned()));
    holds[2].store(true, Ordering::Relaxed);
    assert_eq!(ask(&handler), (200, "OK".to_owned()));
}

#[test]
fn what_was_ready_is_asked_again_only_continuously() {
    for (continuously, after) in [(false, (200, "OK")), (true, (503, "kubernetes"))] {
        let holds = Arc::new(AtomicBool::new(true));
        let handler = handler(vec![condition("kubernetes", &holds)], continuously, Arc::default());
        assert_eq!(ask(&handler).0, 200);
        holds.store(false, Ordering::Relaxed);
        assert_eq!(ask(&handler), (after.0, after.1.to_owned()));
    }
}

#[test]
fn without_conditions_it_is_ready_until_the_shutdown() {
    let shutting_down = Arc::new(AtomicBool::new(false));
    let handler = handler(Vec::new(), false, Arc::clone(&shutting_down));
    assert_eq!(ask(&handler), (200, "OK".to_owned()));
    shutting_down.store(true, Ordering::Relaxed);
    assert_eq!(ask(&handler), (503, "Shutting down".to_owned()));
}

#[test]
fn the_directive_is_checked() {
    let bench = Bench::new(&["."]);
    let ready = |text| bench.set_up(setup, text).unwrap().ready.unwrap();
    let told = |Ready { place, continuously }: Ready| (place.address, place.plugin, continuously);
    assert_eq!(told(ready("ready")), (":8181".to_owned(), "ready", false));
    let continuous = ready("ready localhost:1 {\n monitor continuously\n}");
    assert_eq!(told(continuous), ("localhost:1".to_owned(), "ready", true));
    assert!(!ready("ready {\n monitor until-ready\n}").continuously);
    for (text, refusal) in [
        ("ready 8181", "`8181` is not an address to listen on"),
        ("ready {\n monitor\n}", "`monitor` takes 1 argument, not 0"),
        (
            "ready {\n monitor always\n}",
            "unexpected `always` | it is one of `until-ready` and `continuously`",
        ),
        ("ready {\n moniter always\n}", "unknown property `moniter` of `ready` | did you mean `monitor`?"),
        ("ready\nready", "`ready` is given twice"),
    ] {
        let told = bench.refusal(setup, text);
        assert!(told.starts_with(refusal), "{told}");
    }
}
