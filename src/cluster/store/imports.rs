//! ServiceImports and the slices that belong to them, kept as Services are, beside them: a slice may be both.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::super::object::{EndpointSlice, ServiceImport};
use super::super::problem::Problem;
use super::super::schema::{self, ServiceFacts};
use super::{answers_alike, path_of};
use crate::zone::{ImportedSlice, ServiceKey, Writer};

/// The known imports.
#[derive(Default)]
pub struct Imports {
    facts: HashMap<ServiceKey, (u32, ServiceFacts)>,
    slices: HashMap<Arc<str>, (u32, ImportedSlice)>,
    slices_of: HashMap<ServiceKey, Vec<Arc<str>>>,
    /// Imports whose zone value is to be built anew.
    touched: HashSet<ServiceKey>,
    /// Whether answers differ, so that the serial of multicluster zones moves.
    visible: bool,
}

impl Imports {
    /// How many imports there are.
    pub fn len(&self) -> usize {
        self.facts.len()
    }

    /// How many slices there are that `is_known` does not count already.
    pub fn count_slices(&self, is_known: impl Fn(&str) -> bool) -> usize {
        self.slices.keys().filter(|path| !is_known(path)).count()
    }

    /// Takes an import in.
    pub fn apply(&mut self, object: &ServiceImport, generation: u32, problems: &mut Vec<Problem>) {
        let Some((key, facts)) = schema::import_facts(object, problems) else { return };
        let old = self.facts.insert(key.clone(), (generation, facts));
        if old.is_none_or(|(_, old)| self.facts.get(&key).is_none_or(|(_, new)| old != *new)) {
            self.touched.insert(key);
            self.visible = true;
        }
    }

    /// Takes an import away.
    pub fn delete(&mut self, key: &ServiceKey) {
        if self.facts.remove(key).is_some() {
            self.touched.insert(key.clone());
            self.visible = true;
        }
    }

    /// Takes a slice in, whatever it belongs to.
    pub fn apply_slice(
        &mut self,
        object: &EndpointSlice,
        generation: u32,
        pod_names: bool,
        problems: &mut Vec<Problem>,
    ) {
        let path = path_of(&object.metadata);
        let Some(slice) = schema::imported_slice(object, pod_names, problems) else {
            // It may have belonged to an import before.
            self.delete_slice(&path);
            return;
        };
        let alike = match self.slices.get_mut(&path) {
            Some((stamp, old)) if *old == slice => {
                *stamp = generation;
                return;
            }
            Some((_, old)) => old.is_sibling(&slice) && answers_alike(&old.slice, &slice.slice),
            None => false,
        };
        let was_visible = self.visible;
        self.delete_slice(&path);
        self.visible = was_visible || !alike;
        let key = slice.slice.service.clone();
        self.slices.insert(Arc::clone(&path), (generation, slice));
        let paths = self.slices_of.entry(key.clone()).or_default();
        let at = paths.partition_point(|held| *held < path);
        paths.insert(at, path);
        self.touched.insert(key);
    }

    /// Takes a slice away.
    pub fn delete_slice(&mut self, path: &str) {
        let Some((_, imported)) = self.slices.remove(path) else { return };
        let key = &imported.slice.service;
        if let Some(paths) = self.slices_of.get_mut(key) {
            paths.retain(|held| **held != *path);
            if paths.is_empty() {
                self.slices_of.remove(key);
            }
        }
        self.touched.insert(key.clone());
        self.visible = true;
    }

    /// Stamps an import.
    pub fn keep(&mut self, key: &ServiceKey, generation: u32) {
        if let Some((stamp, _)) = self.facts.get_mut(key) {
            *stamp = generation;
        }
    }

    /// Stamps a slice.
    pub fn keep_slice(&mut self, path: &str, generation: u32) {
        if let Some((stamp, _)) = self.slices.get_mut(path) {
            *stamp = generation;
        }
    }

    /// Takes away the imports that have another stamp.
    pub fn sweep(&mut self, generation: u32) {
        let old = self.facts.iter().filter(|(_, (stamp, _))| *stamp != generation);
        for key in old.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            self.delete(&key);
        }
    }

    /// Takes away the slices that have another stamp.
    pub fn sweep_slices(&mut self, generation: u32) {
        let old = self.slices.iter().filter(|(_, (stamp, _))| *stamp != generation);
        for path in old.map(|(path, _)| Arc::clone(path)).collect::<Vec<_>>() {
            self.delete_slice(&path);
        }
    }

    /// Writes what changed into the draft; `unix_s` is the time now. Gives whether anything did.
    pub fn write(&mut self, writer: &mut Writer, unix_s: u32) -> bool {
        let touched = std::mem::take(&mut self.touched);
        for key in &touched {
            match self.facts.get(key) {
                Some((_, facts)) => {
                    let paths = self.slices_of.get(key).map(Vec::as_slice).unwrap_or_default();
                    let slices = paths.iter().filter_map(|path| self.slices.get(path));
                    let slices = slices.map(|(_, imported)| imported.clone()).collect();
                    writer.insert_import(schema::import(key, facts, slices));
                }
                None => writer.remove_import(key),
            }
        }
        if std::mem::take(&mut self.visible) {
            writer.set_import_serial(unix_s);
        }
        !touched.is_empty()
    }
}
