use std::fs;

use super::*;
use crate::cluster::config::SourceConfig;
use crate::cluster::store::Store;

/// A folder of its own for each test, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kubezone-manifests-{}-{test}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn config(path: &Path) -> WatchConfig {
    WatchConfig::new(SourceConfig::Manifests(vec![ManifestPath::Path(path.to_owned())]))
}

fn manifests(config: &WatchConfig) -> Manifests {
    let SourceConfig::Manifests(paths) = &config.source else { unreachable!() };
    Manifests::new(config, paths).unwrap()
}

fn service(name: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, labels: {{app: {name}}}}}\nspec: {{clusterIP: 10.96.0.1}}\n"
    )
}

/// The Services and the namespaces after the changes.
fn names(store: &mut Store, changes: Vec<Change>) -> (Vec<String>, Vec<String>) {
    changes.into_iter().for_each(|change| store.take(change));
    store.publish(1);
    let zone = store.reader().snapshot();
    let mut services: Vec<_> = zone.services().map(|service| service.key.to_string()).collect();
    let namespaces =
        zone.namespaces().map(|namespace| String::from_utf8_lossy(&namespace.label).into_owned());
    let mut namespaces: Vec<_> = namespaces.collect();
    services.sort();
    namespaces.sort();
    (services, namespaces)
}

#[test]
fn folders_are_read_with_those_below_and_namespaces_are_implied() {
    let folder = Folder::new("folders");
    folder.write("b.yml", &service("b"));
    folder.write("deep/a.yaml", &service("a").replace("name: a,", "name: a, namespace: shop,"));
    folder.write("notes.txt", "not: [a manifest");
    folder.write("..data/b.yaml", &service("hidden"));
    let config = config(&folder.0);
    let changes = manifests(&config).load().unwrap();
    let (services, namespaces) = names(&mut Store::new(config.kinds(), false), changes);
    assert_eq!(services, ["a.shop.", "b.default."]);
    assert_eq!(namespaces, ["default", "shop"]);
}

#[test]
fn selectors_apply_to_files_as_well() {
    let folder = Folder::new("selectors");
    let namespace = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: default, labels: {team: a}}\n";
    folder.write("all.yaml", &[service("a"), service("b"), namespace.to_owned()].concat());
    let mut config = config(&folder.0);
    config.labels = Some("app in (b)".to_owned());
    config.namespace_labels = Some("team!=a".to_owned());
    let changes = manifests(&config).load().unwrap();
    let (services, namespaces) = names(&mut Store::new(config.kinds(), false), changes);
    assert_eq!(services, ["b.default."]);
    assert!(namespaces.is_empty(), "a namespace that is stated and not selected is not implied");
}

#[test]
fn a_change_sweeps_what_is_gone_and_a_broken_file_keeps_what_it_gave() {
    let folder = Folder::new("changes");
    folder.write("a.yaml", &[service("a"), service("b")].concat());
    folder.write("c.yaml", &service("c"));
    let config = config(&folder.0);
    let (mut source, mut store) = (manifests(&config), Store::new(config.kinds(), false));
    let first = source.load().unwrap();
    assert_eq!(names(&mut store, first).0, ["a.default.", "b.default.", "c.default."]);
    let mut reread = |source: &mut Manifests| {
        let stamps = source.look();
        assert_ne!(stamps, source.stamps, "the change is seen");
        source.stamps = stamps;
        let changes = source.read();
        names(&mut store, changes)
    };
    folder.write("a.yaml", &[service("a2"), "---\nkind: [\n".to_owned()].concat());
    assert_eq!(reread(&mut source).0, ["a.default.", "a2.default.", "b.default.", "c.default."]);
    assert_eq!(source.mistakes.len(), 1);
    folder.write("a.yaml", &service("a2"));
    assert_eq!(reread(&mut source).0, ["a2.default.", "c.default."]);
    assert!(source.mistakes.is_empty());
    fs::remove_file(folder.0.join("c.yaml")).unwrap();
    assert_eq!(reread(&mut source).0, ["a2.default."]);
    // The whole folder is gone, as in the moment in which something replaces it.
    fs::remove_dir_all(&folder.0).unwrap();
    assert_eq!(reread(&mut source), (vec!["a2.default.".to_owned()], vec!["default".to_owned()]));
}

#[test]
fn a_config_map_swap_is_seen() {
    let folder = Folder::new("swap");
    folder.write("..one/all.yaml", &service("a"));
    folder.write("..two/all.yaml", &service("b"));
    let link = |target: &str| {
        let (new, data) = (folder.0.join("..new"), folder.0.join("..data"));
        std::os::unix::fs::symlink(target, &new).unwrap();
        fs::rename(new, data).unwrap();
    };
    link("..one");
    std::os::unix::fs::symlink("..data/all.yaml", folder.0.join("all.yaml")).unwrap();
    let config = config(&folder.0);
    let mut source = manifests(&config);
    let mut store = Store::new(config.kinds(), false);
    let first = source.load().unwrap();
    assert_eq!(names(&mut store, first).0, ["a.default."]);
    link("..two");
    let stamps = source.look();
    assert_ne!(stamps, source.stamps);
    let changes = source.read();
    assert_eq!(names(&mut store, changes).0, ["b.default."]);
}

#[test]
fn what_leads_to_no_data_is_an_error_that_says_why() {
    let folder = Folder::new("nothing");
    folder.write("broken.yaml", "kind: Service\nspec: [\n");
    let folder_config = config(&folder.0);
    let error = manifests(&folder_config).load().unwrap_err().to_string();
    assert!(error.contains("broken.yaml:"), "{error}");
    assert!(error.contains("kubectl get svc"), "{error}");
    let missing = folder.0.join("missing");
    let missing_config = config(&missing);
    let SourceConfig::Manifests(paths) = &missing_config.source else { unreachable!() };
    let error = Manifests::new(&missing_config, paths).err().unwrap().to_string();
    assert!(error.contains("missing`: No such file"), "{error}");
}

#[test]
fn imports_are_read_when_they_are_wanted_whatever_their_labels() {
    let folder = Folder::new("imports");
    folder.write(
        "import.yaml",
        "apiVersion: multicluster.x-k8s.io/v1alpha1\nkind: ServiceImport\nmetadata: {name: web}\n\
         spec: {type: ClusterSetIP, ips: [10.42.42.42], ports: [{port: 80}]}\n---\n\
         apiVersion: multicluster.x-k8s.io/v1beta1\nkind: ServiceImport\nmetadata: {name: later}\n",
    );
    folder.write("service.yaml", &service("web"));
    let imports = |config: &WatchConfig| {
        let mut store = Store::new(config.kinds(), false);
        manifests(config).load().unwrap().into_iter().for_each(|change| store.take(change));
        store.publish(1);
        let zone = store.reader().snapshot();
        (zone.imports().map(|import| import.service.key.to_string()).collect::<Vec<_>>(), zone.counts().0)
    };
    let config = WatchConfig { labels: Some("app=other".to_owned()), ..config(&folder.0) };
    assert_eq!(imports(&WatchConfig { labels: None, ..config.clone() }), (vec![], 1));
    assert_eq!(imports(&WatchConfig { multicluster: true, ..config }), (vec!["web.default.".to_owned()], 0));
}
