//! Names that a misspelled one may stand for.

/// The names that are most like a text, the best first. Each name comes complete, such as `base_uniswap_v3`, and without
/// its chain.
pub(super) fn alike(text: &str, names: impl Iterator<Item = (String, String)>) -> Vec<String> {
    const ALIKE: f64 = 0.85;
    const SHOWN: usize = 3;
    let mut alike: Vec<_> = names
        .map(|(complete, name)| (likeness(text, &complete, &name), complete))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .collect();
    alike.sort_by(|(one, one_name), (other, other_name)| {
        other.total_cmp(one).then_with(|| one_name.cmp(other_name))
    });
    alike.dedup();
    alike
        .into_iter()
        .take(SHOWN)
        .map(|(_, name)| name)
        .collect()
}

/// The similarity of a text and a name, from 0 to 1: with its chain, with another one, or without.
fn likeness(text: &str, complete: &str, name: &str) -> f64 {
    let behind_chain = text.split_once('_').map_or(text, |(_, name)| name);
    strsim::jaro(text, complete)
        .max(strsim::jaro(text, name))
        .max(strsim::jaro(behind_chain, name))
}
