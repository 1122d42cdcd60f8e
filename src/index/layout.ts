/** What was new in each version of the search index file. */
export const INDEX_FORMATS = [
  'never released',
  '`texts`, which finds phrases',
  'the edition and the next variant of each document',
  'a checksum of every part, and `usage` with its words among the terms',
  '`families` and `fame`: which words select a family of sets; `programs`: which package has which program; `common`, `known` and `mentions`: which words are of a kind of software, and which software is known',
  '`kinds` in `common`: how many applications curated lists have under a word',
] as const;

/** The version of the search index file that this program writes. It refuses any other. */
export const INDEX_FORMAT = INDEX_FORMATS.length;

/** `fdnx`, in the field of SQLite's header that tells which program owns a file. */
export const APPLICATION_ID = 0x66646e78;

/**
 * The tables. `sections` holds typed arrays, little-endian, in parts of a few MB. `records` holds what they leave out
 * of a package, `history` the versions before the current one, and `usage` the sentences of usage texts that may be
 * quoted. `texts` finds phrases (FTS5, without a copy of the texts).
 */
export const SCHEMA = `
  PRAGMA page_size = 8192; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
  PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${INDEX_FORMAT};
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE sections (name TEXT NOT NULL, part INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (name, part));
  CREATE TABLE records (doc INTEGER PRIMARY KEY, record TEXT NOT NULL);
  CREATE TABLE history (packageName TEXT NOT NULL, version TEXT NOT NULL, firstRevision TEXT NOT NULL,
    lastRevision TEXT NOT NULL, PRIMARY KEY (packageName, version)) WITHOUT ROWID;
  CREATE TABLE usage (doc INTEGER NOT NULL, source INTEGER NOT NULL, sentences TEXT NOT NULL);
  CREATE INDEX usage_doc ON usage (doc);
  CREATE VIRTUAL TABLE texts USING fts5(text, content = '', columnsize = 0, tokenize = 'porter unicode61 remove_diacritics 2');
`;
