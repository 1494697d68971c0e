//! Following sources as they grow: the same rooms in the same order, a little at a time.

use tunlog_decode::{Catalogue, Decoder};
use tunlog_ingest::{Clock, Discovered, Problem, Tail};
use tunlog_model::{Attempt, Entry, Event, EventBatch, RecordTime, SourceId, Spans};

use crate::{Settings, Sources, Subscriber, Summary, Teller, Wants};
