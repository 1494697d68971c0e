//! Who may import whom (ARCHITECTURE.md, layers). A new line here is a decision of its own.

use crate::tree::Tree;

/// What a crate may import, and what its tests may import besides.
pub struct Layer {
    /// Folder under `crates/`.
    pub name: &'static str,
    /// Crates of ours that it may depend on.
    pub imports: &'static [&'static str],
}

/// The layers, from the top down.
pub const LAYERS: &[Layer] = &[
    Layer {
        name: "cli",
        imports: &[
            "daemon", "pipeline", "incident", "report", "respond", "store", "seal", "sigma", "ingest", "decode",
            "analysis", "audit", "model",
        ],
    },
    // the only one that waits for the network: tokio, HTTP, TLS and mail stay in here
    Layer {
        name: "daemon",
        imports: &["pipeline", "report", "store", "ingest", "decode", "analysis", "model"],
    },
    Layer {
        name: "pipeline",
        imports: &["store", "ingest", "decode", "analysis", "model"],
    },
    // keeps SQLite and Parquet to itself; what is kept are events of the model, whoever read them
    Layer {
        name: "store",
        imports: &["seal", "model"],
    },
    // pure, so that what an incident comes to is tested with nothing but values
    Layer {
        name: "incident",
        imports: &["report", "respond", "seal", "analysis", "model"],
    },
    Layer {
        name: "report",
        imports: &["analysis", "audit", "model"],
    },
    Layer {
        name: "sigma",
        imports: &["analysis", "model"],
    },
    Layer {
        name: "analysis",
        imports: &["model"],
    },
    Layer {
        name: "respond",
        imports: &["model"],
    },
    Layer {
        name: "audit",
        imports: &["model"],
    },
    Layer {
        name: "ingest",
        imports: &["model"],
    },
    Layer {
        name: "decode",
        imports: &["model"],
    },
    // keeps the signatures' dependencies to itself; incidents sign now, the store will
    Layer {
        name: "seal",
        imports: &[],
    },
    Layer {
        name: "model",
        imports: &[],
    },
    Layer {
        name: "testkit",
        imports: &["ingest", "decode", "model"],
    },
];

/// Crates that do no input or output; each has a `clippy.toml` that says so.
pub const PURE: &[&str] = &[
    "model", "decode", "analysis", "audit", "report", "respond", "seal", "incident", "sigma",
];

/// Dependencies that only these crates may have.
pub const QUARANTINED: &[(&str, &str)] = &[
    ("flate2", "ingest"),
    ("zstd", "ingest"),
    // the pages of segments
    ("zstd", "store"),
    ("liblzma", "ingest"),
    ("bzip2", "ingest"),
    ("zip", "ingest"),
    ("evtx", "ingest"),
    ("maxminddb", "cli"),
    ("rsigma-eval", "sigma"),
    ("rsigma-parser", "sigma"),
    ("quick-xml", "ingest"),
    ("encoding_rs", "ingest"),
    ("clap", "cli"),
    ("crossterm", "cli"),
    ("maud", "report"),
    ("ed25519-dalek", "seal"),
    ("sha2", "seal"),
    ("base64", "seal"),
    ("ct-merkle", "seal"),
    ("rusqlite", "store"),
    // for searches of the interface, never for lines
    ("regex", "daemon"),
    ("parquet", "store"),
];

/// What stands against the table.
pub fn check(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for name in tree.names("crates") {
        let path = format!("crates/{name}/Cargo.toml");
        let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
            found.push(format!(
                "{path}: `{name}` stands in no layer; decide on one in xtask/src/layers.rs"
            ));
            continue;
        };
        let Ok(manifest) = tree.read(&path).parse::<toml::Table>() else {
            found.push(format!("{path}: not readable"));
            continue;
        };
        found.extend(
            imports(layer, &manifest)
                .into_iter()
                .map(|problem| format!("{path}: {problem}")),
        );
    }
    for name in PURE {
        let path = format!("crates/{name}/clippy.toml");
        if !tree.read(&path).contains("disallowed-methods") {
            found.push(format!(
                "{path}: missing: {name} is pure and clippy must hold it to that"
            ));
        }
    }
    found
}

fn imports(layer: &Layer, manifest: &toml::Table) -> Vec<String> {
    let mut found = Vec::new();
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        for dependency in manifest
            .get(section)
            .and_then(toml::Value::as_table)
            .into_iter()
            .flatten()
            .map(|(name, _)| name)
        {
            let owners: Vec<&str> = QUARANTINED
                .iter()
                .filter(|(name, _)| name == dependency)
                .map(|(_, owner)| *owner)
                .collect();
            if !owners.is_empty()
                && !owners.contains(&layer.name)
                // the testkit is in no program
                && layer.name != "testkit"
                && section == "dependencies"
            {
                found.push(format!("`{dependency}` belongs into `{}` alone", owners.join("`, `")));
            }
            let Some(ours) = dependency.strip_prefix("tunlog-") else {
                continue;
            };
            // tests may use the testkit, which stands below them
            let testkit = ours == "testkit" && section == "dev-dependencies" && layer.name != "model";
            if !testkit && !layer.imports.contains(&ours) {
                found.push(format!("[{section}] `{}` may not import `{ours}`", layer.name));
            }
        }
    }
    found
}
