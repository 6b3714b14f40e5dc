//! A chart of a pool's liquidity as an SVG image, which needs nothing else and runs no script.

use std::fmt::Display;

use crate::cli::format::line;
use crate::cli::pool::liquidity_chart::{Current, height, short};
use crate::cli::pool::prices::Prices;
use crate::database::reports::liquidity_buckets::LiquidityBuckets;
use crate::escape::escaped;

/// How many bars are drawn, about.
pub(super) const BARS: u8 = 120;

/// How every image begins, so that no other file is replaced.
pub(super) const BEGIN: &str = "<!-- A chart of degenbot pool show -->\n";

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 500.0;
/// The edges of the bars.
const LEFT: f64 = 96.0;
const RIGHT: f64 = WIDTH - 48.0;
const TOP: f64 = 96.0;
const BOTTOM: f64 = HEIGHT - 88.0;

/// The colours on a light page, and those on a dark one.
const STYLE: &str = "\
<style>
text{font:13px system-ui,sans-serif;fill:#1f2328}
.title{font-size:18px;font-weight:600}
.muted{fill:#59636e}
.middle{text-anchor:middle}
.end{text-anchor:end}
.page{fill:#ffffff}
.grid{stroke:#d1d9e0}
.below{fill:#1a7f37}
.above{fill:#8250df}
.now{stroke:#cf222e;stroke-width:2;stroke-dasharray:6 3}
@media (prefers-color-scheme:dark){
text{fill:#f0f6fc}
.muted{fill:#9198a1}
.page{fill:#0d1117}
.grid{stroke:#3d444d}
.below{fill:#3fb950}
.above{fill:#ab7df8}
.now{stroke:#ff7b72}
}
</style>";

/// The image: its title, the prices, the bars, and the current tick or why there is none.
pub(super) fn image(
    title: &str,
    prices: &Prices,
    buckets: &LiquidityBuckets,
    current: Result<Current, &str>,
) -> String {
    let mut svg = BEGIN.to_owned();
    let title = xml(title);
    let about = match current {
        Ok(current) => current.describe(prices),
        Err(unknown) => unknown.to_owned(),
    };
    line(
        &mut svg,
        format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">"
        ),
    );
    line(
        &mut svg,
        format_args!("<title>Liquidity of {title}</title>"),
    );
    line(&mut svg, STYLE);
    line(
        &mut svg,
        "<rect class=\"page\" width=\"100%\" height=\"100%\"/>",
    );
    text(
        &mut svg,
        LEFT,
        36.0,
        "title",
        format_args!("Liquidity of {title}"),
    );
    text(&mut svg, LEFT, 60.0, "muted", xml(&about));
    let most = buckets.buckets.iter().map(height).fold(0.0, f64::max);
    grid(&mut svg, most);
    bars(&mut svg, prices, buckets, current.ok(), most);
    axis(&mut svg, prices, buckets);
    if let Ok(current) = current {
        let at = place(buckets, f64::from(current.tick.get()) + 0.5);
        line(
            &mut svg,
            format_args!(
                "<line class=\"now\" x1=\"{at:.1}\" y1=\"{:.1}\" x2=\"{at:.1}\" y2=\"{BOTTOM}\"/>",
                TOP - 10.0
            ),
        );
        let class = if at < f64::midpoint(LEFT, RIGHT) {
            ""
        } else {
            "end"
        };
        let beside = if class.is_empty() { at + 6.0 } else { at - 6.0 };
        let price = prices.at(current.tick.get());
        text(&mut svg, beside, TOP - 8.0, class, xml(&price));
    }
    svg.push_str("</svg>\n");
    svg
}

/// Lines at quarters of the greatest liquidity.
fn grid(svg: &mut String, most: f64) {
    for quarter in 0..=4 {
        let share = f64::from(quarter) / 4.0;
        let y = BOTTOM - share * (BOTTOM - TOP);
        line(
            svg,
            format_args!(
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{RIGHT}\" y2=\"{y:.1}\"/>"
            ),
        );
        text(svg, LEFT - 8.0, y + 4.0, "muted end", short(share * most));
    }
}

fn bars(
    svg: &mut String,
    prices: &Prices,
    buckets: &LiquidityBuckets,
    current: Option<Current>,
    most: f64,
) {
    for bucket in &buckets.buckets {
        let tall = height(bucket) / most * (BOTTOM - TOP);
        if tall <= 0.0 {
            continue;
        }
        // What is not nothing can be seen.
        let tall = tall.max(0.5);
        let [from, to] = [bucket.lower, bucket.upper].map(|tick| place(buckets, f64::from(tick)));
        let is_below = current.is_none_or(|current| bucket.lower <= current.tick.get());
        let class = if is_below { "below" } else { "above" };
        let about = format!(
            "Ticks {} to {}: liquidity {}, {} to {}",
            bucket.lower,
            bucket.upper,
            short(height(bucket)),
            prices.at(bucket.lower),
            prices.described(bucket.upper)
        );
        line(
            svg,
            format_args!(
                "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{tall:.1}\"><title>{}</title></rect>",
                BOTTOM - tall,
                (to - from - 0.5).max(0.5),
                xml(&about)
            ),
        );
    }
}

/// The prices below the bars, and their inverse.
fn axis(svg: &mut String, prices: &Prices, buckets: &LiquidityBuckets) {
    const LABELS: usize = 7;
    let last = buckets.buckets.len();
    let labels = LABELS.min(last + 1);
    for label in 0..labels {
        let index = label * last / (labels - 1).max(1);
        let edge = buckets.buckets.get(index).map(|bucket| bucket.lower);
        let edge = edge.or_else(|| buckets.buckets.last().map(|bucket| bucket.upper));
        let Some(tick) = edge else {
            continue;
        };
        let x = place(buckets, f64::from(tick));
        text(svg, x, BOTTOM + 20.0, "middle", prices.at(tick));
        text(
            svg,
            x,
            BOTTOM + 38.0,
            "muted middle",
            prices.inverse_at(tick),
        );
    }
    let about = format!(
        "{}; below, {} (logarithmic)",
        prices.title(),
        prices.inverse_title()
    );
    text(
        svg,
        f64::midpoint(LEFT, RIGHT),
        BOTTOM + 66.0,
        "middle",
        xml(&about),
    );
}

/// Where a tick is between the edges. Ticks are the logarithms of prices.
fn place(buckets: &LiquidityBuckets, tick: f64) -> f64 {
    let (Some(first), Some(last)) = (buckets.buckets.first(), buckets.buckets.last()) else {
        return LEFT;
    };
    let (from, to) = (f64::from(first.lower), f64::from(last.upper));
    LEFT + (tick - from) / (to - from) * (RIGHT - LEFT)
}

fn text(svg: &mut String, x: f64, y: f64, class: &str, content: impl Display) {
    line(
        svg,
        format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{content}</text>"),
    );
}

/// A text of XML. What a terminal would not show is escaped as it is there, and so are the two characters that are
/// visible to nobody and that XML forbids.
fn xml(text: &str) -> String {
    let mut safe = String::new();
    for character in escaped(text).to_string().chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => safe.extend(character.escape_default()),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::pool::liquidity_chart::tests::sample;
    use crate::cli::pool::prices::tests::prices;
    use crate::types::integer::{BlockNumber, Tick};

    #[test]
    fn current_tick_is_marked_where_it_is() {
        let prices = prices(Some(12), ["WETH", "USDC"]);
        let x_of = |tick: i32| {
            let buckets = sample(Some(tick), 12);
            let current = Current {
                tick: Tick::new(tick).unwrap(),
                block: BlockNumber::new(34_571_900).ok(),
            };
            let svg = image("WETH/USDC", &prices, &buckets, Ok(current));
            assert!(svg.starts_with(BEGIN));
            let about = format!(
                "Current tick {tick} in block 34,571,900: {}",
                prices.at(tick)
            );
            assert!(svg.contains(&about), "{svg}");
            let (_, line) = svg.split_once("class=\"now\" x1=\"").unwrap();
            line.split_once('"').unwrap().0.parse::<f64>().unwrap()
        };
        let middle = f64::midpoint(LEFT, RIGHT);
        assert!((x_of(-198_432) - middle).abs() < 60.0);
        // Liquidity ends long before this tick, and that is what the chart shows.
        assert!(x_of(500_000) < RIGHT && x_of(500_000) > LEFT);
    }

    #[test]
    fn comment_at_the_beginning_is_one_of_xml() {
        let inside = BEGIN.strip_prefix("<!--").unwrap().strip_suffix("-->\n");
        assert!(!inside.unwrap().contains("--"));
    }

    #[test]
    fn foreign_texts_are_only_text() {
        let evil = "</text><script>a('&\"')</script>\u{1b}\u{202e}\u{0}\n]]>\u{fffe}";
        let prices = prices(None, [evil, "<b>"]);
        let svg = image(evil, &prices, &sample(None, 12), Err(evil));
        assert!(!svg.contains("<script") && !svg.contains("<b>"), "{svg}");
        assert!(svg.contains("&lt;script&gt;a(&#39;&amp;&quot;&#39;)&lt;/script&gt;\\u{1b}\\u{202e}\\u{0}\\n]]&gt;\\u{fffe}"));
        assert!(
            !svg.chars()
                .any(|it| crate::escape::is_hidden(it) && it != '\n')
        );
        assert!(!svg.contains("class=\"now\" x1"));
    }
}
