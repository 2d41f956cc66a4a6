use super::*;

fn report(all: &[Compared]) -> Report {
    let mut report = Report::new("10.96.0.10:53", "127.0.0.1:1053", &Ignore::default(), 2);
    all.iter().for_each(|compared| report.add(compared));
    report
}

#[test]
fn a_person_reads_sums_then_shapes_with_examples_the_most_frequent_first() {
    let ignore = Ignore::default();
    let mut all = Vec::new();
    for name in ["web.shop", "db.shop", "mail.office"] {
        let question = format!("{name}.svc.cluster.local A +edns");
        let soa = "AUTHORITY\ncluster.local. 5 SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 2 3 4 5\nEDNS 1232";
        let record = format!("NOERROR aa rd\n{name}.svc.cluster.local. 5 A 10.0.0.1\nEDNS 1232");
        let a = reply(&question, &format!("NXDOMAIN aa rd\n{soa}"));
        all.push(compared(3 - all.len(), &question, a, reply(&question, &record), &ignore));
    }
    let srv = "_http._tcp.web.shop.svc.cluster.local SRV";
    let answer: String = (1..=12).map(|at| format!("web. 5 SRV 0 8 80 pod-{at}.web.\n")).collect();
    let long = format!("NOERROR\n{answer}ADDITIONAL\nweb. 5 TXT \"{}\"", "x".repeat(250));
    all.push(compared(
        7,
        srv,
        reply(srv, &long),
        reply(srv, "NOERROR\nweb. 5 SRV 0 8 80 pod-3.web."),
        &ignore,
    ));
    all.push(compared(8, srv, silent(), reply(srv, "NOERROR"), &ignore));
    all.push(compared(9, srv, silent(), silent(), &ignore));
    all.push(Compared {
        asked_again: true,
        ..compared(10, srv, reply(srv, "NOERROR"), reply(srv, "NOERROR"), &ignore)
    });
    let text = report(&all).to_string();
    assert!(text.lines().all(|line| line.len() <= 120), "{text}");
    insta::assert_snapshot!(text, @r#"
    A (-)  10.96.0.10:53
    B (+)  127.0.0.1:1053

           7  asked
           1  same
           5  different, in 3 shapes
           2  unanswered by A
           1  unanswered by B
           1  unanswered by both, and neither same nor different
           1  different at first, and the same when asked again

           3 x *.*.svc.cluster.local. A +edns=1232
                RCODE NXDOMAIN -> NOERROR
                answer: +A
                authority: -SOA

        mail.office.svc.cluster.local. A +edns=1232
        - ;; NXDOMAIN, flags aa rd
        + ;; NOERROR, flags aa rd
          ;; EDNS version 0, size 1232
          ;; ANSWER
        + mail.office.svc.cluster.local. 5 IN A 10.0.0.1
          ;; AUTHORITY
        - cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 2 3 4 5

        db.shop.svc.cluster.local. A +edns=1232
        - ;; NXDOMAIN, flags aa rd
        + ;; NOERROR, flags aa rd
          ;; EDNS version 0, size 1232
          ;; ANSWER
        + db.shop.svc.cluster.local. 5 IN A 10.0.0.1
          ;; AUTHORITY
        - cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 2 3 4 5

           1 x _*._*.*.*.svc.cluster.local. SRV
                answer: -many SRV
                additional: -TXT

        _http._tcp.web.shop.svc.cluster.local. SRV
          ;; NOERROR, no flags
          ;; ANSWER
          web. 5 IN SRV 0 8 80 pod-3.web.
        - web. 5 IN SRV 0 8 80 pod-1.web.
        - web. 5 IN SRV 0 8 80 pod-10.web.
        - web. 5 IN SRV 0 8 80 pod-11.web.
        - web. 5 IN SRV 0 8 80 pod-12.web.
        - web. 5 IN SRV 0 8 80 pod-2.web.
        - web. 5 IN SRV 0 8 80 pod-4.web.
        - web. 5 IN SRV 0 8 80 pod-5.web.
        - web. 5 IN SRV 0 8 80 pod-6.web.
        - ... and 3 more
          ;; ADDITIONAL
        - web. 5 IN TXT "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
        -     xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
        -     xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

           1 x _*._*.*.*.svc.cluster.local. SRV
                no reply from A: timed out

        _http._tcp.web.shop.svc.cluster.local. SRV
        - ;; no reply: timed out
        + ;; NOERROR, no flags
    "#);
}

#[test]
fn nothing_different_is_said_in_few_lines() {
    let same = compared(0, "a", reply("a", "NOERROR"), reply("a", "NOERROR"), &Ignore::default());
    insta::assert_snapshot!(report(&[same]), @r#"
    A (-)  10.96.0.10:53
    B (+)  127.0.0.1:1053

           1  asked
           1  same
           0  different
           0  unanswered by A
           0  unanswered by B
    "#);
}

#[test]
fn a_server_that_never_answers_is_named() {
    let one = compared(0, "a", silent(), reply("a", "NOERROR"), &Ignore::default());
    let report = report(&[one]);
    assert_eq!(report.summary().silent(), Some(Side::A));
    assert!(report.to_string().contains("\nA (10.96.0.10:53) never answered\n"));
}

#[test]
fn names_of_everywhere_become_one_shape_and_those_of_few_suffixes_do_not() {
    let of = |names: &[String]| {
        let all: Vec<Compared> = names
            .iter()
            .enumerate()
            .map(|(at, name)| {
                let (a, b) = (reply(name, "NXDOMAIN"), reply(name, "NOERROR"));
                compared(at, name, a, b, &Ignore::default())
            })
            .collect();
        let shapes = report(&all).shapes();
        shapes.into_iter().map(|(shape, count)| (shape.pattern, count)).collect::<Vec<_>>()
    };
    let names: Vec<String> = (0..20).map(|at| format!("www.example-{at}.org")).collect();
    assert_eq!(of(&names), [("*.*.*.".to_owned(), 20)]);
    assert_eq!(of(&names[..2]), [("*.example-0.org.".to_owned(), 1), ("*.example-1.org.".to_owned(), 1)]);
}

#[test]
fn the_examples_are_the_first_of_the_file_in_whatever_order_they_are_done() {
    let ignore = Ignore::default();
    let of = |at: usize| {
        let name = format!("n{at}.example.org");
        compared(at, &name, reply(&name, "NXDOMAIN"), reply(&name, "NOERROR"), &ignore)
    };
    let forwards: Vec<Compared> = (0..6).map(of).collect();
    let backwards: Vec<Compared> = (0..6).rev().map(of).collect();
    assert_eq!(report(&forwards).to_string(), report(&backwards).to_string());
    assert!(report(&backwards).to_string().contains("\n    n1.example.org. A\n"));
}
