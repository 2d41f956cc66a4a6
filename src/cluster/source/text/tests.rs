use super::*;

const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: demo\n\
                       spec:\n  clusterIP: 10.96.0.1\n  ports:\n  - port: 80\n";

fn names(contents: &Contents) -> Vec<String> {
    contents.objects.iter().map(|(object, _)| object.meta().name.to_string()).collect()
}

fn mistakes(contents: &Contents) -> Vec<String> {
    contents.mistakes.iter().map(ToString::to_string).collect()
}

#[test]
fn documents_are_cut_at_their_markers() {
    let text = "# first\n---\na: |\n  text\n  --- not a marker\n--- # second\nb: 1\n...\nc: 2\n---\n";
    let cut: Vec<_> = documents(text).collect();
    assert_eq!(cut[1], (1, "---\na: |\n  text\n  --- not a marker\n"));
    assert_eq!(cut[2], (5, "--- # second\nb: 1\n"));
    assert_eq!(cut[3], (8, "c: 2\n"));
}

#[test]
fn a_broken_document_spoils_no_other() {
    let text = format!("{SERVICE}---\nkind: [\n---\n{}", SERVICE.replace("web", "api"));
    let contents = read("demo.yaml", &text);
    assert_eq!(names(&contents), ["web", "api"]);
    assert_eq!(contents.mistakes.len(), 1);
    assert!((10..=13).contains(&contents.mistakes[0].line), "{}", contents.mistakes[0]);
}

#[test]
fn a_wrong_field_is_named_with_line_and_column() {
    let text = format!("# cluster\n---\n{}", SERVICE.replace("port: 80", "port: http"));
    let contents = read("demo.yaml", &text);
    assert!(contents.objects.is_empty());
    assert_eq!(contents.mistakes[0].line, 11, "{}", contents.mistakes[0]);
    assert_eq!(contents.mistakes[0].column, 11, "{}", contents.mistakes[0]);
    assert!(mistakes(&contents)[0].starts_with("demo.yaml:11:11: "), "{}", contents.mistakes[0]);
}

#[test]
fn a_wrong_item_of_a_list_is_named_and_the_others_count() {
    let item = |name: &str, port: &str| {
        format!(
            r#"{{"apiVersion":"v1","kind":"Service","metadata":{{"name":"{name}"}},"spec":{{"ports":[{{"port":{port}}}]}}}}"#
        )
    };
    let items = [item("a", "80"), item("b", "\"http\""), item("c", "99999"), item("d", "443")].join(",\n");
    let text = format!("{{\"apiVersion\":\"v1\",\"items\":[\n{items}\n],\"kind\":\"List\"}}\n");
    let contents = read("dump.json", &text);
    assert_eq!(names(&contents), ["a", "d"]);
    assert_eq!(contents.mistakes.iter().map(|mistake| mistake.line).collect::<Vec<_>>(), [3, 4]);
    assert!(mistakes(&contents)[0].contains("invalid type: string \"http\", expected u16"));
    let yaml = read("dump.yaml", &text);
    assert_eq!(names(&yaml), ["a", "d"]);
    assert_eq!(yaml.mistakes.iter().map(|mistake| mistake.line).collect::<Vec<_>>(), [3, 4]);
}

#[test]
fn lists_of_one_kind_say_it_once() {
    let text = "apiVersion: v1\nkind: ServiceList\nitems:\n- metadata: {name: a}\n- metadata: {name: b}\n";
    assert_eq!(names(&read("x.yaml", text)), ["a", "b"]);
    let late = r#"{"items":[{"metadata":{"name":"a"}}],"kind":"NamespaceList"}"#;
    assert_eq!(read("x.json", late).objects[0].0.kind(), crate::zone::Kind::Namespace);
}

#[test]
fn kinds_that_dns_does_not_need_are_skipped() {
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {ports: wrong, type: [1]}\n---\n\
                apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: b}\nspec: {ports: wrong}\n---\n\
                # nothing\n";
    let contents = read("x.yaml", text);
    assert!(contents.objects.is_empty() && contents.mistakes.is_empty(), "{:?}", contents.mistakes);
}

#[test]
fn joined_json_documents_are_all_read() {
    let one = r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a"}}"#;
    let contents = read("x.json", &format!("{one}\n{}\n", one.replace("\"a\"", "\"b\"")));
    assert_eq!(names(&contents), ["a", "b"]);
    let broken = read("x.json", &format!("{one}\n{{\"kind\": nonsense}}\n"));
    assert_eq!(names(&broken), ["a"]);
    assert!(mistakes(&broken)[0].starts_with("x.json:2:"), "{:?}", broken.mistakes);
}

#[test]
fn an_object_without_name_is_a_mistake() {
    let contents = read("x.yaml", "apiVersion: v1\nkind: Service\nspec: {}\n");
    assert!(mistakes(&contents)[0].contains("missing field `metadata.name`"));
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = "kind: Service\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let before = format!("*a{}", level - 1);
        text.push_str(&format!("a{level}: &a{level} [{}]\n", [before.as_str(); 10].join(", ")));
    }
    let contents = read("bomb.yaml", &text);
    assert_eq!(contents.mistakes.len(), 1);
}
