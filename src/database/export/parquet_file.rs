//! A Parquet file, compressed with zstd. Each batch becomes a row group.
//!
//! Row groups are encoded in memory, several at a time, each as a file of its own. Their bytes are then appended to the real
//! file.

use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, LogicalType, Repetition, Type as PhysicalType, ZstdLevel};
use parquet::column::writer::{ColumnCloseResult, ColumnWriter};
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type, TypePtr};

use crate::database::export::batch::{Batch, Values};
use crate::database::export::tables::{Column, ColumnType};

/// How many texts are handed over at a time.
const PART: usize = 1_024;

/// The columns of a file, and how they are encoded.
pub(super) struct ParquetLayout {
    schema: TypePtr,
    properties: WriterPropertiesPtr,
}

/// A row group, as a file of its own.
pub(super) struct RowGroup {
    bytes: Bytes,
    metadata: ParquetMetaData,
}

pub(super) struct ParquetFile<'file> {
    writer: SerializedFileWriter<&'file File>,
}

impl ParquetLayout {
    pub(super) fn new(table: &str, columns: &[Column]) -> io::Result<Self> {
        let mut fields = Vec::new();
        let mut properties = WriterProperties::builder()
            .set_created_by(format!("degenbot {}", env!("CARGO_PKG_VERSION")))
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true);
        for (name, column_type) in columns.iter().flat_map(Column::outputs) {
            fields.push(Arc::new(field(name, column_type).map_err(io_error)?));
            // Nearly every number is another one, so that a dictionary would only take time.
            let path = ColumnPath::from(name);
            if matches!(column_type, ColumnType::Number | ColumnType::Float) {
                properties = properties.set_column_dictionary_enabled(path.clone(), false);
            }
            // Readers skip row groups by numbers such as a tick. The least and the greatest text cost more than they save.
            if column_type != ColumnType::Integer {
                properties =
                    properties.set_column_statistics_enabled(path, EnabledStatistics::None);
            }
        }
        let schema = Type::group_type_builder(table)
            .with_fields(fields)
            .build()
            .map_err(io_error)?;
        Ok(Self {
            schema: Arc::new(schema),
            properties: Arc::new(properties.build()),
        })
    }

    pub(super) fn encode(&self, batch: Batch) -> io::Result<RowGroup> {
        let mut bytes = Vec::new();
        let metadata = self.encode_to(&mut bytes, batch).map_err(io_error)?;
        Ok(RowGroup {
            bytes: bytes.into(),
            metadata,
        })
    }

    fn encode_to(
        &self,
        bytes: &mut Vec<u8>,
        batch: Batch,
    ) -> Result<ParquetMetaData, ParquetError> {
        let (schema, properties) = (self.schema.clone(), self.properties.clone());
        let mut writer = SerializedFileWriter::new(bytes, schema, properties)?;
        let mut group = writer.next_row_group()?;
        for values in batch.values {
            let Some(mut column) = group.next_column()? else {
                break;
            };
            match (column.untyped(), values) {
                (ColumnWriter::Int64ColumnWriter(column), Values::Integers(all)) => {
                    column.write_batch(&all.present, Some(&all.levels), None)?;
                }
                (ColumnWriter::DoubleColumnWriter(column), Values::Floats(all)) => {
                    column.write_batch(&all.present, Some(&all.levels), None)?;
                }
                (ColumnWriter::BoolColumnWriter(column), Values::Flags(all)) => {
                    column.write_batch(&all.present, Some(&all.levels), None)?;
                }
                (ColumnWriter::ByteArrayColumnWriter(column), Values::Texts(all)) => {
                    let bytes = ByteArray::from(all.bytes);
                    let mut places = all.places.iter();
                    for levels in all.levels.chunks(PART) {
                        let present = levels.iter().filter(|level| **level == 1).count();
                        let texts: Vec<_> = (places.by_ref().take(present))
                            .map(|(begin, end)| bytes.slice(*begin, end - begin))
                            .collect();
                        column.write_batch(&texts, Some(levels), None)?;
                    }
                }
                _ => {
                    return Err(ParquetError::General(
                        "a column has another type".to_owned(),
                    ));
                }
            }
            column.close()?;
        }
        group.close()?;
        writer.close()
    }
}

impl<'file> ParquetFile<'file> {
    pub(super) fn begin(file: &'file File, layout: &ParquetLayout) -> io::Result<Self> {
        let (schema, properties) = (layout.schema.clone(), layout.properties.clone());
        let writer = SerializedFileWriter::new(file, schema, properties).map_err(io_error)?;
        Ok(Self { writer })
    }

    pub(super) fn append(&mut self, encoded: &RowGroup) -> io::Result<()> {
        self.append_groups(encoded).map_err(io_error)
    }

    fn append_groups(&mut self, encoded: &RowGroup) -> Result<(), ParquetError> {
        for of_batch in encoded.metadata.row_groups() {
            let mut group = self.writer.next_row_group()?;
            for column in of_batch.columns() {
                let closed = ColumnCloseResult {
                    bytes_written: u64::try_from(column.compressed_size()).unwrap_or(0),
                    rows_written: u64::try_from(of_batch.num_rows()).unwrap_or(0),
                    metadata: column.clone(),
                    bloom_filter: None,
                    column_index: None,
                    offset_index: None,
                };
                group.append_column(&encoded.bytes, closed)?;
            }
            group.close()?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> io::Result<()> {
        self.writer.close().map(drop).map_err(io_error)
    }
}

/// The column of a file. Every column can be NULL.
fn field(name: &str, column_type: ColumnType) -> Result<Type, ParquetError> {
    let (physical, logical) = match column_type {
        ColumnType::Integer => (PhysicalType::INT64, None),
        ColumnType::Float => (PhysicalType::DOUBLE, None),
        ColumnType::Flag => (PhysicalType::BOOLEAN, None),
        ColumnType::Text | ColumnType::Number => {
            (PhysicalType::BYTE_ARRAY, Some(LogicalType::String))
        }
    };
    Type::primitive_type_builder(name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()
}

/// The error of the system, if there was one.
fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(source) => io::Error::other(source),
        },
        other => io::Error::other(other),
    }
}
