//! Which logs are those of other services.

use tunlog_decode::Catalogue;
use tunlog_ingest::{Source, SourceKind, SourceSpec};
use tunlog_model::{RecordRef, SourceId};

use crate::Settings;

/// The messages by which a set is read.
pub(crate) fn catalogue_for<'c>(
    specs: &[(SourceId, SourceSpec)],
    catalogue: &'c Catalogue,
    settings: &'c Settings,
) -> &'c Catalogue {
    match &settings.services {
        Some(services) if are_of_services(specs, catalogue, settings) => services,
        _ => catalogue,
    }
}

/// Whether a set is a log of other services. Of a set that is rotated, the oldest and the newest are looked at.
fn are_of_services(specs: &[(SourceId, SourceSpec)], catalogue: &Catalogue, settings: &Settings) -> bool {
    let ends = [specs.first(), specs.last()];
    ends.into_iter()
        .flatten()
        .all(|(_, spec)| is_of_services(spec, catalogue, settings))
}

fn is_of_services(spec: &SourceSpec, catalogue: &Catalogue, settings: &Settings) -> bool {
    match spec.kind {
        // all that the machine says stands there
        SourceKind::Journal | SourceKind::JournalFile(_) => return true,
        // it was decided when the logs were brought in
        SourceKind::Stored { .. } => return true,
        // what was read of it could not be read again
        SourceKind::Stdin => return false,
        SourceKind::File(_) | SourceKind::ZipMember(..) => {}
    }
    let Ok(mut source) = Source::open(spec, &settings.ingest) else {
        return false;
    };
    if source.capture().is_some() {
        return false;
    }
    let Ok(Some(chunk)) = source.next_chunk(Vec::new()) else {
        return false;
    };
    let mut gateway = false;
    source.framer().cut(&chunk, catalogue, &mut |record: &RecordRef<'_>| {
        gateway |= catalogue.is_of_gateway(record.app);
    });
    !gateway
}
