/** The scope of NixOS' own options. Other scopes are home-manager, nix-darwin, or any other set of modules. */
export const NIXOS = 'nixos';

/** The form of a scope. It becomes a part of names. */
export const SCOPE = /^[a-z][a-z0-9-]{0,31}$/;

/** The name of an option's record: `option:services.nginx.enable`, `option:home-manager/programs.git.enable`. */
export function optionName(path: string, scope = NIXOS): string {
  return `option:${scope === NIXOS ? '' : `${scope}/`}${path}`;
}

/** The inverse of {@link optionName}; null for a package. A path begins with a name and a dot, so it is not a scope. */
export function readOptionName(packageName: string): { scope: string; path: string } | null {
  const [whole, scope = NIXOS, path] = /^option:(?:([a-z][a-z0-9-]{0,31})\/)?(.*)$/s.exec(packageName) ?? [];
  return whole === undefined ? null : { scope, path: path! };
}

/** The facts about a NixOS option as texts. Values are written as in Nix. */
export interface OptionFacts {
  /** The part of its description after the first paragraph. */
  text: string | null;
  type: string | null;
  readOnly: boolean;
  default: string | null;
  example: string | null;
}

/** The facts as one text, which is the long description of an option's record. Null if there are no facts. */
export function writeOptionFacts({ text, type, readOnly, default: standard, example }: OptionFacts): string | null {
  const facts = [
    ['Type', type],
    ['Read only', readOnly ? 'yes' : null],
    ['Default', standard],
    ['Example', example],
  ].flatMap(([name, value]) => (value ? [`${name}: ${value}`] : []));
  return [text, facts.join('\n')].filter(Boolean).join('\n\n') || null;
}

/** The inverse of {@link writeOptionFacts}, for an option that has a type, as nearly all have. */
export function readOptionFacts(longDescription: string | null): OptionFacts {
  const [whole, text, type, readOnly, standard, example] = FACTS.exec(longDescription ?? '') ?? [];
  if (whole === undefined) return { text: longDescription, type: null, readOnly: false, default: null, example: null };
  return {
    text: text ?? null,
    type: type!,
    readOnly: readOnly !== undefined,
    default: standard ?? null,
    example: example ?? null,
  };
}
const FACTS = /^(?:(.*)\n\n)?Type: (.*?)(\nRead only: yes)?(?:\nDefault: (.*?))?(?:\nExample: (.*))?$/s;
