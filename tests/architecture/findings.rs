//! What breaks the order, in words.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::path::Path;

use crate::arrows::{Arrow, Unresolved, arrows};
use crate::cycles::{graph, is_inside, knots, within};
use crate::modules::{Crate, FileId};
use crate::rooms::{Direction, Room};

/// A sort of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A file belongs to no room, or a room has no file.
    Room,
    /// An arrow runs to a higher room, or to one on the same floor.
    Upward,
    /// Files import each other in a circle.
    Cycle,
    /// A file and the files of its own modules import each other.
    ParentChildCycle,
    /// A path goes through a re-export.
    Facade,
    /// The check could not follow a path.
    Unresolved,
}

/// One thing that breaks the order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub kind: Kind,
    pub text: String,
}

/// All arrows of a crate, and what is wrong with them.
pub struct Report {
    /// One line an arrow.
    pub arrows: Vec<String>,
    /// How many pairs of files have an arrow.
    pub edges: usize,
    pub findings: Vec<Finding>,
}

/// Checks a package against the order of its rooms.
///
/// The tolerated files may form a cycle with the files of their own modules.
pub fn check(
    package: &Path,
    name: &str,
    rooms: &Room,
    tolerated: &[&str],
) -> Result<Report, String> {
    let sources = Crate::read(package, name)?;
    let (arrows, unresolved) = arrows(&sources);
    let check = Check {
        sources: &sources,
        rooms,
        arrows: &arrows,
        tolerated,
    };
    let mut findings = check.membership(package)?;
    findings.extend(check.directions());
    findings.extend(check.cycles());
    findings.extend(check.facades());
    findings.extend(unresolved.iter().map(|path| check.unresolved(path)));
    findings.sort();
    Ok(Report {
        arrows: arrows.iter().map(|arrow| check.line(arrow)).collect(),
        edges: graph(&arrows)
            .values()
            .map(std::collections::BTreeMap::len)
            .sum(),
        findings,
    })
}

struct Check<'a> {
    sources: &'a Crate,
    rooms: &'a Room,
    arrows: &'a [Arrow],
    tolerated: &'a [&'a str],
}

impl Check<'_> {
    /// Files that are in no room, and rooms that have no file.
    fn membership(&self, package: &Path) -> Result<Vec<Finding>, String> {
        let mut texts = Vec::new();
        let mut modules = Vec::new();
        for file in &self.sources.files {
            let path = &self.sources.modules[file.module].path;
            modules.push(path);
            if !self.is_root(file.module) && self.rooms.of(path).is_none() {
                texts.push(format!(
                    "{} is in no room: add `{}` to the block `rooms` of ARCHITECTURE.md, above all \
                     rooms that it imports from and below all that import from it, or move the file \
                     into a room",
                    file.path,
                    path.join("::"),
                ));
            }
        }
        for room in self.rooms.paths() {
            if !modules.contains(&&room) {
                texts.push(format!(
                    "the room {} has no file: take it out of the block `rooms` of ARCHITECTURE.md",
                    room.join("/"),
                ));
            }
        }
        let mut on_disk = Vec::new();
        rust_files(package, Path::new("src"), &mut on_disk)?;
        for path in on_disk {
            if self.sources.files.iter().all(|file| file.path != path) {
                texts.push(format!(
                    "{path} is the file of no module: declare it or delete it"
                ));
            }
        }
        Ok(all(Kind::Room, texts))
    }

    fn directions(&self) -> Vec<Finding> {
        let texts = self.arrows.iter().filter_map(|arrow| {
            let (from, to) = (self.room(arrow.from)?, self.room(arrow.to)?);
            let wrong = match self.direction(arrow, from, to) {
                Direction::Down => return None,
                Direction::Up => "to a higher room",
                Direction::Across => "to a room on the same floor",
            };
            Some(format!("{}, {wrong}", self.line(arrow)))
        });
        all(Kind::Upward, texts)
    }

    fn direction(&self, arrow: &Arrow, from: &[String], to: &[String]) -> Direction {
        let root = |file: FileId| self.is_root(self.sources.files[file].module);
        match (root(arrow.from), root(arrow.to)) {
            (true, _) => Direction::Down,
            (false, true) => Direction::Up,
            (false, false) => self.rooms.direction(from, to),
        }
    }

    /// Circles of files that are not a file and its modules, then those.
    fn cycles(&self) -> Vec<Finding> {
        let homeward = |arrow: &&Arrow| is_inside(self.sources, arrow.from, arrow.to);
        let mut findings = Vec::new();
        let mut tied = BTreeSet::new();

        let flat = graph(self.arrows.iter().filter(|arrow| !homeward(arrow)));
        for knot in knots(&flat) {
            findings.push(self.cycle(Kind::Cycle, &within(&flat, &knot), &knot));
            tied.extend(knot);
        }

        let mut released = Vec::new();
        for (parent, file) in self.sources.files.iter().enumerate() {
            let at_home = |other: FileId| other == parent || is_inside(self.sources, other, parent);
            let home = graph(
                self.arrows
                    .iter()
                    .filter(|arrow| at_home(arrow.from) && at_home(arrow.to)),
            );
            let knot = knots(&home).into_iter().find(|knot| knot.contains(&parent));
            let tolerated = self.tolerated.contains(&file.path.as_str());
            match knot {
                Some(_) if tolerated => released.push(parent),
                Some(knot) => {
                    findings.push(self.cycle(Kind::ParentChildCycle, &within(&home, &knot), &knot));
                    tied.extend(knot);
                }
                None if tolerated => findings.push(Finding {
                    kind: Kind::ParentChildCycle,
                    text: format!("{} is in no cycle and need not be tolerated", file.path),
                }),
                None => {}
            }
        }

        // A circle that leaves through a parent and comes back from elsewhere.
        let kept = |arrow: &&Arrow| !(homeward(arrow) && released.contains(&arrow.to));
        let rest = graph(self.arrows.iter().filter(kept));
        for knot in knots(&rest) {
            if knot.is_disjoint(&tied) {
                findings.push(self.cycle(Kind::Cycle, &within(&rest, &knot), &knot));
            }
        }
        findings
    }

    fn cycle(&self, kind: Kind, arrows: &[&Arrow], knot: &BTreeSet<FileId>) -> Finding {
        let files: Vec<&str> = knot
            .iter()
            .map(|file| self.sources.files[*file].path.as_str())
            .collect();
        let mut text = format!(
            "{} files import each other: {}",
            knot.len(),
            files.join(", ")
        );
        for arrow in arrows {
            let _ = write!(text, "\n    {}", self.line(arrow));
        }
        Finding { kind, text }
    }

    fn facades(&self) -> Vec<Finding> {
        let texts = self.arrows.iter().filter_map(|arrow| {
            let through = &self.sources.files[arrow.through?].path;
            Some(format!(
                "{}:{}: `{}` goes through {through}: write `{}`",
                self.sources.files[arrow.from].path, arrow.line, arrow.written, arrow.defined,
            ))
        });
        all(Kind::Facade, texts)
    }

    fn unresolved(&self, path: &Unresolved) -> Finding {
        Finding {
            kind: Kind::Unresolved,
            text: format!(
                "{}:{}: `{}` cannot be followed: {}",
                self.sources.files[path.from].path, path.line, path.written, path.reason,
            ),
        }
    }

    /// An arrow on one line.
    fn line(&self, arrow: &Arrow) -> String {
        let room = |file: FileId| match self.room(file) {
            Some([]) => "the root".to_owned(),
            Some(room) => room.join("/"),
            None => "no room".to_owned(),
        };
        format!(
            "{}:{}: `{}` is {} of {} ({} -> {})",
            self.sources.files[arrow.from].path,
            arrow.line,
            arrow.written,
            arrow.defined,
            self.sources.files[arrow.to].path,
            room(arrow.from),
            room(arrow.to),
        )
    }

    fn room(&self, file: FileId) -> Option<&[String]> {
        let module = self.sources.files[file].module;
        if self.is_root(module) {
            return Some(&[]);
        }
        self.rooms.of(&self.sources.modules[module].path)
    }

    fn is_root(&self, module: usize) -> bool {
        self.sources.modules[module].parent.is_none()
    }
}

impl Report {
    /// The findings of one kind.
    pub fn of(&self, kind: Kind) -> Vec<&str> {
        self.findings
            .iter()
            .filter(|finding| finding.kind == kind)
            .map(|finding| finding.text.as_str())
            .collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let titles = [
            (Kind::Room, "files without a room, rooms without a file"),
            (Kind::Upward, "arrows that do not point down"),
            (Kind::Cycle, "cycles"),
            (
                Kind::ParentChildCycle,
                "cycles of a file with its own modules",
            ),
            (Kind::Facade, "imports through a facade"),
            (Kind::Unresolved, "paths that could not be followed"),
        ];
        for (kind, title) in titles {
            let texts = self.of(kind);
            writeln!(f, "{title}: {}", texts.len())?;
            for text in texts {
                writeln!(f, "  {text}")?;
            }
        }
        Ok(())
    }
}

fn all(kind: Kind, texts: impl IntoIterator<Item = String>) -> Vec<Finding> {
    texts
        .into_iter()
        .map(|text| Finding { kind, text })
        .collect()
}

fn rust_files(package: &Path, folder: &Path, found: &mut Vec<String>) -> Result<(), String> {
    let error = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in std::fs::read_dir(package.join(folder)).map_err(error)? {
        let entry = entry.map_err(error)?;
        let path = folder.join(entry.file_name());
        if entry.path().is_dir() {
            rust_files(package, &path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path.to_string_lossy().replace('\\', "/"));
        }
    }
    Ok(())
}
