//! An incident's directory while a subcommand works on it: read and compared with what was signed before, written without ever
//! leaving it, signed anew at the end.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use tunlog_incident::act::Acts;
use tunlog_incident::case::Case;
use tunlog_incident::manifest::{Manifest, acts_differ, differences, is_editable};
use tunlog_seal::note::{Verdict, sign};
use tunlog_seal::{Digest, Note, SigningKey, VerifyingKey};

use super::args::CaseArgs;
use super::contents::Contents;
use super::keys;
use crate::output::{Failure, cause, tell};

/// Files that are named one by one when many changed.
const NAMED_MAX: usize = 20;

/// Bytes of `incident.toml`: some addresses, accounts and sentences.
const CASE_MAX: u64 = 16 << 20;
/// Bytes of another file that is read whole. Findings and time lines are bounded when they are written.
const FILE_MAX: u64 = 256 << 20;

/// A text file, read only if it is no larger than it may be: whoever can write to the directory must not fill the memory of
/// whoever looks into it.
///
/// # Errors
/// If it cannot be read, is too large, or is no text.
pub fn read_text(path: &Path, most: u64) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    if File::open(path)?.take(most + 1).read_to_end(&mut bytes)? as u64 > most {
        let words = format!("it is larger than {} MiB", most >> 20);
        return Err(std::io::Error::new(ErrorKind::FileTooLarge, words));
    }
    String::from_utf8(bytes).map_err(|_| std::io::Error::new(ErrorKind::InvalidData, "it is no text in UTF-8"))
}

/// A directory that is being worked on.
pub struct Directory {
    root: PathBuf,
    /// The case; `None` of it is written until `done`.
    pub case: Case,
    /// What was done so far.
    pub acts: Acts,
    key: SigningKey,
    key_is_new: bool,
    previous: Option<Digest>,
    /// Lines of `key.pub`.
    keys: Vec<String>,
    /// Who works.
    pub who: String,
    /// The present, microseconds UTC.
    pub now: i64,
    quiet: bool,
}

impl Directory {
    /// A new one: the directory must not be there, or be empty.
    ///
    /// # Errors
    /// If it cannot be made, or no key can.
    pub fn create(args: &CaseArgs, case: Case) -> Result<Directory, Failure> {
        let root = args.dir.clone();
        check_free(&root)?;
        let (key, key_is_new) = keys::signing_key(args.key_file.as_deref())?;
        keys::make_folder(&root)?;
        Ok(Directory {
            root,
            now: case.opened,
            who: case.opened_by.clone(),
            case,
            acts: Acts::default(),
            key,
            key_is_new,
            previous: None,
            keys: Vec::new(),
            quiet: args.quiet,
        })
    }

    /// One that is there. What was changed since it was signed is recorded: as an edit where people may write, else loudly.
    ///
    /// # Errors
    /// If it is none, or its acts cannot be gone on with.
    pub fn open(args: &CaseArgs) -> Result<Directory, Failure> {
        let root = args.dir.clone();
        let failed = |words: String| Failure::Message(format!("{}: {words}", root.display()));
        let contents = Contents::of_folder(&root)?;
        if let Some((name, what)) = contents.odd.first() {
            return Err(failed(format!(
                "{name} {what}: an incident holds plain files; take it out"
            )));
        }
        let Some(manifest_bytes) = &contents.manifest else {
            return Err(failed(
                "is no incident: it has no MANIFEST; `tunlog incident open` makes one".to_owned(),
            ));
        };
        let note = Note::parse(manifest_bytes).ok();
        let manifest = note.as_ref().and_then(|note| Manifest::parse(note.text()));
        let (Some(note), Some(manifest)) = (note, manifest) else {
            return Err(failed(
                "MANIFEST is damaged: nothing is added to what cannot be proved; `tunlog incident verify` tells more"
                    .to_owned(),
            ));
        };
        let acts = Acts::parse(contents.acts.as_deref().unwrap_or_default()).map_err(|broken| {
            failed(format!(
                "acts.jsonl:{}: {}: the record cannot be gone on with",
                broken.line, broken.how
            ))
        })?;
        if let Some(words) = acts_differ(&manifest, &acts) {
            return Err(failed(format!("{words}: the record cannot be gone on with")));
        }
        let case_path = root.join("incident.toml");
        let text = read_text(&case_path, CASE_MAX)
            .map_err(|error| Failure::Message(format!("{}: cannot read: {}", case_path.display(), cause(&error))))?;
        let case = Case::parse(&text).map_err(|words| Failure::Message(format!("{}: {words}", case_path.display())))?;
        if let Some(words) = put_back(&manifest, &case, Digest::of(manifest_bytes)) {
            return Err(failed(words));
        }
        let (key, key_is_new) = keys::signing_key(args.key_file.as_deref())?;
        let key_text = contents.key.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        let mut directory = Directory {
            now: jiff::Timestamp::now().as_microsecond(),
            who: keys::who(args.by.as_deref()),
            case,
            acts,
            key,
            key_is_new,
            previous: Some(Digest::of(manifest_bytes)),
            keys: key_text.lines().map(str::to_owned).collect(),
            quiet: args.quiet,
            root,
        };
        directory.check_signer(&note)?;
        directory.take_changes(&manifest, &contents);
        Ok(directory)
    }

    /// Whose manifest this goes on with.
    fn check_signer(&mut self, note: &Note<'_>) -> Result<(), Failure> {
        match note.verify(&self.key.verifying()) {
            Verdict::Good => return Ok(()),
            Verdict::Bad => {
                let words =
                    "MANIFEST bears this machine's signature and another text: it was changed; nothing is added to it";
                return Err(Failure::Message(format!("{}: {words}", self.root.display())));
            }
            Verdict::Absent => {}
        }
        let by_known = self.keys.iter().filter_map(|line| VerifyingKey::parse(line).ok());
        let good = by_known.into_iter().any(|key| note.verify(&key) == Verdict::Good);
        let signers: Vec<&str> = note.signers().collect();
        let words = match good {
            true => format!(
                "was signed by {} before; goes on under this machine's key",
                signers.join(", ")
            ),
            false => "the signature of MANIFEST fits none of the keys in key.pub".to_owned(),
        };
        tell(&format!("{}: {words}", self.root.display()));
        self.acts.add(self.now, &self.who, "taken-over", &[], &words);
        Ok(())
    }

    /// Records what was changed by others since the manifest was signed.
    fn take_changes(&mut self, manifest: &Manifest, contents: &Contents) {
        let all = differences(&manifest.files, &contents.files);
        // the act is recorded with the hash, so that the record says which version was taken in
        let told = |(path, how): &(String, tunlog_incident::manifest::How)| {
            let hash = contents.files.get(path).map(|fact| format!(" sha256 {}", fact.digest));
            format!("{path} {}{}", how.word(), hash.unwrap_or_default())
        };
        let (ours, others): (Vec<_>, Vec<_>) = all.iter().partition(|(path, _)| is_editable(path));
        let added =
            |(_, how): &&&(String, tunlog_incident::manifest::How)| *how == tunlog_incident::manifest::How::Added;
        let loud: Vec<String> = others
            .iter()
            .filter(|item| !added(item))
            .map(|item| told(item))
            .collect();
        let mut quiet: Vec<String> = ours.iter().map(|item| told(item)).collect();
        quiet.extend(others.iter().filter(added).map(|item| told(item)));
        if !quiet.is_empty() {
            if !self.quiet {
                tell(&format!(
                    "taken in and recorded: {}",
                    tunlog_incident::text::few(&quiet, NAMED_MAX)
                ));
            }
            self.acts.add(
                self.now,
                &self.who,
                "edited",
                &quiet,
                "people changed or added files between two subcommands",
            );
        }
        if !loud.is_empty() {
            tell(&format!(
                "WARNING: {} changed since it was signed, not by tunlog: {}. This is recorded; `collect` and `analyse` make them anew",
                tunlog_incident::text::counted(loud.len() as u64, "file was", "files were"),
                tunlog_incident::text::few(&loud, NAMED_MAX)
            ));
            self.acts.add(
                self.now,
                &self.who,
                "found-changed",
                &loud,
                "files changed that nobody should write into",
            );
        }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The public half of the key that signs.
    pub fn public_key(&self) -> VerifyingKey {
        self.key.verifying()
    }

    /// A file of it, if it is there and no larger than what tunlog writes; one that is too large is told.
    pub fn read(&self, path: &str) -> Option<String> {
        let place = self.root.join(path);
        match read_text(&place, FILE_MAX) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                tell(&format!("{}: not read: {}", place.display(), cause(&error)));
                None
            }
        }
    }

    /// Writes a file of ours: mode 0600, in folders of mode 0700, under its name only when it is whole.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &str, bytes: &[u8]) -> Result<(), Failure> {
        let mut file = self.draft(path)?;
        file.put(bytes)?;
        file.finish()
    }

    /// The same, piece by piece.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn draft(&self, path: &str) -> Result<Draft, Failure> {
        let place = self.root.join(path);
        if let Some(folder) = place.parent() {
            plain_folders(&self.root, folder)?;
        }
        // a name of its own, and nobody's open file or link: what lies there is an earlier run's, or was laid out for us
        let mut name = place.file_name().unwrap_or_default().to_os_string();
        name.push(".tunlog-part");
        let draft = place.with_file_name(name);
        let _ = std::fs::remove_file(&draft);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft);
        let file = file.map_err(|error| Failure::write(&place.display().to_string(), &error))?;
        Ok(Draft { file, draft, place })
    }

    /// Takes away what an earlier run of the same subcommand made.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn clear(&self, folder: &str) -> Result<(), Failure> {
        let place = self.root.join(folder);
        match std::fs::remove_dir_all(&place) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Failure::write(&place.display().to_string(), &error))
            }
            _ => Ok(()),
        }
    }

    /// Records what was done and signs. Answers what is to be told of it.
    ///
    /// # Errors
    /// If something cannot be read or written.
    pub fn done(mut self, act: &str, result: &str) -> Result<String, Failure> {
        let typed: Vec<String> = std::env::args_os()
            .skip(3)
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        self.acts.add(self.now, &self.who, act, &typed, result);
        self.write("acts.jsonl", self.acts.text().as_bytes())?;
        let public = self.key.verifying();
        self.keys.retain(|line| *line != public.text());
        self.keys.push(public.text());
        self.write("key.pub", format!("{}\n", self.keys.join("\n")).as_bytes())?;
        let manifest = Manifest {
            host: keys::host(),
            incident: self.case.id.clone(),
            made: self.now,
            acts: self.acts.all.len() as u64,
            head: self.acts.head(),
            previous: self.previous,
            files: Contents::of_folder(&self.root)?.files,
        };
        let signed = sign(&manifest.text(), &self.key)
            .ok_or_else(|| Failure::Message("the manifest cannot be signed".to_owned()))?;
        self.write("MANIFEST", signed.as_bytes())?;
        let digest = Digest::of(signed.as_bytes());
        keys::remember(&self.case.id, manifest.acts, digest);
        let mut told = format!(
            "signed: {} files and the record of {} acts, MANIFEST sha256 {digest}\n",
            manifest.files.len(),
            manifest.acts
        );
        if self.key_is_new {
            told.push_str(&format!(
                "a key was made; give its public half to whoever will verify, by another way than the directory:\n  {}\n  read aloud: {}\n",
                public.text(),
                public.spoken()
            ));
        }
        Ok(told)
    }
}

/// A file that is being written.
pub struct Draft {
    file: std::fs::File,
    draft: PathBuf,
    place: PathBuf,
}

impl Draft {
    /// Adds bytes.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| Failure::write(&self.place.display().to_string(), &error))
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// If that fails.
    pub fn finish(self) -> Result<(), Failure> {
        let named = self
            .file
            .sync_all()
            .and_then(|()| std::fs::rename(&self.draft, &self.place));
        named.map_err(|error| Failure::write(&self.place.display().to_string(), &error))
    }
}

/// Makes the folders from `root` down to `folder`; none of them may be a link.
fn plain_folders(root: &Path, folder: &Path) -> Result<(), Failure> {
    let mut at = root.to_owned();
    for part in folder.strip_prefix(root).unwrap_or(Path::new("")).components() {
        at.push(part);
        let failed = |words: &str| Failure::Message(format!("{}: {words}", at.display()));
        match std::fs::symlink_metadata(&at) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(failed("is no directory: nothing is written through it")),
            Err(_) => DirBuilder::new()
                .mode(0o700)
                .create(&at)
                .map_err(|error| failed(&format!("cannot make: {}", cause(&error))))?,
        }
    }
    Ok(())
}

/// A new incident overwrites nothing.
fn check_free(root: &Path) -> Result<(), Failure> {
    let taken = match std::fs::read_dir(root) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(_) => true,
    };
    match taken {
        true => Err(Failure::Message(format!(
            "{}: is there and not empty: name a new directory for the incident",
            root.display()
        ))),
        false => Ok(()),
    }
}

/// Why the signed state is not the last one that this machine knows of the incident: going on with it would hide that.
fn put_back(manifest: &Manifest, case: &Case, digest: Digest) -> Option<String> {
    if case.id != manifest.incident {
        return Some(format!(
            "incident.toml says {} and MANIFEST {}: it is not gone on with",
            tunlog_model::text::visible(&case.id),
            manifest.incident
        ));
    }
    let (acts, known) = keys::remembered(&manifest.incident)?;
    let is_older = manifest.acts < acts || (manifest.acts == acts && digest != known);
    is_older.then(|| {
        format!(
            "holds {} acts, and this machine signed a state of it with {acts} that is another one: an earlier state was put back; it is not gone on with",
            manifest.acts
        )
    })
}
