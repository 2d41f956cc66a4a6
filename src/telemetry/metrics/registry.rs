//! The registry: which series there are, and what to ask at a scrape.

use std::{
    any::Any,
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use super::{
    counter::{Counter, CounterCell, CounterTable, Table},
    gauge::{Gauge, GaugeCell},
    histogram::{Histogram, HistogramCells},
    sample::{Kind, LabelSet, Scrape, Value},
    text,
};

/// The most series that one registry prints; a table counts as all the series that it could have. At a hundred bytes a
/// line this is a scrape of 10 MB, past which Prometheus would rather not know.
pub const SERIES_MAX: usize = 100_000;

const REFUSED_NAME: &str = "kubezone_metrics_series_refused_total";
const REFUSED_HELP: &str =
    "Series that are counted but not exported: too many of them, or unlike their family.";

/// The set of all series of a process. Clones are the same registry.
#[derive(Clone, Default)]
pub struct Registry {
    inner: Arc<Inner>,
}

/// Keeps a closure asked at every scrape; dropping it ends that.
#[must_use = "a collector that is dropped is not asked"]
pub struct Collector {
    _collect: Arc<Collect>,
}

type Collect = dyn Fn(&mut Scrape) + Send + Sync;

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    refused: AtomicU64,
}

#[derive(Default)]
struct State {
    families: BTreeMap<Box<str>, Family>,
    collectors: Vec<Weak<Collect>>,
    /// Sum of the sizes of all slots and collectors, those included whose handles are gone but not yet swept.
    size: usize,
}

struct Family {
    help: Box<str>,
    kind: Kind,
    label_names: Vec<Box<str>>,
    slots: BTreeMap<LabelSet, Slot>,
}

struct Slot {
    series: Weak<dyn Series>,
    size: usize,
}

/// What stands behind a handle.
pub(super) trait Series: Any + Send + Sync {
    fn kind(&self) -> Kind;

    /// How many series this can come to print.
    fn size(&self) -> usize {
        1
    }

    /// Names of labels beyond those that it was registered with.
    fn label_names(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Whether a second registration may share this one.
    fn same_shape(&self, other: &Self) -> bool
    where
        Self: Sized;

    /// Gives the present samples to `out`.
    fn collect(&self, labels: &LabelSet, out: &mut dyn FnMut(LabelSet, Value));
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The counter of this name and these labels: the living one, or a new one at 0.
    ///
    /// As with every series: it is printed until its last handle is dropped, and all series of a name have the same
    /// label names. One that is unlike its family, or one too many ([`SERIES_MAX`]), still counts but is not printed;
    /// `kubezone_metrics_series_refused_total` says how many there are.
    #[must_use]
    pub fn counter(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Counter {
        Counter::new(self.series(name, help, labels, CounterCell::default()))
    }

    /// A dense block of counters: one for each combination of the values of `dimensions`, three at most. Those at zero are not
    /// printed.
    #[must_use]
    pub fn counter_table<const N: usize>(
        &self,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
        dimensions: [(&str, &[&str]); N],
    ) -> CounterTable<N> {
        let lengths = dimensions.map(|(_, values)| values.len());
        CounterTable::new(self.series(name, help, labels, Table::new(&dimensions)), lengths)
    }

    /// The gauge of this name and these labels: the living one, or a new one at 0.
    #[must_use]
    pub fn gauge(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Gauge {
        Gauge::new(self.series(name, help, labels, GaugeCell::default()))
    }

    /// The histogram of this name and these labels, with buckets up to each of `bounds` (ascending, finite) and one
    /// for all that is above.
    #[must_use]
    pub fn histogram(&self, name: &str, help: &str, labels: &[(&str, &str)], bounds: &[f64]) -> Histogram {
        Histogram::new(self.series(name, help, labels, HistogramCells::new(bounds, true)))
    }

    /// A histogram that is not printed before a value was observed: for one of many that stay empty as a rule.
    #[must_use]
    pub fn rare_histogram(
        &self,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
        bounds: &[f64],
    ) -> Histogram {
        Histogram::new(self.series(name, help, labels, HistogramCells::new(bounds, false)))
    }

    /// A gauge whose value is asked for at every scrape. While two of the same name and labels live, as during a
    /// reload, the younger is printed.
    pub fn gauge_fn(
        &self,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
        value: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Collector {
        self.value_fn(Kind::Gauge, name, help, labels, value)
    }

    /// A counter that is kept elsewhere and asked for at every scrape.
    pub fn counter_fn(
        &self,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
        value: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Collector {
        self.value_fn(Kind::Counter, name, help, labels, value)
    }

    /// A closure that adds samples of its own to every scrape. It is called without any lock held and may use the
    /// registry. Collectors are asked in the order of their registration; the last sample of a series is printed.
    pub fn collector(&self, collect: impl Fn(&mut Scrape) + Send + Sync + 'static) -> Collector {
        let collect: Arc<Collect> = Arc::new(collect);
        let mut state = self.state();
        if state.has_room(1) {
            state.size += 1;
            state.collectors.push(Arc::downgrade(&collect));
        } else {
            self.inner.refused.fetch_add(1, Relaxed);
        }
        Collector { _collect: collect }
    }

    /// The labels of each living series of this name that has `labels` among its own. For what makes its series when they
    /// are counted first: set up for a reload, it takes over those of the configuration before, which go with that else.
    #[must_use]
    pub fn living(&self, name: &str, labels: &[(&str, &str)]) -> Vec<HashMap<String, String>> {
        let state = self.state();
        let slots = state.families.get(name).into_iter().flat_map(|family| &family.slots);
        let has_all = |own: &LabelSet| labels.iter().all(|label| own.iter().any(|own| own == *label));
        let living = slots.filter(|(own, slot)| slot.series.strong_count() > 0 && has_all(own));
        let text = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        living.map(|(own, _)| own.iter().map(text).collect()).collect()
    }

    /// How many registrations were turned away; 0 in a program without mistakes.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.inner.refused.load(Relaxed)
    }

    /// All series as text format 0.0.4; send it as [`CONTENT_TYPE`](super::CONTENT_TYPE).
    #[must_use]
    pub fn text(&self) -> String {
        text::write(&self.scrape())
    }

    /// The same, but of the families of these names alone.
    #[must_use]
    pub fn text_of(&self, names: &[impl AsRef<str>]) -> String {
        let mut scrape = self.scrape();
        scrape.families.retain(|name, _| names.iter().any(|wanted| wanted.as_ref() == &**name));
        text::write(&scrape)
    }

    pub(super) fn scrape(&self) -> Scrape {
        let mut scrape = Scrape::default();
        let collectors: Vec<Arc<Collect>> = {
            let mut state = self.state();
            state.sweep();
            state.gather(&mut scrape);
            state.collectors.iter().filter_map(Weak::upgrade).collect()
        };
        for collect in collectors {
            collect(&mut scrape);
        }
        let refused = self.refused() + scrape.refused;
        if refused > 0 {
            // Exact up to 2^53, as every counter of the Go client.
            scrape.counter(REFUSED_NAME, REFUSED_HELP, &[], refused as f64);
        }
        scrape
    }

    fn value_fn(
        &self,
        kind: Kind,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
        value: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Collector {
        let (name, help): (Box<str>, Box<str>) = (name.into(), help.into());
        let labels = LabelSet::new(labels);
        self.collector(move |scrape| {
            scrape.push(kind, &name, &help, labels.clone(), Value::Number(value()));
        })
    }

    fn series<T: Series>(&self, name: &str, help: &str, labels: &[(&str, &str)], new: T) -> Arc<T> {
        let new = Arc::new(new);
        let labels = LabelSet::new(labels);
        self.state().register(name, help, labels, &new).unwrap_or_else(|Refused| {
            self.inner.refused.fetch_add(1, Relaxed);
            new
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A registration was turned away.
struct Refused;

impl State {
    /// Gives the living series of this name and these labels, or `new` after keeping it.
    fn register<T: Series>(
        &mut self,
        name: &str,
        help: &str,
        labels: LabelSet,
        new: &Arc<T>,
    ) -> Result<Arc<T>, Refused> {
        let mut label_names: Vec<Box<str>> = labels.iter().map(|(name, _)| name.into()).collect();
        label_names.extend(new.label_names().into_iter().map(Box::from));
        label_names.sort();

        if let Some(family) = self.families.get(name) {
            if family.kind != new.kind() || family.label_names != label_names {
                return Err(Refused);
            }
            if let Some(living) = family.slots.get(&labels).and_then(|slot| slot.series.upgrade()) {
                let living: Arc<dyn Any + Send + Sync> = living;
                return living
                    .downcast()
                    .ok()
                    .filter(|living: &Arc<T>| living.same_shape(new))
                    .ok_or(Refused);
            }
        }

        let size = new.size();
        if !self.has_room(size) {
            return Err(Refused);
        }
        let family = self.families.entry(name.into()).or_insert_with(|| Family {
            help: help.into(),
            kind: new.kind(),
            label_names,
            slots: BTreeMap::new(),
        });
        let series: Weak<T> = Arc::downgrade(new);
        let dead = family.slots.insert(labels, Slot { series, size });
        self.size += size;
        self.size -= dead.map_or(0, |slot| slot.size);
        Ok(new.clone())
    }

    fn has_room(&mut self, size: usize) -> bool {
        if self.size + size > SERIES_MAX {
            self.sweep();
        }
        self.size + size <= SERIES_MAX
    }

    /// Forgets what nobody holds any more.
    fn sweep(&mut self) {
        self.collectors.retain(|collect| collect.strong_count() > 0);
        self.size = self.collectors.len();
        for family in self.families.values_mut() {
            family.slots.retain(|_, slot| slot.series.strong_count() > 0);
            self.size += family.slots.values().map(|slot| slot.size).sum::<usize>();
        }
        self.families.retain(|_, family| !family.slots.is_empty());
    }

    fn gather(&self, scrape: &mut Scrape) {
        for (name, family) in &self.families {
            for (labels, slot) in &family.slots {
                if let Some(series) = slot.series.upgrade() {
                    series.collect(labels, &mut |labels, value| {
                        scrape.push(family.kind, name, &family.help, labels, value);
                    });
                }
            }
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Registry")
            .field("families", &state.families.len())
            .field("series", &state.size)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").finish_non_exhaustive()
    }
}
