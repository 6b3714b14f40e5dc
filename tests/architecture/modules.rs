//! The crate's modules: their files, what they define and what they import.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use proc_macro2::Span;
use syn::{Attribute, Expr, ExprLit, Item, ItemMod, ItemUse, Lit, Meta, UseTree, Visibility};

use crate::tokens;

/// The number of a module in [`Crate::modules`].
pub type ModuleId = usize;
/// The number of a file in [`Crate::files`].
pub type FileId = usize;

/// A library and its program, as their sources say.
#[derive(Default)]
pub struct Crate {
    /// The name by which the program imports the library.
    pub name: String,
    pub modules: Vec<Module>,
    pub files: Vec<File>,
}

/// A source file.
pub struct File {
    /// Its path in the package, such as `src/database/error.rs`.
    pub path: String,
    /// The module whose content it is.
    pub module: ModuleId,
    pub syntax: Rc<syn::File>,
    /// Whether it is compiled for tests only.
    pub test: bool,
}

/// A module: the content of a file, or inline.
pub struct Module {
    /// Its path from the root, without `crate`. The program's root is `main`.
    pub path: Vec<String>,
    pub file: FileId,
    /// None for a root.
    pub parent: Option<ModuleId>,
    /// The line of an inline module in its file.
    pub line: usize,
    pub definitions: BTreeMap<String, Vec<Definition>>,
    pub imports: Vec<Import>,
    /// The identifiers of macro calls, any of which may be an item that the macro makes.
    pub generated: BTreeSet<String>,
}

/// What a module defines under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Definition {
    Module(ModuleId),
    Item,
}

/// One leaf of a `use`.
#[derive(Debug, Clone)]
pub struct Import {
    /// The path as it is written; that of a glob without the star.
    pub path: Vec<String>,
    /// The name that it gets here; none for a glob.
    pub name: Option<String>,
    pub line: usize,
    /// Whether it begins with `::`, at another crate.
    pub external: bool,
}

impl Crate {
    /// Reads the library of a package, and its program if it has one.
    pub fn read(package: &Path, name: &str) -> Result<Self, String> {
        let mut read = Self {
            name: name.to_owned(),
            ..Self::default()
        };
        read.file(package, "src/lib.rs", &[], None, false)?;
        if package.join("src/main.rs").exists() {
            read.file(package, "src/main.rs", &["main".to_owned()], None, false)?;
        }
        Ok(read)
    }

    /// The root of the crate that a module belongs to.
    pub fn root(&self, mut module: ModuleId) -> ModuleId {
        while let Some(parent) = self.modules[module].parent {
            module = parent;
        }
        module
    }

    /// The inline module that begins on a line of a module's file.
    pub fn inline(&self, parent: ModuleId, line: usize) -> Option<ModuleId> {
        let file = self.modules[parent].file;
        self.modules.iter().position(|module| {
            module.parent == Some(parent) && module.file == file && module.line == line
        })
    }

    fn file(
        &mut self,
        package: &Path,
        path: &str,
        module: &[String],
        parent: Option<ModuleId>,
        test: bool,
    ) -> Result<ModuleId, String> {
        let content = std::fs::read_to_string(package.join(path))
            .map_err(|error| format!("{path}: {error}"))?;
        let syntax = syn::parse_file(&content)
            .map_err(|error| format!("{path}:{}: {error}", error.span().start().line))?;
        let file = self.files.len();
        let syntax = Rc::new(syntax);
        self.files.push(File {
            path: path.to_owned(),
            module: self.modules.len(),
            syntax: Rc::clone(&syntax),
            test,
        });
        let root = parent.is_none();
        let here = Path::new(path);
        let folder = here.parent().unwrap_or(Path::new(""));
        let children = if root || here.ends_with("mod.rs") {
            folder.to_owned()
        } else {
            here.with_extension("")
        };
        let place = Place {
            package,
            file,
            children,
            paths: folder.to_owned(),
            test,
        };
        self.module(&place, module, parent, 0, &syntax.items)
    }

    fn module(
        &mut self,
        place: &Place<'_>,
        path: &[String],
        parent: Option<ModuleId>,
        line: usize,
        items: &[Item],
    ) -> Result<ModuleId, String> {
        let id = self.modules.len();
        self.modules.push(Module {
            path: path.to_vec(),
            file: place.file,
            parent,
            line,
            definitions: BTreeMap::new(),
            imports: Vec::new(),
            generated: BTreeSet::new(),
        });
        for item in items {
            let test = place.test || is_test(attributes(item));
            if let Item::Mod(item) = item {
                let child = self.child(place, path, id, item, test)?;
                if !test || place.test {
                    self.define(id, item.ident.to_string(), Definition::Module(child));
                }
            } else if !test || place.test {
                self.item(id, item);
            }
        }
        Ok(id)
    }

    fn child(
        &mut self,
        place: &Place<'_>,
        path: &[String],
        parent: ModuleId,
        item: &ItemMod,
        test: bool,
    ) -> Result<ModuleId, String> {
        let name = item.ident.to_string();
        let name = name.trim_start_matches("r#");
        let path = [path, &[name.to_owned()]].concat();
        let stated = stated_path(&item.attrs);
        if let Some((_, items)) = &item.content {
            let folder = place.children.join(stated.as_deref().unwrap_or(name));
            let place = Place {
                children: folder.clone(),
                paths: folder,
                test,
                ..*place
            };
            return self.module(
                &place,
                &path,
                Some(parent),
                item.ident.span().start().line,
                items,
            );
        }
        let file = if let Some(stated) = stated {
            normal(&place.paths.join(stated))
        } else {
            let file = place.children.join(format!("{name}.rs"));
            if place.package.join(&file).exists() {
                file
            } else {
                place.children.join(name).join("mod.rs")
            }
        };
        let file = file.to_string_lossy().replace('\\', "/");
        self.file(place.package, &file, &path, Some(parent), test)
    }

    fn define(&mut self, module: ModuleId, name: String, definition: Definition) {
        let definitions = &mut self.modules[module].definitions;
        definitions.entry(name).or_default().push(definition);
    }

    fn item(&mut self, module: ModuleId, item: &Item) {
        match item {
            Item::Use(item) => self.modules[module].imports.extend(imports(item)),
            Item::Macro(item) => {
                let names = tokens::identifiers(item.mac.tokens.clone());
                self.modules[module].generated.extend(names);
                if let Some(name) = &item.ident {
                    self.define(module, name.to_string(), Definition::Item);
                }
            }
            item => {
                if let Some(name) = defined_name(item) {
                    self.define(module, name, Definition::Item);
                }
            }
        }
    }
}

/// Where the items of a module are written.
struct Place<'a> {
    package: &'a Path,
    file: FileId,
    /// The folder of the files of modules that it declares.
    children: PathBuf,
    /// The folder that `#[path]` starts from.
    paths: PathBuf,
    test: bool,
}

/// The leaves of a `use`.
pub fn imports(item: &ItemUse) -> Vec<Import> {
    let mut leaves = Vec::new();
    collect(&item.tree, &[], &mut leaves);
    for leaf in &mut leaves {
        leaf.external = item.leading_colon.is_some();
    }
    leaves
}

/// Whether a `use` has a visibility: whether it hands on what it imports.
pub fn is_reexport(item: &ItemUse) -> bool {
    !matches!(item.vis, Visibility::Inherited)
}

fn collect(tree: &UseTree, prefix: &[String], leaves: &mut Vec<Import>) {
    let mut leaf = |span: Span, path: Vec<String>, name: Option<String>| {
        leaves.push(Import {
            path,
            name,
            line: span.start().line,
            external: false,
        });
    };
    let with = |name: &str| match name {
        "self" if !prefix.is_empty() => prefix.to_vec(),
        name => [prefix, &[name.to_owned()]].concat(),
    };
    match tree {
        UseTree::Path(path) => {
            let inner = [prefix, &[path.ident.to_string()]].concat();
            collect(&path.tree, &inner, leaves);
        }
        UseTree::Name(name) => {
            let path = with(&name.ident.to_string());
            let last = path.last().cloned();
            leaf(name.ident.span(), path, last);
        }
        UseTree::Rename(rename) => {
            let path = with(&rename.ident.to_string());
            leaf(rename.ident.span(), path, Some(rename.rename.to_string()));
        }
        UseTree::Glob(glob) => leaf(glob.star_token.spans[0], prefix.to_vec(), None),
        UseTree::Group(group) => {
            for tree in &group.items {
                collect(tree, prefix, leaves);
            }
        }
    }
}

/// The name that an item has in its module.
pub fn defined_name(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

/// The attributes of an item.
pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether these attributes leave something to the tests: `#[test]`, `#[cfg(test)]`, `#[cfg(all(test, …))]`.
pub fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        if attribute.path().is_ident("test") {
            return true;
        }
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<Meta>()
                .is_ok_and(|meta| demands_test(&meta))
    })
}

fn demands_test(predicate: &Meta) -> bool {
    match predicate {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => {
            let separated = syn::punctuated::Punctuated::<Meta, syn::Token![,]>::parse_terminated;
            list.parse_args_with(separated)
                .is_ok_and(|predicates| predicates.iter().any(demands_test))
        }
        _ => false,
    }
}

/// What `#[path = "…"]` says.
fn stated_path(attributes: &[Attribute]) -> Option<String> {
    attributes
        .iter()
        .find_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
                Expr::Lit(ExprLit {
                    lit: Lit::Str(text),
                    ..
                }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        })
}

/// The path without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                normal.pop();
            }
            std::path::Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}
