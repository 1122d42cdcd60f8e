import { readFileSync } from 'node:fs';
import { refused, wrong } from './account.ts';
import { REPOSITORIES } from './names.ts';

export type Architecture = 'x86_64' | 'arm64';

/** The output of `push` about the images. A plain list of digests has less. */
interface Pushed {
  digests: Record<string, string>;
  /** The one architecture of all images; null if the list does not have it. */
  architecture: Architecture | null;
  /** The nixpkgs commit inside the metadata image, by its label; null if the list does not have it. */
  revision: string | null;
}

/** The architectures in Go's words, as image configurations have them, and in those of ECS and Lambda. */
const ARCHITECTURES: Record<string, Architecture> = { amd64: 'x86_64', arm64: 'arm64' };

/**
 * Reads the output of `push`, `{"NAME": {"digest", "architecture", "revision"}, …}`, or a list of digests: a line
 * `NAME@sha256:…` each, with or without a registry before the name, or `{"NAME": "sha256:…"}`.
 */
export function readPushed(file: string): Pushed {
  const text = readText(file);
  if (!text.trimStart().startsWith('{')) {
    const lines = [...text.matchAll(/([^/\s]+)@(\S+)/g)].map(match => [match[1]!, match[2]!]);
    return { digests: Object.fromEntries(lines), architecture: null, revision: null };
  }
  type Image = string | { digest?: string; architecture?: string; revision?: string };
  const entries = Object.entries(parse(file, text) as Record<string, Image>);
  const images = entries.map(([name, image]) => ({ name, ...(typeof image === 'string' ? { digest: image } : image) }));
  const architectures = new Map(images.map(one => [one.architecture, one.name]));
  if (architectures.size > 1)
    throw refused(
      `the images are for different machines (${[...architectures].map(([machine, name]) => `${name}: ${machine ?? 'not said'}`).join(', ')}): push all of them from one`,
    );
  const [machine] = architectures.keys();
  if (machine !== undefined && !(machine in ARCHITECTURES))
    throw refused(`the images are for ${machine}, which Fargate and Lambda do not run: build them for amd64 or arm64`);
  return {
    digests: Object.fromEntries(images.map(({ name, digest }) => [name, digest ?? ''])),
    architecture: machine === undefined ? null : ARCHITECTURES[machine]!,
    revision: images.find(one => one.name === REPOSITORIES.metadata)?.revision ?? null,
  };
}

/** Refuses settings of the images that contradict the images' own labels. */
export function checkPushed(pushed: Pushed, said: { architecture?: unknown; revision?: unknown }): void {
  const { architecture, revision } = pushed;
  if (architecture !== null && said.architecture !== undefined && said.architecture !== architecture)
    throw refused(`the images are for ${architecture}, not for ${said.architecture}: build them there, or deploy for ${architecture}`); // biome-ignore format: a line
  if (revision !== null && said.revision !== undefined && said.revision !== revision)
    throw refused(
      `the metadata image holds nixpkgs ${revision}, not ${said.revision}: push the images of this checkout, or give --revision ${revision}`,
    );
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw wrong(`${file} cannot be read: give the file that "push" printed into`);
  }
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw wrong(`${file} is not whole JSON: let "push" write it again`);
  }
}
