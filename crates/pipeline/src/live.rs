//! Following sources as they grow: the same rooms in the same order, a little at a time.

use tunlog_analysis::correlate::Correlator;
use tunlog_decode::{Catalogue, Decoder};
use tunlog_ingest::{Clock, Discovered, Problem, Tail};
use tunlog_model::{Attempt, Entry, Event, EventBatch, SourceId, Spans};

use crate::{Settings, Sources, Subscriber, Teller};
