//! The way of one query on one thread: parse, route, chain, look up, write, finish.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use kubezone::app::{Defaults, Numbers, Plan, Source};
use kubezone::cluster::{ManifestPath, NoObserver};
use kubezone::dns::{Name, Origin, Query, RecordType, Response, Transport};
use kubezone::plugin::{Process, Router, question_packet};
use kubezone::telemetry::metrics::Registry;

const COREFILE: &str = ".:53 {
    prometheus 127.0.0.1:0
    errors
    loadbalance
    cache 30
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
    }
}
";

/// The router of a plan over the demonstration cluster, and the plan, which keeps its watch going.
fn plan(runtime: &tokio::runtime::Runtime) -> (Arc<Router>, Plan) {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo");
    let process = Process {
        manifests: vec![ManifestPath::Path(demo)],
        ..Process::new(runtime.handle().clone(), Registry::new(), Arc::new(NoObserver))
    };
    let source = Source::Text { name: "Corefile".to_owned(), text: COREFILE.to_owned() };
    let corefile = source.load().unwrap_or_else(|failure| panic!("{failure}"));
    let _entered = runtime.enter();
    let plan = Plan::new(&corefile, &process, Defaults { port: 53 }, &mut Numbers::default());
    let plan = plan.unwrap_or_else(|diagnostics| panic!("{diagnostics:?}"));
    (Arc::clone(&plan.listeners[0].router), plan)
}

fn bench(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (router, _plan) = plan(&runtime);
    let client = SocketAddr::from((Ipv4Addr::LOCALHOST, 5353));
    let received = Instant::now();
    let origin =
        Origin { peer: client, local: client, transport: Transport::Udp, received, server: 0, depth: 0 };
    let questions = [
        ("address", "web.shop.svc.cluster.local", RecordType::A, None),
        ("address with EDNS", "web.shop.svc.cluster.local", RecordType::A, Some((1232, false))),
        ("no data", "web.shop.svc.cluster.local", RecordType::AAAA, None),
        ("name error of the search list", "example.org.shop.svc.cluster.local", RecordType::A, None),
        ("name error with a reason", "web.shp.svc.cluster.local", RecordType::A, Some((1232, false))),
        ("headless SRV", "_postgres._tcp.postgres.data.svc.cluster.local", RecordType::SRV, None),
        ("reverse", "1.0.96.10.in-addr.arpa", RecordType::PTR, None),
    ];
    let mut response = Response::new();
    for (what, name, rtype, edns) in questions {
        let name: Name = name.parse().unwrap();
        let packet = question_packet(7, name.as_wire(), rtype, edns);
        criterion.bench_function(what, |bencher| {
            bencher.iter(|| {
                let query = Query::parse(black_box(&packet), origin).unwrap();
                let reply = router.serve(&query, &mut response);
                black_box(&reply);
                black_box(response.finish().len())
            });
        });
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
