//! The arrows between files: each path in the sources, and the file that defines what it names.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use syn::visit::{self, Visit};
use syn::{Arm, Attribute, Block, Expr, Field, ImplItem, Item, Local, Macro, MetaList, Path, Stmt};

use crate::modules::{
    Crate, FileId, Import, ModuleId, attributes, defined_name, imports, is_reexport, is_test,
};
use crate::resolve::{Resolved, Scope, Target};
use crate::tokens;

/// A path in one file to what another one defines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrow {
    pub from: FileId,
    pub line: usize,
    /// The path as it is written.
    pub written: String,
    pub to: FileId,
    /// The path by which the file that defines it has it.
    pub defined: String,
    /// The file through whose `use` it goes, if that is neither of the two.
    pub through: Option<FileId>,
}

/// A path that begins in the crate and leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unresolved {
    pub from: FileId,
    pub line: usize,
    pub written: String,
    pub reason: String,
}

/// All arrows of a crate, each pair of a file and a definition once for each path that is written.
pub fn arrows(sources: &Crate) -> (Vec<Arrow>, Vec<Unresolved>) {
    let mut arrows = Vec::new();
    let mut unresolved = Vec::new();
    for file in sources.files.iter().filter(|file| !file.test) {
        let mut visitor = Visitor {
            sources,
            module: file.module,
            file: sources.modules[file.module].file,
            scopes: Vec::new(),
            arrows: BTreeSet::new(),
            unresolved: BTreeSet::new(),
        };
        visitor.visit_file(&file.syntax);
        let mut seen = BTreeSet::new();
        let first = |arrow: &Arrow| {
            seen.insert((arrow.written.clone(), arrow.defined.clone(), arrow.through))
        };
        arrows.extend(visitor.arrows.into_iter().filter(first));
        unresolved.extend(visitor.unresolved);
    }
    (arrows, unresolved)
}

struct Visitor<'a> {
    sources: &'a Crate,
    module: ModuleId,
    file: FileId,
    scopes: Vec<Scope>,
    arrows: BTreeSet<Arrow>,
    unresolved: BTreeSet<Unresolved>,
}

impl Visitor<'_> {
    /// A leaf of a `use`.
    fn import(&mut self, import: &Import, reexport: bool) {
        if import.external {
            return;
        }
        let written = import.path.join("::") + if import.name.is_none() { "::*" } else { "" };
        // The names that a `use` of this block gives are not those that it starts from.
        let scopes = &self.scopes[..self.scopes.len().saturating_sub(1)];
        let found = match self.sources.resolve(self.module, scopes, &import.path) {
            Ok(found) => found,
            Err(unknown) => return self.unknown(import.line, written, &unknown),
        };
        let children = self.sources.files[self.file].module;
        let facade = reexport
            && self
                .sources
                .modules
                .iter()
                .any(|module| module.parent == Some(children));
        for found in found {
            // A module is not yet anything that it defines; a glob takes all of it.
            let whole = matches!(found.target, Target::Module(_)) && import.name.is_some();
            if !whole || self.passes(&found).is_some() {
                self.arrow(import.line, &written, &found, facade, whole);
            }
        }
    }

    /// A path that is not a `use`.
    fn path(&mut self, line: usize, path: &[String]) {
        let Some(first) = path.first() else { return };
        if first == "Self"
            || (path.len() == 1 && matches!(first.as_str(), "self" | "super" | "crate"))
        {
            return;
        }
        let rooted = matches!(first.as_str(), "crate" | "$crate" | "super" | "self");
        let found = match self.sources.resolve(self.module, &self.scopes, path) {
            Ok(found) => found,
            Err(unknown) if rooted => return self.unknown(line, path.join("::"), &unknown),
            // An attribute has made it inside the module that was found.
            Err(unknown) => vec![Resolved {
                target: Target::Item(unknown.module),
                name: unknown.name,
                through: Vec::new(),
                by_glob: false,
            }],
        };
        let start = if rooted {
            Vec::new()
        } else {
            let start = self.sources.resolve(self.module, &self.scopes, &path[..1]);
            start.unwrap_or_default()
        };
        for mut found in found {
            if !rooted && !found.by_glob {
                // What a `use` of this file names has been looked at where that stands; what is behind a
                // module that it names has not.
                let known = start
                    .iter()
                    .filter(|start| matches!(start.target, Target::Module(_)))
                    .filter(|start| found.through.starts_with(&start.through))
                    .map(|start| start.through.len())
                    .max();
                match known {
                    Some(known) if path.len() > 1 => drop(found.through.drain(..known)),
                    _ => continue,
                }
            }
            if matches!(found.target, Target::Item(_)) {
                self.arrow(line, &path.join("::"), &found, false, false);
            }
        }
    }

    fn arrow(&mut self, line: usize, written: &str, found: &Resolved, facade: bool, whole: bool) {
        let module = match found.target {
            Target::Module(module) | Target::Item(module) => module,
            Target::External => return,
        };
        let defining = &self.sources.modules[module];
        let through = self.passes(found).filter(|_| !facade);
        if whole && through.is_none() {
            return;
        }
        let mut defined = vec!["crate".to_owned()];
        defined.extend(defining.path.iter().cloned());
        if matches!(found.target, Target::Item(_)) {
            defined.push(found.name.clone());
        }
        if defining.file != self.file {
            self.arrows.insert(Arrow {
                from: self.file,
                line,
                written: written.to_owned(),
                to: defining.file,
                defined: defined.join("::"),
                through,
            });
        }
    }

    /// The first file on the way that neither has the path nor defines what it names.
    fn passes(&self, found: &Resolved) -> Option<FileId> {
        let to = match found.target {
            Target::Module(module) | Target::Item(module) => self.sources.modules[module].file,
            Target::External => return None,
        };
        found
            .through
            .iter()
            .copied()
            .find(|file| *file != self.file && *file != to)
    }

    fn unknown(&mut self, line: usize, written: String, unknown: &crate::resolve::Unknown) {
        let module = &self.sources.modules[unknown.module];
        self.unresolved.insert(Unresolved {
            from: self.file,
            line,
            written,
            reason: format!(
                "{} has no `{}`",
                self.sources.files[module.file].path, unknown.name
            ),
        });
    }

    fn tokens(&mut self, tokens: &TokenStream) {
        for path in tokens::paths(tokens.clone()) {
            self.path(path.line, &path.segments);
        }
    }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_test(attributes(item)) {
            return;
        }
        match item {
            Item::Use(item) => {
                for import in imports(item) {
                    self.import(&import, is_reexport(item));
                }
            }
            Item::Mod(item) => {
                let Some((_, items)) = &item.content else {
                    return;
                };
                let line = item.ident.span().start().line;
                let Some(inner) = self.sources.inline(self.module, line) else {
                    self.unresolved.insert(Unresolved {
                        from: self.file,
                        line,
                        written: format!("mod {}", item.ident),
                        reason: "a module inside a function is not looked into".to_owned(),
                    });
                    return;
                };
                let scopes = std::mem::take(&mut self.scopes);
                let outer = std::mem::replace(&mut self.module, inner);
                for item in items {
                    self.visit_item(item);
                }
                self.module = outer;
                self.scopes = scopes;
            }
            item => visit::visit_item(self, item),
        }
    }

    fn visit_block(&mut self, block: &'ast Block) {
        let mut scope = Scope::new();
        for statement in &block.stmts {
            let Stmt::Item(item) = statement else {
                continue;
            };
            if is_test(attributes(item)) {
                continue;
            }
            match item {
                Item::Use(item) => {
                    for import in imports(item) {
                        if let Some(name) = import.name.clone() {
                            scope.push((name, Some(import)));
                        }
                    }
                }
                item => scope.extend(defined_name(item).map(|name| (name, None))),
            }
        }
        self.scopes.push(scope);
        visit::visit_block(self, block);
        self.scopes.pop();
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.leading_colon.is_none() {
            let segments: Vec<String> = path
                .segments
                .iter()
                .map(|segment| segment.ident.to_string())
                .collect();
            let line = path
                .segments
                .first()
                .map(|first| first.ident.span().start().line);
            self.path(line.unwrap_or_default(), &segments);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        visit::visit_macro(self, call);
        self.tokens(&call.tokens);
    }

    fn visit_meta_list(&mut self, list: &'ast MetaList) {
        self.tokens(&list.tokens);
    }

    // `pub(in path)` names an enclosing module and imports nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if !attribute.path().is_ident("cfg") {
            visit::visit_attribute(self, attribute);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes: &[Attribute] = match item {
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            ImplItem::Macro(item) => &item.attrs,
            _ => &[],
        };
        if !is_test(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_local(&mut self, local: &'ast Local) {
        if !is_test(&local.attrs) {
            visit::visit_local(self, local);
        }
    }

    fn visit_expr(&mut self, expression: &'ast Expr) {
        let attributes: &[Attribute] = match expression {
            Expr::Block(inner) => &inner.attrs,
            Expr::Call(inner) => &inner.attrs,
            Expr::MethodCall(inner) => &inner.attrs,
            Expr::If(inner) => &inner.attrs,
            _ => &[],
        };
        if !is_test(attributes) {
            visit::visit_expr(self, expression);
        }
    }

    fn visit_arm(&mut self, arm: &'ast Arm) {
        if !is_test(&arm.attrs) {
            visit::visit_arm(self, arm);
        }
    }

    fn visit_field(&mut self, field: &'ast Field) {
        if !is_test(&field.attrs) {
            visit::visit_field(self, field);
        }
    }
}
