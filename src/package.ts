import { createHash } from 'node:crypto';

/**
 * One attribute of nixpkgs, or one NixOS option, as every part of fdnix knows it. `packageName` is unique: it is the
 * attribute path as `nix shell nixpkgs#…` takes it, with segments quoted where Nix needs it. For an option it is
 * `option:` and its path. Absent texts are null, and absent lists are empty. Strings are well-formed Unicode.
 */
export interface Package {
  type: 'package' | 'option';
  packageName: string;
  /** Never empty, because no DynamoDB key may be an empty string. `unknown` if nixpkgs has no version. */
  version: string;
  pname: string;
  description: string | null;
  longDescription: string | null;
  homepage: string | null;
  /** An SPDX expression. A licence without an SPDX id appears as `LicenseRef-<shortName>`. */
  license: string | null;
  /** The ids in the expression, each once. */
  licenses: string[];
  /** Systems such as `x86_64-linux`, sorted. A platform pattern appears as its JSON. */
  platforms: string[];
  /** GitHub handles, or else names. */
  maintainers: string[];
  teams: string[];
  mainProgram: string | null;
  outputs: string[];
  /** `file` is relative to the root of nixpkgs. `line` is null if it was not computed. */
  position: { file: string; line: number | null } | null;
  changelog: string | null;
  broken: boolean;
  insecure: boolean;
  knownVulnerabilities: string[];
  unfree: boolean;
  available: boolean;
}

/** An attribute's entry in a release's packages.json. `shard.nix` yields the same shape with fewer fields. */
export interface RawPackage {
  name?: unknown;
  pname?: unknown;
  version?: unknown;
  outputs?: unknown;
  meta?: unknown;
}

/** An attribute that gave no record, with the reason. */
export interface Failure {
  packageName: string;
  message: string;
  /** Set if a limit of this run caused the failure rather than the attribute. A higher limit may give a record. */
  limit?: 'memory' | 'time';
}

/** The return value of an extraction. */
export interface Extraction {
  failures: readonly Failure[];
  /** A result with fewer packages than this is implausible. */
  floor: number;
}

export const UNKNOWN_VERSION = 'unknown';

/** Splits an attribute path: `a."b.c".d` → `['a', 'b.c', 'd']`. Throws on a path that Nix would not read. */
export function splitAttrPath(path: string): string[] {
  const segments: string[] = [];
  const segment = /(?:"((?:[^"\\]|\\.)*)"|([^".\s]+))(\.|$)/suy;
  let end = 0;
  while (end < path.length) {
    segment.lastIndex = end;
    const match = segment.exec(path);
    if (!match || (match[3] === '.' && segment.lastIndex === path.length))
      throw new Error(`not an attribute path: ${JSON.stringify(path)}`);
    segments.push(match[2] ?? match[1]!.replace(/\\(.)/gsu, (_, sign: string) => UNESCAPED[sign] ?? sign));
    end = segment.lastIndex;
  }
  if (segments.length === 0) throw new Error('not an attribute path: ""');
  return segments;
}

const UNESCAPED: Record<string, string> = { n: '\n', r: '\r', t: '\t' };

/** The inverse of {@link splitAttrPath}. Keywords, and segments that are no Nix identifiers, are quoted. */
export function joinAttrPath(segments: readonly string[]): string {
  return segments.map(quoteSegment).join('.');
}

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_'-]*$/;
const KEYWORDS = new Set(['assert', 'else', 'if', 'in', 'inherit', 'let', 'or', 'rec', 'then', 'with']);

function quoteSegment(segment: string): string {
  if (IDENTIFIER.test(segment) && !KEYWORDS.has(segment)) return segment;
  return nixString(segment);
}

/** A text as a string of the Nix language, on one line. Nix itself cannot hold the character 0. */
export function nixString(text: string): string {
  return `"${text.replace(/[\\"]|\$(?=\{)/g, '\\$&').replace(/[\n\r\t]/g, sign => ESCAPED[sign]!)}"`;
}
const ESCAPED: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * The record of one attribute. Every shape of real metadata gives a record, and a value with a wrong type is left out.
 * Throws only if `packageName` is no attribute path or `raw` is no object.
 */
export function parsePackage(packageName: string, raw: RawPackage): Package {
  const segments = splitAttrPath(packageName);
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    throw new Error(`${packageName}: expected an object, got ${JSON.stringify(raw)?.slice(0, 40)}`);
  const meta = asObject(raw.meta);
  const name = text(raw.name) ?? text(meta.name) ?? segments.at(-1)!;
  const split = raw.pname === undefined && raw.version === undefined ? parseDrvName(name) : null;
  const version = text(raw.version) ?? split?.version;
  const licenses = new Set<string>();
  const license = licenseExpression(meta.license, licenses);
  const vulnerabilities = texts(meta.knownVulnerabilities);
  return {
    type: 'package',
    packageName,
    version: version ?? UNKNOWN_VERSION,
    pname: text(raw.pname) ?? split?.name ?? name,
    description: text(meta.description),
    longDescription: text(meta.longDescription),
    homepage: firstText(meta.homepage),
    license,
    licenses: [...licenses],
    platforms: list(meta.platforms).map(platform).filter(isText).sort(),
    maintainers: unique(list(meta.maintainers).map(maintainer).filter(isText)),
    teams: unique(list(meta.teams).map(team).filter(isText)),
    mainProgram: text(meta.mainProgram),
    outputs: Array.isArray(raw.outputs) ? texts(raw.outputs) : Object.keys(asObject(raw.outputs)),
    position: position(text(meta.position)),
    changelog: firstText(meta.changelog),
    broken: meta.broken === true,
    insecure: meta.insecure === true || vulnerabilities.length > 0,
    knownVulnerabilities: vulnerabilities,
    unfree: meta.unfree === true,
    available: meta.available !== false,
  };
}

/**
 * The text that is embedded. It has three parts on separate lines (names, description, long description), so that a
 * model can give them different weights. An empty part keeps its line.
 */
export function embeddingText(pkg: Package): string {
  const names = [pkg.packageName, pkg.pname, pkg.mainProgram].filter(isText);
  return [names.join(' '), pkg.description ?? '', pkg.longDescription ?? ''].map(oneLine).join('\n').trimEnd();
}

/** sha256 of the embedding text, first 32 hex digits. */
export function embeddingHash(pkg: Package): string {
  return digest(embeddingText(pkg));
}

/** sha256 over the record's fields in their fixed order, first 32 hex digits. */
export function contentHash(pkg: Package): string {
  return digest(serialisePackage(pkg));
}

const FIELDS: readonly (keyof Package)[] = [
  'type', 'packageName', 'version', 'pname', 'description', 'longDescription', 'homepage', 'license', 'licenses',
  'platforms', 'maintainers', 'teams', 'mainProgram', 'outputs', 'position', 'changelog', 'broken', 'insecure',
  'knownVulnerabilities', 'unfree', 'available',
]; // biome-ignore format: a list to read at a glance

/** One line of JSON with the fields in their fixed order. The same record always gives the same bytes. */
export function serialisePackage(pkg: Package): string {
  return JSON.stringify(pkg, FIELDS_AND_POSITION);
}
const FIELDS_AND_POSITION = [...FIELDS, 'file', 'line'];

/** Compares attribute paths by their UTF-16 code units. Every output of fdnix is sorted in this order. */
export function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function digest(value: string): string {
  return createHash('sha256').update(value).digest('hex').slice(0, 32);
}

function oneLine(value: string): string {
  return value.replace(/\s+/g, ' ').trim();
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function text(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const trimmed = value.toWellFormed().trim();
  return trimmed === '' ? null : trimmed;
}

function texts(value: unknown): string[] {
  return list(value).map(text).filter(isText);
}

function firstText(value: unknown): string | null {
  return Array.isArray(value) ? (value.map(text).find(isText) ?? null) : text(value);
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function unique(values: string[]): string[] {
  return [...new Set(values)];
}

/** Like `builtins.parseDrvName`: the version starts after the first dash that is not followed by a letter. */
function parseDrvName(name: string): { name: string; version: string | null } {
  const match = /^(.+?)-([^A-Za-z].*)$/s.exec(name);
  return match ? { name: match[1]!, version: match[2]! } : { name, version: null };
}

function platform(value: unknown): string | null {
  return text(value) ?? (typeof value === 'object' && value !== null ? JSON.stringify(value) : null);
}

function maintainer(value: unknown): string | null {
  const person = asObject(value);
  return text(value) ?? text(person.github) ?? text(person.name) ?? text(person.email);
}

function team(value: unknown): string | null {
  const group = asObject(value);
  return text(value) ?? text(group.shortName) ?? text(group.github) ?? text(group.name);
}

function position(value: string | null): Package['position'] {
  if (value === null) return null;
  const match = /^(.*?)(?::(\d+))?$/s.exec(value)!;
  return { file: match[1]!, line: match[2] === undefined ? null : Number(match[2]) };
}

/** In nixpkgs a licence is a single one, a list (read as AND), or a tree of AND, OR, PLUS and WITH. */
function licenseExpression(value: unknown, ids: Set<string>): string | null {
  if (Array.isArray(value)) return combine('AND', value, ids);
  const licence = asObject(value);
  if (licence.licenseType === 'compound') return combine(text(licence.operator) ?? 'AND', list(licence.licenses), ids);
  if (licence.licenseType === 'exception') {
    const base = licenseExpression(licence.license, ids);
    const exception = licenseId(licence.exception);
    if (base === null || exception === null) return base;
    ids.add(exception);
    return `${parenthesise(base)} WITH ${exception}`;
  }
  if (licence.licenseType === 'plus') {
    const base = licenseExpression(licence.license, ids);
    return base && `${parenthesise(base)}+`;
  }
  const id = licenseId(value);
  if (id !== null) ids.add(id);
  return id;
}

function combine(operator: string, parts: unknown[], ids: Set<string>): string | null {
  const expressions = unique(parts.map(part => licenseExpression(part, ids)).filter(isText));
  if (expressions.length < 2) return expressions[0] ?? null;
  return expressions.map(parenthesise).join(` ${operator} `);
}

function parenthesise(expression: string): string {
  return /\s(AND|OR)\s/.test(expression) ? `(${expression})` : expression;
}

function licenseId(value: unknown): string | null {
  const licence = asObject(value);
  const spdx = text(licence.spdxId);
  if (spdx) return spdx;
  const other = text(value) ?? text(licence.shortName) ?? text(licence.fullName);
  if (other === null) return null;
  return SPDX_LIKE.test(other) ? other : `LicenseRef-${other.replace(/[^A-Za-z0-9.-]+/g, '-')}`;
}
/** A bare string counts as SPDX if it has a version number or capital letters, as SPDX ids do. */
const SPDX_LIKE = /^(?=.*(?:[A-Z]|-\d))[A-Za-z0-9.-]+$/;
