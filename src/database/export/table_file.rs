//! The file of a table, which a thread of its own writes while the rows are read.

use std::fs::File;
use std::io;
use std::panic;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::export::batch::Batch;
use crate::database::export::csv_file::CsvFile;
use crate::database::export::options::ExportFormat;
use crate::database::export::parquet_file::ParquetFile;
use crate::database::export::read_rows::{Collector, Sink};
use crate::database::export::tables::Table;
use crate::database::progress::{Observer, Stage, report};

/// Where the rows of a table go.
pub(super) struct Target<'target> {
    /// The path that the file will have.
    pub(super) path: &'target Path,
    pub(super) file: &'target File,
    pub(super) format: ExportFormat,
}

/// What is shown of a table while it is written.
pub(super) struct Course<'course> {
    pub(super) observer: &'course mut dyn Observer,
    /// How many rows the table may have.
    pub(super) total: u64,
    pub(super) done: u64,
}

/// What was written of a table.
pub(super) struct Written {
    pub(super) rows: u64,
    /// How many values of each column are not what the column can have.
    pub(super) invalid: Vec<u64>,
}

/// Writes a table to its file. `read` adds the rows. At most one batch waits while one is written and one is read.
pub(super) fn write_table<'target>(
    table: &'static Table,
    target: &'target Target<'target>,
    course: Course<'target>,
    read: impl FnOnce(&mut Collector<'_>) -> Result<(), Error>,
) -> Result<Written, Error> {
    let failed = |error| Error::io(target.path, "write", error);
    let mut writer = Writer::begin(target, table).map_err(failed)?;
    let (sender, batches) = sync_channel(1);
    thread::scope(|scope| {
        let write = move || -> io::Result<()> {
            for batch in batches {
                writer.write(batch)?;
            }
            writer.finish()
        };
        let thread = thread::Builder::new()
            .spawn_scoped(scope, write)
            .map_err(|source| ErrorKind::NoThread { source }.at(target.path))?;
        let mut sink = Batches {
            sender,
            table,
            target,
            course,
        };
        let mut collector = Collector::new(table.columns, &mut sink);
        let is_read = read(&mut collector).and_then(|()| collector.flush());
        let Collector { rows, invalid, .. } = collector;
        // Without a sender, the thread ends.
        drop(sink);
        let is_written = (thread.join()).unwrap_or_else(|payload| panic::resume_unwind(payload));
        is_written.map_err(failed)?;
        is_read?;
        Ok(Written { rows, invalid })
    })
}

/// Hands the batches to the thread that writes them.
struct Batches<'target> {
    sender: SyncSender<Batch>,
    table: &'static Table,
    target: &'target Target<'target>,
    course: Course<'target>,
}

impl Sink for Batches<'_> {
    fn take(&mut self, batch: Batch) -> Result<(), Error> {
        let course = &mut self.course;
        course.done += batch.rows as u64;
        let total = course.total.max(course.done);
        let stage = Stage::Exporting(self.table.name);
        report(course.observer, self.target.path, stage, course.done, total)?;
        // The thread has ended with an error, which counts.
        let ended = |_| Error::io(self.target.path, "write", io::ErrorKind::BrokenPipe.into());
        self.sender.send(batch).map_err(ended)
    }
}

enum Writer<'file> {
    Parquet(Box<ParquetFile<'file>>),
    Csv(CsvFile<'file>),
}

impl<'file> Writer<'file> {
    fn begin(target: &Target<'file>, table: &Table) -> io::Result<Self> {
        let columns = table.columns;
        Ok(match target.format {
            ExportFormat::Parquet => {
                let file = ParquetFile::begin(target.file, table.name, columns)?;
                Self::Parquet(Box::new(file))
            }
            ExportFormat::Csv => Self::Csv(CsvFile::begin(target.file, columns)?),
        })
    }

    fn write(&mut self, batch: Batch) -> io::Result<()> {
        match self {
            Self::Parquet(file) => file.write(batch),
            Self::Csv(file) => file.write(&batch),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Parquet(file) => file.finish(),
            Self::Csv(file) => file.finish(),
        }
    }
}
