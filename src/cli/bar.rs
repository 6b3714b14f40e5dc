//! Bars of charts.

/// A bar of this share of the room, in eighths of a column. Whatever is not zero is visible.
pub(in crate::cli) fn bar(share: f64, room: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = rounded(share * f64::from(u16::try_from(room).unwrap_or(u16::MAX)) * 8.0);
    let eighths = if share > 0.0 { eighths.max(1) } else { 0 };
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

/// The nearest whole number that is not negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number beyond the range becomes the nearest in it"
)]
pub(in crate::cli) const fn rounded(number: f64) -> usize {
    number.round() as usize
}
