//! The table of figures and their limits.

use std::process::ExitCode;
use std::thread::available_parallelism;

/// Prints figures with their limits, and remembers whether one was missed.
#[derive(Default)]
pub struct Limits {
    missed: usize,
    met: usize,
    skipped: usize,
}

impl Limits {
    /// Prints a figure that may be at most as large as its limit.
    pub fn at_most(&mut self, what: &str, figure: f64, limit: f64, details: &str) {
        self.print(what, figure, '≤', limit, figure <= limit, details);
    }

    /// Prints a figure that must be at least as large as its limit.
    pub fn at_least(&mut self, what: &str, figure: f64, limit: f64, details: &str) {
        self.print(what, figure, '≥', limit, figure >= limit, details);
    }

    fn print(
        &mut self,
        what: &str,
        figure: f64,
        sign: char,
        limit: f64,
        is_met: bool,
        details: &str,
    ) {
        let verdict = if is_met { "pass" } else { "FAIL" };
        let number = |number: f64| {
            if number < 1_000.0 {
                format!("{number:.2}")
            } else {
                format!("{number:.0}")
            }
        };
        let (figure, limit) = (number(figure), number(limit));
        println!("{verdict}  {what:<50} {figure:>9} {sign} {limit:<9} {details}");
        if is_met {
            self.met += 1;
        } else {
            self.missed += 1;
        }
    }

    /// Prints a figure without a limit.
    pub fn tell(what: &str, figure: f64, details: &str) {
        println!("      {what:<50} {figure:>9.2}             {details}");
    }

    /// Says what is not measured, and why.
    pub fn skip(&mut self, what: &str, why: &str) {
        println!("skip  {what:<50} {why}");
        self.skipped += 1;
    }

    /// Says so if there are fewer cores.
    pub fn need(&mut self, cores: usize, why: &str) {
        let found = available_parallelism().map_or(1, usize::from);
        if found < cores {
            println!("note  this machine has {found} of the {cores} {why}");
        }
    }

    pub fn verdict(&self) -> ExitCode {
        let Self {
            missed,
            met,
            skipped,
        } = self;
        println!("{met} pass, {missed} FAIL, {skipped} skipped");
        ExitCode::from(u8::from(*missed > 0))
    }
}

pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
