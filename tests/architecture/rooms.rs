//! The order of the rooms, as ARCHITECTURE.md states it.
//!
//! ```text
//! cli
//! database
//!     migration
//!     session, reports
//!     error
//! types
//! ```
//!
//! A line is a floor, the highest first. A room imports from lower floors only. Rooms on one floor are
//! separated by commas and do not import each other. Indented lines are the rooms inside the room above
//! them. A room is a module of its parent: a file, a folder or both. The file of a room that has rooms
//! inside (`src/database.rs`) is above all of these; `src/lib.rs` and `src/main.rs` are above everything.

use std::cmp::Ordering;

/// A room, and the floors inside it, the highest first.
#[derive(Debug, Default)]
pub struct Room {
    name: String,
    floors: Vec<Vec<Room>>,
}

/// How an arrow runs between two rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To a lower room, or within one.
    Down,
    /// To a higher room.
    Up,
    /// To another room of the same floor.
    Across,
}

impl Room {
    /// Reads the block of a Markdown text that is marked `rooms`.
    pub fn from_markdown(text: &str) -> Result<Self, String> {
        let mut blocks = text.split("\n```rooms\n").skip(1);
        let block = blocks.next().ok_or("no block marked `rooms`")?;
        if blocks.next().is_some() {
            return Err("more than one block marked `rooms`".to_owned());
        }
        let (block, _) = block
            .split_once("\n```")
            .ok_or("the block marked `rooms` does not end")?;
        Self::parse(block)
    }

    /// Reads the lines of the block.
    pub fn parse(block: &str) -> Result<Self, String> {
        let lines: Vec<(usize, Vec<&str>)> = block
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| {
                let names = line.split(',').map(str::trim).collect();
                (line.len() - line.trim_start().len(), names)
            })
            .collect();
        Ok(Self {
            name: String::new(),
            floors: floors(&mut lines.as_slice(), 0)?,
        })
    }

    /// The room of a module: the part of its path that the list names. None if the list lacks it.
    pub fn of<'a>(&self, module: &'a [String]) -> Option<&'a [String]> {
        let mut room = self;
        for (depth, name) in module.iter().enumerate() {
            if room.floors.is_empty() {
                return Some(&module[..depth]);
            }
            room = room.inside(name)?.1;
        }
        Some(module)
    }

    /// How an arrow from one room of the list to another runs.
    pub fn direction(&self, from: &[String], to: &[String]) -> Direction {
        let mut room = self;
        for (depth, source) in from.iter().enumerate() {
            let Some(target) = to.get(depth) else {
                return Direction::Up;
            };
            let (Some((upper, inner)), Some((lower, _))) =
                (room.inside(source), room.inside(target))
            else {
                return Direction::Down;
            };
            if source != target {
                return match upper.cmp(&lower) {
                    Ordering::Less => Direction::Down,
                    Ordering::Equal => Direction::Across,
                    Ordering::Greater => Direction::Up,
                };
            }
            room = inner;
        }
        Direction::Down
    }

    /// The paths of all rooms of the list.
    pub fn paths(&self) -> Vec<Vec<String>> {
        let mut paths = Vec::new();
        for room in self.floors.iter().flatten() {
            paths.push(vec![room.name.clone()]);
            for inner in room.paths() {
                paths.push([vec![room.name.clone()], inner].concat());
            }
        }
        paths
    }

    /// The room of this name inside this one, and its floor, counted from the top.
    fn inside(&self, name: &str) -> Option<(usize, &Room)> {
        self.floors.iter().enumerate().find_map(|(floor, rooms)| {
            let room = rooms.iter().find(|room| room.name == name)?;
            Some((floor, room))
        })
    }
}

/// Reads the floors at one indentation, with what is inside their rooms.
fn floors(lines: &mut &[(usize, Vec<&str>)], indentation: usize) -> Result<Vec<Vec<Room>>, String> {
    let mut floors: Vec<Vec<Room>> = Vec::new();
    while let Some((found, names)) = lines.first() {
        if *found < indentation {
            break;
        }
        if *found > indentation {
            return Err(format!("`{}` is inside no room", names.join(", ")));
        }
        *lines = &lines[1..];
        let mut rooms = Vec::new();
        for name in names {
            let twice = floors
                .iter()
                .flatten()
                .chain(&rooms)
                .any(|room: &Room| room.name == *name);
            if name.is_empty() || twice {
                return Err(format!(
                    "`{}`: a name is missing or there twice",
                    names.join(", ")
                ));
            }
            rooms.push(Room {
                name: (*name).to_owned(),
                floors: Vec::new(),
            });
        }
        if let Some((deeper, inner)) = lines.first()
            && *deeper > indentation
        {
            let [room] = rooms.as_mut_slice() else {
                return Err(format!(
                    "`{}` is inside more than one room",
                    inner.join(", ")
                ));
            };
            room.floors = self::floors(lines, *deeper)?;
        }
        floors.push(rooms);
    }
    Ok(floors)
}
