//! How liquidity lies in a pool.

use std::collections::BTreeSet;

use degenbot::models::{LogPosition, PoolFamily, PoolUpdate, TickMap};
use degenbot::types::{BlockNumber, LogIndex, Tick, TickSpacing};

use super::Result;
use super::random::Random;

/// How much of the average the pools have, in hundredths: many have little, a few have much. The sixteen add up
/// to sixteen times the average.
const SHARES: [u64; 16] = [
    2, 2, 5, 5, 10, 10, 20, 20, 30, 50, 70, 100, 150, 200, 350, 576,
];

/// How many ticks a pool gets where the average is this one. One in three hundred is a pool that everybody uses.
pub fn share(random: &mut Random, average: u64) -> u64 {
    if random.once_in(300) {
        return average * 40;
    }
    average * random.one_of(&SHARES) / 100
}

/// The map of a pool with positions of so many ticks. No ticks where one is wanted, since a position has two.
pub fn provide(random: &mut Random, spacing: TickSpacing, ticks: u64) -> Result<TickMap> {
    // The values of the map are written with another mark.
    let mut update = PoolUpdate::new(PoolFamily::Pools, 0);
    let mut tick_map = TickMap::default();
    for (log_index, [lower, upper]) in (0..).zip(positions(random, spacing, ticks)?) {
        tick_map.modify_liquidity(
            &mut update,
            spacing,
            LogPosition::new(BlockNumber::new(0)?, LogIndex::new(log_index)?),
            Tick::new(lower)?,
            Tick::new(upper)?,
            liquidity(random),
        )?;
    }
    Ok(tick_map)
}

/// The ticks of positions that have so many ticks together, each with the lower one first.
pub fn positions(random: &mut Random, spacing: TickSpacing, ticks: u64) -> Result<Vec<[i32; 2]>> {
    let ticks = usize::try_from(ticks)?;
    let outermost = 887_272 / spacing.get();
    let price = i32::try_from(random.below(400_000))? - 200_000;
    let price = price / spacing.get();
    let mut places = BTreeSet::new();
    // One position over the whole range, which many pools have nothing but.
    if ticks >= 2 {
        places.extend([-outermost, outermost]);
    }
    while places.len() < ticks {
        // The wider the range, the thinner it is filled.
        let reach = 1 << (random.below(8) + 2 + ticks.ilog2() / 2).min(20);
        let offset = i32::try_from(random.below(2 * reach))? - i32::try_from(reach)?;
        places.insert((price + offset).clamp(-outermost, outermost));
    }
    let mut places: Vec<_> = places.into_iter().collect();
    shuffle(random, &mut places);
    // An odd one shares its other end with the first position.
    let odd =
        (places.len() % 2 == 1 && places.len() > 1).then(|| [places[0], places[places.len() - 1]]);
    let pairs = places
        .chunks_exact(2)
        .map(|pair| [pair[0], pair[1]])
        .chain(odd);
    let in_order = |[one, other]: [i32; 2]| [one.min(other), one.max(other)];
    Ok(pairs
        .map(|pair| in_order(pair).map(|tick| tick * spacing.get()))
        .collect())
}

/// An amount of 10⁹ to 10²⁴.
pub fn liquidity(random: &mut Random) -> i128 {
    let magnitude = 10_i128.pow(random.below(15) + 9);
    magnitude + i128::from(random.below(u32::MAX)) * magnitude / 500_000_000
}

/// The shuffle of Fisher and Yates.
fn shuffle(random: &mut Random, places: &mut [i32]) {
    for last in (1..places.len()).rev() {
        let other = random.below(u32::try_from(last + 1).unwrap());
        places.swap(last, usize::try_from(other).unwrap());
    }
}
