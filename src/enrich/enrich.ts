import { readFileSync } from 'node:fs';
import type { Hit } from '../search/hits.ts';
import type { Search } from '../search/open.ts';
import type { Why } from '../search/why.ts';
import { forTerminal } from '../text.ts';

/** A text that may be about a package: a support ticket, an advisory or a request. */
export interface Text {
  id: string;
  title: string;
  body: string;
}

export interface Match {
  packageName: string;
  /** How sure it is that the text is about this package, 0 to 1. */
  score: number;
  why: Why[];
}

export interface Enriched {
  id: string;
  /** At most five matches, best first. Those below the threshold are included, so that a reader may choose another. */
  matches: Match[];
  /** `none`: no match is sure enough. */
  verdict: 'match' | 'none';
}

/** The evidence for a package. Each feature lies between 0 and 1. */
export interface Features {
  /** The name stands in the title, or only in the body. */
  title: number;
  body: number;
  /** The name stands as code, before a version, in a form that no English word has, after a word such as `install`. */
  code: number;
  version: number;
  form: number;
  cue: number;
  /** The name is a common English word (`time`, `file`, `screen`), is no such word, is at top level, or is in a set. */
  common: number;
  top: number;
  nested: number;
  /** The text names the program, not the package. */
  program: number;
  /** The cosine of the whole text, and that of the title. They are 0 for a package that is not among the best hits. */
  meaning: number;
  titleMeaning: number;
  /** 1/rank among the hits of the whole text. */
  rank: number;
  /** The share of the text's words that the package has too. */
  words: number;
}

/** Learnt by test/quality/enrich/fit.ts from fit.jsonl, with logistic regression over the candidates of 310 texts. */
export const WEIGHTS: Features & { bias: number } = {
  bias: -4.83,
  title: -0.37,
  body: -0.81,
  code: 1.89,
  version: 2.4,
  form: 0.08,
  cue: 2.62,
  common: 0.1,
  top: 4.43,
  nested: 0.07,
  program: -1.44,
  meaning: 2.16,
  titleMeaning: 1.67,
  rank: 1.98,
  words: 0.62,
};

/** The threshold of a match: it has the best sum of recall and of right verdicts `none` on fit.jsonl. */
export const THRESHOLD = 0.6;

const MAX_MATCHES = 5;
/** How many characters are read. The rest of a long mail is quotations and logs. */
const MAX_TITLE = 300;
const MAX_BODY = 4000;
/** How many names are looked up for one text. */
const MAX_MENTIONS = 16;
const HITS = 10;

/** A package that a text may be about, and the evidence for it. */
export interface Candidate {
  hit: Hit;
  features: Features;
  why: Why[];
}

/** Opens an index for texts. For each text it finds the packages that the text is about. */
export function createEnricher(search: Search): (text: Text) => Promise<Enriched> {
  return async text => {
    const candidates = await findCandidates(search, text);
    const matches = candidates
      .map(({ hit, features, why }) => ({ packageName: hit.packageName, score: probability(features), why }))
      .sort((a, b) => b.score - a.score || (a.packageName < b.packageName ? -1 : 1))
      .slice(0, MAX_MATCHES)
      .filter(({ score }) => score >= 0.05)
      .map(match => ({ ...match, score: Math.round(match.score * 1000) / 1000 }));
    return { id: text.id, matches, verdict: (matches[0]?.score ?? 0) >= THRESHOLD ? 'match' : 'none' };
  };
}

export function probability(features: Features, weights = WEIGHTS): number {
  const names = Object.keys(features) as (keyof Features)[];
  const sum = names.reduce((total, name) => total + weights[name] * features[name], weights.bias);
  return 1 / (1 + Math.exp(-sum));
}

/** All packages that the text names, and those that a search for the text finds. */
export async function findCandidates(search: Search, text: Text): Promise<Candidate[]> {
  const title = forTerminal(text.title.slice(0, MAX_TITLE));
  const body = forTerminal(text.body.slice(0, MAX_BODY));
  const candidates = new Map<string, Candidate>();
  const candidate = (hit: Hit): Candidate => {
    const known = candidates.get(hit.packageName) ?? {
      hit,
      features: { ...NOTHING },
      why: [],
    };
    candidates.set(hit.packageName, known);
    return known;
  };

  for (const mention of findMentions(title, body)) {
    const found = await search.search(mention.name, { mode: 'lexical', type: 'package', limit: 3 });
    const named = found.filter(hit => reason(hit, 'name') || reason(hit, 'program'));
    for (const [i, hit] of named.entries()) {
      if (i > 0 && hit.packageName !== mention.name) continue; // others of that name are seldom meant
      // A ticket with the title "Package request" is not about emacsPackages.request.
      if (mention.common && !mention.code && !mention.version && hit.packageName.includes('.')) continue;
      const { features, why } = candidate(hit);
      const { title, body, code, version, form, cue, common } = mention;
      const top = common || hit.packageName.includes('.') ? 0 : 1;
      const program = reason(hit, 'name') ? 0 : 1;
      const seen: Partial<Features> = {
        title,
        body,
        code,
        version,
        form,
        cue,
        common,
        top,
        nested: 1 - common - top,
        program,
      };
      for (const [name, value] of Object.entries(seen) as [keyof Features, number][])
        features[name] = Math.max(features[name], value);
      why.push({ kind: 'mention', name: mention.name });
    }
  }

  const all = await search.search(`${title}. ${body}`.slice(0, 1500), { type: 'package', limit: HITS });
  const total = new Set(contentWords(`${title} ${body}`)).size;
  for (const [i, hit] of all.entries()) {
    const { features, why } = candidate(hit);
    features.meaning = meaningOf(hit);
    features.rank = 1 / (i + 1);
    features.words = Math.min(1, (reason(hit, 'words')?.words.length ?? 0) / Math.max(3, Math.min(total, 12)));
    why.push(...hit.why.filter(({ kind }) => kind === 'words' || kind === 'meaning'));
  }
  for (const hit of await search.search(title, { type: 'package', limit: HITS }))
    candidate(hit).features.titleMeaning = meaningOf(hit);
  return [...candidates.values()];
}

const NOTHING: Features = {
  ...{ title: 0, body: 0, code: 0, version: 0, form: 0, cue: 0, common: 0, top: 0, nested: 0, program: 0 },
  ...{ meaning: 0, titleMeaning: 0, rank: 0, words: 0 },
};

function reason<K extends Why['kind']>(hit: Hit, kind: K): Extract<Why, { kind: K }> | undefined {
  return hit.why.find((why): why is Extract<Why, { kind: K }> => why.kind === kind);
}

function meaningOf(hit: Hit): number {
  return Math.max(0, reason(hit, 'meaning')?.cosine ?? 0);
}

type Mention = { name: string } & Pick<Features, 'title' | 'body' | 'code' | 'version' | 'form' | 'cue' | 'common'>;

/** Attribute path, name, or name and version in one; ends in a letter, a digit or a plus. */
const TOKEN = /[\p{L}\p{N}_](?:[\p{L}\p{N}_.+'"#/-]*[\p{L}\p{N}_+])?/gu;
const NAME_VERSION = /^(.+?)[-/]v?(\d+(?:\.\d+)+\S*)$/;
const VERSION_NEXT = /^[\s(]{1,2}v?(?:before |up to |versions? )?v?\d+\.\d/i;
const CUE =
  /\b(?:add|build|building|call|calls|cve in|in|install|installed|need|of|package|packaging|process|remove|removed|run|running|ship|start|starts|update|upgrade|use|uses|using|with|without)[\s:`'"(]+$/i;

/**
 * The words of a text that may name a package, the strongest evidence first. An ordinary English word is a mention only
 * if there is other evidence as well.
 */
export function findMentions(title: string, body: string): Mention[] {
  const mentions = new Map<string, Mention>();
  for (const [text, place] of [
    [title, 'title'],
    [body, 'body'],
  ] as const) {
    for (const match of text.matchAll(TOKEN)) {
      const before = text.slice(Math.max(0, match.index - 30), match.index);
      const after = text.slice(match.index + match[0].length, match.index + match[0].length + 30);
      const whole = match[0]
        .replace(/^.*#/, '')
        .replace(/^pkgs\./, '')
        .replace(/['"]s?$/, '');
      const [, name = whole, attached] = NAME_VERSION.exec(whole) ?? [];
      if (name.length < 2 || name.length > 100 || /^[\d.]+$/.test(name) || name.includes('//')) continue;
      const lower = name.toLowerCase();
      if (STOP.has(lower)) continue;
      const code =
        /[`#]$/.test(before) || whole !== match[0] || /^:? ?`|^: (?:cannot|error|no|not|command)/.test(after);
      const version = attached !== undefined || VERSION_NEXT.test(after);
      const common = COMMON.has(lower);
      const form = /[\d_.+]|\p{L}-\p{L}|\p{Ll}\p{Lu}/u.test(name) && !/^\d/.test(name);
      const cue = CUE.test(before) || (place === 'title' && match.index === 0 && /^[:,]/.test(after));
      const known = mentions.get(lower) ?? {
        name,
        title: 0,
        body: 0,
        code: 0,
        version: 0,
        form: 0,
        cue: 0,
        common: +common,
      };
      known[place] = 1;
      known.code ||= +code;
      known.version ||= +version;
      known.form ||= +form;
      known.cue ||= +cue;
      mentions.set(lower, known);
    }
  }
  const telling = (m: Mention) => 4 * m.code + 4 * m.version + 2 * m.form + 2 * m.title + m.cue - 3 * m.common;
  const found = [...mentions.values()].filter(m => telling(m) >= 0);
  return found.sort((a, b) => telling(b) - telling(a)).slice(0, MAX_MENTIONS);
}

function contentWords(text: string): string[] {
  return (text.toLowerCase().match(/[\p{L}\p{N}]{3,}/gu) ?? []).filter(word => !STOP.has(word));
}

/** English words that are also names in nixpkgs, by how often Debian's descriptions use them as words. */
const COMMON = new Set(readFileSync(new URL('./common-words.txt', import.meta.url), 'utf8').split(/\s+/));

const STOP = new Set(
  'a about after again all also am an and any are as at be because been before but by can could did do does doing down each few for from further had has have having he her here hers him his how i if in into is it its just me more most my no nor not now of off on once only or other our out over own please same she should so some such than that the their them then there these they this those through to too under until up us very was we were what when where which while who whom why will with would you your yours yes hello thanks thank regards dear'.split(
    ' ',
  ),
);
