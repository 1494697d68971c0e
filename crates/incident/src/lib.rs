//! An incident: which attack it is about, what was done, what is known of it, what is left to do, and what is handed over.
//!
//! An incident is a directory of plain files. Here is what stands in them and how it is made of what others read: [`case`] is
//! `incident.toml`, [`act`] the chain of what was done, [`manifest`] the signed list of files and what stands against it.
//! Nothing here touches a file: whoever does hands texts in and gets texts back.

pub mod act;
pub mod case;
pub mod facts;
pub mod found;
pub mod isolation;
pub mod lessons;
pub mod manifest;
pub mod mask;
pub mod mention;
pub mod misp;
pub mod movement;
pub mod network;
pub mod page;
pub mod playbook;
pub mod remediation;
pub mod share;
pub mod stix;
pub mod story;
mod story_columns;
pub mod text;
pub mod timeline;
