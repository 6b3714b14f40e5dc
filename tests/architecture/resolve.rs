//! From a path to the files that define what it names, through every `use` on the way.

use crate::modules::{Crate, Definition, FileId, Import, ModuleId};

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    Module(ModuleId),
    /// An item that this module defines.
    Item(ModuleId),
    /// Something of another crate.
    External,
}

/// One meaning of a path: the same name can be a module, a type, a value and a macro.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resolved {
    pub target: Target,
    /// The name by which the module that defines it knows it.
    pub name: String,
    /// The files whose `use` was gone through.
    pub through: Vec<FileId>,
    /// Whether a glob led to the first name of the path.
    pub by_glob: bool,
}

/// Names that are known inside a function only.
pub type Scope = Vec<(String, Option<Import>)>;

/// A name that a module should have and has not.
#[derive(Debug)]
pub struct Unknown {
    pub name: String,
    pub module: ModuleId,
}

type Visited = Vec<(ModuleId, String)>;

impl Crate {
    /// What a path in a module names. The scopes are those of the blocks around it, the innermost last.
    pub fn resolve(
        &self,
        module: ModuleId,
        scopes: &[Scope],
        path: &[String],
    ) -> Result<Vec<Resolved>, Unknown> {
        self.path(module, scopes, path, &mut Vec::new())
    }

    fn path(
        &self,
        module: ModuleId,
        scopes: &[Scope],
        path: &[String],
        visited: &mut Visited,
    ) -> Result<Vec<Resolved>, Unknown> {
        let Some((first, rest)) = path.split_first() else {
            return Ok(Vec::new());
        };
        let mut found = self.first(module, scopes, first, visited)?;
        for (at, name) in rest.iter().enumerate() {
            let mut next = Vec::new();
            let mut unknown = None;
            for step in found {
                let Target::Module(inside) = step.target else {
                    // An associated item, a variant, or something of another crate.
                    next.push(step);
                    continue;
                };
                if name == "super" {
                    next.extend(self.parent(inside).map(|parent| Resolved {
                        target: Target::Module(parent),
                        ..step
                    }));
                    continue;
                }
                if name == "self" {
                    next.push(step);
                    continue;
                }
                let inner = self.name(inside, name, visited)?;
                if inner.is_empty() {
                    unknown = Some(Unknown {
                        name: name.clone(),
                        module: inside,
                    });
                }
                for inner in inner {
                    next.push(Resolved {
                        through: [step.through.clone(), inner.through].concat(),
                        by_glob: step.by_glob,
                        ..inner
                    });
                }
            }
            // Before the last name only a module leads on where there is one of its name.
            let last = at + 1 == rest.len();
            if !last
                && next
                    .iter()
                    .any(|step| matches!(step.target, Target::Module(_)))
            {
                next.retain(|step| matches!(step.target, Target::Module(_)));
            }
            match unknown {
                Some(unknown) if next.is_empty() => return Err(unknown),
                _ => found = next,
            }
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// What the first name of a path means.
    fn first(
        &self,
        module: ModuleId,
        scopes: &[Scope],
        name: &str,
        visited: &mut Visited,
    ) -> Result<Vec<Resolved>, Unknown> {
        let known = match name {
            "crate" | "$crate" => Some(self.root(module)),
            "self" => Some(module),
            "super" => self.parent(module),
            _ => None,
        };
        if let Some(module) = known {
            return Ok(vec![self.direct(Target::Module(module), name)]);
        }
        for (depth, scope) in scopes.iter().enumerate().rev() {
            let bound: Vec<_> = scope.iter().filter(|(bound, _)| bound == name).collect();
            if bound.is_empty() {
                continue;
            }
            let mut found = Vec::new();
            for (_, import) in bound {
                match import {
                    None => found.push(self.direct(Target::Item(module), name)),
                    Some(import) if import.path.first().is_some_and(|first| first == name) => {
                        // `use name::…` in a block names what is outside it.
                        found.extend(self.imported(module, &scopes[..depth], import, visited)?);
                    }
                    Some(import) => {
                        found.extend(self.imported(module, &scopes[..=depth], import, visited)?);
                    }
                }
            }
            return Ok(found);
        }
        let found = self.name(module, name, visited)?;
        if !found.is_empty() {
            return Ok(found);
        }
        let target = if name == self.name && self.root(module) != 0 {
            Target::Module(0)
        } else {
            Target::External
        };
        Ok(vec![self.direct(target, name)])
    }

    /// What a name means in a module, for those who may see it. Empty if the module lacks it.
    fn name(
        &self,
        module: ModuleId,
        name: &str,
        visited: &mut Visited,
    ) -> Result<Vec<Resolved>, Unknown> {
        let key = (module, name.to_owned());
        if visited.contains(&key) {
            return Ok(Vec::new());
        }
        visited.push(key);
        let found = self.unguarded_name(module, name, visited);
        visited.pop();
        found
    }

    fn unguarded_name(
        &self,
        module: ModuleId,
        name: &str,
        visited: &mut Visited,
    ) -> Result<Vec<Resolved>, Unknown> {
        let here = &self.modules[module];
        let mut found = Vec::new();
        for definition in here.definitions.get(name).into_iter().flatten() {
            let target = match definition {
                Definition::Module(child) => Target::Module(*child),
                Definition::Item => Target::Item(module),
            };
            found.push(self.direct(target, name));
        }
        for import in &here.imports {
            if import.name.as_deref() == Some(name) {
                found.extend(self.imported(module, &[], import, visited)?);
            }
        }
        if found.iter().any(|found| found.target != Target::External) {
            found.retain(|found| found.target != Target::External);
        }
        if !found.is_empty() {
            return Ok(found);
        }
        for import in here.imports.iter().filter(|import| import.name.is_none()) {
            for glob in self.imported(module, &[], import, visited)? {
                let Target::Module(inside) = glob.target else {
                    continue;
                };
                for inner in self.name(inside, name, visited)? {
                    found.push(Resolved {
                        through: [glob.through.clone(), inner.through].concat(),
                        by_glob: true,
                        ..inner
                    });
                }
            }
        }
        if found.is_empty() && here.generated.contains(name) {
            found.push(self.direct(Target::Item(module), name));
        }
        Ok(found)
    }

    /// What a `use` in a module imports.
    fn imported(
        &self,
        module: ModuleId,
        scopes: &[Scope],
        import: &Import,
        visited: &mut Visited,
    ) -> Result<Vec<Resolved>, Unknown> {
        if import.external {
            return Ok(vec![self.direct(Target::External, "")]);
        }
        let mut found = self.path(module, scopes, &import.path, visited)?;
        for found in &mut found {
            found.through.insert(0, self.modules[module].file);
            found.by_glob = false;
        }
        Ok(found)
    }

    fn direct(&self, target: Target, name: &str) -> Resolved {
        let name = match target {
            Target::Module(module) => self.modules[module].path.last().cloned(),
            Target::Item(_) | Target::External => Some(name.to_owned()),
        };
        Resolved {
            target,
            name: name.unwrap_or_default(),
            through: Vec::new(),
            by_glob: false,
        }
    }

    fn parent(&self, module: ModuleId) -> Option<ModuleId> {
        self.modules[module].parent
    }
}
