//! The file of a table. Threads of their own encode and write it while the rows are read.

use std::fs::File;
use std::io::{self, Write};
use std::panic;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::export::batch::Batch;
use crate::database::export::csv_file;
use crate::database::export::options::ExportFormat;
use crate::database::export::parquet_file::{ParquetFile, ParquetLayout, RowGroup};
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

/// How many threads encode batches. Each takes about as long as the thread that reads.
const ENCODERS: usize = 2;

/// Writes a table to its file. `read` adds the rows.
pub(super) fn write_table<'target>(
    table: &'static Table,
    target: &'target Target<'target>,
    course: Course<'target>,
    read: impl FnOnce(&mut Collector<'_>) -> Result<(), Error>,
) -> Result<Written, Error> {
    let failed = |error| Error::io(target.path, "write", error);
    let encoder = Encoder::new(target.format, table).map_err(failed)?;
    let encoder = &encoder;
    let mut output = Output::begin(target.file, encoder, table).map_err(failed)?;
    let no_thread = |source| ErrorKind::NoThread { source }.at(target.path);
    thread::scope(|scope| {
        let (mut senders, mut outcomes) = (Vec::new(), Vec::new());
        for _ in 0..ENCODERS {
            let (sender, batches) = sync_channel::<Batch>(1);
            let (parts, received) = sync_channel(1);
            let encode = move || {
                for batch in batches {
                    // The thread that writes has ended, with an error.
                    if parts.send(encoder.encode(batch)).is_err() {
                        break;
                    }
                }
            };
            thread::Builder::new()
                .spawn_scoped(scope, encode)
                .map_err(no_thread)?;
            senders.push(sender);
            outcomes.push(received);
        }
        let write = move || -> io::Result<()> {
            // The batches go to the encoders by turns, so the parts come by turns.
            for received in outcomes.iter().cycle() {
                let Ok(part) = received.recv() else {
                    break;
                };
                output.append(&part?)?;
            }
            output.finish()
        };
        let writer = thread::Builder::new()
            .spawn_scoped(scope, write)
            .map_err(no_thread)?;
        let mut sink = Batches {
            senders,
            next: 0,
            table,
            target,
            course,
        };
        let mut collector = Collector::new(table.columns, &mut sink);
        let is_read = read(&mut collector).and_then(|()| collector.flush());
        let Collector { rows, invalid, .. } = collector;
        // Without senders, the threads end.
        drop(sink);
        let is_written = (writer.join()).unwrap_or_else(|payload| panic::resume_unwind(payload));
        is_written.map_err(failed)?;
        is_read?;
        Ok(Written { rows, invalid })
    })
}

/// Hands the batches to the threads that encode them.
struct Batches<'target> {
    senders: Vec<SyncSender<Batch>>,
    /// How many were handed over.
    next: usize,
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
        // A thread has ended with an error, which counts.
        let ended = |_| Error::io(self.target.path, "write", io::ErrorKind::BrokenPipe.into());
        let sender = &self.senders[self.next % self.senders.len()];
        self.next += 1;
        sender.send(batch).map_err(ended)
    }
}

/// Encodes batches in memory.
enum Encoder {
    Parquet(ParquetLayout),
    Csv,
}

/// An encoded batch.
enum Part {
    Parquet(RowGroup),
    Csv(Vec<u8>),
}

impl Encoder {
    fn new(format: ExportFormat, table: &Table) -> io::Result<Self> {
        Ok(match format {
            ExportFormat::Parquet => Self::Parquet(ParquetLayout::new(table.name, table.columns)?),
            ExportFormat::Csv => Self::Csv,
        })
    }

    fn encode(&self, batch: Batch) -> io::Result<Part> {
        Ok(match self {
            Self::Parquet(layout) => Part::Parquet(layout.encode(batch)?),
            Self::Csv => Part::Csv(csv_file::encode(&batch)),
        })
    }
}

/// The file, to which parts are appended.
enum Output<'file> {
    Parquet(Box<ParquetFile<'file>>),
    Csv(&'file File),
}

impl<'file> Output<'file> {
    fn begin(file: &'file File, encoder: &Encoder, table: &Table) -> io::Result<Self> {
        match encoder {
            Encoder::Parquet(layout) => {
                let file = ParquetFile::begin(file, layout)?;
                Ok(Self::Parquet(Box::new(file)))
            }
            Encoder::Csv => {
                let mut output = file;
                output.write_all(&csv_file::header(table.columns))?;
                Ok(Self::Csv(file))
            }
        }
    }

    fn append(&mut self, part: &Part) -> io::Result<()> {
        match (self, part) {
            (Self::Parquet(file), Part::Parquet(group)) => file.append(group),
            (Self::Csv(file), Part::Csv(lines)) => file.write_all(lines),
            _ => Err(io::Error::other("a part has another format")),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Parquet(file) => file.finish(),
            Self::Csv(_) => Ok(()),
        }
    }
}
