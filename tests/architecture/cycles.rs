//! Cycles between files.

use std::collections::{BTreeMap, BTreeSet};

use crate::arrows::Arrow;
use crate::modules::{Crate, FileId};

/// Which file has an arrow to which, with one arrow as a sample.
pub type Graph<'a> = BTreeMap<FileId, BTreeMap<FileId, &'a Arrow>>;

/// The graph of these arrows, each pair of files with its first arrow.
pub fn graph<'a>(arrows: impl IntoIterator<Item = &'a Arrow>) -> Graph<'a> {
    let mut graph = Graph::new();
    for arrow in arrows {
        let edges = graph.entry(arrow.from).or_default();
        edges.entry(arrow.to).or_insert(arrow);
    }
    graph
}

/// The sets of more than one file each of which reaches all others.
pub fn knots(graph: &Graph<'_>) -> Vec<BTreeSet<FileId>> {
    let reached: BTreeMap<FileId, BTreeSet<FileId>> = graph
        .keys()
        .map(|file| (*file, reach(graph, *file)))
        .collect();
    let mut knots: Vec<BTreeSet<FileId>> = Vec::new();
    for (file, from_here) in &reached {
        if !from_here.contains(file) || knots.iter().any(|knot| knot.contains(file)) {
            continue;
        }
        let back = |other: &FileId| reached.get(other).is_some_and(|there| there.contains(file));
        knots.push(from_here.iter().copied().filter(back).collect());
    }
    knots
}

fn reach(graph: &Graph<'_>, start: FileId) -> BTreeSet<FileId> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![start];
    while let Some(file) = waiting.pop() {
        for next in graph.get(&file).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(*next) {
                waiting.push(*next);
            }
        }
    }
    reached
}

/// The arrows between the files of a knot.
pub fn within<'a>(graph: &Graph<'a>, knot: &BTreeSet<FileId>) -> Vec<&'a Arrow> {
    graph
        .iter()
        .filter(|(from, _)| knot.contains(from))
        .flat_map(|(_, edges)| edges.iter().filter(|(to, _)| knot.contains(to)))
        .map(|(_, arrow)| *arrow)
        .collect()
}

/// Whether the first file's module is inside the second one's.
pub fn is_inside(sources: &Crate, inner: FileId, outer: FileId) -> bool {
    let path = |file: FileId| &sources.modules[sources.files[file].module].path;
    inner != outer && path(inner).starts_with(path(outer))
}
